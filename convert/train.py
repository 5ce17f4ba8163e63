"""`make model`: corpora to a shipped network, its figures, pictures and card, stage by stage."""

from __future__ import annotations

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from convert.corpora import Found, merge, read_all, read_manifest
from convert.dataset import prepare
from convert.folds import folds as all_folds
from convert.keras_to_tflite import convert
from convert.licences import terms
from convert.network import Plan
from convert.parity import Parity
from convert.telephone import CONDITIONS
from convert.workshop import COLUMNS, QUICK, Effort, Workshop

from convert import card, card_tables, draw, evaluate, manifests
from sered.errors import ModelError, SeredError
from sered.voice.recipe import Recipe
from sered.voice.sidecar import Odds, read_sidecar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convert.folds import Fold

MODELS = Path("models")
FULL, OPEN = MODELS / "emotion.tflite", MODELS / "emotion-open.tflite"
COMPARED = 200
"""Clips, at least, that int8 file and float network are compared on, where there are so many."""
OPEN_CORPORA = ("crema-d", "emodb", "callers")
"""Whose licences let a company use what was learned from them; terms in licences.py."""


def facts(shop: Workshop, seconds: float) -> dict[str, Any]:
    """What the sidecar says of the training."""
    data = shop.data
    return {
        "key": shop.key,
        "plan": asdict(shop.plan),
        "effort": asdict(shop.effort),
        "sound_hours": round(seconds / 3600, 2),
        "corpora": {
            corpus: {
                "clips": int(np.sum(data.corpora == corpus)),
                "speakers": len(set(data.speakers[data.corpora == corpus])),
            }
            for corpus in sorted(set(data.corpora[shop.allowed]))
        },
    }


@dataclass(frozen=True, slots=True)
class Job:
    """A fold to train, for a process of its own."""

    shop: Workshop
    fold: Fold


def _train_fold(job: Job) -> None:
    job.shop.fold(job.fold)


def judge(shop: Workshop, folds: list[Fold]) -> dict[str, dict[str, Any]]:
    """What every fold's network made of its unseen clips; one fold a core."""
    from tqdm import tqdm

    for condition in CONDITIONS:
        if condition not in COLUMNS:
            shop.data.features(condition, shop.recipe, shop.effort.every)
    jobs = int(os.environ.get("JOBS", "2"))
    if jobs > 1:
        work = [Job(shop, fold) for fold in folds]
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


def build(shop: Workshop, out: Path, *, gate: bool) -> dict[str, Any]:
    """Evaluate, train on everybody, convert; returns what the card is written from.

    With `gate` a network that int8 spoils is refused; without, it is for whoever reads the figures.
    """
    folds = [
        fold
        for fold in all_folds(shop.data, shop.effort.groups, shop.allowed)
        if shop.effort.corpora or fold.name.startswith("speakers")
    ]
    heard = judge(shop, folds)
    _name_networks(shop, folds)
    figures = evaluate.table(shop, heard)
    odds = Odds.model_validate(figures["odds"])
    figures["conditions"] = evaluate.by_condition(shop.data, heard, odds)
    training = facts(shop, shop.data.seconds)
    measured = shop.folder / "parity.json"
    if not (measured.exists() and up_to_date(out, training, odds)):
        model, normalisation = shop.everyone()
        # nobody is left that the shipped network has not met: their voices changed, on new lines
        every = each(len(shop.data.clips), shop.effort.every)
        unseen = shop.data.features("random 99", shop.recipe, every)
        kept = ~np.isnan(unseen[:, 0])
        plan = shop.plan_of(normalisation, odds)
        plan |= {
            "training": training,
            "figures": evaluate.summary(figures),
            "terms": terms(training["corpora"]),
        }
        alike = convert(
            model, plan, shop.calibration(shop.usable & shop.allowed), unseen[kept], out,
            labels=shop.data.labels[::every][kept], gate=gate,
        )  # fmt: skip
        measured.write_text(json.dumps(asdict(alike)))
    figures["parity"] = json.loads(measured.read_text())
    return figures


