"""A simulated recogniser: words are dropped, heard as others that sound alike, split, made up."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from sered.errors import ModelError

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Mapping, Sequence

    Sounds = tuple[str, ...]

DROPPED, SPLIT, ALIKE, OTHER = 0.28, 0.10, 0.47, 0.10
"""Of the words heard wrongly: lost, taken for two, for one that sounds alike, for any frequent one;
behind what is left of them a word is made up."""
TOP = 15_000
"""Most frequent words of the texts that can be heard in place of others."""
FREQUENT = 300
"""Words that are made up."""
NEIGHBOURS = 12
_ALIKE = {
    "AA": "A", "AH": "A", "AO": "A", "AE": "E", "EH": "E", "EY": "E", "ER": "R", "IH": "I",
    "IY": "I", "UH": "U", "UW": "U", "OW": "O", "AW": "O", "AY": "Y", "OY": "Y",
    "Z": "S", "ZH": "SH", "D": "T", "B": "P", "G": "K", "V": "F", "DH": "TH", "NG": "N",
    "JH": "CH",
}  # fmt: skip
"""Sounds that a telephone line makes one of."""


def pronunciations() -> dict[str, Sounds]:
    """Words and their sounds, from the CMU dictionary in the package pocketsphinx (BSD)."""
    spec = importlib.util.find_spec("pocketsphinx")
    if spec is None or not spec.submodule_search_locations:
        msg = "wanted the package pocketsphinx for its dictionary; found none: make words-model"
        raise ModelError(msg)
    path = Path(spec.submodule_search_locations[0], "model", "en-us", "cmudict-en-us.dict")
    said: dict[str, Sounds] = {}
    for line in path.read_text("utf-8").splitlines():
        word, *sounds = line.split()
        if re.fullmatch(r"[a-z']+", word):
            said.setdefault(word, tuple(_ALIKE.get(sound, sound) for sound in sounds))
    return said


def _keys(sounds: Sounds) -> set[Sounds]:
    """Two words with a key in common differ in one sound at most."""
    size = len(sounds)
    return {
        sounds,
        *((*sounds[:i], "*", *sounds[i + 1 :]) for i in range(size)),
        *((*sounds[:i], "*", *sounds[i:]) for i in range(size + 1)),
    }


class Mishearer:
    """Hears a sentence at a rate of wrong words; the words it knows are those of `texts`."""

    def __init__(self, texts: Iterable[str], said: Mapping[str, Sounds]) -> None:
        counts = Counter(word for text in texts for word in text.split())
        known = [word for word, _ in counts.most_common(TOP) if word in said]
        self._frequent = [word for word, _ in counts.most_common(FREQUENT)]
        self._alike = _neighbours(known, said, counts)
        self._split = _halves(known, said, counts)

    def __call__(self, text: str, rate: float, luck: random.Random) -> str:
        """The sentence as it is heard; itself where nothing would be left."""
        heard: list[str] = []
        for word in text.split():
            if luck.random() >= rate:
                heard.append(word)
            else:
                heard += self._wrong(word, luck)
        return " ".join(heard) or text

    def _wrong(self, word: str, luck: random.Random) -> Sequence[str]:
        draw = luck.random()
        if draw < DROPPED:
            return ()
        if draw < DROPPED + SPLIT and word in self._split:
            return luck.choice(self._split[word])
        alike = self._alike.get(word)
        if alike and draw < DROPPED + SPLIT + ALIKE:
            return (alike[min(int(luck.expovariate(0.45)), len(alike) - 1)],)
        if draw < DROPPED + SPLIT + ALIKE + OTHER:
            return (luck.choice(self._frequent),)
        return (word, luck.choice(self._frequent))


def _neighbours(
    known: Sequence[str], said: Mapping[str, Sounds], counts: Counter[str]
) -> dict[str, list[str]]:
    by_key: defaultdict[Sounds, list[str]] = defaultdict(list)
    for word in known:
        for key in _keys(said[word]):
            by_key[key].append(word)
    found = {}
    for word in known:
        plain = word.replace("'", "")
        others = {
            other
            for key in _keys(said[word])
            for other in by_key[key]
            if other.replace("'", "") != plain
        }
        found[word] = sorted(others, key=lambda other: (-counts[other], other))[:NEIGHBOURS]
    return found


def _halves(
    known: Sequence[str], said: Mapping[str, Sounds], counts: Counter[str]
) -> dict[str, list[tuple[str, str]]]:
    by_sound: defaultdict[Sounds, list[str]] = defaultdict(list)
    for word in known:
        by_sound[said[word]].append(word)
    found = {}
    for word in known:
        sounds = said[word]
        pairs = [
            (one, two)
            for i in range(2, len(sounds) - 1)
            for one in by_sound.get(sounds[:i], [])[:2]
            for two in by_sound.get(sounds[i:], [])[:2]
            if counts[one] + counts[two] > 20
        ]
        if len(sounds) >= 5 and pairs:
            found[word] = pairs[:6]
    return found
