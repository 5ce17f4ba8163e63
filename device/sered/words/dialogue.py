"""What only the course of a call tells: corrections in a row, refusals, the same again, silence.

Pure. One `are you sure` is nothing much; the third one is a customer who is not being helped.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from sered.records import Term
from sered.words import english as en
from sered.words.phrases import SMALL_WORDS, PhraseBook, spoken
from sered.words.polarity import FLAT, sureness
from sered.words.vader import NEUTRAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sered.records import UtteranceResult

AGAIN = {"corrected": -1.2, "asked": -1.0, "refused": -1.0, "said": -1.6}
"""Valence of the second time and each after it, as VADER would rate it."""
NAMES = {
    "corrected": "(corrected again)",
    "asked": "(asked again)",
    "refused": "(refused again)",
    "said": "(said again)",
    "waited": "(waited in silence)",
}
"""What terms are called that no words stand for; no word of the customer is in them."""
WAITED = -1.4
"""Valence of calling out after a silence."""
SILENT_S = 8.0
"""Seconds without the customer after which `hello are you there` is no greeting."""
ALIKE = 0.6
"""Share of an utterance's words that were said before, from which on it was said before."""
TELLING = 3
"""Words of meaning that it takes to say the same again."""
_BOOK = PhraseBook([(phrase, name) for name, phrases in en.TURNS.items() for phrase in phrases])


def heed(results: Sequence[UtteranceResult]) -> list[UtteranceResult]:
    """A customer's utterances in order, each with what those before it make of it."""
    counts: dict[str, int] = {}
    told: list[frozenset[str]] = []
    before_s: float | None = None
    heeded = []
    for result in results:
        marks: list[tuple[str, float]] = []
        if result.transcript is not None and result.transcript.words:
            tokens, _ = spoken([word.text for word in result.transcript.words])
            turns = {hit.value for hit in _BOOK.find_all(tokens)}
            for turn in sorted(turns & AGAIN.keys()):
                counts[turn] = counts.get(turn, 0) + 1
                if counts[turn] > 1:
                    marks.append((turn, AGAIN[turn]))
            gap_s = result.utterance.start_s - before_s if before_s is not None else 0.0
            if "waited" in turns and gap_s >= SILENT_S:
                marks.append(("waited", WAITED))
            said = frozenset(tokens) - SMALL_WORDS - en.READ_AS.keys()
            if not _glad(result) and any(_same(said, earlier) for earlier in told):
                marks.append(("said", AGAIN["said"]))
            if len(said) >= TELLING:
                told.append(said)
        before_s = result.utterance.end_s
        heeded.append(_marked(result, marks))
    return heeded


def _glad(result: UtteranceResult) -> bool:
    return result.polarity is not None and result.polarity.score >= NEUTRAL


def _same(said: frozenset[str], earlier: frozenset[str]) -> bool:
    return len(said) >= TELLING and len(said & earlier) >= max(TELLING, ALIKE * len(said))


def _marked(result: UtteranceResult, marks: Sequence[tuple[str, float]]) -> UtteranceResult:
    """The utterance with the marks among its terms; valences add up as VADER's do."""
    if result.polarity is None or result.transcript is None or not marks:
        return result
    sure = [sureness(word.confidence) for word in result.transcript.words]
    certain = sum(sure) / len(sure)
    if not certain:
        return result
    score = max(-0.99, min(0.99, result.polarity.score))
    whole = score * math.sqrt(FLAT / (1.0 - score * score)) + certain * sum(
        value for _, value in marks
    )
    terms = (
        *result.polarity.terms,
        *(Term(NAMES[name], round(certain * value, 4), 0.0) for name, value in marks),
    )
    pressed = round(whole / math.sqrt(whole * whole + FLAT), 4)
    return replace(result, polarity=replace(result.polarity, score=pressed, terms=terms))
