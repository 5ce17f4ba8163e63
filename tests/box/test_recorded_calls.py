"""A call that a machine answers is reported as such: not judged, its time told, nobody alarmed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
import soxr

import sered
from sered.box.analysis import Analysis
from sered.box.line import Line
from sered.calls.segmenter import Segmenter
from sered.contract.call import Versions
from sered.contract.messages import Alert, CallReport
from sered.hearing.ears import Ears
from sered.records import RATE_HZ, EndReason, Side, State
from sered.settings import CallSettings, PrivacySettings, VerdictSettings
from sered.tap.clock import RecordingClock
from sered.testing.fakes import ScriptedEmotion
from sered.testing.line import frames
from sered.testing.tape import LineRecipe, Tape
from sered.verdict.report import ReportSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pcm = NDArray[np.int16]

PATH = next(iter(sered.__path__)) + "/demo/call.wav"


@pytest.fixture(scope="module")
def demo() -> NDArray[np.float32]:
    """The demo call at 16 kHz, agent and customer."""
    samples, rate_hz = soundfile.read(PATH, dtype="float32")
    return np.asarray(soxr.resample(samples, rate_hz, RATE_HZ), np.float32)


def piece(demo: NDArray[np.float32], channel: int, first_s: float, last_s: float) -> Pcm:
    """Some seconds of one of its people."""
    cut = demo[round(first_s * RATE_HZ) : round(last_s * RATE_HZ), channel]
    return np.asarray(cut * 32_767, np.int16)


def dialled() -> Tape:
    """A line on which somebody has dialled and it has rung."""
    tape = Tape(np.random.default_rng(1), LineRecipe(speech_db=-20.0, snr_db=30.0))
    tape.wait(4.0)
    tape.tone(State.DIAL, 2.0)
    tape.dial("5550142")
    tape.wait(1.0)
    tape.tone(State.RINGBACK, 6.0)
    tape.wait(0.5)
    return tape


def reported(tape: Tape) -> list[CallReport | Alert]:
    """What the line says of it, with a network that hears anger in everything."""
    tape.lifted.append((4.0, tape.now_s))
    tape.wait(6.0)
    samples = tape.render()
    settings = ReportSettings(
        site="site",
        device="box",
        line="desk",
        mode="audio",
        sides=tuple(samples),
        verdict=VerdictSettings(),
        privacy=PrivacySettings(),
        versions=Versions(
            sered="0", emotion_model=None, vosk_model=None, lexicon=None, calibration=None
        ),
    )
    clock = RecordingClock(datetime(2026, 1, 5, tzinfo=UTC), "digest")
    judge = Analysis(ScriptedEmotion("angry"), None, None)
    line = Line(settings, Ears(list(samples)), Segmenter(CallSettings()), judge, clock)
    out = [message for frame in frames(samples) for message in line.feed(frame)]
    out += line.finish(EndReason.END_OF_RECORDING)
    return [message for message in out if isinstance(message, CallReport | Alert)]


def test_an_announcement_alone_is_not_judged(demo: NDArray[np.float32]) -> None:
    """A call in which only a recorded voice spoke has no category, no alert and no utterance."""
    tape = dialled()
    for _ in range(2):
        tape.say(Side.CUSTOMER, piece(demo, 1, 36.6, 39.4))
        tape.wait(2.0)
    (report,) = reported(tape)
    assert isinstance(report, CallReport)
    assert report.sentiment is not None
    assert report.sentiment.undetermined == "recorded_voice"
    assert report.sentiment.escalate is False
    assert report.utterances == ()
    assert report.acoustic is None
    assert report.talk.recorded_s > 3.0
    assert report.talk.customer_s < 0.5


def test_who_is_put_through_is_judged(demo: NDArray[np.float32]) -> None:
    """After a menu the person's utterances, and they alone, make the verdict."""
    tape = dialled()
    tape.say(Side.CUSTOMER, piece(demo, 1, 17.6, 21.0))
    tape.wait(0.5)
    tape.dial("2")
    tape.wait(1.0)
    tape.tone(State.RINGBACK, 6.0)
    tape.wait(0.5)
    began_s = tape.now_s
    for at in (28.8, 43.4):
        tape.say(Side.CUSTOMER, piece(demo, 1, at, at + 3.6))
        tape.wait(0.5)
        tape.say(Side.AGENT, piece(demo, 0, 14.4, 16.6))
        tape.wait(0.5)
    *_, report = (each for each in reported(tape) if isinstance(each, CallReport))
    assert report.sentiment is not None
    assert report.sentiment.undetermined is None
    assert report.talk.recorded_s > 1.5
    assert report.talk.customer_s > 2.0
    assert min(u.offset_s for u in report.utterances) > began_s - 4.0 - 1.0
