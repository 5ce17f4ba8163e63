"""The card's clock is followed: missing sound is found, drift is measured, lateness is neither."""

from __future__ import annotations

import numpy as np
import pytest

from sered.tap.sample_clock import SampleClock

RATE = 48_000
PIECE = 6_144


def run(
    clock: SampleClock,
    seconds: float,
    *,
    begin: float = 100.0,
    ppm: float = 0.0,
    jitter_s: float = 0.0,
    late: dict[int, float] | None = None,
    gaps: dict[int, float] | None = None,
    seed: int = 1,
) -> int:
    """Pieces of a card that is `ppm` fast; `late` delays all up to a piece, `gaps` skips sound."""
    rng = np.random.default_rng(seed)
    sound_s, found = 0.0, 0
    held: list[float] = []
    for number in range(int(seconds * RATE / PIECE)):
        sound_s += (gaps or {}).get(number, 0.0) + PIECE / RATE / (1 + ppm / 1e6)
        at = begin + sound_s + rng.exponential(jitter_s)
        held.append(max(at, begin + sound_s + (late or {}).get(number, 0.0)))
    # a piece never overtakes the one before it
    for at in np.maximum.accumulate(held):
        found += clock.feed(PIECE, float(at))
    return found


@pytest.mark.parametrize("ppm", [-300, -40, 0, 5, 250])
def test_drift_is_measured_not_counted_as_loss(ppm: float) -> None:
    """Ten minutes through 20 ms of jitter tell the drift to 5 ppm; nothing is lost."""
    clock = SampleClock(RATE)
    assert run(clock, 600, ppm=ppm, jitter_s=0.02) == 0
    assert clock.drift_ppm == pytest.approx(ppm, abs=5)


@pytest.mark.slow
def test_hours_of_drift_are_no_loss() -> None:
    """Six hours at 400 ppm: 8.6 s apart, and not one sample is called lost."""
    clock = SampleClock(RATE)
    assert run(clock, 6 * 3_600, ppm=400, jitter_s=0.005) == 0
    assert clock.drift_ppm == pytest.approx(400, abs=2)


@pytest.mark.parametrize("ppm", [-40, 250])
def test_a_latency_that_changes_is_no_drift(ppm: float) -> None:
    """A server that is 70 to 140 ms later for two minutes, a hole of 0.1 s: 5 ppm all the same."""
    clock = SampleClock(RATE)
    late = {n: 0.07 + 0.07 * (n - 1_500) / 940 for n in range(1_500, 2_440)}
    assert run(clock, 600, ppm=ppm, jitter_s=0.005, late=late, gaps={3_500: 0.1}) == 0
    assert clock.drift_ppm == pytest.approx(ppm, abs=5)


def test_a_first_minute_tells_no_drift() -> None:
    """Before there is enough to measure nothing is claimed."""
    clock = SampleClock(RATE)
    run(clock, 50)
    assert clock.drift_ppm is None


@pytest.mark.parametrize("gap_s", [0.2, 0.5, 2.0])
def test_sound_that_vanished_is_found(gap_s: float) -> None:
    """A hole nobody spoke of is counted to 20 ms, once."""
    clock = SampleClock(RATE)
    found = run(clock, 60, gaps={200: gap_s}, jitter_s=0.005)
    assert found / RATE == pytest.approx(gap_s, abs=0.02)


def test_many_small_holes_add_up() -> None:
    """Twenty holes of 60 ms, each too small to see, are found in the end."""
    clock = SampleClock(RATE)
    found = run(clock, 120, gaps=dict.fromkeys(range(50, 850, 40), 0.06), jitter_s=0.005)
    assert found / RATE == pytest.approx(1.2, abs=0.2)


def test_an_overflow_that_was_spoken_of_is_measured_finer() -> None:
    """After an overflow a hole of 50 ms is seen."""
    clock = SampleClock(RATE)
    found = 0
    for number in range(100):
        hole = 0.05 if number >= 50 else 0.0
        at = 5 + (number + 1) * PIECE / RATE + hole
        found += clock.feed(PIECE, at, overflow=number == 50)
    assert found / RATE == pytest.approx(0.05, abs=0.002)


def test_what_the_child_dropped_is_not_counted_twice() -> None:
    """Samples that are known to be missing do not show as a hole."""
    clock = SampleClock(RATE)
    found = 0
    for number in range(200):
        skipped = 10 * PIECE if number >= 100 else 0
        at = 5 + ((number + 1) * PIECE + skipped) / RATE
        found += clock.feed(PIECE, at, dropped=10 * PIECE if number == 100 else 0)
    assert found == 0


@pytest.mark.parametrize("stall_s", [0.5, 1.5, 2.9])
@pytest.mark.parametrize("at_piece", [100, 115, 124])
def test_late_sound_is_not_lost_sound(stall_s: float, at_piece: int) -> None:
    """A stall after which everything arrives in one rush loses nothing."""
    late = {
        at_piece + n: stall_s - n * PIECE / RATE for n in range(int(stall_s * RATE / PIECE) + 1)
    }
    assert run(SampleClock(RATE), 60, late=late) == 0


def test_a_late_first_piece_does_not_hide_a_hole() -> None:
    """A stream that begins late settles, and a hole afterwards is still found."""
    clock = SampleClock(RATE)
    late = dict.fromkeys(range(8), 1.0)
    found = run(clock, 60, late=late, gaps={300: 0.4})
    assert found / RATE == pytest.approx(0.4, abs=0.02)


def test_a_sound_server_that_changes_its_latency_loses_nothing() -> None:
    """140 ms later for ten seconds and back again is no hole."""
    late = dict.fromkeys(range(200, 280), 0.14)
    assert run(SampleClock(RATE), 120, late=late) == 0
