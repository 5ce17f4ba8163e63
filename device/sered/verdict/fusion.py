"""How much each utterance moves a call's score: voice and words, weighed and fused. Pure.

How agitated a voice is moves nothing here: what it adds to words was learnt, and came to nothing
(docs/verdict.md, 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sered.records import Polarity, UtteranceResult
    from sered.settings import Mode

LONG_S = 8.0
"""Speech of one utterance beyond this weighs no more: no monologue outvotes the rest."""
SHORT_S = 1.5
"""A shorter utterance's voice weighs less than its seconds: it says less about each of them."""
NOISY_DB, CLEAN_DB = 3.0, 15.0
"""Voice counts nothing at the first ratio of speech to noise, fully from the second on."""
VOICE_PRIOR_S = 2.0
"""Seconds of certain neutral voice that every call is given: a little speech says little."""
WORDS_PRIOR = 1.0
"""The same for words, in units of polarity."""
VOICE, WORDS = 0.4, 1.6
"""How far the voice's and the words' scores, -1 to 1, move the call before it saturates."""
ALONE: dict[Mode, float] = {"audio": 3.0, "text": 1.2, "both": 1.0}
"""How much further either moves it where there is no other."""
SALAD, SPEECH = -1.6, 1.0
"""Bits by which a pair of frequent neighbours is likelier than any: words of the first are not
believed at all, of the second fully."""
PAIRS_PRIOR = 4.0
"""So many pairs of plain speech every call is given: a few odd ones prove nothing."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one utterance brings."""

    voice: float | None
    """Valence of the voice, -1 to 1; None where the network could not judge or was not asked."""
    words: float | None
    """Polarity of the words, -1 to 1; None without words."""
    agitation: float | None
    """Of the voice, 0 to 1; None where `voice` is."""
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


@dataclass(frozen=True, slots=True)
class Evidence:
    """What each utterance adds, before voice and words are set against each other."""

    voice: tuple[float, ...]
    words: tuple[float, ...]


def weigh(results: Sequence[UtteranceResult], mode: Mode) -> Weighed:
    """Fuse utterances, given in the order they were spoken, into one score."""
    voices = [r.emotion if mode != "text" else None for r in results]
    found = evidence(results, mode)
    gain = ALONE[mode]
    voice_parts = [gain * VOICE * part for part in found.voice]
    words_parts = [gain * WORDS * part for part in found.words]
    drive = sum(voice_parts) + sum(words_parts)
    score = math.tanh(drive)
    # what saturation takes away is taken from all alike, so that the shares add up
    kept = score / drive if drive else 1.0
    spoken = [_polarity(r, mode) for r in results]
    return Weighed(
        score=score,
        voice=sum(found.voice) if any(voices) else None,
        words=sum(found.words) if any(w is not None for w in spoken) else None,
        pieces=tuple(
            Piece(
                voice=emotion.valence if emotion else None,
                words=polarity,
                agitation=emotion.agitation if emotion else None,
                voice_share=v_part * kept,
                words_share=w_part * kept,
            )
            for emotion, polarity, v_part, w_part in zip(
                voices, spoken, voice_parts, words_parts, strict=True
            )
        ),
    )


def evidence(results: Sequence[UtteranceResult], mode: Mode) -> Evidence:
    """Parts of voice and words, a number an utterance each."""
    voices = [r.emotion if mode != "text" else None for r in results]
    valences = [emotion.valence if emotion else None for emotion in voices]
    return Evidence(
        voice=tuple(_parts(valences, voice_weights(results), VOICE_PRIOR_S)),
        words=tuple(_parts([_polarity(r, mode) for r in results], _places(results), WORDS_PRIOR)),
    )


def _polarity(result: UtteranceResult, mode: Mode) -> float | None:
    return _told(result.polarity) if result.polarity and mode != "audio" else None


def voice_weights(results: Sequence[UtteranceResult]) -> list[float]:
    """What each voice weighs, in seconds: late, long and clear ones most."""
    return [
        place * _seconds(r.utterance.voiced_s) * clearness(r.snr_db)
        for place, r in zip(_places(results), results, strict=True)
    ]


def _seconds(voiced_s: float) -> float:
    return min(voiced_s, LONG_S) * min(1.0, voiced_s / SHORT_S)


def clearness(snr_db: float | None) -> float:
    """0 to 1: how far noise leaves a voice fit to be judged; 1 where it was not measured."""
    if snr_db is None:
        return 1.0
    return min(1.0, max(0.0, (snr_db - NOISY_DB) / (CLEAN_DB - NOISY_DB)))


def _told(polarity: Polarity) -> float:
    """What no term explains moves no call: a neutral sentence's lean is for who ranks sentences."""
    return polarity.score if polarity.terms else 0.0


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
    """How far the words of utterances can be believed, 0 to 1; 0 without words.

    The recogniser's mean certainty, less where its words stand in rows that nobody says: what it
    makes up it is hardly less sure of.
    """
    words = [word.confidence for r in results if r.transcript for word in r.transcript.words]
    return sense(results) * sum(words) / len(words) if words else 0.0


def sense(results: Sequence[UtteranceResult]) -> float:
    """0 where the words are salad, 1 where their neighbours are what people say; 1 if unknown."""
    read = [r.polarity for r in results if r.polarity]
    pairs = sum(polarity.pairs for polarity in read)
    bits = sum(polarity.usual for polarity in read) + SPEECH * PAIRS_PRIOR
    return min(1.0, max(0.0, (bits / (pairs + PAIRS_PRIOR) - SALAD) / (SPEECH - SALAD)))
