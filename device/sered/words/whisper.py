"""The words of one utterance: Whisper, offline, for archives and strong machines."""

from __future__ import annotations

import hashlib
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from sered.errors import ModelError
from sered.levels import FULL_SCALE
from sered.records import RATE_HZ, Transcript
from sered.words.loudness import levelled
from sered.words.whisper_gate import Segment, Spoken, believed

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FILES = ("model.bin", "config.json", "tokenizer.json")
"""Of a folder that CTranslate2's converter makes, beside its vocabulary."""
_VOCABULARIES = ("vocabulary.txt", "vocabulary.json")
_LEAST = int(0.1 * RATE_HZ)
"""Samples under which there is no word."""
_TOKENS_A_SECOND, _TOKENS_MORE = 10, 16
"""Nobody says more; a network that runs on in a circle ends there."""
_NOT_SPOKEN = re.compile(r"[0-9$%€£#@&+]")
"""Signs that it may not write, so that it writes numbers as they were said."""
_WINDOW_S = 30.0
"""What it looks at at a time, and what it costs however short the utterance is."""
_CHUNK = 1 << 20


class WhisperModel:
    """One model folder in CTranslate2's form, run as int8 on one core; shared by every line.

    `sha256` pins its model.bin: a network that was exchanged judges otherwise. Raises ModelError
    with a sentence when it is missing, incomplete, another one, or faster-whisper is not there.
    """

    def __init__(self, path: Path, sha256: str | None, language: str) -> None:
        digest = checked(path, sha256)
        try:
            self._model = _faster_whisper().WhisperModel(
                str(path), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True
            )
        except (RuntimeError, ValueError, OSError, KeyError) as fault:
            msg = f"wanted a Whisper model in {path}; found one that cannot be loaded ({fault})"
            raise ModelError(msg) from fault
        if not self._model.model.is_multilingual and language != "en":
            msg = f"wanted a Whisper model for {language!r}; found one for English alone in {path}"
            raise ModelError(msg)
        self._language = language
        self._banned = _banned(self._model.hf_tokenizer)
        self.name = f"{path.name}-{digest[:8]}"
        """The folder's name and how its network's digest begins."""

    def transcriber(self) -> WhisperTranscriber:
        """A recogniser for one side of one line; it remembers nothing from call to call."""
        return WhisperTranscriber(self._model, self._language, self._banned)


class WhisperTranscriber:
    """Utterance by utterance, each for itself."""

    def __init__(self, model: Any, language: str, banned: list[int]) -> None:
        self._model = model
        self._language = language
        self._banned = banned

    def reset(self) -> None:
        """Nothing is kept of a call."""

    def transcribe(self, pcm: NDArray[np.int16]) -> Transcript:
        """Words of one utterance of mono 16 kHz int16 sound, times from its start."""
        if len(pcm) < _LEAST or not pcm.any():
            return Transcript(())
        length_s = len(pcm) / RATE_HZ
        # a pipeline of its own: it remembers when somebody spoke last. Not the plain way, which
        # looks at what comes after the last word once more, and makes up "you" there
        found, _ = (
            _faster_whisper()
            .BatchedInferencePipeline(self._model)
            .transcribe(
                levelled(pcm).astype(np.float32) / FULL_SCALE,
                language=self._language,
                beam_size=1,
                # one try, always the same: a second one at random would judge a call anew each time
                temperature=0.0,
                word_timestamps=True,
                suppress_tokens=self._banned,
                max_new_tokens=int(_TOKENS_A_SECOND * min(length_s, _WINDOW_S)) + _TOKENS_MORE,
                clip_timestamps=_windows(length_s),
                # rounding hangs on how many are worked on at once
                batch_size=1,
            )
        )
        segments = [
            Segment(
                tuple(Spoken(w.word, w.start, w.end, w.probability) for w in each.words or ()),
                each.no_speech_prob,
                each.avg_logprob,
            )
            for each in found
        ]
        return Transcript(believed(segments, length_s))


def checked(path: Path, sha256: str | None) -> str:
    """The digest of the folder's model.bin; raises ModelError for what is missing or another."""
    wanted = f"wanted a Whisper model in {path} ({', '.join(FILES)}, a vocabulary)"
    do = "put a folder there that ct2-transformers-converter made, or mend [models] whisper"
    if not path.is_dir():
        msg = f"{wanted}; found no such folder: {do}"
        raise ModelError(msg)
    missing = [name for name in FILES if not (path / name).is_file()]
    if not any((path / name).is_file() for name in _VOCABULARIES):
        missing.append(" or ".join(_VOCABULARIES))
    if missing:
        msg = f"{wanted}; found no {', no '.join(missing)}: {do}"
        raise ModelError(msg)
    digest = hashlib.sha256()
    try:
        with (path / FILES[0]).open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        msg = f"{wanted}; found {FILES[0]} that cannot be read ({error.strerror})"
        raise ModelError(msg) from None
    if sha256 is None:
        msg = (
            "wanted the digest of Whisper's network, so that nobody exchanges it unseen; found "
            f'none: if you trust {path}, say whisper_sha256 = "{digest.hexdigest()}"'
        )
        raise ModelError(msg)
    if digest.hexdigest() != sha256:
        msg = (
            f"wanted {FILES[0]} with SHA-256 {sha256[:12]}... as [models] whisper_sha256 says; "
            f"found {digest.hexdigest()[:12]}... in {path}: copy the folder again"
        )
        raise ModelError(msg)
    return sha256


def _windows(length_s: float) -> list[dict[str, float]]:
    """The utterance in equal pieces that it can look at."""
    count = max(1, math.ceil(length_s / _WINDOW_S))
    step = length_s / count
    return [{"start": at * step, "end": (at + 1) * step} for at in range(count)]


def _banned(tokenizer: Any) -> list[int]:
    """Tokens that it may not choose: -1 for its own list of noises, and what no mouth says."""
    special = "<|"
    return [-1] + [
        number
        for token, number in tokenizer.get_vocab().items()
        if not token.startswith(special) and _NOT_SPOKEN.search(tokenizer.decode([number]))
    ]


def _faster_whisper() -> Any:
    try:
        import faster_whisper  # noqa: PLC0415 - heavy, and an extra
    except (ImportError, OSError) as fault:
        msg = f"wanted faster-whisper; found {fault}: pip install 'sered[whisper]'"
        raise ModelError(msg) from fault
    return faster_whisper
