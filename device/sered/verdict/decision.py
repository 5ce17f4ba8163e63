"""Utterance results in, one explained verdict out: category, score, confidence or why not. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sered.contract.call import Acoustic, Moment, Sentiment, Trend, UtteranceShare, Verbal
from sered.records import Side
from sered.verdict import attribution
from sered.verdict.causes import causes
from sered.verdict.doubt import steady
from sered.verdict.fusion import Weighed, asr_confidence, seconds_of, weigh
from sered.words.dialogue import heed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sered.records import CallEnded, UtteranceResult
    from sered.settings import Mode, VerdictSettings

CLEAR: dict[Mode, tuple[float, float]] = {
    "audio": (-0.45, 0.25),
    "text": (-0.35, 0.15),
    "both": (-0.35, 0.15),
}
"""Negative at the first score and below, positive from the second on. A call between is neither:
most calls are calm, so it takes more than a sign, and by voice alone, which tells good from bad
poorly, much more."""
MIN_SNR_DB = 4.0
"""Mean ratio of speech to noise under which a voice is not judged."""
MIN_ASR = 0.55
"""Mean word confidence under which words are not judged."""
DISAGREE = 0.4
"""Voice and words at least so far apart on both sides of 0 settle nothing."""
STRONG_CONFIDENCE = 0.8
"""An alert while the call runs wants the verdict to be so sure ..."""
STRONG_UTTERANCES = 2
"""... by so many negative utterances at least."""
WITHHELD = ("sides_exchanged", "recorded_voice")
"""Why nothing is told of a call whatever was heard in it, as whoever asks has found out."""
NEGATIVE: dict[Mode, tuple[float, float]] = {
    "audio": (2.2, -1.1),
    "text": (4.2, -1.8),
    "both": (5.1, -2.0),
}
"""Slope and offset of the log-odds that a call is negative; `make fit-verdict` fits them."""
POSITIVE: dict[Mode, tuple[float, float]] = {
    "audio": (-1.3, -0.4),
    "text": (-3.5, -0.7),
    "both": (-4.2, -0.6),
}
"""The same that it is positive."""
SUREST = 0.99
"""Of the surest simulated calls so many are judged right; more cannot be claimed of any."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One call, judged: the parts of a CallReport that are a matter of opinion."""

    sentiment: Sentiment
    acoustic: Acoustic | None
    verbal: Verbal | None
    trend: Trend | None
    worst: Moment | None
    utterances: tuple[UtteranceShare, ...]


@dataclass(frozen=True, slots=True)
class Running:
    """Where a call stands while it runs."""

    score: float
    """-1 to 1."""
    p_negative: float
    """Probability that it is a negative call, 0 to 1."""
    alert: bool
    """Whether the evidence is strong enough to alarm somebody before the call is over."""
    causes: tuple[str, ...] = ()
    """Probable causes, when it alarms."""


def judge(
    results: Sequence[UtteranceResult],
    call: CallEnded,
    mode: Mode,
    settings: VerdictSettings,
    *,
    mixed: bool,
    withheld: str | None = None,
) -> Verdict:
    """The verdict on a finished call from its customer's utterances, in the order spoken.

    Times of `results` and `call` are seconds of line time. `mixed` says that both people share
    a channel, `withheld` why nothing is told whatever was heard. Any half of any utterance may
    be missing.
    """
    heard = _steady(results, mode, settings)
    usable = _usable(heard, mode)
    weighed = weigh(heard, usable or mode)
    undetermined = withheld or _undetermined(heard, weighed, mode, usable, settings, mixed=mixed)
    score = weighed.score
    category = None if undetermined else "negative" if score < 0 else "positive"
    odds = negative_odds(settings, usable or mode)
    p_negative = probability(score, odds)
    return Verdict(
        sentiment=Sentiment(
            category=category,
            score=score,
            confidence=confidence(category, score, usable or mode, odds),
            p_negative=p_negative,
            undetermined=undetermined,
            escalate=undetermined is None and score <= settings.escalate_below,
            causes=causes(heard, settings.cause) if not undetermined and score < 0 else (),
        ),
        acoustic=attribution.acoustic(heard, weighed, mode),
        verbal=attribution.verbal(heard, weighed, call.start_s, mode),
        trend=attribution.trend(heard, usable or mode),
        worst=attribution.worst(heard, weighed, call.start_s),
        utterances=tuple(
            attribution.utterance(result, piece, call.start_s, usable or mode)
            for result, piece in zip(heard, weighed.pieces, strict=True)
        ),
    )


