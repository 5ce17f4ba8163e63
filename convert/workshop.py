"""The stages of a training, each keyed by everything that it depends on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from convert.dataset import digest
from convert.folds import GROUPS
from convert.keras_to_tflite import SMALLEST_CALIBRATION, convert
from convert.parity import device_logits
from convert.telephone import CONDITIONS

from convert import keras_to_tflite, network, parity
from sered.records import LABELS
from sered.voice.sidecar import Normalisation, Odds, normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convert.dataset import Dataset
    from convert.folds import Fold
    from convert.network import Plan
    from numpy.typing import NDArray

    from sered.voice.recipe import Recipe

    Floats = NDArray[np.float32]

LIMIT = 5.0
"""Deviations at which a normalised statistic is clipped."""
COLUMNS = ("telephone", "wide band")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done; `--quick` does less of it."""

    copies: int = 3
    """Times that every training clip is heard in another voice down another line."""
    every: int = 24
    """Each so-manieth clip is sent down every named line: enough for a picture."""
    groups: int = GROUPS
    """Folds that hold out every speaker once."""
    corpora: bool = True
    """Whether every corpus is left out once, too."""


QUICK = Effort(copies=1, every=60, groups=3, corpora=False)


def filled_up(unseen: NDArray[np.int64], met: NDArray[np.int64]) -> NDArray[np.int64]:
    """Clips to hold int8 against float on: of few, some that were trained on, too."""
    return np.concatenate([unseen, met[: max(0, SMALLEST_CALIBRATION - len(unseen))]])


