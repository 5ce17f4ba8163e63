"""A line's sides are watched: one sound on both, exchanged, or one that carries nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
import soxr

import sered
from sered.hearing.ears import Ears
from sered.hearing.sides import EXCHANGED, NO_AGENT, NO_CUSTOMER, SAME, SidesWatch
from sered.records import FRAME, RATE_HZ, Side
from sered.testing.line import frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float64]

PATH = next(iter(sered.__path__)) + "/demo/call.wav"
TALK_S = slice(14 * RATE_HZ, 44 * RATE_HZ)
"""Without the dial tone and the ringing before it."""


@pytest.fixture(scope="module")
def demo() -> tuple[Sound, Sound]:
    """The demo call: agent and customer, each on a channel of its own."""
    samples, rate_hz = soundfile.read(PATH)
    both = soxr.resample(samples, rate_hz, RATE_HZ)
    return both[:, 0], both[:, 1]


def hear(watch: SidesWatch, agent: Sound, customer: Sound) -> float | None:
    """Let it hear both sides; when it first found something, in seconds."""
    pair = {Side.AGENT: agent, Side.CUSTOMER: customer}
    pcm = {
        side: np.asarray(np.clip(sound, -1.0, 1.0) * 32_767, np.int16)[
            : len(sound) // FRAME * FRAME
        ]
        for side, sound in pair.items()
    }
    ears, first_s = Ears(list(pcm)), None
    for frame in frames(pcm):
        watch.feed(frame, ears.feed(frame))
        if first_s is None and watch.now():
            first_s = frame.start / RATE_HZ
    return first_s


def found(agent: Sound, customer: Sound) -> tuple[str, ...]:
    """What is found in a call of these two sides."""
    watch = SidesWatch((Side.AGENT, Side.CUSTOMER))
    hear(watch, agent, customer)
    return watch.end()


@pytest.mark.parametrize("leak_db", [None, -25.0, -18.0, -12.0, -9.0])
@pytest.mark.slow
def test_two_people_are_two_whatever_leaks(
    demo: tuple[Sound, Sound], leak_db: float | None
) -> None:
    """A voice that leaks into the other channel is not taken for a copy of it."""
    agent, customer = (side[TALK_S] for side in demo)
    leak = 0.0 if leak_db is None else 10.0 ** (leak_db / 20.0)
    assert found(agent + leak * customer, customer + leak * agent) == ()
    # with nobody else on the line a copy is a copy, until somebody speaks
    assert found(leak * customer, customer) in {(), (NO_AGENT,), (SAME,)}


@pytest.mark.parametrize("gain", [1.0, 0.5, -1.0])
@pytest.mark.parametrize("late_s", [0.0, 0.02, 0.05])
@pytest.mark.slow
def test_one_sound_on_both_is_known_within_seconds(
    demo: tuple[Sound, Sound], gain: float, late_s: float
) -> None:
    """A copy is known as one: fainter, turned over or later, with noise of each channel's own."""
    rng = np.random.default_rng(1)
    mono = (demo[0][TALK_S] + demo[1][TALK_S]) / 2
    copy = gain * np.roll(mono, round(late_s * RATE_HZ))
    noise = 0.002 * rng.standard_normal((2, len(mono)))
    watch = SidesWatch((Side.AGENT, Side.CUSTOMER))
    first_s = hear(watch, mono + noise[0], copy + noise[1])
    assert watch.now() == (SAME,)
    assert first_s is not None
    assert first_s < 12.0


def test_tones_on_the_agents_side_are_sides_exchanged(demo: tuple[Sound, Sound]) -> None:
    """The exchange sends its tones to the far end's channel: on the agent's they tell."""
    agent, customer = demo
    assert found(agent, customer) == ()
    assert found(customer, agent) == (EXCHANGED,)


def test_what_was_known_of_a_line_lasts(demo: tuple[Sound, Sound]) -> None:
    """A call without tones does not make exchanged sides right; one with tones in place does."""
    agent, customer = demo
    watch = SidesWatch((Side.AGENT, Side.CUSTOMER))
    hear(watch, customer, agent)
    assert watch.end() == (EXCHANGED,)
    hear(watch, customer[TALK_S], agent[TALK_S])
    assert watch.end() == (EXCHANGED,)
    hear(watch, agent, customer)
    assert watch.end() == ()
    assert watch.lasting == ()


def test_an_empty_channel_is_told(demo: tuple[Sound, Sound]) -> None:
    """A side that carries nothing while the other speaks is named; a pause of one is not."""
    agent, customer = (side[TALK_S] for side in demo)
    assert found(customer, 0.0 * customer) == (NO_CUSTOMER,)
    assert found(0.0 * agent, customer) == (NO_AGENT,)
    hum = 0.01 * np.sin(np.arange(len(customer)) * 2.0 * np.pi * 50.0 / RATE_HZ)
    assert found(agent, hum) == (NO_CUSTOMER,)
    assert found(agent[: 11 * RATE_HZ], hum[: 11 * RATE_HZ]) == (NO_CUSTOMER,)
    hiss = 0.001 * np.random.default_rng(2).standard_normal(len(customer))
    assert found(hiss, customer) == ()


def test_a_line_of_one_side_has_nothing_to_compare(demo: tuple[Sound, Sound]) -> None:
    """Where both people share a channel by configuration, nothing is found."""
    watch = SidesWatch((Side.MIXED,))
    pcm = {Side.MIXED: np.asarray(demo[0][: 40 * FRAME] * 32_767, np.int16)}
    ears = Ears(list(pcm))
    for frame in frames(pcm):
        watch.feed(frame, ears.feed(frame))
    assert watch.end() == ()
