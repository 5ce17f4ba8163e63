"""The network that reads a sentence in context: a transformer, fine-tuned, int8 weights in TFLite.

It costs some milliseconds here and some dozens on a Raspberry Pi 4; small boxes take the filters of
sentence_model.py instead.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import numpy as np

from sered.errors import ModelError
from sered.interpreter import load_interpreter
from sered.words.network import MAY_BE_NAMED, Answer, Said, check_golden, files_of
from sered.words.phrases import SMALL_WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sered.words.network import SentenceSidecar

    Floats = NDArray[np.float64]

PAD, UNKNOWN, BEGIN, END = range(4)
"""Numbers of what is no piece of a word; those of the list follow."""
UNSURE = 0.1
"""A word that counts less than this is not read: who knows what was said."""
ASKED = 4
"""Most groups of words that are left out, one after the other, to see what a sentence goes by."""


class ContextModel:
    """The shipped transformer. `read` may be called from several threads.

    `path` is the .tflite file; its .json and its .words, pieces of words, lie beside it. Raises
    ModelError.
    """

    def __init__(self, path: Path) -> None:
        self.sidecar: SentenceSidecar
        self.sidecar, known = files_of(path)
        lines = [line for line in known.split("\n") if line]
        # words that may be named and are no piece are listed with the mark in front
        pieces = [line.removesuffix(MAY_BE_NAMED) for line in lines if line[0] != MAY_BE_NAMED]
        self._numbers = {piece: number for number, piece in enumerate(pieces, END + 1)}
        self._named = frozenset(line.strip(MAY_BE_NAMED) for line in lines if MAY_BE_NAMED in line)
        self._pieces: dict[str, tuple[int, ...]] = {}
        self._interpreter = load_interpreter(path, large=True)
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        self._lock = threading.Lock()
        self._base = np.array(self.sidecar.base)
        found = list(self._input["shape"]), list(self._output["shape"])
        if found != ([1, self.sidecar.size], [1, 3]):
            msg = (
                f"wanted {self.sidecar.size} pieces to 3 moods in {path.name}; found {found}: "
                "install the model and the sered that belong together"
            )
            raise ModelError(msg)
        check_golden(self, path, 0.3)

    def read(self, said: Said) -> Answer:
        """What a sentence is like; a long one is read piece by piece."""
        words = self._words(said)
        whole = self._odds(words)
        return Answer(whole, lambda: self._leads(words, whole))

    def may_name(self, word: str) -> bool:
        """Whether a word may leave the box as a reason: names of people and places may not."""
        return word in self._named

    def _words(self, said: Said) -> list[tuple[int, str, tuple[int, ...]]]:
        """Index, word and numbers of the pieces of each word that is read."""
        return [
            (at, word, (UNKNOWN,) if at in said.hidden else self._cut(word))
            for at, (word, sure) in enumerate(zip(said.tokens, said.sure, strict=True))
            if sure >= UNSURE
        ]

    def _leads(
        self, words: Sequence[tuple[int, str, tuple[int, ...]]], whole: Floats
    ) -> list[tuple[int, float]]:
        """What is lost without the words that may be named, neighbours together in long ones."""
        asked = [
            n
            for n, (_, word, _) in enumerate(words)
            if word not in SMALL_WORDS and self.may_name(word)
        ]
        found = []
        step = max(1, -(-len(asked) // ASKED))
        for at in range(0, len(asked), step):
            group = asked[at : at + step]
            lost = whole - self._odds([word for n, word in enumerate(words) if n not in group])
            found += [(words[n][0], float(lost[2] - lost[0]) / len(group)) for n in group]
        return found

    def _odds(self, words: Sequence[tuple[int, str, tuple[int, ...]]]) -> Floats:
        ids = [number for _, _, numbers in words for number in numbers]
        room = self.sidecar.size - 2
        count = max(1, -(-len(ids) // room))
        step = max(1, -(-len(ids) // count))
        parts = [self._logits(ids[at : at + step]) for at in range(0, max(1, len(ids)), step)]
        odds: Floats = self._base + self.sidecar.sureness * np.mean(parts, axis=0)
        return odds

    def _logits(self, ids: Sequence[int]) -> Floats:
        row = np.full((1, self.sidecar.size), PAD, np.int32)
        row[0, : len(ids) + 2] = [BEGIN, *ids, END]
        with self._lock:
            self._interpreter.set_tensor(self._input["index"], row)
            self._interpreter.invoke()
            out = self._interpreter.get_tensor(self._output["index"])[0]
        return np.asarray(out, np.float64)

    def _cut(self, word: str) -> tuple[int, ...]:
        """Numbers of the longest pieces that make a word."""
        if word not in self._pieces:
            self._pieces[word] = cut(word, self._numbers)
        return self._pieces[word]


def cut(word: str, known: dict[str, int], unknown: int = UNKNOWN) -> tuple[int, ...]:
    """A word in the longest pieces that are known, as the transformer was taught to read."""
    found: list[int] = []
    for part in re.findall(r"[a-z0-9]+|[^a-z0-9]", word):
        at = 0
        while at < len(part):
            end = len(part)
            while end > at and ("##" if at else "") + part[at:end] not in known:
                end -= 1
            if end == at:
                return (unknown,)
            found.append(known[("##" if at else "") + part[at:end]])
            at = end
    return tuple(found)
