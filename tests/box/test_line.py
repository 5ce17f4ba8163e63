"""What one line's straight pipe promises, with real ears on a rendered call."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sered import config
from sered.box.analysis import Analysis
from sered.box.line import Line, Recent
from sered.calls.segmenter import Segmenter
from sered.contract.call import Versions
from sered.contract.messages import Alert, CallReport, Live
from sered.hearing.ears import Ears
from sered.records import (
    FRAME,
    RATE_HZ,
    AudioFrame,
    CallEnded,
    CallStarted,
    Emotion,
    EndReason,
    Heard,
    Side,
    State,
    Talk,
    Utterance,
)
from sered.settings import CallSettings, ModelSettings, PrivacySettings, VerdictSettings
from sered.testing.fakes import ListSource, ScriptedEmotion, ScriptedTranscriber
from sered.verdict import decision
from sered.verdict.report import ReportSettings
from sered.words.polarity import CallPolarity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from sered.records import Transcript
    from sered.settings import Mode
    from sered.verdict.decision import Running

    Message = CallReport | Alert | Live

ANGRY = [
    "i have been waiting for three weeks and nobody called me back",
    "this is terrible i want my money back",
    "i am going to cancel my contract",
]


class Fixed:
    """A clock for tests: line time zero is a fixed moment, until somebody sets it."""

    off_by_s = 0.0

    def wall(self, line_s: float) -> datetime:
        return datetime.fromtimestamp(1_800_000_000 + self.off_by_s + line_s, UTC)

    def synced(self) -> bool:
        return True

    def call_id(self, at: datetime, line_s: float) -> str:
        return f"call-{line_s:.2f}"


class Present:
    """Ears that hear somebody speak on every side, one look a frame."""

    def feed(self, frame: AudioFrame, _off_hook: bool | None = None) -> list[Heard]:
        states = dict.fromkeys(frame.pcm, State.SPEECH)
        return [Heard(frame.start / RATE_HZ, states, dict.fromkeys(frame.pcm, -60.0))]


class Script:
    """A segmenter whose events fall due at given frames."""

    def __init__(self, events: dict[int, list[CallStarted | Utterance | CallEnded]]) -> None:
        self._events = events
        self._frame = -1

    def feed(self, _heard: Heard) -> list[CallStarted | Utterance | CallEnded]:
        self._frame += 1
        return self._events.get(self._frame, [])

    def finish(self, _reason: EndReason) -> list[CallStarted | Utterance | CallEnded]:
        return self._events.get(-1, [])


def make(
    script: Script,
    analysis: Analysis,
    *,
    mode: Mode = "both",
    privacy: PrivacySettings | None = None,
    verdict: VerdictSettings | None = None,
    live: bool = True,
    clock: Fixed | None = None,
) -> Line:
    settings = ReportSettings(
        site="site",
        device="box",
        line="desk",
        mode=mode,
        sides=(Side.CUSTOMER, Side.AGENT),
        verdict=verdict or VerdictSettings(),
        privacy=privacy or PrivacySettings(),
        versions=Versions(
            sered="0", emotion_model=None, vosk_model=None, lexicon=None, calibration=None
        ),
        live=live,
    )
    return Line(settings, Present(), script, analysis, clock or Fixed())  # type: ignore[arg-type]  # stand-ins


@functools.cache
def polarity() -> CallPolarity:
    return CallPolarity(config.model_path(ModelSettings().lexicon))


def judges(sentences: Iterable[str] = ANGRY) -> Analysis:
    return Analysis(ScriptedEmotion(), ScriptedTranscriber(list(sentences)), polarity())


def sound(seconds: float) -> NDArray[np.int16]:
    rng = np.random.default_rng(7)
    return rng.integers(-8_000, 8_000, round(seconds * RATE_HZ), np.int16)


def utterance(start: float, end: float, side: Side = Side.CUSTOMER) -> Utterance:
    return Utterance(side, start, end, end - start)


def run(line: Line, seconds: float, lost: dict[int, int] | None = None) -> list[Message]:
    source = ListSource({Side.CUSTOMER: sound(seconds), Side.AGENT: sound(seconds)}, lost)
    out: list[Message] = []
    for frame in source.frames():
        out += line.feed(frame)
    return out + list(line.finish(EndReason.END_OF_RECORDING))


def a_call() -> Script:
    talk = Talk(customer_s=9.0, agent_s=3.0)
    return Script(
        {
            4: [CallStarted(0.5)],
            16: [utterance(1.0, 4.0)],
            20: [utterance(4.0, 5.0, Side.AGENT)],
            32: [utterance(5.0, 8.0)],
            44: [utterance(8.0, 11.0)],
            52: [CallEnded(0.5, 13.0, EndReason.HANG_UP_TONE, talk)],
        }
    )


def test_nobody_asks_for_live_messages_and_none_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alert and report are the same without them, and after the alert no running score is drawn."""
    looks = 0
    look = decision.running

    def counted(*arguments: Any) -> Running:
        nonlocal looks
        looks += 1
        return look(*arguments)

    monkeypatch.setattr(decision, "running", counted)
    silent = run(make(a_call(), judges(), live=False), 14.0)
    quiet = looks
    told = run(make(a_call(), judges()), 14.0)
    assert looks - quiet == 3, "one look an utterance, not one for each message"
    assert quiet <= 3
    assert not [message for message in silent if isinstance(message, Live)]
    assert silent == [message for message in told if not isinstance(message, Live)]


