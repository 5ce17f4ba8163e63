"""Judges one utterance: sound by the network, words by the lexicon; either may fail alone."""

from __future__ import annotations

import logging
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sered.levels import FULL_SCALE, clipped_share
from sered.records import Utterance, UtteranceResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sered.records import Transcript
    from sered.voice.emotion import EmotionModel
    from sered.words.polarity import CallPolarity
    from sered.words.transcript import Transcriber

log = logging.getLogger(__name__)

_In = TypeVar("_In")
_Out = TypeVar("_Out")
_Answer = TypeVar("_Answer")

_MAX_SNR_DB = 60.0
"""dB; a line without any noise would have an endless one, which no schema holds."""


class Interruptible:
    """Asks one question at a time, in a thread of its own: native code cannot be called back.

    Questions come from one thread; `end` is safe from any, and twice.
    """

    def __init__(self) -> None:
        self._asked = ThreadPoolExecutor(1, "answer")
        self._over: Future[None] = Future()

    def ask(self, question: Callable[[], _Answer]) -> _Answer | None:
        """The answer, or what it raises; None when `end` comes first, or came before."""
        if self._over.done():
            return None
        answer = self._asked.submit(question)
        either: tuple[Future[Any], ...] = (answer, self._over)
        wait(either, return_when=FIRST_COMPLETED)
        return answer.result() if answer.done() else None

    def end(self) -> None:
        """Wait no longer: what is being looked for is looked for in vain."""
        if not self._over.done():
            self._over.set_result(None)


@dataclass(slots=True)
class Analysis:
    """The judges of one line; None where a mode or a missing model leaves one out."""

    emotion: EmotionModel | None
    transcriber: Transcriber | None
    polarity: CallPolarity | None
    failures: int = 0
    """Halves of utterances that could not be judged because of a fault of ours."""
    _search: Interruptible = field(default_factory=Interruptible)

    def begin_call(self) -> None:
        """Forget the last call."""
        if self.transcriber is not None:
            self.transcriber.reset()

    def judge(
        self, utterance: Utterance, pcm: NDArray[np.int16], noise_db: float | None
    ) -> UtteranceResult:
        """Everything that can be known of one utterance of 16 kHz mono int16 sound."""
        emotion = transcript = polarity = None
        if self.emotion is not None:
            emotion = self._guarded("emotion", self.emotion.judge, pcm)
        if self.transcriber is not None:
            transcript = self._guarded("words", self._words, pcm)
        if transcript is not None and self.polarity is not None:
            polarity = self._guarded("polarity", self.polarity.score, transcript)
        return UtteranceResult(
            utterance,
            emotion=emotion,
            transcript=transcript,
            polarity=polarity,
            snr_db=_snr_db(pcm, noise_db),
            clipping=clipped_share(pcm),
        )

    def hurry(self) -> None:
        """No time is left for words; safe from any thread, even while they are looked for."""
        self._search.end()

    def _words(self, pcm: NDArray[np.int16]) -> Transcript | None:
        assert self.transcriber is not None, "asked for where there are words"
        return self._search.ask(partial(self.transcriber.transcribe, pcm))

    def _guarded(self, what: str, judge: Callable[[_In], _Out], value: _In) -> _Out | None:
        try:
            return judge(value)
        except Exception as error:  # noqa: BLE001 - one utterance's fault must not cost the call
            self.failures += 1
            log.warning("utterance.failed half=%s error=%s", what, type(error).__name__)
            return None


def _snr_db(pcm: NDArray[np.int16], noise_db: float | None) -> float | None:
    if noise_db is None or not len(pcm):
        return None
    power = float(np.mean(np.square(pcm.astype(np.float32) / FULL_SCALE)))
    noise = 10.0 ** (noise_db / 10.0)
    speech = max(power - noise, 1e-12)
    return float(np.clip(10.0 * np.log10(speech / max(noise, 1e-12)), -10.0, _MAX_SNR_DB))
