"""What a sentence is like: a small network over its words, and which of them it goes by.

The network is int8 TFLite: static vectors of words, and filters over one, two and three of them. A
filter's strongest place in the sentence speaks for negative, neutral and positive as the sidecar
says, so that what the network makes of a sentence is the sum of what its words say.
"""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sered.errors import ModelError
from sered.interpreter import load_interpreter
from sered.words import english as en
from sered.words.network import MAY_BE_NAMED, Answer, Said, check_golden, files_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sered.words.network import SentenceSidecar

    Floats = NDArray[np.float64]

MET = 2000
"""Words whose numbers are remembered."""
PAD, UNKNOWN = 0, 1
"""Numbers of no word and of one that the network does not know; known ones follow."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A word as the network reads it, and the words that it stands for: a number may be several."""

    name: str
    start: int
    end: int
    """One past its last word."""


def units(tokens: Sequence[str], hidden: Collection[int] = ()) -> list[Unit]:
    """What the network reads of words as `phrases.spoken` gives them.

    Numbers, letters and the `hidden` words, names above all, are one unit each, whatever they are.
    """
    found: list[Unit] = []
    for at, word in enumerate(tokens):
        name = "<name>" if at in hidden else en.READ_AS.get(word, word)
        if len(name) == 1 and name not in en.LETTER_WORDS:
            name = "<letter>"
        if name[0] == "<" and found and found[-1].name == name:
            found[-1] = Unit(name, found[-1].start, at + 1)
        else:
            found.append(Unit(name, at, at + 1))
    return found


class KnownWords:
    """The words that the network knows, as short digests: as Python's strings they would take more
    memory than the network."""

    def __init__(self, listed: str) -> None:
        named: set[str] = set()
        digests = np.fromiter(_digests(listed, named), np.uint64)
        self.named = frozenset(named)
        """Those that may be given as reasons."""
        self._order = np.argsort(digests).astype(np.uint16 if len(digests) < 2**16 else np.uint32)
        self._digests = digests[self._order]
        self._met: dict[str, int] = {}

    def number(self, word: str) -> int:
        """The number that the network knows a word by; UNKNOWN for others."""
        if word not in self._met:
            if len(self._met) >= MET:
                self._met.clear()
            self._met[word] = self._find(word) or self._find(word.replace("'", "")) or UNKNOWN
        return self._met[word]

    def _find(self, word: str) -> int:
        wanted = np.uint64(_digest(word))
        at = int(self._digests.searchsorted(wanted))
        if at == len(self._digests) or self._digests[at] != wanted:
            return 0
        return int(self._order[at]) + UNKNOWN + 1


def _digests(listed: str, named: set[str]) -> Iterator[int]:
    """Of each line's word; those that may be named are put into `named`."""
    for line in re.finditer(r"[^\n]+", listed):
        word = line[0].removesuffix(MAY_BE_NAMED)
        if word != line[0]:
            named.add(word)
        yield _digest(word)


def _digest(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")


class SentenceModel:
    """The small network. `read` may be called from several threads.

    `path` is the .tflite file; its .json and its .words lie beside it. Raises ModelError.
    """

    def __init__(self, path: Path) -> None:
        self.sidecar: SentenceSidecar
        self.sidecar, known = files_of(path)
        filters = self.sidecar.filters
        if filters is None:
            msg = f"wanted filters in {path.with_suffix('.json')}; found none: put it back"
            raise ModelError(msg)
        self._words = KnownWords(known)
        self._interpreter = load_interpreter(path)
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        self._lock = threading.Lock()
        self._base = np.array(self.sidecar.base)
        self._head = self.sidecar.sureness * np.array(filters.head)
        self._scale, self._zero_point = filters.scale, filters.zero_point
        # a filter over two units covers its place and the next, one over three the one before, too
        spans = [
            (number, offset + 1 - (width - 1) // 2, 1.0 / width)
            for number, width in enumerate(filters.widths)
            for offset in range(width)
        ]
        self._filter = np.array([number for number, _, _ in spans])
        self._place = np.array([place for _, place, _ in spans])
        self._part = np.array([part for _, _, part in spans])
        wanted, found = [1, self.sidecar.size, len(filters.head)], list(self._output["shape"])
        if found != wanted or len(filters.widths) != wanted[2]:
            msg = (
                f"wanted an output of {wanted} in {path.name}; found {found}: "
                "install the model and the sered that belong together"
            )
            raise ModelError(msg)
        # a few int8 steps may round the other way on another processor
        check_golden(self, path, 0.3)

    def read(self, said: Said) -> Answer:
        """What a sentence is like; a long one is read piece by piece."""
        mine = units(said.tokens, said.hidden)
        sure = np.array([min(said.sure[unit.start : unit.end]) for unit in mine])
        size = self.sidecar.size
        count = max(1, -(-len(mine) // size))
        step = max(1, -(-len(mine) // count))
        parts = [self._says(mine[at : at + step]) for at in range(0, len(mine), step)]
        says = np.concatenate([np.zeros((0, 3)), *(part for part, _ in parts)])
        says *= sure.reshape(-1, 1) / count
        rest = sum((rest for _, rest in parts), np.zeros(3)) / count
        leads = says[:, 2] - says[:, 0]
        return Answer(
            self._base + rest + says.sum(0),
            lambda: [(unit.start, float(lead)) for unit, lead in zip(mine, leads, strict=True)],
        )

    def number(self, word: str) -> int:
        """The number that the network knows a word by."""
        return self._words.number(word)

    def may_name(self, word: str) -> bool:
        """Whether a word may leave the box as a reason: names of people and places may not."""
        return word in self._words.named

    def _says(self, mine: Sequence[Unit]) -> tuple[Floats, Floats]:
        """What each unit says, (units, 3), and what the empty places behind them do, (3,)."""
        size = self.sidecar.size
        ids = np.zeros((1, size), np.int32)
        ids[0, : len(mine)] = [self.number(unit.name) for unit in mine]
        with self._lock:
            self._interpreter.set_tensor(self._input["index"], ids)
            self._interpreter.invoke()
            # behind the last word all places are alike
            out = self._interpreter.get_tensor(self._output["index"])[0, : len(mine) + 2]
        place = out.argmax(0)
        strength = self._scale * (
            out[place, np.arange(out.shape[1])].astype(np.int16) - self._zero_point
        )
        share = np.zeros((len(out) + 2, len(place)))
        share[place[self._filter] + self._place, self._filter] = self._part
        places = share @ (strength[:, None] * self._head)
        inside = places[1 : len(mine) + 1]
        return inside, places.sum(0) - inside.sum(0)
