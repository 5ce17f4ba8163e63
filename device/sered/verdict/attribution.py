"""Where a verdict comes from: the parts of a report that break it down. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.contract.call import (
    Acoustic,
    EmotionShares,
    Moment,
    Trend,
    UtteranceShare,
    Verbal,
    VerbalTerm,
)
from sered.records import LABELS
from sered.verdict.fusion import Piece, Weighed, asr_confidence, seconds_of, weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sered.records import Emotion, UtteranceResult
    from sered.settings import Mode


def acoustic(results: Sequence[UtteranceResult], weighed: Weighed, mode: Mode) -> Acoustic | None:
    """What the voice alone says; emotions are weighted by speech."""
    judged = [r for r in results if r.emotion and mode != "text"]
    if not judged:
        return None
    speech_s = seconds_of(judged)
    shares = dict.fromkeys(LABELS, 0.0)
    for result in judged:
        assert result.emotion is not None
        weight = result.utterance.voiced_s / speech_s if speech_s else 1.0 / len(judged)
        for label, probability in zip(LABELS, result.emotion.probabilities, strict=True):
            shares[label] += min(1.0, probability * weight)
    return Acoustic(
        score=weigh(judged, "audio").voice or 0.0,
        valence=_over_speech(judged, lambda emotion: emotion.valence),
        agitation=_over_speech(judged, lambda emotion: emotion.agitation),
        emotions=EmotionShares(**{k: min(1.0, v) for k, v in shares.items()}),
        speech_s=round(speech_s, 3),
        sides=tuple(sorted({r.utterance.side.value for r in judged})),
        share=sum(piece.voice_share for piece in weighed.pieces),
    )


def _over_speech(judged: Sequence[UtteranceResult], number: Callable[[Emotion], float]) -> float:
    """Mean of a number of the voices, weighted by speech."""
    total = seconds_of(judged) or 1.0
    found = [(number(r.emotion), r.utterance.voiced_s / total) for r in judged if r.emotion]
    mean = sum(value * weight for value, weight in found)
    # a sum of parts may pass the limit of what may be published by the last bit
    return min(max(mean, -1.0), 1.0)


def verbal(
    results: Sequence[UtteranceResult], weighed: Weighed, start_s: float, mode: Mode
) -> Verbal | None:
    """What the words alone say, with the phrases that moved the score."""
    judged = [r for r in results if r.transcript and r.polarity and mode != "audio"]
    if not judged:
        return None
    terms = [
        term
        for result, piece in zip(results, weighed.pieces, strict=True)
        if mode != "audio"
        for term in _terms(result, piece, start_s)
    ]
    return Verbal(
        score=weigh(judged, "text").words or 0.0,
        words=sum(len(r.transcript.words) for r in judged if r.transcript),
        asr_confidence=asr_confidence(judged),
        terms=tuple(terms),
        share=sum(piece.words_share for piece in weighed.pieces),
    )


def _terms(result: UtteranceResult, piece: Piece, start_s: float) -> list[VerbalTerm]:
    hits = result.polarity.terms if result.polarity else ()
    total = sum(hit.valence for hit in hits)
    return [
        VerbalTerm(
            text=hit.text,
            valence=hit.valence,
            offset_s=_since(start_s, result.utterance.start_s + hit.offset_s),
            share=piece.words_share * hit.valence / total if total else 0.0,
        )
        for hit in hits
    ]


def trend(results: Sequence[UtteranceResult], mode: Mode) -> Trend | None:
    """Quarters of what the customer said, not of the clock: a hold moves nothing."""
    total = seconds_of(results)
    if not total:
        return None
    quarters: list[list[UtteranceResult]] = [[], [], [], []]
    before = 0.0
    for result in results:
        middle = (before + result.utterance.voiced_s / 2) / total
        quarters[min(3, int(4 * middle))].append(result)
        before += result.utterance.voiced_s
    first, second, third, fourth = (weigh(q, mode).score if q else None for q in quarters)
    present = [score for score in (first, second, third, fourth) if score is not None]
    return Trend(
        quarters=(first, second, third, fourth),
        change=(present[-1] - present[0]) / 2 if len(present) > 1 else 0.0,
    )


def worst(results: Sequence[UtteranceResult], weighed: Weighed, start_s: float) -> Moment | None:
    """The utterance that cost the score most; None where none did."""
    shares = [piece.voice_share + piece.words_share for piece in weighed.pieces]
    if not shares or min(shares) >= 0:
        return None
    utterance = results[shares.index(min(shares))].utterance
    return Moment(
        offset_s=_since(start_s, utterance.start_s),
        duration_s=round(utterance.end_s - utterance.start_s, 3),
    )


def utterance(result: UtteranceResult, piece: Piece, start_s: float, mode: Mode) -> UtteranceShare:
    """How one utterance moved the score."""
    known = piece.voice is not None or piece.words is not None
    return UtteranceShare(
        offset_s=_since(start_s, result.utterance.start_s),
        duration_s=round(result.utterance.end_s - result.utterance.start_s, 3),
        emotion=result.emotion.label if result.emotion else None,
        acoustic=piece.voice,
        agitation=piece.agitation,
        verbal=piece.words,
        score=weigh([result], mode).score if known else None,
        share=piece.voice_share + piece.words_share,
    )


def _since(start_s: float, at_s: float) -> float:
    return round(max(0.0, at_s - start_s), 3)
