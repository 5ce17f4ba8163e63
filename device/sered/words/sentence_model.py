"""Which way a sentence leans that no phrase of the lexicon decides: word by word, by its likes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from sered.errors import ModelError
from sered.words.phrases import SMALL_WORDS, alike, row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CERTAIN = 0.55
"""Probability from which a sentence is taken for negative, neutral or positive."""
FULL = 2.0
"""Valence of a sentence that leans without doubt: somewhat less than a phrase of the lexicon."""
NAMED = 3
"""Most words or pairs of words that are named as what a sentence leans by."""
FEWEST = 3
"""Words under which a sentence says too little to lean."""

_DIGITS = row(
    "oh zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty "
    "ninety hundred thousand"
)
_TIMES = row("minute minutes hour hours day days week weeks month months year years")
# may and march are more often other words
_DAYS = row(
    "monday tuesday wednesday thursday friday saturday sunday january february april june july "
    "august september october november december"
)
_CLASSES = {
    **dict.fromkeys(_DIGITS, "<number>"),
    **dict.fromkeys(_TIMES, "<time>"),
    **dict.fromkeys(_DAYS, "<day>"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A word or two neighbours, as the table spells them, and the words they stand for."""

    name: str
    start: int
    end: int
    """One past its last word."""


@dataclass(frozen=True, slots=True)
class Lean:
    """What a sentence leans to."""

    neutral: float
    """Probability, 0 to 1, that it says nothing of how the speaker feels."""
    parts: tuple[tuple[Part, float], ...] = ()
    """What it leans by and the valence of each, -4 to 4; none where it leans nowhere."""


def parts(tokens: Sequence[str]) -> Iterator[Part]:
    """Words and pairs of neighbours; numbers, times and days are one word each.

    `tokens` as `phrases.spoken` gives them.
    """
    units: list[Part] = []
    for at, word in enumerate(alike(tokens)):
        name = _CLASSES.get(word, word)
        if name == "<number>" and units and units[-1].name == name:
            units[-1] = Part(name, units[-1].start, at + 1)
        else:
            units.append(Part(name, at, at + 1))
    yield from units
    size = len(tokens)
    for one, two in pairwise([Part("^", 0, 0), *units, Part("$", size, size)]):
        yield Part(f"{one.name} {two.name}", one.start, two.end)


class Leanings:
    """A table of words and pairs: how much each speaks for negative and for positive.

    Raises ModelError with a sentence.
    """

    def __init__(self, table: Path) -> None:
        try:
            rows = [
                line.split("\t")
                for line in table.read_text(encoding="utf-8").splitlines()
                if line and not line.startswith("#")
            ]
            self._weights = {name: (float(bad), float(good)) for name, bad, good in rows}
            self._start = self._weights.pop("^")
        except (OSError, ValueError, KeyError) as fault:
            msg = f"wanted a table of leanings in {table}; found {fault!r}: install sered again"
            raise ModelError(msg) from fault

    def lean(self, tokens: Sequence[str], certainty: Sequence[float]) -> Lean:
        """What a sentence leans to; `certainty`, 0 to 1, is how sure each word is."""
        if len(tokens) < FEWEST:
            return Lean(1.0)
        found: dict[str, tuple[Part, float]] = {}
        for part in parts(tokens):
            if part.name in self._weights and part.name not in found:
                found[part.name] = (part, min(certainty[part.start : part.end]))
        bad, good = (
            self._start[i] + sum(self._weights[name][i] * sure for name, (_, sure) in found.items())
            for i in (0, 1)
        )
        odds = (math.exp(min(bad, 50.0)), 1.0, math.exp(min(good, 50.0)))
        p_bad, neutral, p_good = (value / sum(odds) for value in odds)
        if max(p_bad, p_good) < CERTAIN:
            return Lean(neutral)
        mood = 0 if p_bad > p_good else 1
        valence = -FULL * p_bad if mood == 0 else FULL * p_good
        reasons = {part: self._weights[part.name][mood] * sure for part, sure in found.values()}
        return Lean(neutral, _shared(reasons, valence))


def _shared(reasons: dict[Part, float], valence: float) -> tuple[tuple[Part, float], ...]:
    """The weightiest words, none twice, and each one's part of the valence."""
    taken: set[int] = set()
    named: list[tuple[Part, float]] = []
    # a word like `this` explains nothing, and a number may be a card's
    ranked = sorted(reasons.items(), key=lambda item: (_empty(item[0]), -item[1]))
    for part, weight in ranked:
        words = set(range(part.start, part.end))
        if weight <= 0 or "<number>" in part.name or words & taken or len(named) == NAMED:
            continue
        if named and _empty(part):
            break
        taken |= words
        named.append((part, weight))
    whole = sum(weight for _, weight in named)
    return tuple(
        (part, valence * weight / whole)
        for part, weight in sorted(named, key=lambda item: item[0].start)
    )


def _empty(part: Part) -> bool:
    return (SMALL_WORDS | {"^", "$"}).issuperset(part.name.split())
