"""A simulated recogniser: words are dropped, heard as others that sound alike, split, made up.

How often each happens, and what single words become, is what real recognisers did: confusions.py.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sered.errors import ModelError

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Mapping, Sequence

    Sounds = tuple[str, ...]

SPLIT = 0.2
"""Of the words taken for another: those that are taken for two, where two sound like it."""
SEEN = 0.5
"""How often a word is taken for what a real recogniser took it for, where that is known."""
HEARD = Path(__file__).with_name("confusions.json")
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


@dataclass(frozen=True, slots=True)
class Confusions:
    """What real recognisers made of sentences whose words are known."""

    lost: float
    alike: float
    made_up: float
    """Shares of all mistakes: words lost, taken for one that sounds alike, put in; what is left was
    taken for any other."""
    taken: Mapping[str, Sequence[tuple[str, int]]]
    """What words were taken for, and how often."""


def confusions(said: Mapping[str, Sounds], path: Path = HEARD) -> Confusions:
    """Read what confusions.py counted, of all recognisers together."""
    counts = json.loads(path.read_text("utf-8")).values()
    lost, made_up = (sum(sum(c[what].values()) for c in counts) for what in ("lost", "made_up"))
    pairs = [pair for c in counts for pair in c["taken"]]
    taken: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    alike = 0
    for one, other, n in pairs:
        taken[one].append((other, n))
        if one in said and other in said and not _keys(said[one]).isdisjoint(_keys(said[other])):
            alike += n
    whole = lost + made_up + sum(n for _, _, n in pairs)
    return Confusions(lost / whole, alike / whole, made_up / whole, taken)


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

    def __init__(self, texts: Iterable[str], said: Mapping[str, Sounds], real: Confusions) -> None:
        self._real = real
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
        real = self._real
        draw = luck.random()
        if draw < real.lost:
            return ()
        if draw < real.lost + real.made_up:
            return (word, luck.choice(self._frequent))
        if word in real.taken and luck.random() < SEEN:
            others, counts = zip(*real.taken[word], strict=True)
            return tuple(luck.choices(others, counts))
        if word in self._split and luck.random() < SPLIT:
            return luck.choice(self._split[word])
        alike = self._alike.get(word)
        if alike and draw < real.lost + real.made_up + real.alike:
            return (alike[min(int(luck.expovariate(0.45)), len(alike) - 1)],)
        return (luck.choice(self._frequent),)


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
