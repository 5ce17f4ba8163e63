"""`make model`: corpora to a shipped network, its figures, pictures and card, stage by stage."""

from __future__ import annotations

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from convert.corpora import read_all
from convert.dataset import digest, prepare
from convert.keras_to_tflite import convert
from convert.network import Plan
from convert.parity import device_logits
from convert.telephone import CONDITIONS

from convert import card, draw, evaluate, keras_to_tflite, network, parity
from sered.errors import SeredError
from sered.records import LABELS
from sered.voice.emotion import Normalisation, normalise, read_sidecar
from sered.voice.statistics import Recipe, names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convert.dataset import Dataset
    from convert.evaluate import Fold
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

RANDOM_COPIES = 10
"""Times that every training clip is heard in another voice down another line."""
LIMIT = 5.0
"""Deviations at which a normalised statistic is clipped."""
COLUMNS = ("telephone", "wide band")
EVERY = 12
"""Each twelfth clip is sent down every named line: enough for a picture."""


class Workshop:
    """The stages, each keyed by everything that it depends on; one that is done is read back."""

    def __init__(self, data: Dataset, recipe: Recipe, plan: Plan) -> None:
        self.data, self.recipe, self.plan = data, recipe, plan
        variants = [*(f"random {n}" for n in range(RANDOM_COPIES)), *COLUMNS]
        self.raw = {variant: data.features(variant, recipe) for variant in variants}
        self.usable = np.all([~np.isnan(self.raw[name][:, 0]) for name in COLUMNS], axis=0)
        files = (network.__file__, keras_to_tflite.__file__, parity.__file__)
        code = [Path(str(file)).read_text() for file in files]
        self.key = digest(asdict(plan), LIMIT, EVERY, data.key(recipe, variants), code)
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
        train, rows = fold.train & self.usable, np.flatnonzero(fold.test & self.usable)
        first: list[dict[str, float]] = []
        model, normalisation = self.fit(train, first, rows if fold.name == "speakers 0" else None)
        file = self.folder / f"{fold.name.replace(' ', '-')}.tflite"
        unseen = self.raw["telephone"][rows]
        alike = convert(
            model, self.plan_of(normalisation, 1.0), self.calibration(train), unseen, file,
            labels=self.data.labels[rows], gate=False,
        )  # fmt: skip
        names = list(COLUMNS)
        heard: dict[str, Any] = {
            "rows": rows,
            "parity": np.array([alike.agreement, alike.uar_drop, alike.saturated]),
            "history": np.array(
                [[row[k] for k in ("loss", "train", "unseen")] for row in first if "unseen" in row]
            ),
        }
        if fold.name.startswith("speakers"):
            names += [name for name in CONDITIONS if name not in COLUMNS]
            heard["sample"] = rows[rows % EVERY == 0]
        sample = rows[rows % EVERY == 0] // EVERY
        parts = [
            self.raw[name][rows]
            if name in COLUMNS
            else self.data.features(name, self.recipe, EVERY)[sample]
            for name in names
        ]
        # a clip that a line leaves too little voice of counts as the average clip
        spoken = np.where(np.isnan(stacked := np.concatenate(parts)), normalisation.mean, stacked)
        judged = device_logits(file, normalise(spoken, normalisation))
        ends = np.cumsum([len(part) for part in parts])[:-1]
        heard |= dict(zip(names, np.split(judged, ends), strict=True))
        return heard

    def everyone(self) -> tuple[Any, Normalisation]:
        """The network that is shipped: trained on every speaker there is."""
        import keras

        done = self.folder / "everyone.keras"
        beside = done.with_suffix(".normalisation.json")
        if not done.exists():
            model, normalisation = self.fit(self.usable, [])
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
            watched = (
                normalise(self.raw["telephone"][watch], normalisation),
                self.data.labels[watch],
            )
        lines = [*range(RANDOM_COPIES), *(-1 for _ in COLUMNS)]
        heard = network.Heard(
            rows,
            self.data.corpora[clips],
            self.data.speakers[clips],
            self.data.labels[clips],
            np.repeat(lines, [len(k) for k in kept]),
        )
        listed = names(self.recipe)
        model = network.train(heard, self.plan, listed, history=history, watch=watched)
        return model, normalisation

    def calibration(self, train: NDArray[np.bool_]) -> Floats:
        """Some training clips of every kind."""
        rng = np.random.default_rng(self.plan.seed)
        parts = []
        for name in ("random 0", *COLUMNS):
            kept = np.flatnonzero(train & ~np.isnan(self.raw[name][:, 0]))
            parts.append(self.raw[name][rng.permutation(kept)[:400]])
        return np.concatenate(parts)

    def plan_of(self, normalisation: Normalisation, temperature: float) -> dict[str, Any]:
        """The sidecar so far."""
        return {
            "labels": LABELS,
            "recipe": self.recipe.to_dict(),
            "normalisation": normalisation.model_dump(),
            "temperature": temperature,
        }