def running(results: Sequence[UtteranceResult], mode: Mode, settings: VerdictSettings) -> Running:
    """The score so far, and whether it warrants an alert before the call is over."""
    heard = _steady(results, mode, settings)
    usable = _usable(heard, mode)
    weighed = weigh(heard, usable or mode)
    p_negative = probability(weighed.score, negative_odds(settings, usable or mode))
    undetermined = _undetermined(heard, weighed, mode, usable, settings, mixed=False)
    bad = sum(piece.voice_share + piece.words_share < 0 for piece in weighed.pieces)
    alert = (
        undetermined is None
        and weighed.score <= settings.provisional_below
        and p_negative >= STRONG_CONFIDENCE
        and bad >= STRONG_UTTERANCES
        and seconds_of(heard) >= settings.provisional_speech_s
    )
    return Running(
        score=weighed.score,
        p_negative=p_negative,
        alert=alert,
        causes=causes(heard, settings.cause) if alert else (),
    )


def acoustic_score(result: UtteranceResult) -> float | None:
    """What one utterance's voice says, -1 to 1; None where it could not be judged."""
    return result.emotion.valence if result.emotion else None


def probability(score: float, odds: tuple[float, float]) -> float:
    """How probable it is that a call with such a score is of a kind with these odds, 0 to 1."""
    slope, offset = odds
    drive = math.atanh(max(-0.999999, min(0.999999, score)))
    return _sure(1.0 / (1.0 + math.exp(slope * drive - offset)))


def negative_odds(settings: VerdictSettings, mode: Mode) -> tuple[float, float]:
    """Odds that a call is negative: those fitted to the site, else those that come with sered."""
    fitted = {"audio": settings.odds_voice, "text": settings.odds_words, "both": settings.odds_both}
    return fitted[mode] or NEGATIVE[mode]


def confidence(
    category: str | None, score: float, mode: Mode, odds: tuple[float, float] | None = None
) -> float:
    """How sure a category is of a call with such a score; None: that it is neither; 0 to 1.

    `odds`: of being negative; those that come with sered unless given.
    """
    bad = probability(score, odds or NEGATIVE[mode])
    if category == "negative":
        return bad
    good = min(probability(score, POSITIVE[mode]), 1.0 - bad)
    return good if category == "positive" else _sure(1.0 - bad - good)


def _sure(p: float) -> float:
    return min(SUREST, max(1.0 - SUREST, p))


def _customers(results: Sequence[UtteranceResult]) -> list[UtteranceResult]:
    """What the customer said, each utterance with what those before it make of its words."""
    return heed([result for result in results if result.utterance.side is not Side.AGENT])


def _steady(
    results: Sequence[UtteranceResult], mode: Mode, settings: VerdictSettings
) -> Sequence[UtteranceResult]:
    """The customer's utterances, without a word that was hardly heard if all hangs on it."""

    def outcome(heard: Sequence[UtteranceResult]) -> tuple[str | None, bool, bool]:
        usable = _usable(heard, mode)
        weighed = weigh(heard, usable or mode)
        reason = _undetermined(heard, weighed, mode, usable, settings, mixed=False)
        return reason, weighed.score < 0, weighed.score <= settings.escalate_below

    return steady(_customers(results), outcome)


def _usable(results: Sequence[UtteranceResult], mode: Mode) -> Mode | None:
    """The analyses that can be relied on in this call; None: neither."""
    voice = mode != "text" and any(r.emotion for r in results) and not _noisy(results)
    words = mode != "audio" and any(r.polarity for r in results)
    words = words and asr_confidence(results) >= MIN_ASR
    if voice and words:
        return "both"
    return "audio" if voice else "text" if words else None


def _noisy(results: Sequence[UtteranceResult]) -> bool:
    known = [r for r in results if r.snr_db is not None]
    speech_s = seconds_of(known)
    if not speech_s:
        return False
    return sum((r.snr_db or 0.0) * r.utterance.voiced_s for r in known) / speech_s < MIN_SNR_DB


def _undetermined(
    results: Sequence[UtteranceResult],
    weighed: Weighed,
    mode: Mode,
    usable: Mode | None,
    settings: VerdictSettings,
    *,
    mixed: bool,
) -> str | None:
    """Why there is no category, or None."""
    if not any((r.emotion and mode != "text") or (r.polarity and mode != "audio") for r in results):
        return "no_analysis"
    if mixed or any(r.utterance.side is Side.MIXED for r in results):
        return "mixed_side"
    if seconds_of(results) < settings.min_speech_s:
        return "too_little_speech"
    if usable is None:
        return "too_noisy" if _noisy(results) else "low_asr_confidence"
    voice, words = weighed.voice or 0.0, weighed.words or 0.0
    if usable == "both" and voice * words < 0 and min(abs(voice), abs(words)) >= DISAGREE:
        return "disagreement"
    negative, positive = CLEAR[usable]
    return "neutral" if negative < weighed.score < positive else None
