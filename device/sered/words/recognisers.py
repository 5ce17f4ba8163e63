"""Loads the recogniser that a configuration names, whichever kind it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sered.words.transcript import VoskModel
from sered.words.whisper import WhisperModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sered.settings import ModelSettings
    from sered.words.transcript import Transcriber


class Recogniser(Protocol):
    """A model that is loaded once and shared by every line."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    def transcriber(self) -> Transcriber:
        """One for each side of each line."""
        ...


def load_recogniser(models: ModelSettings, place: Callable[[Path], Path]) -> Recogniser:
    """What `[models] recogniser` asks for; raises ModelError. `place`: where a model's file is."""
    if models.recogniser == "whisper":
        return WhisperModel(place(models.whisper), models.whisper_sha256, models.language)
    return VoskModel(place(models.vosk))