def facts(shop: Workshop, seconds: float) -> dict[str, Any]:
    """What the sidecar says of the training."""
    data = shop.data
    return {
        "key": shop.key,
        "plan": asdict(shop.plan),
        "random_copies": RANDOM_COPIES,
        "sound_hours": round(seconds / 3600, 2),
        "corpora": {
            corpus: {
                "clips": int(np.sum(data.corpora == corpus)),
                "speakers": len(set(data.speakers[data.corpora == corpus])),
            }
            for corpus in sorted(set(data.corpora))
        },
    }


def _train_fold(job: tuple[Dataset, Recipe, Plan, Fold]) -> None:
    data, recipe, plan, fold = job
    Workshop(data, recipe, plan).fold(fold)


def judge(shop: Workshop, folds: list[Fold]) -> dict[str, dict[str, NDArray[Any]]]:
    """What every fold's network made of its unseen clips; one fold a core."""
    from tqdm import tqdm

    for condition in CONDITIONS:
        if condition not in COLUMNS:
            shop.data.features(condition, shop.recipe, EVERY)
    jobs = int(os.environ.get("JOBS", "2"))
    if jobs > 1:
        work = [(shop.data, shop.recipe, shop.plan, fold) for fold in folds]
        # spawned: TensorFlow does not survive being forked
        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            list(tqdm(pool.map(_train_fold, work), "train and judge", len(folds), unit="fold"))
    bar = tqdm(folds, "train and judge", unit="fold", disable=jobs > 1)
    return {fold.name: shop.fold(fold) for fold in bar}


def _name_networks(shop: Workshop, folds: list[Fold]) -> None:
    """Find the network that never heard a voice by that voice's name, to let sered judge it."""
    folder = shop.data.folder / "held-out"
    folder.mkdir(exist_ok=True)
    for fold in folds:
        if fold.name.startswith("speakers"):
            for voice in set(shop.data.speakers[fold.test]):
                for suffix in (".tflite", ".json"):
                    link = folder / f"{voice.replace('/', '-')}{suffix}"
                    link.unlink(missing_ok=True)
                    made = shop.folder / f"{fold.name.replace(' ', '-')}{suffix}"
                    link.symlink_to(Path("..") / made.relative_to(shop.data.folder))


def build(shop: Workshop, out: Path) -> dict[str, Any]:
    """Evaluate, train on everybody, convert; returns what the card is written from."""
    folds = evaluate.folds(shop.data)
    heard = judge(shop, folds)
    _name_networks(shop, folds)
    figures = evaluate.table(shop.data, heard)
    figures["conditions"] = evaluate.by_condition(shop.data, heard, figures["temperature"])
    figures["parity of folds"] = {
        name: [*part["parity"].tolist(), len(part["rows"])] for name, part in heard.items()
    }
    figures["history"] = heard["speakers 0"]["history"].tolist()
    training = facts(shop, shop.data.seconds)
    measured = shop.folder / "parity.json"
    if not (measured.exists() and _up_to_date(out, training)):
        model, normalisation = shop.everyone()
        # nobody is left that the shipped network has not met: their voices changed, on new lines
        unseen = shop.data.features("random 99", shop.recipe, EVERY)
        kept = ~np.isnan(unseen[:, 0])
        plan = shop.plan_of(normalisation, figures["temperature"])
        plan |= {"training": training, "figures": evaluate.summary(figures)}
        alike = convert(
            model, plan, shop.calibration(shop.usable), unseen[kept], out,
            labels=shop.data.labels[::EVERY][kept],
        )  # fmt: skip
        measured.write_text(json.dumps(asdict(alike)))
    figures["parity"] = json.loads(measured.read_text())
    return figures


def _up_to_date(out: Path, training: dict[str, Any]) -> bool:
    try:
        return bool(read_sidecar(out).training == json.loads(json.dumps(training)))
    except SeredError:
        return False


def main(arguments: Sequence[str] | None = None) -> None:
    """Everything; what is up to date is not done again."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, default=Path("../shared/data/ser"))
    own = "CSV files (path,speaker,label) of your own recordings"
    parser.add_argument("--manifest", type=Path, nargs="*", default=[], help=own)
    parser.add_argument("--work", type=Path, default=Path("build/emotion"), help="for what is kept")
    parser.add_argument("--out", type=Path, default=Path("models/emotion.tflite"))
    parser.add_argument("--split", choices=["speaker", "random"], default="speaker")
    args = parser.parse_args(arguments)
    try:
        found = read_all(args.corpora, args.manifest)
        data = prepare(found, args.work)
        print(found.report())
        shop = Workshop(data, Recipe(), Plan())
        if args.split == "random":
            print(evaluate.worth_of_random(data, shop))
            return
        figures = build(shop, args.out)
    except (SeredError, OSError) as error:
        raise SystemExit(f"No model: {error}") from error
    pictures = args.out.parent / "card"
    draw.everything(figures, pictures)
    (pictures / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    card.write(args.out.parent / "MODEL_CARD.md", figures, read_sidecar(args.out), found, args.out)
    print(card.table(figures))
    print(f"{args.out}, its sidecar, card and pictures are up to date")


if __name__ == "__main__":
    main()
