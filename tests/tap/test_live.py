"""The tap never goes deaf without being noticed: it says why, counts what was lost, comes back."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from broker import wait_until
from pulse_lines import Desk
from sered.records import FRAME, RATE_HZ, AudioFrame, Side
from sered.settings import LineSettings
from sered.tap.cards import Card
from sered.tap.live import LiveTap
from sered.tap.waits import Waits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clock")]


FAKE = """
import json, os, sys, time
from array import array
from sered.tap.capture import *
def opened(rate=16000, channels=2, sample="s16"):
    about = dict(device="fake", rate_hz=rate, channels=channels, sample=sample)
    body = json.dumps(about).encode()
    os.write(1, HEAD.pack(OPENED, len(body), 0, 0) + body)
def sound(seconds, at=None, dropped=0, rate=16000, bytes=4):
    samples = int(seconds * rate) * bytes // 2
    body = array('h', list(os.urandom(samples))).tobytes()
    end = at if at is not None else time.monotonic()
    os.write(1, HEAD.pack(AUDIO, len(body), dropped, int(end * 1e9)) + body)
def failed(reason, text):
    body = json.dumps(dict(reason=reason, text=text)).encode()
    os.write(1, HEAD.pack(FAILED, len(body), 0, 0) + body)
begun = time.monotonic()
first = not os.path.exists(sys.argv[1])
open(sys.argv[1], "a").write(".")
"""
"""The start of a capture process that does what a test wants; `first` on its first run."""


class Ear:
    """Reads a tap in a thread, as the analysis does."""

    def __init__(self, tap: LiveTap) -> None:
        self.tap = tap
        self.frames: list[AudioFrame] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        for frame in self.tap.frames():
            self.frames.append(frame)
            self.may_go_on.wait()

    def wait_for(self, frames: int, within_s: float = 10.0) -> None:
        wait_until(lambda: len(self.frames) >= frames, within_s, f"{frames} frames")

    def wait_reason(self, *reasons: str, within_s: float = 10.0) -> None:
        wait_until(lambda: self.tap.state.reasons == reasons, within_s, f"{reasons}")

    def check_line_time(self) -> int:
        """Every frame starts where the one before ended plus what it lost; all samples lost."""
        end = self.frames[0].start - self.frames[0].lost
        for frame in self.frames:
            assert frame.start == end + frame.lost
            end = frame.start + FRAME
        return sum(frame.lost for frame in self.frames)


_others: set[int] = set()


@pytest.fixture(autouse=True)
def _only_ours() -> None:
    """Browsers and databases of other tests are children of this process, too."""
    _others.clear()
    _others.update(child.pid for child in psutil.Process().children())


def captures() -> list[psutil.Process]:
    """The capture processes that this test has begun."""
    found = psutil.Process().children()
    return [each for each in found if each.pid not in _others and each.name().startswith("python")]


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Any]:
    """Opens taps on fake capture processes (`code` after FAKE) or real ones; closes them.

    They wait a tenth of the time before they try again.
    """
    ears: list[Ear] = []

    def start(code: str = "", card: str = "pcm:x", **options: Any) -> Ear:
        sides = options.pop("sides", "customer=right,agent=left")
        options.setdefault("waits", Waits(first_s=0.1))
        if code:
            mark = str(tmp_path / f"mark{len(ears)}")
            options["command"] = (sys.executable, "-c", FAKE + code, mark)
        ears.append(Ear(LiveTap(LineSettings(card=card, sides=sides), **options)))
        return ears[-1]

    yield start
    for ear in ears:
        ear.may_go_on.set()
        ear.tap.close()
        ear.thread.join(5)
        assert not ear.thread.is_alive()
    assert captures() == []


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A real PulseAudio with a line that is plugged in."""
    desk = Desk(tmp_path / "desk")
    desk.plug()
    for name, value in desk.environment.items():
        monkeypatch.setenv(name, value)
    yield desk
    desk.close()


def test_a_real_line_is_heard_on_the_right_sides(desk: Desk, listen: Any) -> None:
    """Left is the agent, right the customer; unplugging is noticed, plugging in again too."""
    at = np.arange(4 * RATE_HZ) / RATE_HZ
    desk.play(8_000 * np.sin(2 * np.pi * np.outer(at, (500, 1_000))))
    ear = listen(card="pcm:tap_line1")
    wait_until(lambda: (ear.tap.state.level_db or -99) > -20, 8.0, "sound")
    ear.wait_for(len(ear.frames) + 2)
    frame = ear.frames[-1]
    for side, hz in ((Side.AGENT, 500), (Side.CUSTOMER, 1_000)):
        assert np.abs(np.fft.rfft(frame.pcm[side])).argmax() * RATE_HZ / FRAME == hz
    assert ear.tap.state.reasons == ()
    first_at = (ear.tap.state.last_frame_at or 0) - ear.frames[-1].start / RATE_HZ - FRAME / RATE_HZ
    desk.unplug()
    wait_until(lambda: ear.tap.state.reasons == ("unplugged",), 6.0, "the unplugging")
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
    wait_until(lambda: (ear.tap.state.level_db or -99) > -20, 8.0, "sound")
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


