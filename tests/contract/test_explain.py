"""Why a call was judged so: in sentences, and in the document's worked example."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sered.contract.call import Quality, Sentiment, TalkTimes, Trend, Versions
from sered.contract.explain import decisive, explain
from sered.contract.messages import CallReport
from sered.contract.vocabulary import UNDETERMINED
from sered.records import EndReason, UtteranceResult
from sered.settings import Mode, VerdictSettings
from sered.verdict import decision, fusion
from sered.verdict.decision import judge
from utterance_makers import ANGRY, CALM, HAPPY, ended, in_turn, said

DOCUMENT = (Path(__file__).parent.parent.parent / "docs" / "verdict.md").read_text("utf-8")
SETTINGS = VerdictSettings()
COMPLAINT = "i have been waiting for three weeks and nobody called me back"


def report(*results: UtteranceResult, mode: Mode = "both", unanswered: bool = False) -> CallReport:
    found = judge(in_turn(*results), ended(), mode, SETTINGS, mixed=False)
    now = datetime(2026, 5, 1, tzinfo=UTC)
    return CallReport(
        call_id="x", site="s", device="d", line="l", started_at=now, ended_at=now,
        duration_s=300.0, clock_synced=True, end_reason=EndReason.HANG_UP_TONE, mode=mode,
        mixed=False, sentiment=None if unanswered else found.sentiment, acoustic=found.acoustic,
        verbal=found.verbal, trend=found.trend, worst=found.worst, utterances=found.utterances,
        talk=TalkTimes(customer_s=9, agent_s=9, mixed_s=0, recorded_s=0.0, silence_s=0, hold_s=0,
                       longest_silence_s=0, interruptions=0),
        quality=Quality(lost_s=0, clipping=0, snr_db=None, notes=()),
        versions=Versions(
            sered="0", emotion_model=None, vosk_model=None, lexicon=None, calibration=None
        ),
        transcript=None,
    )  # fmt: skip


def test_an_unhappy_call_is_told_in_sentences_with_times() -> None:
    """Category, cause, both halves, the phrases with their times and the worst moment are told."""
    text = "\n".join(explain(report(said("hello", None), *(said(COMPLAINT, ANGRY),) * 2)))
    assert text.startswith("Negative: score -0.")
    assert "Somebody should call the customer back." in text
    assert "The probable cause: delay" in text
    assert "angry 70%" in text
    assert "at 0:06 “waiting for three weeks” -" in text
    assert "The worst moment is from 0:" in text
    assert "got worse" in text


@pytest.mark.parametrize(
    ("voice", "word"), [(ANGRY, "agitated"), (HAPPY, "agitated"), (CALM, "calm")]
)
def test_the_heat_of_a_voice_is_told_without_a_sign(voice: tuple[float, ...], word: str) -> None:
    """Rage and joy are agitated alike, with a number; an old report says nothing of it."""
    call = report(said(COMPLAINT, voice))
    assert call.acoustic is not None
    told = f"It sounds {word} (agitation {call.acoustic.agitation:.0%})."
    assert told in explain(call)
    old = call.model_copy(update={"acoustic": call.acoustic.model_copy(update={"agitation": None})})
    assert told not in explain(old)


def test_times_are_those_of_the_recording() -> None:
    """A call that begins a minute into its recording is explained in the recording's time."""
    call = report(said("hello", None), *(said(COMPLAINT, ANGRY),) * 2)
    alone, late = "\n".join(explain(call)), "\n".join(explain(call, 60.0))
    assert late == re.sub(r"\b0:(?=\d\d)", "1:", alone) != alone


def test_no_estimate_reads_as_certainty() -> None:
    """However clear a call, neither its report nor its explanation is 100 % sure of anything."""
    calls = [
        report(*(said(COMPLAINT, ANGRY, seconds=9.0) for _ in range(12))),
        report(*(said("thank you so much it is perfect now", HAPPY) for _ in range(12))),
    ]
    for call in calls:
        assert call.sentiment is not None
        assert call.sentiment.category is not None
        assert call.sentiment.confidence == decision.SUREST
        text = "\n".join(explain(call))
        assert "99% certainty" in text
        assert not re.search(r"\b100(\.0*)? ?%|\b0%", text)


def test_what_a_positive_calls_confidence_means_is_said() -> None:
    """It is the certainty that the customer is happy, and the sentence says so."""
    call = report(*(said("thank you so much it is perfect now", HAPPY) for _ in range(5)))
    assert "certainty a happy customer" in explain(call)[0]


