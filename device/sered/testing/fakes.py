"""Stand-ins for the network, the recogniser and the tap; they keep the real parts' promises."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from sered.records import FRAME, LABELS, AudioFrame, Emotion, Transcript, Word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sered.records import Side

_LEAST_SAMPLES = 800
_WORD_S = 0.2


class ScriptedEmotion:
    """An EmotionModel that gives the same label each time; like the real one it needs sound."""

    sha256 = "0" * 64

    def __init__(self, label: str = "angry", certainty: float = 0.9) -> None:
        rest = (1.0 - certainty) / (len(LABELS) - 1)
        self._emotion = Emotion(tuple(certainty if name == label else rest for name in LABELS))
        self.heard: list[int] = []
        """Samples of each utterance."""

    def judge(self, pcm: NDArray[np.int16]) -> Emotion | None:
        """The scripted feeling; None for silence, as the real network does."""
        self.heard.append(len(pcm))
        if len(pcm) < _LEAST_SAMPLES or not pcm.any():
            return None
        return self._emotion


class ScriptedTranscriber:
    """A Transcriber that hears the scripted sentences one after the other, anew at every call."""

    def __init__(self, sentences: Sequence[str], confidence: float = 1.0) -> None:
        self._sentences = list(sentences)
        self._confidence = confidence
        self._next = 0
        self.calls = 0

    def transcribe(self, pcm: NDArray[np.int16]) -> Transcript:
        """The next sentence; no words in silence or when the script is over."""
        if not pcm.any() or self._next >= len(self._sentences):
            return Transcript(())
        words = self._sentences[self._next].split()
        self._next += 1
        return Transcript(
            tuple(
                Word(word, round(i * _WORD_S, 3), round((i + 1) * _WORD_S, 3), self._confidence)
                for i, word in enumerate(words)
            )
        )

    def reset(self) -> None:
        """A new call."""
        self._next = 0
        self.calls += 1


class ListSource:
    """An AudioSource over arrays in memory, one a side, cut into frames; the last is padded.

    `lost` maps a frame's number to the samples lost before it.
    """

    def __init__(
        self, sides: Mapping[Side, NDArray[np.int16]], lost: Mapping[int, int] | None = None
    ) -> None:
        self._sides = sides
        self._lost = dict(lost or {})
        self._closed = threading.Event()

    def frames(self) -> Iterator[AudioFrame]:
        """The frames in order until `close`."""
        length = max(len(pcm) for pcm in self._sides.values())
        skipped = 0
        for number, at in enumerate(range(0, length, FRAME)):
            if self._closed.is_set():
                return
            lost = self._lost.get(number, 0)
            skipped += lost
            pieces = {}
            for side, pcm in self._sides.items():
                piece = pcm[at : at + FRAME]
                pieces[side] = np.pad(piece, (0, FRAME - len(piece)))
            yield AudioFrame(at + skipped, pieces, lost)

    def close(self) -> None:
        """End `frames`."""
        self._closed.set()
