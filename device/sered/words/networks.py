"""Loads the network of sentences that a configuration names, whichever kind it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.words.context_model import ContextModel
from sered.words.network import files_of
from sered.words.sentence_model import SentenceModel

if TYPE_CHECKING:
    from pathlib import Path

    from sered.words.network import SentenceNetwork


BESIDE = ("context.tflite", "sentence.tflite")
"""What is looked for beside a lexicon, the better first."""


def beside(lexicon: Path) -> SentenceNetwork | None:
    """The network in a lexicon's folder; None where there is none. Raises ModelError."""
    for name in BESIDE:
        if (path := lexicon.with_name(name)).is_file():
            return load_network(path)
    return None


def load_network(path: Path) -> SentenceNetwork:
    """The network whose .tflite is at `path`; ModelError with a sentence."""
    sidecar, _ = files_of(path)
    return ContextModel(path) if sidecar.kind == "context" else SentenceModel(path)
