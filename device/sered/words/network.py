"""What every network of sentences is to the rest: its sidecar, its files, and what it answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sered.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Three = tuple[float, float, float]

WITHOUT = Path("none")
"""What stands for no network in a configuration."""
MAY_BE_NAMED = "+"
"""Behind a word in the list: it may be given as a reason."""


class Filters(BaseModel):
    """How the small network's outputs are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    widths: tuple[int, ...]
    """How many units each filter spans."""
    scale: float = Field(gt=0)
    zero_point: int
    """How int8 stand for real numbers: real = scale x (int8 - zero_point)."""
    head: tuple[tuple[float, float, float], ...]
    """What each filter speaks for negative, neutral and positive."""


class SentenceSidecar(BaseModel):
    """The JSON beside a network."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    schema_: Literal["sered.sentence/1"] = Field(alias="schema")
    kind: Literal["filters", "context"]
    sha256: str
    """Of the network."""
    words_sha256: str
    """Of the list of words beside it."""
    language: str
    size: int = Field(gt=0)
    """Units or pieces that are read at once."""
    filters: Filters | None = None
    sureness: float = Field(1.0, gt=0)
    """How far the network's log-odds can be believed."""
    base: tuple[float, float, float]
    """Log-odds that every sentence begins with."""
    lexicon: tuple[tuple[float, float, float], ...]
    """What the lexicon's bad, good and whole evidence speaks for negative, neutral, positive."""
    thresholds: tuple[float, float]
    """Lead of negative and of positive, 0 to 1, under which a sentence is neutral."""
    golden: dict[str, tuple[float, float, float]]
    """Sentences and what the network made of them where it was trained."""
    training: dict[str, Any] = {}
    figures: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence for a network: words as `phrases.spoken` gives them, and what is known of each."""

    tokens: Sequence[str]
    sure: Sequence[float]
    """How surely each was recognised, 0 to 1."""
    hidden: Collection[int] = ()
    """Which of them name or spell something."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a network makes of a sentence."""

    log_odds: Floats
    """(3,): negative, neutral, positive, up to a constant."""
    leads: Callable[[], list[tuple[int, float]]]
    """Which words it goes by: index of each and how far it leads to positive (or negative, below
    0). Asked only for what is not neutral, since it may cost more than the answer."""


class SentenceNetwork(Protocol):
    """Reads sentences; from several threads."""

    sidecar: SentenceSidecar

    def read(self, said: Said) -> Answer:
        """What a sentence is like."""
        ...

    def may_name(self, word: str) -> bool:
        """Whether a word may leave the box as a reason: names of people and places may not."""
        ...


def files_of(path: Path) -> tuple[SentenceSidecar, str]:
    """SentenceSidecar and words of a network, one a line.

    Raises ModelError when they are missing, broken or of another network.
    """
    beside, listed = path.with_suffix(".json"), path.with_suffix(".words")
    try:
        sidecar = SentenceSidecar.model_validate_json(beside.read_bytes())
        found = {
            path: (sidecar.sha256, _sha256(path)),
            listed: (sidecar.words_sha256, _sha256(listed)),
        }
        known = listed.read_text("utf-8")
    except OSError as error:
        raise ModelError(
            f"wanted the sentence network {path.name}, {beside.name} and {listed.name} in "
            f"{path.parent}; found {error.strerror.lower() if error.strerror else error} "
            f"({error.filename}): put all files of one model there"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ModelError(
            f"wanted a sidecar of a sentence network in {beside}; found at {where}: "
            f"{first['msg'].lower()}: put the .json that came with the model there"
        ) from error
    for file, (wanted, digest) in found.items():
        if digest != wanted:
            raise ModelError(
                f"wanted {file.name} with SHA-256 {wanted[:12]}... as {beside.name} says; "
                f"found {digest[:12]}...: put all files of one model in {path.parent}"
            )
    return sidecar, known


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_golden(network: SentenceNetwork, path: Path, allowance: float) -> None:
    """The same sentences must give the same numbers here as where the network was made."""
    for sentence, golden in network.sidecar.golden.items():
        tokens = sentence.split()
        found = network.read(Said(tokens, [1.0] * len(tokens))).log_odds
        off = max(abs(float(x) - wanted) for x, wanted in zip(found, golden, strict=True))
        if off > allowance:
            raise ModelError(
                f"wanted {path.name} to judge a known sentence as its sidecar says; found it off "
                f"by {off:.2f}: install the model and the sered that belong together"
            )
