"""The JSON beside a network: how its numbers are made, read and checked."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sered.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


SCHEMA = "sered.emotion/2"


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


class Golden(_Part):
    """What the network makes of the tuning signal: a box that computes otherwise is caught."""

    statistics: tuple[float, ...]
    """Normalised."""
    probabilities: tuple[float, ...]


class Sidecar(_Part):
    """The JSON beside the model: what it was made with and what it is worth."""

    schema_: Literal["sered.emotion/2"] = Field(alias="schema")
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    sha256: str
    labels: tuple[str, ...]
    recipe: dict[str, Any]
    normalisation: Normalisation
    input: Tensor
    output: Tensor
    temperature: float = Field(gt=0)
    """Divides the network's outputs before the softmax ..."""
    offsets: tuple[float, ...]
    """... and these, one a label, are added: both fitted on corpora that were left out, so that the
    probabilities hold for voices that no recording of their kind was trained on."""
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


def probabilities(
    logits: NDArray[np.floating[Any]], temperature: float, offsets: Sequence[float] = (0.0,)
) -> NDArray[np.float64]:
    """Softmax over the last axis of the network's outputs, cooled and moved by the offsets."""
    scaled = np.asarray(logits, np.float64) / temperature + np.asarray(offsets)
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


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
