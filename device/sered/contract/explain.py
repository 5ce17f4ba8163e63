"""Why a call was judged as it was, in plain sentences with times. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.contract.vocabulary import NOTES, UNDETERMINED

if TYPE_CHECKING:
    from sered.contract.call import Acoustic, Moment, Sentiment, Trend, UtteranceShare, Verbal
    from sered.contract.messages import CallReport

MOST_TERMS = 6
"""Phrases named; the rest are in the report."""
NOTABLE = 0.05
"""Share of the score under which no moment is worth calling the worst."""
_DIRECTION = {"negative": -1.0, "positive": 1.0}
CALM, AGITATED = 0.25, 0.5
"""Agitation under which a voice is called calm, and from which on agitated."""
STEADY = 0.1
"""A change of the feeling under which it is called steady."""


def explain(report: CallReport, at_s: float = 0.0) -> list[str]:
    """Sentences that tell how a report's verdict came about, in the order of importance.

    `at_s`: where in its recording the call begins, in seconds, so that times match a player's.
    """
    sentiment = report.sentiment
    if sentiment is None:
        return ["No verdict: nobody answered the call."]
    lines = [_head(sentiment)]
    if sentiment.escalate:
        lines.append("Somebody should call the customer back.")
    if sentiment.causes:
        what = "cause" if len(sentiment.causes) == 1 else "causes, the likeliest first"
        lines.append(f"The probable {what}: {_listed(sentiment.causes)}.")
    lines += [f"Take care: {ended(NOTES[word])}" for word in report.quality.notes if word in NOTES]
    lines += _voice(report.acoustic, report)
    lines += _words(report.verbal, report, at_s)
    lines += _course(report.trend, report, at_s)
    return lines


def ended(said: str) -> str:
    """A sentence with its full stop, unless it asks."""
    return said if said.endswith("?") else f"{said}."


def decisive(report: CallReport) -> UtteranceShare | None:
    """The utterance that moved the score most towards the verdict; None: there is no verdict.

    The worst moment of a happy call decided nothing.
    """
    feeling = report.sentiment
    if feeling is None or feeling.category not in _DIRECTION:
        return None
    towards = _DIRECTION[feeling.category]
    most = max(report.utterances, key=lambda spoken: towards * spoken.share, default=None)
    return most if most is not None and towards * most.share >= NOTABLE else None


def sureness(feeling: Sentiment) -> str:
    """How sure a category is; without one how probable an unhappy customer is."""
    if feeling.category is None and feeling.p_negative is not None:
        return f"{percent(feeling.p_negative)} that it is negative"
    return f"confidence {percent(feeling.confidence)}"


def clock(seconds: float) -> str:
    """Seconds from the call's start as `1:05`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def percent(share: float) -> str:
    """A probability as people read it: what is estimated is never 100 or 0 %."""
    return ">99%" if share > 0.99 else "<1%" if share < 0.01 else f"{share:.0%}"


def _head(sentiment: Sentiment) -> str:
    score = f"score {_signed(sentiment.score)} on a scale from -1 to +1"
    if sentiment.category is None:
        reason = sentiment.undetermined or ""
        why = UNDETERMINED.get(reason, reason)
        return f"Undetermined, because {why} ({score}, {sureness(sentiment)})."
    sure, what = percent(sentiment.confidence), sentiment.category
    who = {"negative": "an unhappy customer", "positive": "a happy customer"}.get(what, what)
    return f"{what.capitalize()}: {score}; with {sure} certainty {who}."


def _voice(acoustic: Acoustic | None, report: CallReport) -> list[str]:
    if acoustic is None:
        return ["The voice was not judged."] if report.mode != "text" else []
    emotions = sorted(acoustic.emotions.model_dump().items(), key=lambda pair: -pair[1])
    named = _listed([f"{label} {part:.0%}" for label, part in emotions[:3] if part >= 0.1])
    lines = [
        f"The voice says {_signed(acoustic.score)} over {acoustic.speech_s:.0f} s of speech "
        f"({named}) and gives {_signed(acoustic.share)} of the score."
    ]
    if acoustic.agitation is not None:
        lines.append(f"It sounds {_heat(acoustic.agitation)} (agitation {acoustic.agitation:.0%}).")
    return lines


def _heat(agitation: float) -> str:
    """In a word; agitation has no sign."""
    if agitation < CALM:
        return "calm"
    return "agitated" if agitation >= AGITATED else "neither calm nor agitated"


def _words(verbal: Verbal | None, report: CallReport, at_s: float) -> list[str]:
    if verbal is None:
        return ["The words were not judged."] if report.mode != "audio" else []
    heard = f"{verbal.words} words, on average recognised with {percent(verbal.asr_confidence)}"
    heard += " certainty"
    if not verbal.share:
        return [f"The words say nothing either way ({heard})."]
    lines = [
        f"The words say {_signed(verbal.score)} ({heard}) and give "
        f"{_signed(verbal.share)} of the score:"
    ]
    strongest = sorted(verbal.terms, key=lambda term: -abs(term.share))[:MOST_TERMS]
    lines += [
        f"  at {clock(at_s + term.offset_s)} “{term.text}” {_signed(term.share)}"
        for term in sorted(strongest, key=lambda term: term.offset_s)
    ]
    left = len(verbal.terms) - len(strongest)
    return [*lines, f"  and {left} more"] if left else lines


def _course(trend: Trend | None, report: CallReport, at_s: float) -> list[str]:
    lines = []
    worst = report.worst
    lowest = min((spoken.share for spoken in report.utterances), default=0.0)
    if worst is not None and lowest <= -NOTABLE:
        lines.append(f"The worst moment is {_span(worst, at_s)}.")
    if (moment := decisive(report)) is not None:
        lines.append(f"What decided is {_span(moment, at_s)}.")
    if trend is not None:
        present = [quarter for quarter in trend.quarters if quarter is not None]
        if len(present) > 1:
            word = "stayed much the same"
            if abs(trend.change) >= STEADY:
                word = "got better" if trend.change > 0 else "got worse"
            lines.append(
                f"The customer's feeling {word}: {_signed(present[0])} in the beginning, "
                f"{_signed(present[-1])} at the end."
            )
    return lines


def _signed(value: float) -> str:
    """With its sign; nothing is never minus nothing."""
    return f"{round(value, 2) + 0.0:+.2f}"


def _span(moment: Moment | UtteranceShare, at_s: float) -> str:
    begin = at_s + moment.offset_s
    return f"from {clock(begin)} to {clock(begin + moment.duration_s)}"


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names) if names else "nothing stands out"
