"""The words that the small network knows, what is known of each, and which may be named."""

from __future__ import annotations

import hashlib
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from convert.sentence_rows import ROOT, Row, own_learnt

from convert import encoder
from sered.words import stance
from sered.words.phrases import row as words_of
from sered.words.phrases import spoken
from sered.words.sentence_model import units
from sered.words.vader import word_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

CACHE = ROOT / "build" / "words"
RATED = 3.0
"""How large VADER's valences stand beside the encoder's numbers, which vary by 1."""
WHOSE = words_of(
    "jones leeds peter tom paris london york cambridge boston chicago denver dallas lisbon canada "
    "germany norway bath diego jose american french italian chinese indian christmas"
)
"""Names in our sentences: what a sentence goes by is published, and no name shall be."""


@cache
def read(text: str) -> tuple[str, ...]:
    """A sentence as the network reads it."""
    tokens, _ = spoken(text.split())
    hidden = stance.nameless(tokens, stance.statements(tokens, []))
    return tuple(unit.name for unit in units(tokens, hidden))


def vocabulary(rows: Sequence[Row]) -> list[str]:
    """Units said twice, and whole words of the encoder: what nobody here said is known, too."""
    counts = Counter(name for row in rows for name in read(row.text))
    known = encoder.vocabulary(encoder.folder())
    words = {name for name, count in counts.items() if count >= 2}
    words |= {word for word in known if word.isascii() and word.isalpha() and len(word) > 1}
    return sorted(words)


def nameable() -> set[str]:
    """Words that may be given as reasons: said in two of our sentences, and no names."""
    counts: Counter[str] = Counter()
    names = set(WHOSE)
    for row in own_learnt():
        tokens, _ = spoken(row.text.split())
        names |= {tokens[at] for at in stance.nameless(tokens, stance.statements(tokens, []))}
        counts.update({unit.name for unit in units(tokens) if unit.name[0] != "<"})
    return {word for word, count in counts.items() if count >= 2} - names


def static_vectors(words: Sequence[str]) -> Floats:
    """The encoder's vectors of words, centred, and how VADER rates them, (words, 385)."""
    key = hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
    cached = CACHE / f"vectors-{key}.npy"
    if not cached.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        np.save(cached, encoder.word_vectors(words))
    wide = np.load(cached)
    centred = wide - wide.mean(0)
    rated = vader_valences()
    valence = RATED * np.array([[rated.get(word, 0.0)] for word in words])
    return np.asarray(np.hstack([centred / centred.std(), valence]), np.float32)


def vader_valences() -> dict[str, float]:
    """What VADER's raters made of single words, -4 to 4: what the encoder tells worst."""
    lines = word_list().read_text("utf-8").splitlines()
    return {word: float(rated) for word, rated, *_ in (line.split("\t") for line in lines)}
