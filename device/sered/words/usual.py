"""Whether what a recogniser wrote down is speech at all: how many neighbouring words people say.

A recogniser that hears badly writes real words in rows that nobody says, and is no less sure of
them. The table is of pairs of neighbours in sentences that people said (`make word-pairs`).
"""

from __future__ import annotations

import zlib
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sered.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

NAME = "pairs.bin"
"""The table beside a lexicon."""


class WordPairs:
    """Pairs of words, each as four bytes; ModelError for a file that cannot be read as such."""

    def __init__(self, path: Path) -> None:
        try:
            raw = path.read_bytes()
        except OSError as error:
            msg = f"wanted the pairs of words in {path}; found {error.strerror}: put the file there"
            raise ModelError(msg) from error
        table = np.frombuffer(raw[: len(raw) // 4 * 4], "<u4")
        if not len(table) or len(raw) % 4 or np.any(table[1:] <= table[:-1]):
            msg = f"wanted ascending pairs of words in {path}; found others: install sered again"
            raise ModelError(msg)
        self._table = table

    def count(self, tokens: Sequence[str], hidden: Collection[int] = ()) -> tuple[int, int]:
        """Pairs of neighbours in words as `phrases.spoken` gives them, and how many are known.

        Names and what is spelt (`hidden`) are left out.
        """
        keys = [
            key_of(one, other)
            for at, (one, other) in enumerate(pairwise(tokens))
            if at not in hidden and at + 1 not in hidden
        ]
        at = np.searchsorted(self._table, np.array(keys, np.uint32))
        found = self._table[np.minimum(at, len(self._table) - 1)]
        return len(keys), int(np.sum(found == np.array(keys, np.uint32)))


def key_of(one: str, other: str) -> int:
    """What a pair is called in the table."""
    return zlib.crc32(f"{one} {other}".encode())


def beside(lexicon: Path) -> WordPairs | None:
    """The table in a lexicon's folder; None where there is none. Raises ModelError."""
    path = lexicon.with_name(NAME)
    return WordPairs(path) if path.is_file() else None
