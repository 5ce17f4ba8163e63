"""Odds that are honest: fitted on voices that no judging network met, and judged on others."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from convert.corpora import ORDINARY, Clip
from convert.dataset import Dataset
from convert.measures import BAD, calibrate, equal_weights
from convert.network import Plan, target
from convert.workshop import COLUMNS

from sered.records import LABELS
from sered.voice.sidecar import probabilities

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.int64]
    Heard = Mapping[str, Mapping[str, Any]]
    """What each fold's int8 file made of its unseen clips, by the fold's name."""

PHONE = COLUMNS[0]
ALARMS = 0.08
"""Share of ordinary callers' utterances that may be called negative, at the odds' cost."""
STEP = 0.01


@dataclass(frozen=True, slots=True)
class Unseen:
    """Clips and what a network that never heard their voice makes of them, down a telephone."""

    rows: Rows
    logits: Floats
    fold: NDArray[np.str_]
    """The name of the fold whose network judged."""


def unseen(heard: Heard, kind: str, column: str = PHONE) -> Unseen:
    """All folds of a kind (`speakers`, `corpus`) together."""
    names = [name for name in heard if name.startswith(kind)]
    return Unseen(
        np.concatenate([heard[name]["rows"] for name in names]),
        np.concatenate([heard[name][column] for name in names]),
        np.concatenate([np.full(len(heard[name]["rows"]), name) for name in names]),
    )


def kept(trained: Path) -> tuple[Dataset, Heard]:
    """What a training left on disk: its clips, and what each fold's network made of its own."""
    folder = trained.parent
    stored = json.loads((folder / "clips.json").read_text("utf-8"))["clips"]
    clips = [
        Clip(Path(path), corpus, speaker, label, tuple(votes), call)
        for path, corpus, speaker, label, votes, call in stored
    ]
    heard = {}
    for file in sorted(trained.glob("*.npz")):
        kind, _, rest = file.stem.rpartition("-")[0].partition("-")
        heard[f"{kind} {rest}"] = dict(np.load(file))
    return Dataset(clips, folder), heard


def honest(data: Dataset, heard: Heard) -> Unseen:
    """Voices that neither their network nor its odds had met: probabilities in place of logits."""
    targets = np.array([target(clip, Plan().crowd) for clip in data.clips])
    part = unseen(heard, odds_from(heard))
    return Unseen(part.rows, cross_fitted(data, targets, part, callers(data, heard)), part.fold)


def callers(data: Dataset, heard: Heard) -> list[Unseen]:
    """Ordinary callers by networks that had not met them: one part for each kind of fold."""
    kinds = [kind for kind in ("corpus", "speakers") if any(n.startswith(kind) for n in heard)]
    return [ordinary_of(data, unseen(heard, kind)) for kind in kinds]


def ordinary_of(data: Dataset, part: Unseen, without: Rows | None = None) -> Unseen:
    """The ordinary callers of a part, but for the clips `without`."""
    kept = np.array([data.clips[row].label == ORDINARY for row in part.rows], bool)
    if without is not None:
        kept &= ~np.isin(part.rows, without)
    return Unseen(part.rows[kept], part.logits[kept], part.fold[kept])


def odds_from(heard: Heard) -> str:
    """The folds whose odds are the honest ones: corpora left out, where there are several."""
    return "corpus" if any(name.startswith("corpus") for name in heard) else "speakers"


def odds(
    data: Dataset, targets: Floats, part: Unseen, ordinary: Sequence[Unseen]
) -> tuple[float, tuple[float, ...]]:
    """Temperature and offsets that make these clips likeliest.

    But no more than ALARMS of any part of `ordinary` callers may be called negative: half of an
    acted corpus is unhappy, and hardly anybody of those who call. How many of them a network calls
    so depends on what else it was trained without, so each kind of fold has its say.
    """
    heat, offsets = calibrate(part.logits, targets[part.rows], equal_weights(data, part.rows))
    moved = np.asarray(offsets)
    while any(_alarms(plain, heat, moved) > ALARMS for plain in ordinary):
        moved = moved - STEP * BAD
    return heat, tuple(round(float(value), 4) for value in moved)


def _alarms(plain: Unseen, heat: float, offsets: Floats) -> float:
    """Share that is called negative, of callers who are taken for not unhappy."""
    if not len(plain.rows):
        return 0.0
    shares = probabilities(plain.logits, heat, tuple(offsets.tolist()))
    return float(np.mean(shares[:, BAD].sum(axis=1) > 0.5))


def cross_fitted(
    data: Dataset, targets: Floats, part: Unseen, ordinary: Sequence[Unseen]
) -> Floats:
    """Probabilities of every clip by odds fitted on the clips of the other folds."""
    shares = np.zeros((len(part.rows), len(LABELS)))
    for name in np.unique(part.fold):
        mine = part.fold == name
        others = Unseen(part.rows[~mine], part.logits[~mine], part.fold[~mine])
        plain = [ordinary_of(data, known, part.rows[mine]) for known in ordinary]
        shares[mine] = probabilities(part.logits[mine], *odds(data, targets, others, plain))
    return shares
