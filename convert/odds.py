"""Odds that are honest: fitted on voices that no judging network met, and judged on others."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from convert.corpora import ORDINARY, Clip
from convert.dataset import Dataset
from convert.measures import ANGRY, NEUTRAL, bend, calibrate, equal_weights, lean
from convert.network import Plan, target
from convert.workshop import COLUMNS

from sered.records import LABELS
from sered.voice.sidecar import BAD, Odds, agitation, log_odds, probabilities

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
SURE, SURELY = 0.8, 0.0075
"""And with more than the first so few: of other callers it may be a few more."""
HOT = (ANGRY, LABELS.index("happy"))
COOL = (NEUTRAL, LABELS.index("sad"))
"""Of which the odds of agitation are fitted."""
STIFF = 1.0
"""Ridge of the weights of heat. Freer ones tell the corpora they were fitted on apart and others
worse: 0.001, 0.1 and 1 came to AUC 0.833, 0.865 and 0.872 in the worst corpus left out."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """Clips and what a network that never heard their voice makes of them, down a telephone."""

    rows: Rows
    logits: Floats
    fold: NDArray[np.str_]
    """The name of the fold whose network judged."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a network makes of some clips, by its odds."""

    seven: Floats
    """Probabilities, (clips, 7)."""
    heat: Floats
    """Of agitation, (clips,)."""

    @property
    def bad(self) -> Floats:
        """Probability of the negative labels, (clips,)."""
        return np.asarray(self.seven[:, BAD].sum(axis=1))

    def of(self, which: NDArray[Any]) -> Said:
        """The same of some of the clips."""
        return Said(self.seven[which], self.heat[which])


def say(logits: Floats, odds: Odds) -> Said:
    """Outputs, (clips, 7), by these odds."""
    return Said(probabilities(logits, odds), agitation(logits, odds))


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


def honest(data: Dataset, heard: Heard) -> tuple[Rows, Said]:
    """Clips of voices that neither their network nor its odds had met, and what it says of them."""
    targets = np.array([target(clip, Plan().crowd) for clip in data.clips])
    part = unseen(heard, odds_from(heard))
    return part.rows, cross_fitted(data, targets, part, callers(data, heard))


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


def odds(data: Dataset, targets: Floats, part: Unseen, ordinary: Sequence[Unseen]) -> Odds:
    """What makes these clips likeliest, as if half of each corpus were negative.

    But no more than ALARMS of any part of `ordinary` callers may be called negative: half of an
    acted corpus is unhappy, and hardly anybody of those who call. How many of them a network calls
    so depends on what else it was trained without, so each kind of fold has its say. Under that
    point a voice that was acted may well be unhappy, so there the slope is one of its own.
    """
    heat, offsets = calibrate(part.logits, targets[part.rows], equal_weights(data, part.rows))
    plain = Odds(temperature=heat, offsets=offsets)
    acted = np.array([data.clips[row].label != ORDINARY for row in part.rows], bool)
    bad = data.bad[part.rows] > 0.5
    callers = [log_odds(others.logits, plain) for others in ordinary if len(others.rows)]
    alarm = max((_upper(drive, ALARMS) for drive in callers), default=None)
    found = bend(
        log_odds(part.logits, plain)[acted], bad[acted], even(data, part.rows, bad)[acted], alarm
    )
    for drive in callers:
        far = _upper(drive, SURELY) - found.at
        if far > 0:
            steepest = float(np.log(SURE / (1 - SURE)) / far)
            found = found.model_copy(update={"above": min(found.above, round(steepest, 4))})
    plain = plain.model_copy(update={"negative": found})
    return agitated(data, part, plain)


def agitated(data: Dataset, part: Unseen, plain: Odds) -> Odds:
    """The same of agitation; ordinary callers are taken for calm.

    Heat is a line through the outputs, learnt of angry against neutral, which are acted alike in
    every corpus, and no sum of labels: a voice of another kind is seldom taken for the right label,
    yet angry ones lie on one side. Where no clip is angry, or all are, it stays as it is.
    """
    part_of = _either(data, part, (ANGRY,), (NEUTRAL,))
    if part_of is None:
        return plain
    known, hot, weight = part_of
    plain = plain.model_copy(update={"heat": lean(part.logits[known], hot, weight, STIFF)})
    part_of = _either(data, part, HOT, COOL)
    assert part_of is not None
    known, hot, weight = part_of
    drive = part.logits[known] @ np.asarray(plain.heat)
    return plain.model_copy(update={"agitated": bend(drive, hot, weight)})


def _either(
    data: Dataset, part: Unseen, hot: Sequence[int], cool: Sequence[int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Floats] | None:
    """Which clips are of these labels or of ordinary callers, which of those are hot, and their
    weights; None where all are alike.
    """
    labels = data.labels[part.rows]
    callers = np.array([data.clips[row].label == ORDINARY for row in part.rows], bool)
    known = np.isin(labels, (*hot, *cool)) | callers
    heated = np.isin(labels[known], hot)
    if not heated.any() or heated.all():
        return None
    return known, heated, even(data, part.rows[known], heated)


def _upper(drive: Floats, share: float) -> float:
    """What no more than a share of these lies above."""
    return float(np.ceil(np.quantile(drive, 1 - share, method="higher") * 1e4) / 1e4)


def even(data: Dataset, rows: Rows, truth: NDArray[np.bool_]) -> Floats:
    """Every corpus counts the same, and in it those who are and those who are not."""
    shelf = np.char.add(data.corpora[rows].astype(str), truth.astype(str))
    _, which, counts = np.unique(shelf, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / counts[which])


def cross_fitted(data: Dataset, targets: Floats, part: Unseen, ordinary: Sequence[Unseen]) -> Said:
    """What is said of every clip by odds fitted on the clips of the other folds."""
    found = Said(np.zeros((len(part.rows), len(LABELS))), np.zeros(len(part.rows)))
    for name in np.unique(part.fold):
        mine = part.fold == name
        others = Unseen(part.rows[~mine], part.logits[~mine], part.fold[~mine])
        plain = [ordinary_of(data, known, part.rows[mine]) for known in ordinary]
        mine_said = say(part.logits[mine], odds(data, targets, others, plain))
        found.seven[mine], found.heat[mine] = mine_said.seven, mine_said.heat
    return found