def each(clips: int, every: int) -> int:
    """Every so-manieth of so many clips is compared, more of them where they are few."""
    return max(1, min(every, clips // COMPARED))


def up_to_date(out: Path, training: dict[str, Any], odds: Odds) -> bool:
    """Whether this very network lies there with these very odds."""
    try:
        found = read_sidecar(out)
    except SeredError:
        return False
    same = found.training == json.loads(json.dumps(training))
    return same and found.odds == odds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, default=Path("../shared/data/ser"))
    callers = "manifest.csv of plain unlabelled telephone speech"
    parser.add_argument(
        "--callers", type=Path, default=Path("../shared/data/callers/manifest.csv"), help=callers
    )
    own = "CSV files (path,speaker,label) of your own recordings"
    parser.add_argument("--manifest", type=Path, nargs="*", default=[], help=own)
    parser.add_argument(
        "--open", action="store_true", help=f"train on {', '.join(OPEN_CORPORA)} alone"
    )
    parser.add_argument("--quick", action="store_true", help="minutes, to see that all is well")
    parser.add_argument("--work", type=Path, default=Path("build/emotion"), help="for what is kept")
    parser.add_argument("--out", type=Path, help="the network's file, or a folder for it")
    parser.add_argument("--split", choices=["speaker", "random"], default="speaker")
    return parser


def _ours(args: argparse.Namespace) -> bool:
    return not args.manifest and not args.quick


def _target(args: argparse.Namespace) -> Path:
    """Where the network goes: one that is not ours never into the place of those that are."""
    if args.out is None:
        return (
            (OPEN if args.open else FULL) if _ours(args) else args.work / "own" / "emotion.tflite"
        )
    out = Path(args.out)
    if out.is_dir() or not out.suffix:
        out /= FULL.name
    if not _ours(args) and out.resolve().parent == MODELS.resolve():
        raise ModelError(
            f"wanted a place of its own for a network of your recordings or of a quick run; found "
            f"--out {out}, where the shipped networks lie: name another folder"
        )
    return out


def _read(args: argparse.Namespace) -> Found:
    """The corpora that are there and the manifests, which may be all there is."""
    parts = [read_manifest(path, path.stem) for path in args.manifest]
    if args.corpora.is_dir() or not parts:
        parts.append(read_all(args.corpora))
    if args.callers.is_file():
        parts.append(read_manifest(args.callers, "callers"))
    found = merge(parts)
    manifests.check(found)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Everything; what is up to date is not done again."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    args = _parser().parse_args(arguments)
    try:
        out = _target(args)
        found = _read(args)
        effort = QUICK if args.quick else Effort()
        for line in manifests.announce(found, effort, out):
            print(line, flush=True)
        data = prepare(found, args.work)
        print(found.report())
        plan = replace(Plan(), epochs=3) if args.quick else Plan()
        shop = Workshop(data, Recipe(), plan, effort, OPEN_CORPORA if args.open else None)
        if args.split == "random":
            print(evaluate.worth_of_random(shop))
            return
        figures = build(shop, out, gate=_ours(args))
    except (SeredError, OSError) as error:
        raise SystemExit(f"No model: {error}") from error
    suffix = out.stem.removeprefix("emotion")
    pictures = out.parent / f"card{suffix}"
    draw.everything(figures, pictures)
    (pictures / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    sidecar = read_sidecar(out)
    card.write(out.parent / f"MODEL_CARD{suffix}.md", figures, sidecar, found, out)
    print(card_tables.table(figures))
    look = "For a look only, no network to judge calls with"
    unlike = "More recordings would make it surer; int8 changes more than in a shipped network"
    for fault in Parity(**figures["parity"]).faults():
        print(f"{look if args.quick else unlike}: {fault}")
    print(f"{out}, its sidecar, card and pictures are up to date")


if __name__ == "__main__":
    main()