def test_a_call_becomes_one_report_and_one_settled_alert() -> None:
    """Live messages while it runs, one early alert, then the report and its confirmation."""
    out = run(make(a_call(), judges()), 14.0)
    assert [type(m) for m in out].count(CallReport) == 1
    assert [type(m) for m in out].count(Live) == 3
    states = [m.state for m in out if isinstance(m, Alert)]
    assert states in (["provisional", "confirmed"], ["confirmed"])
    report = next(m for m in out if isinstance(m, CallReport))
    assert report.sentiment is not None
    assert report.sentiment.category == "negative"
    assert report.sentiment.escalate
    assert report.call_id == "call-0.50"
    assert report.duration_s == 12.5
    assert report.started_at == Fixed().wall(0.5)


@pytest.mark.parametrize("step_days", [-3650, -300, 300, 3650])
def test_both_ends_of_a_call_come_from_one_clock(step_days: int) -> None:
    """A clock put right in mid-call: end less start is the duration, in report and alerts."""
    clock = Fixed()
    clock.off_by_s = -86_400.0 * step_days
    line = make(a_call(), judges(), clock=clock)
    source = ListSource({Side.CUSTOMER: sound(14.0), Side.AGENT: sound(14.0)})
    out: list[Message] = []
    for number, frame in enumerate(source.frames()):
        if number == 24:
            clock.off_by_s = 0.0
        out += line.feed(frame)
    report = next(m for m in out if isinstance(m, CallReport))
    assert (report.started_at, report.ended_at) == (Fixed().wall(0.5), Fixed().wall(13.0))
    assert (report.ended_at - report.started_at).total_seconds() == report.duration_s == 12.5
    for alert in (m for m in out if isinstance(m, Alert)):
        assert alert.started_at == report.started_at


def test_the_agents_voice_is_never_judged() -> None:
    """What the near end says reaches neither network nor recogniser."""
    analysis = judges()
    run(make(a_call(), analysis), 14.0)
    assert isinstance(analysis.emotion, ScriptedEmotion)
    assert analysis.emotion.heard == [3 * RATE_HZ] * 3


def test_an_alert_that_does_not_hold_is_withdrawn() -> None:
    """A call that ends well takes its early alert back, under the same id."""
    script = Script(
        {
            4: [CallStarted(0.0)],
            16: [utterance(1.0, 4.0)],
            30: [utterance(4.0, 7.0)],
            40: [utterance(7.0, 10.0)],
            **{50 + i * 8: [utterance(10.0 + 2 * i, 12.0 + 2 * i)] for i in range(8)},
            120: [CallEnded(0.0, 30.0, EndReason.HANG_UP_TONE, Talk(customer_s=25.0))],
        }
    )

    class Soothed(ScriptedEmotion):
        def judge(self, pcm: NDArray[np.int16]) -> Emotion | None:
            calm = ScriptedEmotion("happy") if len(self.heard) >= 3 else ScriptedEmotion("angry")
            super().judge(pcm)
            return calm.judge(pcm)

    analysis = judges([*ANGRY, *(["that is great thank you so much it works now"] * 8)])
    analysis.emotion = Soothed()
    eager = VerdictSettings(provisional_speech_s=6.0)
    out = [m for m in run(make(script, analysis, verdict=eager), 31.0) if isinstance(m, Alert)]
    assert [m.state for m in out] == ["provisional", "withdrawn"]
    assert out[0].call_id == out[1].call_id


