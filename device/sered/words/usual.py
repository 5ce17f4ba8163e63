"""Whether what a recogniser wrote down is speech at all: how often its small words are neighbours.

A recogniser that hears badly writes real words in rows that nobody says, and is no less sure of
them. The table (`make word-pairs`) tells of the most frequent words alone, which everybody uses
alike: whether rarer ones go together hangs on what is spoken about.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sered.errors import ModelError
from sered.words import english as en

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

NAME = "pairs.bin"
"""The table beside a lexicon."""
STEP = 1 / 16
"""Bits that 1 stands for in it."""


class WordPairs:
    """How much likelier a word is behind another than anywhere, in bits.

    A line of the words, then a signed byte for each pair, row by row of the first word. Raises
    ModelError for a file that cannot be read as such.
    """

    def __init__(self, path: Path) -> None:
        try:
            line, end, raw = path.read_bytes().partition(b"\n")
        except OSError as error:
            msg = f"wanted the pairs of words in {path}; found {error.strerror}: put the file there"
            raise ModelError(msg) from error
        words = line.decode("ascii", "replace").split()
        if not end or len(words) < 2 or len(raw) != len(words) ** 2:
            msg = (
                f"wanted words and a byte for each pair of them in {path}; found {len(words)} "
                f"words and {len(raw)} bytes: install sered again"
            )
            raise ModelError(msg)
        self._numbers = {word: number for number, word in enumerate(words)}
        self._bits = np.frombuffer(raw, np.int8).reshape(len(words), len(words))

    def count(self, tokens: Sequence[str], hidden: Collection[int] = ()) -> tuple[int, float]:
        """Pairs of neighbours in words as `phrases.spoken` gives them that the table tells of.

        How many, and their bits together. Names and what is spelt (`hidden`) are left out, numbers
        in a row too.
        """
        numbers = [
            -1 if at in hidden else self._numbers.get(as_one(word), -1)
            for at, word in enumerate(tokens)
        ]
        told = [
            (one, other)
            for at, (one, other) in enumerate(pairwise(numbers))
            if min(one, other) >= 0 and not in_a_row(as_one(tokens[at]), as_one(tokens[at + 1]))
        ]
        return len(told), STEP * sum(int(self._bits[pair]) for pair in told)


def as_one(word: str) -> str:
    """What a word is called in the table: all numbers are one, and all letters."""
    if len(word) == 1 and word not in en.LETTER_WORDS:
        return "<letter>"
    return en.READ_AS.get(word, word)


def in_a_row(one: str, other: str) -> bool:
    """Whether both stand for a class: which number follows which tells nothing."""
    return one[0] == other[0] == "<"


def beside(lexicon: Path) -> WordPairs | None:
    """The table in a lexicon's folder; None where there is none. Raises ModelError."""
    path = lexicon.with_name(NAME)
    return WordPairs(path) if path.is_file() else None
