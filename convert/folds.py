"""Which training hears whom: speakers, corpora and chance held out in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from convert.dataset import Dataset
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

GROUPS = 9
"""Folds that hold out every speaker once, some of each corpus in each fold. TESS has two more: so
few voices with so many clips that each is held out alone, as its protocol wants."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One training: what it may not hear, and what it may."""

    name: str
    test: Mask
    train: Mask


def folds(data: Dataset) -> list[Fold]:
    """Every training that the evaluation needs."""
    speakers, corpora = data.speakers, data.corpora
    out = [Fold(f"speakers {group}", held, ~held) for group, held in enumerate(_groups(data))]
    out += [
        Fold(f"corpus {corpus}", corpora == corpus, corpora != corpus)
        for corpus in sorted(set(corpora))
    ]
    tess = corpora == "tess"
    if tess.any():
        # the prototype's own protocol: both voices on both sides
        chance = np.random.default_rng(0).random(len(speakers)) < 0.2
        out.append(Fold("random tess", tess & chance, tess & ~chance))
    return out


def _groups(data: Dataset) -> list[Mask]:
    """A mask a fold; every speaker is in exactly one, each corpus spread over all."""
    group = np.zeros(len(data.clips), int)
    for shift, corpus in enumerate(sorted(set(data.corpora))):
        for index, speaker in enumerate(sorted(set(data.speakers[data.corpora == corpus]))):
            # pairs of neighbours (RAVDESS: a man and a woman) stay together
            spread = (index // 2 if corpus == "ravdess" else index + shift) % GROUPS
            group[data.speakers == speaker] = GROUPS + index if corpus == "tess" else spread
    return [group == number for number in np.unique(group)]
