"""The sentence encoder as a torch module that can be fine-tuned to three moods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from convert.encoder import HEADS, folder, weights
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

SIZE = 40
"""Pieces of a sentence that are read at once."""
_SMALL = 1e-12
_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "o": "attention.output.dense",
    "first": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "second": "output.LayerNorm",
}


class Layer(nn.Module):  # type: ignore[misc] # torch is in the converter's environment only
    """Attention and a wide dense pair, each added and normalised."""

    def __init__(self, tensors: dict[str, Any], at: str, drop: float) -> None:
        super().__init__()
        self.drop = drop
        for mine, theirs in _PARTS.items():
            weight, bias = (torch.tensor(tensors[f"{at}{theirs}.{x}"]) for x in ("weight", "bias"))
            part: nn.Linear | nn.LayerNorm
            if weight.dim() == 1:
                part = nn.LayerNorm(len(weight), _SMALL)
            else:
                part = nn.Linear(weight.shape[1], weight.shape[0])
            part.weight, part.bias = nn.Parameter(weight), nn.Parameter(bias)
            self.add_module(mine, part)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(sentences, pieces, width) to the same; `mask` is added to the attention's log-odds."""
        count, size, width = x.shape

        def heads(name: str) -> Tensor:
            wide: Tensor = getattr(self, name)(x)
            return wide.view(count, size, HEADS, width // HEADS).transpose(1, 2)

        # torch's own attention takes as long backwards as all the rest, on a processor
        likeness = heads("q") @ heads("k").transpose(2, 3) / (width // HEADS) ** 0.5
        seen = torch.softmax(likeness + mask, -1) @ heads("v")
        seen = self.o(seen.transpose(1, 2).reshape(count, size, width))
        x = self.first(x + functional.dropout(seen, self.drop, self.training))
        wide = self.down(functional.gelu(self.up(x)))
        out: Tensor = self.second(x + functional.dropout(wide, self.drop, self.training))
        return out


class Transformer(nn.Module):  # type: ignore[misc] # the same
    """The encoder's weights, and a head for negative, neutral and positive."""

    def __init__(self, drop: float = 0.1) -> None:
        super().__init__()
        tensors = weights(folder())
        at = "embeddings."
        # what was not said here keeps its place beside what was: pieces are not taught anew
        self.word = nn.Embedding.from_pretrained(
            torch.tensor(tensors[f"{at}word_embeddings.weight"])
        )
        places = tensors[f"{at}position_embeddings.weight"][:SIZE]
        self.place = nn.Parameter(
            torch.tensor(places + tensors[f"{at}token_type_embeddings.weight"][0])
        )
        self.norm = nn.LayerNorm(places.shape[1], _SMALL)
        self.norm.weight = nn.Parameter(torch.tensor(tensors[f"{at}LayerNorm.weight"]))
        self.norm.bias = nn.Parameter(torch.tensor(tensors[f"{at}LayerNorm.bias"]))
        count = sum(name.endswith("attention.self.query.weight") for name in tensors)
        self.layers = nn.ModuleList(
            Layer(tensors, f"encoder.layer.{n}.", drop) for n in range(count)
        )
        self.head = nn.Linear(places.shape[1], 3)
        self.drop = drop

    def forward(self, ids: Tensor, real: Tensor) -> Tensor:
        """Numbers of pieces, (sentences, pieces), 1.0 where there is one, to logits, (.., 3)."""
        x = self.norm(self.word(ids) + self.place[: ids.shape[1]])
        x = functional.dropout(x, self.drop, self.training)
        mask = (real[:, None, None, :].to(x.dtype) - 1.0) * 1e4
        for layer in self.layers:
            x = layer(x, mask.to(x.dtype))
        mean = (x * real[:, :, None]).sum(1) / real.sum(1, keepdim=True)
        out: Tensor = self.head(functional.dropout(mean, self.drop, self.training))
        return out


def batch(sentences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Rows of pieces as one block, and where there is one."""
    size = max(map(len, sentences))
    ids = np.zeros((len(sentences), size), np.int64)
    for row, pieces in enumerate(sentences):
        ids[row, : len(pieces)] = pieces
    filled = torch.tensor(ids)
    return filled, (filled != 0).float()
