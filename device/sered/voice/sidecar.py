"""The JSON beside a network: how its numbers are made, read and checked."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sered.errors import ModelError
from sered.records import CALM, LABELS, NEGATIVE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


SCHEMA = "sered.emotion/4"
BAD = np.array([label in NEGATIVE for label in LABELS])
HEATED = np.array([label not in CALM for label in LABELS])
_HOTTER = np.where(HEATED, 1 / HEATED.sum(), -1 / (~HEATED).sum())
LEAST = 1e-6
"""No probability is smaller: one of 0 could not be moved."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tensor(_Part):
    """How an int8 tensor stands for real numbers: real = scale x (int8 - zero_point)."""

    scale: float = Field(gt=0)
    zero_point: int = Field(ge=-128, le=127)


class Normalisation(_Part):
    """What happens to the statistics before the int8 boundary."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    limit: float = Field(gt=0)
    """Normalised values are clipped to +-limit: one wild number must not cost the others' bits."""


class Bend(_Part):
    """How the log-odds of one side are moved and stretched: even where they were `at`."""

    at: float = 0.0
    below: float = Field(default=1.0, gt=0)
    """Slope under `at` ..."""
    above: float = Field(default=1.0, gt=0)
    """... and over it."""

    def __call__(self, drive: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of log-odds."""
        moved = drive - self.at
        bent = np.where(moved < 0, self.below, self.above) * moved
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(bent, -50, 50))))


class Odds(_Part):
    """What makes probabilities of outputs, fitted on corpora that were left out."""

    temperature: float = Field(default=1.0, gt=0)
    """Divides the outputs for the labels before the softmax ..."""
    offsets: tuple[float, ...] = (0.0,) * len(LABELS)
    """... and these, one a label, are added."""
    negative: Bend = Bend()
    """Of the labels' log-odds of NEGATIVE."""
    heat: tuple[float, ...] = tuple(float(weight) for weight in _HOTTER)
    """How much of each label's output is heat, summing to 0: the sum of them is ..."""
    agitated: Bend = Bend()
    """... what is bent to the probability of agitation."""


class Golden(_Part):
    """What the network makes of the tuning signal: a box that computes otherwise is caught."""

    statistics: tuple[float, ...]
    """Normalised."""
    probabilities: tuple[float, ...]


class Sidecar(_Part):
    """The JSON beside the model: what it was made with and what it is worth."""

    schema_: Literal["sered.emotion/4"] = Field(alias="schema")
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    sha256: str
    labels: tuple[str, ...]
    recipe: dict[str, Any]
    normalisation: Normalisation
    input: Tensor
    output: Tensor
    odds: Odds
    terms: str = ""
    """Of the recordings' licences: who may use the network for what."""
    golden: Golden
    training: dict[str, Any] = {}
    """Facts: corpora, clips, speakers, seed, parity."""
    figures: dict[str, Any] = {}
    """What the evaluation measured."""


def quantise(values: NDArray[np.floating[Any]], tensor: Tensor) -> NDArray[np.int8]:
    """Round, clip, cast: a plain cast would turn 129 into -127."""
    steps = np.rint(values / tensor.scale) + tensor.zero_point
    return np.asarray(np.clip(steps, -128, 127), np.int8)


def normalise(
    values: NDArray[np.floating[Any]], normalisation: Normalisation
) -> NDArray[np.float32]:
    """Statistics, (..., width), as the network wants them."""
    centred = (values - np.asarray(normalisation.mean)) / np.asarray(normalisation.deviation)
    return np.asarray(np.clip(centred, -normalisation.limit, normalisation.limit), np.float32)


def probabilities(logits: NDArray[np.floating[Any]], odds: Odds) -> NDArray[np.float64]:
    """Seven probabilities, in the order of LABELS, of outputs (..., 7).

    The softmax of the cooled and moved outputs, its negative labels summing to what `odds` make of
    them.
    """
    shares = _softmax(logits, odds)
    was = shares[..., BAD].sum(axis=-1, keepdims=True)
    bad = odds.negative(np.log(was / (1.0 - was)))
    return np.asarray(shares * np.where(BAD, bad / was, (1.0 - bad) / (1.0 - was)))


def agitation(logits: NDArray[np.floating[Any]], odds: Odds) -> NDArray[np.float64]:
    """Probability of a heated voice, (...) of outputs (..., 7)."""
    return odds.agitated(np.asarray(logits, np.float64) @ np.asarray(odds.heat))


def log_odds(logits: NDArray[np.floating[Any]], odds: Odds) -> NDArray[np.float64]:
    """Log-odds of the negative labels before they are bent, (...) of outputs (..., 7)."""
    bad = _softmax(logits, odds)[..., BAD].sum(axis=-1)
    return np.asarray(np.log(bad / (1.0 - bad)))


def _softmax(logits: NDArray[np.floating[Any]], odds: Odds) -> NDArray[np.float64]:
    """Of the cooled and moved outputs for LABELS; none is smaller than about LEAST."""
    scaled = np.asarray(logits, np.float64) / odds.temperature + np.asarray(odds.offsets)
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    shares = np.maximum(powers / powers.sum(axis=-1, keepdims=True), LEAST)
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def read_sidecar(path: Path) -> Sidecar:
    """The .json beside the model at `path`; ModelError when missing, broken or of another file."""
    beside = path.with_suffix(".json")
    try:
        sidecar = Sidecar.model_validate_json(beside.read_bytes())
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(
            f"wanted the emotion network {path.name} and {beside.name} in {path.parent}; "
            f"found {error.strerror.lower() if error.strerror else error} ({error.filename}): "
            "put both files of one model there"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        if first["loc"] == ("schema",) and str(first.get("input")).startswith("sered.emotion/"):
            raise ModelError(
                f"wanted an emotion network of this sered in {beside}; found at schema one of "
                f"another ({first['input']}), and not {SCHEMA}, which would be fed and read "
                "wrongly: take the network that came with this sered, or make yours anew with "
                "`make model`"
            ) from error
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ModelError(
            f"wanted a sidecar of an emotion network in {beside}; found at {where}: "
            f"{first['msg'].lower()}: put the .json that came with the model there"
        ) from error
    if digest != sidecar.sha256:
        raise ModelError(
            f"wanted {path.name} with SHA-256 {sidecar.sha256[:12]}... as {beside.name} says; "
            f"found {digest[:12]}...: put both files of one model in {path.parent}"
        )
    return sidecar
