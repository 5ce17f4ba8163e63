"""One word hardly heard turns no verdict: recognisers hear curses in street names. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sered.records import Polarity, Term, UtteranceResult

HARDLY = 0.85
"""Confidence under which a lone word is not taken at its word where everything hangs on it."""


def steady(
    results: Sequence[UtteranceResult],
    outcome: Callable[[Sequence[UtteranceResult]], object],
) -> Sequence[UtteranceResult]:
    """The utterances, without a doubtful word where `outcome` would be another for that one alone.

    Two doubtful words bear each other out.
    """
    found = [
        (number, term)
        for number, result in enumerate(results)
        if result.polarity is not None
        for term in result.polarity.terms
        if _doubtful(term, result)
    ]
    if len(found) != 1:
        return results
    ((number, term),) = found
    polarity = results[number].polarity
    assert polarity is not None
    doubted = replace(results[number], polarity=_without(polarity, term))
    others = [*results[:number], doubted, *results[number + 1 :]]
    return results if outcome(others) == outcome(results) else others


def _doubtful(term: Term, result: UtteranceResult) -> bool:
    """Whether the term is a single word that was hardly heard."""
    if result.transcript is None or " " in term.text:
        return False
    sure = [w.confidence for w in result.transcript.words if w.start_s == term.offset_s]
    return bool(sure) and sure[0] < HARDLY


def _without(polarity: Polarity, term: Term) -> Polarity:
    terms = tuple(other for other in polarity.terms if other is not term)
    before = sum(each.valence for each in polarity.terms)
    left = sum(other.valence for other in terms) / before if before else 0.0
    return replace(polarity, score=max(-1.0, min(1.0, polarity.score * left)), terms=terms)