@pytest.mark.parametrize("reason", sorted(UNDETERMINED))
def test_every_reason_has_a_sentence(reason: str) -> None:
    """Whatever is undetermined is said in words, and every reason the contract names has some."""
    call = report(said(COMPLAINT, ANGRY))
    silent = Sentiment(
        category=None,
        score=0.0,
        confidence=0.5,
        p_negative=0.5,
        undetermined=reason,
        escalate=False,
        causes=(),
    )
    first = explain(call.model_copy(update={"sentiment": silent}))[0]
    assert first.startswith("Undetermined, because ")
    assert reason not in first or reason == "neutral"
    assert reason in (Sentiment.__doc__ or "") + Path(decision.__file__).read_text("utf-8")


def test_a_calm_call_has_no_worst_moment_to_tell() -> None:
    """Where no utterance weighs anything the explanation points at none."""
    text = "\n".join(explain(report(*(said("my number is five one two", CALM),) * 3)))
    assert "worst" not in text
    assert "Undetermined" in text


def test_nothing_is_never_minus_nothing() -> None:
    """A score that rounds to nothing is told without a minus."""
    calm = report(*(said("my number is five one two", CALM),) * 3)
    trend = Trend(quarters=(-0.004, None, None, -0.0), change=0.0)
    text = "\n".join(explain(calm.model_copy(update={"trend": trend})))
    assert "stayed much the same: +0.00 in the beginning, +0.00 at the end" in text
    assert "-0.00" not in text


def test_what_decided_lies_in_the_direction_of_the_verdict() -> None:
    """A happy call is decided by what was happy, even where its worst moment is told besides."""
    thanks = "thank you so much it is perfect now"
    happy = report(said(COMPLAINT, CALM), *(said(thanks, HAPPY) for _ in range(8)))
    assert happy.sentiment is not None
    assert happy.sentiment.category == "positive"
    moment = decisive(happy)
    assert moment is not None
    assert moment.share == max(spoken.share for spoken in happy.utterances) > 0
    assert happy.worst is not None
    assert happy.worst.offset_s != moment.offset_s
    unhappy = report(said(thanks, HAPPY), *(said(COMPLAINT, ANGRY) for _ in range(4)))
    moment = decisive(unhappy)
    assert moment is not None
    assert unhappy.worst is not None
    assert moment.offset_s == unhappy.worst.offset_s
    assert any(line.startswith("What decided is from 0:") for line in explain(unhappy))
    neither = report(*(said("my number is five one two", CALM),) * 3)
    assert decisive(neither) is None
    assert not any("decided" in line for line in explain(neither))


def test_a_missing_half_is_said() -> None:
    """An explanation says which half was not judged, and is silent on what was not asked for."""
    assert "The voice was not judged." in explain(report(said(COMPLAINT, None)))
    assert "The words were not judged." in explain(report(said(None, ANGRY)))
    assert not any("voice" in line for line in explain(report(said(COMPLAINT), mode="text")))


def test_an_unanswered_call_is_told_so() -> None:
    """Nobody there, nothing to explain."""
    assert explain(report(unanswered=True)) == ["No verdict: nobody answered the call."]


def test_the_documents_worked_example_is_recomputed() -> None:
    """The numbers in docs/verdict.md are what the code makes of the example's table."""
    rows = re.findall(r"^\| (\d\.\d) \| ((?:\d\.\d+ ?){7}) \| (.+) \|$", DOCUMENT, re.MULTILINE)
    assert len(rows) == 3
    results = [
        said(text, tuple(map(float, voice.split())), seconds=float(seconds), snr_db=None)
        for seconds, voice, text in rows
    ]
    weighed = fusion.weigh(in_turn(*results), "both")
    found = judge(in_turn(*results), ended(), "both", SETTINGS, mixed=False)
    assert found.acoustic is not None
    assert found.verbal is not None
    bold = [float(n.replace("−", "-")) for n in re.findall(r"\*\*[a-z ]*(−0\.\d+)\*\*", DOCUMENT)]
    assert bold == [
        pytest.approx(value, abs=0.0006)
        for value in (
            weighed.voice,
            weighed.words,
            found.sentiment.score,
            found.acoustic.share,
            *(term.share for term in found.verbal.terms),
        )
    ]


def test_the_documents_constants_are_the_codes() -> None:
    """Weights and thresholds named in docs/verdict.md are those that judge."""
    document = " ".join(DOCUMENT.split())
    for sentence in (
        f"tanh({fusion.VOICE} × voice + {fusion.WORDS} × words)",
        f"`escalate_below` (−{-SETTINGS.escalate_below})",
        f"`provisional_below` (−{-SETTINGS.provisional_below})",
        f"`provisional_speech_s` ({SETTINGS.provisional_speech_s:.0f} s)",
        f"{decision.STRONG_CONFIDENCE} confidence",
        *(
            f"| {name} | −{-negative} and below | {positive} and above |"
            for name, (negative, positive) in (
                ("both, or words alone", decision.CLEAR["both"]),
                ("voice alone", decision.CLEAR["audio"]),
            )
        ),
        f"under `min_speech_s` ({SETTINGS.min_speech_s:.0f} s)",
    ):
        assert sentence in document