def test_lost_sound_is_in_the_report_of_its_call_only() -> None:
    """Samples lost before the call do not count; those lost during it do."""
    out = run(make(a_call(), judges()), 14.0, lost={1: 1000, 30: RATE_HZ // 2})
    report = next(m for m in out if isinstance(m, CallReport))
    assert report.quality.lost_s == pytest.approx(0.5)


@pytest.mark.parametrize("before_s", [0.0, 0.2])
def test_an_outage_before_a_call_is_not_the_calls(before_s: float) -> None:
    """A call that is on when the card comes back lost at most what its lead-in reaches back."""
    back_s = 600.0 + 5 * FRAME / RATE_HZ
    start_s = back_s - before_s
    ended = CallEnded(start_s, back_s + 9.0, EndReason.ON_HOOK, Talk(customer_s=9.0))
    script = Script({5: [CallStarted(start_s)], 41: [ended]})
    out = run(make(script, judges()), 14.0, lost={5: 600 * RATE_HZ})
    report = next(m for m in out if isinstance(m, CallReport))
    assert report.quality.lost_s == pytest.approx(before_s)


def test_a_fault_in_one_half_costs_neither_the_other_nor_the_call() -> None:
    """A recogniser that dies in an utterance leaves the voice's verdict."""

    class Broken(ScriptedTranscriber):
        def transcribe(self, pcm: NDArray[np.int16]) -> Transcript:
            raise RuntimeError

    analysis = judges()
    analysis.transcriber = Broken([])
    report = next(m for m in run(make(a_call(), analysis), 14.0) if isinstance(m, CallReport))
    assert analysis.failures == 3
    assert report.acoustic is not None
    assert report.acoustic.score < 0


def test_an_unanswered_call_has_no_verdict() -> None:
    """Ringing that nobody answers is reported as such, without a feeling."""
    script = Script(
        {4: [CallStarted(0.5)], 40: [CallEnded(0.5, 9.0, EndReason.UNANSWERED, Talk())]}
    )
    (report,) = run(make(script, judges()), 12.0)
    assert isinstance(report, CallReport)
    assert report.end_reason == EndReason.UNANSWERED
    assert report.sentiment is None


@pytest.mark.parametrize(
    ("privacy", "transcript", "terms"),
    [
        (PrivacySettings(), False, True),
        (PrivacySettings(terms=False), False, False),
        (PrivacySettings(transcript=True), True, True),
    ],
)
def test_words_leave_the_box_only_as_configured(
    privacy: PrivacySettings, transcript: bool, terms: bool
) -> None:
    """Terms and transcript are in the report when the configuration says so, and only then."""
    out = run(make(a_call(), judges(), privacy=privacy), 14.0)
    report = next(m for m in out if isinstance(m, CallReport))
    assert (report.transcript is not None) is transcript
    assert report.verbal is not None
    assert bool(report.verbal.terms) is terms
    if not terms:
        said = " ".join(m.model_dump_json() for m in out)
        assert "waiting" not in said
        assert "money" not in said


def test_digits_in_a_transcript_are_masked() -> None:
    """A card number does not leave the box unless redaction is switched off."""
    numbers = ["my card number is four one one one two two two two three three three three"] * 3
    for redact in (True, False):
        privacy = PrivacySettings(transcript=True, redact=redact)
        out = run(make(a_call(), judges(numbers), privacy=privacy), 14.0)
        report = next(m for m in out if isinstance(m, CallReport))
        assert report.transcript is not None
        assert ("four one one" in report.transcript) is not redact


def test_recent_sound_is_cut_exactly_and_gaps_are_silent() -> None:
    """An utterance is cut to the sample; what was lost inside it is zeros."""
    recent = Recent()
    pcm = np.arange(1, 4 * FRAME + 1, dtype=np.int16)
    for frame in ListSource({Side.CUSTOMER: pcm}, {2: 1000}).frames():
        recent.push(frame)
    cut = recent.cut(Side.CUSTOMER, (FRAME - 10) / RATE_HZ, (2 * FRAME + 1010) / RATE_HZ)
    assert len(cut) == FRAME + 1020
    np.testing.assert_array_equal(cut[: FRAME + 10], pcm[FRAME - 10 : 2 * FRAME])
    assert not cut[FRAME + 10 : FRAME + 1010].any()
    np.testing.assert_array_equal(cut[-10:], pcm[2 * FRAME : 2 * FRAME + 10])


def test_real_ears_and_segmenter_fit_the_line() -> None:
    """With the real ears, silence gives nothing at all."""
    sides = (Side.CUSTOMER, Side.AGENT)
    analysis = judges()
    line = make(Script({}), analysis)
    line = Line(line._settings, Ears(sides), Segmenter(CallSettings()), analysis, Fixed())
    silence = np.zeros(5 * RATE_HZ, np.int16)
    out: list[Message] = []
    for frame in ListSource(dict.fromkeys(sides, silence)).frames():
        out += line.feed(frame)
    assert out + list(line.finish(EndReason.SHUTDOWN)) == []