def test_a_missing_channel_is_said_and_tried_again(listen: Any) -> None:
    """A mono card cannot give two sides; the sentence says what to configure."""
    ear = listen("opened(channels=1); sound(1.0, bytes=2); time.sleep(60)")
    ear.wait_reason("failed")
    assert "wanted the customer on channel 2, found 1 channel" in ear.tap.state.sentence
    assert ear.tap.state.settled
    wait_until(lambda: ear.tap.state.attempts >= 2, what="another attempt")


def card(number: int = 1, serial: str = "A") -> Card:
    return Card(number, "Device", "USB Audio Device", "1-1.3", (0,), "0d8c:0014", serial)


def test_a_card_that_comes_late_is_opened_at_once(listen: Any) -> None:
    """The kernel's list is watched while waiting, so that a long back-off delays nothing."""
    there: list[Card] = []
    ear = listen(
        "opened()\nwhile True: time.sleep(0.1); sound(0.1)",
        card="usb:0d8c:0014:A",
        read_cards=lambda: list(there),
    )
    ear.wait_reason("no_device")
    assert "No card usb:0d8c:0014:A" in ear.tap.state.sentence
    wait_until(lambda: ear.tap.state.attempts >= 2, what="the second attempt")
    there.append(card())
    began = time.monotonic()
    ear.wait_for(1)
    assert time.monotonic() - began < 5.0, "a back-off would end much later"
    assert ear.tap.state.reasons == ()
    # what passed before the card came is lost sound of this line
    assert ear.frames[0].lost / RATE_HZ > 0.07
    there.clear()
    captures()[0].kill()
    ear.wait_reason("unplugged")


def test_a_card_that_is_not_ready_when_it_comes_is_tried_again_soon(listen: Any) -> None:
    """However long it was away: udev may hand it over a moment after the kernel lists it."""
    lists: list[Card] = []
    ear = listen("sys.exit(1)", card="card:Device", read_cards=lambda: list(lists))
    wait_until(lambda: ear.tap.state.attempts >= 4, what="a back-off of seconds")
    lists.append(card())
    wait_until(lambda: ear.tap.state.reasons == ("not_ready",), what="not ready")
    before, began = ear.tap.state.attempts, time.monotonic()
    wait_until(lambda: ear.tap.state.attempts > before + 1, what="two more attempts")
    assert time.monotonic() - began < 5.0, "a long back-off would go on for half a minute"


def test_of_two_cards_named_by_port_the_missing_one_is_unplugged(listen: Any) -> None:
    """The other line's card is no sign that this one sits in a wrong port; no level is claimed."""
    twin = Card(2, "Device_1", "USB Audio Device", "1-1.4", (0,), "0d8c:0014")
    there = [card(), twin]
    ear = listen(
        "opened()\nfor n in range(8): time.sleep(0.1); sound(0.1)",
        card="path:1-1.3",
        others=["path:1-1.4"],
        read_cards=lambda: list(there),
    )
    ear.wait_for(2)
    there.remove(card())
    assert set(ear.tap.state.levels_db) == {Side.CUSTOMER, Side.AGENT}
    ear.wait_reason("unplugged")
    assert ear.tap.state.level_db is None
    assert "1-1.4" not in ear.tap.state.sentence


def test_an_absent_card_is_progress_and_a_stuck_analysis_is_none(listen: Any) -> None:
    """`steps` moves with every look for the card, far into the longest back-off; not while sound
    waits that nobody analyses."""
    there: list[Card] = []
    ear = listen(
        "opened(); sound(1.0); sys.exit()",
        card="card:Device",
        read_cards=lambda: list(there),
        waits=Waits(first_s=60.0, look_s=0.05),
    )
    wait_until(lambda: ear.tap.state.steps >= 5, what="five looks")
    assert ear.tap.state.attempts == 1
    ear.may_go_on.clear()
    there.append(card())
    ear.wait_for(1)
    ear.wait_reason("failed")
    stuck = ear.tap.state.steps
    time.sleep(0.3)
    assert ear.tap.state.steps == stuck
    ear.may_go_on.set()
    wait_until(lambda: ear.tap.state.steps > stuck, what="the analysis to go on")


def test_a_card_that_changes_place_while_it_is_opened_is_not_heard(listen: Any) -> None:
    """Between lookup and opening the number may become another card's: that one is not used."""
    lists = iter([[card(1)], [card(2)]])
    now: list[Card] = [card(2)]
    ear = listen(
        "opened()\nwhile True: time.sleep(0.1); sound(0.1)",
        card="card:Device",
        read_cards=lambda: next(lists, now),
    )
    ear.wait_reason("failed")
    assert "moved while it was being opened" in ear.tap.state.sentence
    assert not ear.frames
    ear.wait_for(1)


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
    wait_until(lambda: ear.tap.state.attempts >= 23, 20.0, "twenty more")
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
