"""How much each utterance moves a call's score: voice and words, weighed and fused. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sered.records import LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sered.records import Emotion, UtteranceResult
    from sered.settings import Mode

VALENCE = {
    "angry": -1.0,
    "disgust": -0.9,
    "fear": -0.4,
    "happy": 1.0,
    "neutral": 0.2,
    "surprise": 0.5,
    "sad": -0.3,
}
"""What a label is worth: the regression of negative / neutral / positive on the network's word for
speakers it was not trained on, rounded. Sad and fear count little, since it takes many a plain
voice for them."""
LONG_S = 8.0
"""Speech of one utterance beyond this weighs no more: no monologue outvotes the rest."""
NOISY_DB, CLEAN_DB = 3.0, 15.0
"""Voice counts nothing at the first ratio of speech to noise, fully from the second on."""
VOICE_PRIOR_S = 2.0
"""Seconds of certain neutral voice that every call is given: a little speech says little."""
WORDS_PRIOR = 1.0
"""The same for words, in units of polarity."""
VOICE, WORDS = 1.0, 3.0
"""How far the voice's and the words' scores, -1 to 1, move the call before it saturates."""
ALONE = 1.2
"""How much further either moves it where there is no other."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one utterance brings."""

    voice: float | None
    """Valence of the voice, -1 to 1; None where the network could not judge or was not asked."""
    words: float | None
    """Polarity of the words, -1 to 1; None without words."""
    voice_share: float
    """Its parts of the call's score."""
    words_share: float


@dataclass(frozen=True, slots=True)
class Weighed:
    """A stretch of customer speech, judged."""

    score: float
    """Voice and words together, -1 to 1: the shares of all pieces add up to it."""
    voice: float | None
    """-1 to 1; None without any voice to judge."""
    words: float | None
    pieces: tuple[Piece, ...]
    """One for each utterance, in order."""


def weigh(results: Sequence[UtteranceResult], mode: Mode) -> Weighed:
    """Fuse utterances, given in the order they were spoken, into one score."""
    voices = [valence(r.emotion) if r.emotion and mode != "text" else None for r in results]
    words = [r.polarity.score if r.polarity and mode != "audio" else None for r in results]
    places = _places(results)
    voice = _parts(voices, voice_weights(results), VOICE_PRIOR_S)
    said = _parts(words, places, WORDS_PRIOR)
    gain = 1.0 if mode == "both" else ALONE
    voice_parts = [gain * VOICE * part for part in voice]
    words_parts = [gain * WORDS * part for part in said]
    drive = sum(voice_parts) + sum(words_parts)
    score = math.tanh(drive)
    # what saturation takes away is taken from all alike, so that the shares add up
    kept = score / drive if drive else 1.0
    return Weighed(
        score=score,
        voice=sum(voice) if any(v is not None for v in voices) else None,
        words=sum(said) if any(w is not None for w in words) else None,
        pieces=tuple(
            Piece(v, w, v_part * kept, w_part * kept)
            for v, w, v_part, w_part in zip(voices, words, voice_parts, words_parts, strict=True)
        ),
    )


def voice_weights(results: Sequence[UtteranceResult]) -> list[float]:
    """What each voice weighs, in seconds: late, long and clear ones most."""
    return [
        place * min(r.utterance.voiced_s, LONG_S) * clearness(r.snr_db)
        for place, r in zip(_places(results), results, strict=True)
    ]


def valence(emotion: Emotion) -> float:
    """The seven emotions as one number, -1 to 1; a network in doubt stays near 0."""
    return sum(
        VALENCE[label] * probability
        for label, probability in zip(LABELS, emotion.probabilities, strict=True)
    )


def clearness(snr_db: float | None) -> float:
    """0 to 1: how far noise leaves a voice fit to be judged; 1 where it was not measured."""
    if snr_db is None:
        return 1.0
    return min(1.0, max(0.0, (snr_db - NOISY_DB) / (CLEAN_DB - NOISY_DB)))


def _places(results: Sequence[UtteranceResult]) -> list[float]:
    """Weight of each utterance: where its middle lies in all that the customer said, 0 to 1.

    Customer speech is the clock, so that holds and pauses move nothing.
    """
    total = sum(r.utterance.voiced_s for r in results) or 1.0
    places = []
    before = 0.0
    for result in results:
        places.append((before + result.utterance.voiced_s / 2) / total)
        before += result.utterance.voiced_s
    return places


def _parts(values: Sequence[float | None], weights: Sequence[float], prior: float) -> list[float]:
    """Parts of a mean in which a value weighs by its own size, so that neutral talk is no water."""
    sizes = [
        weight * abs(value) if value is not None else 0.0
        for value, weight in zip(values, weights, strict=True)
    ]
    total = sum(sizes) + prior
    return [size * (value or 0.0) / total for size, value in zip(sizes, values, strict=True)]


def seconds_of(results: Sequence[UtteranceResult]) -> float:
    """Seconds of speech in utterances."""
    return sum(result.utterance.voiced_s for result in results)


def asr_confidence(results: Sequence[UtteranceResult]) -> float:
    """Mean confidence of the words of utterances, 0 to 1; 0 without words."""
    words = [word.confidence for r in results if r.transcript for word in r.transcript.words]
    return sum(words) / len(words) if words else 0.0
