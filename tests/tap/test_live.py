"""The tap never goes deaf without being noticed: it says why, counts what was lost, comes back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from broker import wait_until
from ears import captures
from sered.records import FRAME, RATE_HZ, AudioFrame, Side
from sered.tap.waits import Waits

if TYPE_CHECKING:
    from pulse_lines import Desk

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clock")]


def test_a_real_line_is_heard_on_the_right_sides(desk: Desk, listen: Any) -> None:
    """Left is the agent, right the customer; unplugging is noticed, plugging in again too."""
    at = np.arange(4 * RATE_HZ) / RATE_HZ
    desk.play(8_000 * np.sin(2 * np.pi * np.outer(at, (500, 1_000))))
    ear = listen(card="pcm:tap_line1")
    wait_until(lambda: (ear.tap.state.level_db or -99) > -20, what="sound")
    ear.wait_for(len(ear.frames) + 2)
    frame = ear.frames[-1]
    for side, hz in ((Side.AGENT, 500), (Side.CUSTOMER, 1_000)):
        assert np.abs(np.fft.rfft(frame.pcm[side])).argmax() * RATE_HZ / FRAME == hz
    assert ear.tap.state.reasons == ()
    first_at = (ear.tap.state.last_frame_at or 0) - ear.frames[-1].start / RATE_HZ - FRAME / RATE_HZ
    desk.unplug()
    wait_until(lambda: ear.tap.state.reasons == ("unplugged",), what="the unplugging")
    gone = time.monotonic()
    heard = len(ear.frames)
    desk.plug()
    ear.wait_for(heard + 4)
    assert time.monotonic() - gone < 10
    assert ear.tap.state.reasons == ()
    assert ear.check_line_time() == ear.tap.state.lost_samples
    # line time and the system's clock agree in spite of the outage
    passed = (ear.tap.state.last_frame_at or 0) - first_at
    counted = (ear.frames[-1].start + FRAME) / RATE_HZ
    assert counted == pytest.approx(passed, abs=0.5)


def test_what_is_called_lost_is_what_was_played_meanwhile(desk: Desk, listen: Any) -> None:
    """To half a second: a tone that climbs with time tells what was on the line meanwhile."""
    at = np.arange(30 * RATE_HZ) / RATE_HZ
    climbing = 8_000 * np.sin(2 * np.pi * (300 * at + 50 * at**2))
    desk.play(np.stack([climbing, climbing], axis=1))
    ear = listen(card="pcm:tap_line1")
    wait_until(lambda: (ear.tap.state.level_db or -99) > -20, what="sound")
    ear.wait_for(len(ear.frames) + 4)
    (capture,) = captures()
    capture.kill()
    ear.wait_for(len(ear.frames) + 8)

    def played_s(frame: AudioFrame) -> float:
        spectrum = np.abs(np.fft.rfft(frame.pcm[Side.CUSTOMER] * np.hanning(FRAME)))
        return float((spectrum.argmax() * RATE_HZ / FRAME - 300) / 100)

    heard = [f for f in ear.frames if np.abs(f.pcm[Side.CUSTOMER]).max() > 4_000][1:]
    passed = np.diff([played_s(frame) for frame in heard])
    counted = np.array([frame.lost + FRAME for frame in heard[1:]]) / RATE_HZ
    assert counted.max() > 0.6, "nothing was lost"
    assert np.abs(passed - counted).max() < 0.5


def test_a_capture_that_dies_is_replaced(listen: Any) -> None:
    """Sound goes on after a second or so; the time between is counted to the sample."""
    ear = listen("""
opened()
for n in range(10 if first else 10**6):
    time.sleep(0.1); sound(0.1)
""")
    ear.wait_for(8)
    assert ear.check_line_time() == ear.tap.state.lost_samples
    again = next(f for f in ear.frames if f.lost)
    assert 0.1 < again.lost / RATE_HZ < 3.0
    assert ear.tap.state.restarts == 1


SICK = {
    "garbage in mid-stream": "os.write(1, os.urandom(5000)); time.sleep(60)",
    "an error in mid-stream": "failed('failed', 'the card stopped')",
    "a crash": "os.abort()",
    "an empty piece": "sound(0); time.sleep(60)",
}


@pytest.mark.parametrize("what", SICK)
def test_a_capture_that_goes_mad_is_replaced(listen: Any, what: str) -> None:
    """Whatever it says or does, its successor is heard."""
    ear = listen(f"""
opened()
sound(0.6)
if first:
    {SICK[what]}
    sys.exit()
while True:
    time.sleep(0.1); sound(0.1)
""")
    ear.wait_reason("failed")
    assert ear.tap.state.sentence.startswith("pcm:x failed: ")
    ear.wait_for(6)
    assert ear.tap.state.reasons == ()
    ear.check_line_time()


def test_silence_of_three_seconds_is_an_outage(listen: Any) -> None:
    """A capture that hangs is killed at the deadline, and its successor is heard."""
    ear = listen("""
