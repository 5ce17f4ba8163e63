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
from convert.dataset import prepare
from convert.folds import folds as all_folds
from convert.keras_to_tflite import convert
from convert.network import Plan
from convert.telephone import CONDITIONS
from convert.workshop import COLUMNS, EVERY, RANDOM_COPIES, Workshop

from convert import card, draw, evaluate
from sered.errors import SeredError
from sered.voice.recipe import Recipe
from sered.voice.sidecar import read_sidecar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convert.dataset import Dataset
    from convert.folds import Fold
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


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
    folds = all_folds(shop.data)
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