class Workshop:
    """The stages, each keyed by everything that it depends on; one that is done is read back.

    `allowed` are the corpora that may be trained on; None: all. The others are judged all the same.
    """

    def __init__(
        self,
        data: Dataset,
        recipe: Recipe,
        plan: Plan,
        effort: Effort,
        allowed: Sequence[str] | None = None,
    ) -> None:
        self.data, self.recipe, self.plan, self.effort = data, recipe, plan, effort
        self.allowed = np.isin(
            data.corpora, sorted(set(data.corpora) if allowed is None else allowed)
        )
        variants = [*(f"random {n}" for n in range(effort.copies)), *COLUMNS]
        self.raw = {variant: data.features(variant, recipe) for variant in variants}
        self.usable = np.all([~np.isnan(self.raw[name][:, 0]) for name in COLUMNS], axis=0)
        self.targets = np.array([network.target(clip, plan.crowd) for clip in data.clips])
        files = (network.__file__, keras_to_tflite.__file__, parity.__file__)
        code = [Path(str(file)).read_text() for file in files]
        names = sorted(set(data.corpora[self.allowed]))
        self.key = digest(
            asdict(plan), asdict(effort), LIMIT, names, data.key(recipe, variants), code
        )
        self.folder = data.folder / f"trained-{self.key}"
        self.folder.mkdir(exist_ok=True)

    def fold(self, fold: Fold) -> dict[str, NDArray[Any]]:
        """Train without the fold's clips and let the int8 file judge them, down every line."""
        masks = digest(np.flatnonzero(fold.test).tolist(), np.flatnonzero(fold.train).tolist())
        done = self.folder / f"{fold.name.replace(' ', '-')}-{masks}.npz"
        if not done.exists():
            heard = self._fold(fold)
            partial = done.with_suffix(".part.npz")
            np.savez(partial, **heard)
            partial.replace(done)
        return dict(np.load(done))

    def _fold(self, fold: Fold) -> dict[str, Any]:
        train = fold.train & self.usable & self.allowed
        rows = np.flatnonzero(fold.test & self.usable)
        first: list[dict[str, float]] = []
        watch = rows[self.data.labels[rows] >= 0]
        drawn = fold.name == "speakers 0" and len(watch)
        model, normalisation = self.fit(train, first, watch if drawn else None)
        file = self.folder / f"{fold.name.replace(' ', '-')}.tflite"
        compared = filled_up(rows, np.flatnonzero(train))
        alike = convert(
            model, self.plan_of(normalisation), self.calibration(train),
            self.raw["telephone"][compared], file,
            labels=self.data.labels[compared], gate=False,
        )  # fmt: skip
        heard: dict[str, Any] = {
            "rows": rows,
            "parity": np.array([alike.agreement, alike.uar_drop, alike.saturated]),
            "history": np.array([[row[k] for k in ("loss", "train", "unseen")] for row in first]),
        }
        lines = list(COLUMNS)
        if fold.name.startswith("speakers"):
            lines += [name for name in CONDITIONS if name not in COLUMNS]
            heard["sample"] = rows[rows % self.effort.every == 0]
        return heard | self.judged(file, normalisation, rows, lines)

    def judged(
        self, file: Path, normalisation: Normalisation, rows: NDArray[np.int64], lines: list[str]
    ) -> dict[str, NDArray[Any]]:
        """What an int8 file makes of clips down each line: of all of them down COLUMNS, of a sample
        down the others.
        """
        every = self.effort.every
        sample = rows[rows % every == 0] // every
        parts = [
            self.raw[name][rows]
            if name in COLUMNS
            else self.data.features(name, self.recipe, every)[sample]
            for name in lines
        ]
        # a clip that a line leaves too little voice of counts as the average clip
        spoken = np.where(np.isnan(stacked := np.concatenate(parts)), normalisation.mean, stacked)
        found = device_logits(file, normalise(spoken, normalisation))
        ends = np.cumsum([len(part) for part in parts])[:-1]
        return dict(zip(lines, np.split(found, ends), strict=True))

    def everyone(self) -> tuple[Any, Normalisation]:
        """The network that is shipped: trained on every speaker there is."""
        import keras

        done = self.folder / "everyone.keras"
        beside = done.with_suffix(".normalisation.json")
        if not done.exists():
            model, normalisation = self.fit(self.usable & self.allowed, [])
            beside.write_text(normalisation.model_dump_json())
            partial = done.with_suffix(".part.keras")
            model.save(partial)
            partial.replace(done)
        return (
            keras.models.load_model(done, compile=False),
            Normalisation.model_validate_json(beside.read_bytes()),
        )

    def fit(
        self,
        train: NDArray[np.bool_],
        history: list[dict[str, float]],
        watch: NDArray[np.int64] | None = None,
    ) -> tuple[Any, Normalisation]:
        """The teachers and their student, trained on the clips of `train`; the student."""
        kept = [np.flatnonzero(train & ~np.isnan(raw[:, 0])) for raw in self.raw.values()]
        found = np.concatenate([raw[k] for raw, k in zip(self.raw.values(), kept, strict=True)])
        clips = np.concatenate(kept)
        normalisation = Normalisation(
            mean=tuple(round(float(value), 5) for value in found.mean(axis=0)),
            deviation=tuple(round(float(value), 5) for value in found.std(axis=0) + 1e-4),
            limit=LIMIT,
        )
        rows = normalise(found, normalisation)
        watched = None
        if watch is not None:
            rows_of = normalise(self.raw["telephone"][watch], normalisation)
            watched = (rows_of, self.data.labels[watch])
        heard = network.Heard(
            rows,
            self.targets[clips],
            self.data.shelves[clips],
            self.data.corpora[clips],
            self.data.speakers[clips],
        )
        model = network.train(heard, self.plan, history=history, watch=watched)
        return model, normalisation

    def calibration(self, train: NDArray[np.bool_]) -> Floats:
        """Some training clips of every kind."""
        rng = np.random.default_rng(self.plan.seed)
        parts = []
        for name in ("random 0", *COLUMNS):
            kept = np.flatnonzero(train & ~np.isnan(self.raw[name][:, 0]))
            parts.append(self.raw[name][rng.permutation(kept)[:400]])
        return np.concatenate(parts)

    def plan_of(
        self,
        normalisation: Normalisation,
        odds: Odds | None = None,
    ) -> dict[str, Any]:
        """The sidecar so far."""
        return {
            "labels": LABELS,
            "recipe": self.recipe.to_dict(),
            "normalisation": normalisation.model_dump(),
            "odds": (odds or Odds()).model_dump(),
        }
