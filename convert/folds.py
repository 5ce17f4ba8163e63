"""Which training hears whom: speakers, corpora and chance held out in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from convert.corpora import ORDINARY

if TYPE_CHECKING:
    from convert.dataset import Dataset
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

GROUPS = 5
"""Folds that hold out every speaker once, some of each corpus in each fold. TESS has two more: so
few voices with so many clips that each is held out alone, as its protocol wants."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One training: what it may not hear, and what it may."""

    name: str
    test: Mask
    train: Mask


def folds(data: Dataset, groups: int = GROUPS, allowed: Mask | None = None) -> list[Fold]:
    """Every training that the evaluation needs: corpora left out, then speakers held out.

    Where a corpus is left out, so is a part of the ordinary callers, each in one of these folds.
    `allowed` are the clips that may be trained on; corpora of others are judged all at once.
    """
    may = np.ones(len(data.clips), bool) if allowed is None else allowed
    by_speaker = [
        Fold(f"speakers {group}", held & may, ~held & may)
        for group, held in enumerate(_groups(data, groups))
        if (held & may).any() and (~held & may).any()
    ]
    plain = np.array([clip.label == ORDINARY for clip in data.clips])
    left_out = {name: data.corpora == name for name in sorted(set(data.corpora[~plain & may]))}
    if not may.all():
        left_out["others"] = ~may
    if len(left_out) == 1:
        return by_speaker
    out = []
    callers = sorted(set(data.speakers[plain]))
    for number, (name, mine) in enumerate(left_out.items()):
        aside = np.isin(data.speakers, callers[number :: len(left_out)]) & plain
        out.append(Fold(f"corpus {name}", mine | aside, ~(mine | aside) & may))
    return out + by_speaker


def by_chance(data: Dataset) -> Fold:
    """The prototype's own protocol: both voices of TESS on both sides."""
    tess = data.corpora == "tess"
    chance = np.random.default_rng(0).random(len(tess)) < 0.2
    return Fold("random tess", tess & chance, tess & ~chance)


def _groups(data: Dataset, groups: int) -> list[Mask]:
    """A mask a fold; every speaker is in exactly one, each corpus spread over all."""
    group = np.zeros(len(data.clips), int)
    for shift, corpus in enumerate(sorted(set(data.corpora))):
        for index, speaker in enumerate(sorted(set(data.speakers[data.corpora == corpus]))):
            # pairs of neighbours (RAVDESS: a man and a woman) stay together
            spread = (index // 2 if corpus == "ravdess" else index + shift) % groups
            group[data.speakers == speaker] = groups + index if corpus == "tess" else spread
    return [group == number for number in np.unique(group)]