opened()
sound(0.6)
if first: time.sleep(600)
while True:
    time.sleep(0.1); sound(0.1)
""")
    ear.wait_for(2)
    began = time.monotonic()
    ear.wait_reason("no_frames")
    assert 2.5 < time.monotonic() - began < 6.0
    assert not ear.tap.state.alive
    ear.wait_for(6)
    assert ear.tap.state.reasons == ()


def test_what_the_capture_dropped_is_lost_sound(listen: Any) -> None:
    """Samples that the child could not hand on move line time and are counted."""
    ear = listen("""
opened(rate=48000)
sound(1.0, at=10.0, rate=48000)
sound(1.0, at=11.5, dropped=24000, rate=48000)
time.sleep(60)
""")
    ear.wait_for(7)
    assert ear.check_line_time() == RATE_HZ // 2


def test_sound_missing_without_a_word_is_found(listen: Any) -> None:
    """A hole in the card's clock of 0.7 s is counted to 0.1 s."""
    ear = listen("""
opened()
for n in range(300):
    sound(0.1, at=5 + n * 0.1 + (0.7 if n >= 100 else 0))
time.sleep(60)
""")
    ear.wait_for(117)
    assert ear.check_line_time() / RATE_HZ == pytest.approx(0.7, abs=0.1)


def test_analysis_that_blocks_loses_what_does_not_fit_and_says_so(listen: Any) -> None:
    """While the analysis hangs the tap goes on; `behind` is said; every dropped sample counted."""
    ear = listen(
        """
opened()
for n in range(400):
    sound(0.1, at=5 + n * 0.1)
    if n > 300: time.sleep(0.1)
time.sleep(60)
""",
        hold_s=8.0,
    )
    ear.may_go_on.clear()
    wait_until(lambda: ear.tap.state.frames >= 110, what="28 s of sound")
    state = ear.tap.state
    assert state.reasons == ("behind",)
    assert "8 s behind" in state.sentence
    assert state.lost_samples >= 18 * RATE_HZ
    ear.may_go_on.set()
    wait_until(lambda: not ear.tap.state.reasons, what="the analysis to catch up")
    ear.wait_for(40)
    assert ear.check_line_time() == ear.tap.state.lost_samples


@pytest.mark.parametrize("code", ["time.sleep(600)", "opened(); time.sleep(600)", "sys.exit(3)"])
def test_close_ends_everything_at_once(listen: Any, code: str) -> None:
    """Hung while opening, hung while listening, or waiting to try again: gone in two seconds."""
    ear = listen(code)
    wait_until(lambda: ear.tap.state.attempts, what="an attempt")
    time.sleep(0.3)
    began = time.monotonic()
    ear.tap.close()
    ear.thread.join(5)
    assert time.monotonic() - began < 2.0


def test_a_sick_line_does_not_disturb_its_neighbour(listen: Any) -> None:
    """One capture crashes over and over; the other line loses nothing."""
    sick = listen("opened(); sound(0.3); os.abort()")
    well = listen("opened()\nwhile True: time.sleep(0.05); sound(0.05)")
    well.wait_for(1)
    wait_until(lambda: sick.tap.state.attempts >= 3, what="three crashes")
    assert well.tap.state.reasons == ()
    assert well.check_line_time() == 0
    assert well.tap.state.restarts == 0


def test_restarts_leave_nothing_behind(listen: Any) -> None:
    """Twenty captures later there are no more descriptors, threads or processes than before."""
    me = psutil.Process()
    quick = Waits(first_s=0.02, longest_blind_s=0.02)
    ear = listen("opened(); sound(0.3); sys.exit(1)", waits=quick)
    wait_until(lambda: ear.tap.state.attempts >= 3, what="three")
    threads, descriptors = me.num_threads(), me.num_fds()
    wait_until(lambda: ear.tap.state.attempts >= 23, what="twenty more")
    assert len(captures()) <= 1
    assert me.num_fds() <= descriptors + 5
    assert me.num_threads() == threads


def test_line_time_goes_on_while_the_card_is_away(listen: Any) -> None:
    """A long outage is handed on as silence that is all counted as lost, so that calls can end."""
    ear = listen(
        """
opened()
for n in range(12): time.sleep(0.1); sound(0.1)
failed('failed', 'gone')
""",
        waits=Waits(first_s=0.1, look_s=0.05, beat_s=0.5),
    )
    wait_until(lambda: sum(f.lost > 0 for f in ear.frames) >= 4, what="beats and sound by turns")
    heard = [f for f in ear.frames if f.pcm[Side.CUSTOMER].any()]
    lost = sum(f.lost for f in ear.frames)
    end = (ear.frames[-1].start + FRAME) / RATE_HZ
    assert len(heard) * FRAME + lost == round(end * RATE_HZ)
    assert lost > RATE_HZ
