"""The words of one utterance: Vosk, offline, from a folder on this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sered.errors import ModelError
from sered.records import RATE_HZ, Transcript, Word
from sered.words.loudness import levelled
from sered.words.still import moving
from sered.words.word_table import check_words

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TAIL = int(0.4 * RATE_HZ)
"""Samples of silence after an utterance; without them the recogniser swallows the last word."""

_ACOUSTIC = ("am/final.mdl", "final.mdl")
_FEATURES = ("conf/mfcc.conf", "mfcc.conf")
_GRAPHS = ("graph/HCLG.fst", "graph/HCLr.fst", "HCLG.fst", "HCLr.fst")


class Transcriber(Protocol):
    """Turns one side's utterances into words; one per side of a line."""

    def transcribe(self, pcm: NDArray[np.int16]) -> Transcript:
        """Words of one utterance of mono 16 kHz sound, times from its start."""
        ...

    def reset(self) -> None:
        """Forget the call that is over."""
        ...


class VoskModel:
    """One model folder, loaded once and shared by every line of the box.

    `path` is a Vosk model, or a folder that holds one called `model`.
    Raises ModelError with a sentence when it is missing, incomplete or not for Vosk.
    """

    def __init__(self, path: Path) -> None:
        folder = model_folder(path)
        check_words(folder)
        vosk = _vosk()
        # Kaldi writes its diary to stderr, words included
        vosk.SetLogLevel(-1)
        try:
            self._model = vosk.Model(str(folder))
        except Exception as fault:
            # Vosk raises a bare Exception, and only Kaldi's own reader tells a good file from a bad
            # one; anything of a kind of its own is not about the model
            if type(fault) is not Exception:
                raise
            msg = (
                f"wanted a Vosk model in {folder}; found one that Vosk cannot load: "
                "fetch it again with `sered models fetch`"
            )
            raise ModelError(msg) from fault
        self._recognizer = vosk.KaldiRecognizer
        self.name = path.name
        """The folder's name, which Vosk's own models carry their version in."""

    def transcriber(self) -> VoskTranscriber:
        """A recogniser of its own for one side of one line."""
        return VoskTranscriber(self._model, self._recognizer)


class VoskTranscriber:
    """One recogniser; not for use by two threads at once."""

    def __init__(self, model: Any, recognizer: Any) -> None:
        self._model = model
        self._kind = recognizer
        self.reset()

    def reset(self) -> None:
        """Begin a call with a recogniser that has heard nothing."""
        # a recogniser grows with what it has heard, so it lives no longer than a call
        self._recognizer = self._kind(self._model, RATE_HZ)
        self._recognizer.SetWords(True)  # noqa: FBT003 - Vosk's own way
        self._fed = 0

    def transcribe(self, pcm: NDArray[np.int16]) -> Transcript:
        """Words of one utterance of mono 16 kHz int16 sound, times from its start."""
        return Transcript(
            tuple(
                word
                for first, last in moving(pcm)
                for word in self._heard(pcm[first:last], first / RATE_HZ)
            )
        )

    def _heard(self, pcm: NDArray[np.int16], at_s: float) -> list[Word]:
        """The words of a piece that begins so late in its utterance."""
        self._recognizer.Reset()
        # Kaldi hears other words in the same sound when it is louder
        sound = np.concatenate([levelled(pcm), np.zeros(TAIL, np.int16)])
        # its clock runs on through Reset, from utterance to utterance
        began_s = self._fed / RATE_HZ - at_s
        self._fed += len(sound)
        pieces = []
        # the recogniser may find a pause inside the utterance and hand over the first part
        if self._recognizer.AcceptWaveform(sound.astype("<i2").tobytes()):
            pieces.append(self._recognizer.Result())
        pieces.append(self._recognizer.FinalResult())
        return [word for piece in pieces for word in _words(piece, began_s)]


def _words(result: str, began_s: float) -> list[Word]:
    return [
        Word(
            text=word["word"],
            start_s=round(max(0.0, word["start"] - began_s), 3),
            end_s=round(max(0.0, word["end"] - began_s), 3),
            confidence=min(1.0, max(0.0, word["conf"])),
        )
        for word in json.loads(result).get("result", ())
        if word["word"] != "[unk]"
    ]


def model_folder(path: Path) -> Path:
    """The folder that Vosk loads; raises ModelError for what is missing or incomplete."""
    wanted = f"wanted a Vosk model in {path}"
    do = "fetch one with `sered models fetch`, or say where it is under [models] vosk"
    if not path.is_dir():
        what = "no such folder"
        if path.is_file():
            do = "`sered models fetch FILE` unpacks an archive of one"
            what = "a file"
        msg = f"{wanted}; found {what}: {do}"
        raise ModelError(msg)
    folder = path / "model" if (path / "model").is_dir() else path
    for part, places in (
        ("acoustic model (am/final.mdl)", _ACOUSTIC),
        ("features (conf/mfcc.conf)", _FEATURES),
        ("graph (graph/HCLG.fst or graph/HCLr.fst)", _GRAPHS),
    ):
        if not any((folder / place).is_file() for place in places):
            msg = f"{wanted}; found a folder without its {part}: {do}"
            raise ModelError(msg)
    return folder


def _vosk() -> Any:
    try:
        import vosk  # noqa: PLC0415 - 30 MB that `sered --help` does without
    except OSError as fault:
        msg = f"wanted to load Vosk; found {fault}: on a minimal Debian install libatomic1"
        raise ModelError(msg) from fault
    except ImportError as fault:
        msg = f"wanted to load Vosk; found {fault}: install sered again with pip"
        raise ModelError(msg) from fault
    return vosk
