"""Evaluation that cannot flatter: held-out protocols, the int8 file, intervals over speakers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from convert.folds import folds
from convert.measures import interval, measures, temperature
from convert.network import NEGATIVE
from convert.telephone import CONDITIONS

from sered.errors import SeredError
from sered.records import LABELS
from sered.voice.sidecar import probabilities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convert.dataset import Dataset
    from convert.workshop import Workshop
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

BINS = 15
"""Of confidence, for the calibration error."""


def calibration(truth: NDArray[np.integer[Any]], shares: Floats) -> dict[str, Any]:
    """Expected calibration error, and the diagram's points (confidence, accuracy, share)."""
    sure, right = shares.max(axis=1), shares.argmax(axis=1) == truth
    which = np.minimum((sure * BINS).astype(int), BINS - 1)
    points = [
        (
            float(sure[which == b].mean()),
            float(right[which == b].mean()),
            float(np.mean(which == b)),
        )
        for b in range(BINS)
        if (which == b).any()
    ]
    return {
        "error": float(sum(share * abs(acc - conf) for conf, acc, share in points)),
        "points": points,
    }


def coverage(truth: NDArray[np.integer[Any]], shares: Floats) -> dict[str, list[float]]:
    """Accuracy of the surest clips, for every share of clips that gets a verdict at all."""
    bad = shares[:, NEGATIVE].sum(axis=1)
    out: dict[str, list[float]] = {
        "coverage": [round(share, 2) for share in np.arange(0.05, 1.01, 0.05)]
    }
    for name, sure, right in (
        ("seven", shares.max(axis=1), shares.argmax(axis=1) == truth),
        ("negative", np.abs(bad - 0.5), (bad > 0.5) == NEGATIVE[truth]),
    ):
        ordered = right[np.argsort(-sure, kind="stable")]
        out[name] = [
            float(ordered[: max(1, int(s * len(ordered)))].mean()) for s in out["coverage"]
        ]
    return out


def confusion(truth: NDArray[np.integer[Any]], shares: Floats) -> list[list[float]]:
    """Rows are the truth, columns what was found, each row of shares sums to 1."""
    table = np.zeros((len(LABELS), len(LABELS)))
    np.add.at(table, (truth, shares.argmax(axis=1)), 1)
    rows: list[list[float]] = (table / np.maximum(table.sum(axis=1, keepdims=True), 1)).tolist()
    return rows


def cross_fitted(
    truth: NDArray[np.integer[Any]], logits: Floats, groups: NDArray[np.integer[Any]]
) -> Floats:
    """Probabilities of every clip at a temperature fitted on the speakers of the other folds."""
    shares = np.zeros_like(logits, dtype=np.float64)
    for group in np.unique(groups):
        mine = groups == group
        shares[mine] = probabilities(logits[mine], temperature(truth[~mine], logits[~mine]))
    return shares


def table(data: Dataset, heard: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """All figures. `heard` maps a fold's name to what its int8 file made of its unseen clips:
    {"rows": indices, "telephone": logits, "wide band": logits, ...}.
    """
    truth, speakers, corpora = data.labels, data.speakers, data.corpora
    groups = [name for name in heard if name.startswith("speakers")]
    rows = np.concatenate([heard[name]["rows"] for name in groups])
    group = np.concatenate([np.full(len(heard[name]["rows"]), i) for i, name in enumerate(groups)])
    shares: dict[str, Floats] = {}
    for column in ("telephone", "wide band"):
        logits = np.concatenate([heard[name][column] for name in groups])
        shares[column] = np.zeros((len(truth), len(LABELS)))
        shares[column][rows] = cross_fitted(truth[rows], logits, group)
    heat = temperature(truth[rows], np.concatenate([heard[n]["telephone"] for n in groups]))
    protocols: dict[str, Any] = {}

    def add(name: str, mine: NDArray[np.integer[Any]], found: Mapping[str, Floats]) -> None:
        protocols[name] = {"clips": len(mine), "speakers": len(set(speakers[mine]))} | {
            column: interval(truth[mine], found[column], speakers[mine]) for column in found
        }

    fair = {name: h for name, h in heard.items() if not name.startswith("speakers")}
    for name, part in fair.items():
        found = {c: probabilities(part[c], heat) for c in ("telephone", "wide band")}
        add(name, part["rows"], found)
    for corpus in sorted(set(corpora)):
        mine = np.flatnonzero(corpora == corpus)
        add(f"unseen {corpus}", mine, {c: shares[c][mine] for c in shares})
    for speaker in sorted(set(speakers[corpora == "tess"])):
        mine = np.flatnonzero(speakers == speaker)
        add(f"unseen {speaker}", mine, {c: shares[c][mine] for c in shares})
    phone = shares["telephone"]
    tess = np.flatnonzero(corpora == "tess")
    return {
        "temperature": heat,
        "protocols": protocols,
        "calibration": calibration(truth, phone),
        "coverage": coverage(truth, phone),
        "confusion": {
            "random": confusion(truth[heard["random tess"]["rows"]],
                                probabilities(heard["random tess"]["telephone"], heat))
            if "random tess" in heard else None,
            "unseen": confusion(truth[tess], phone[tess]) if len(tess) else None,
            "all": confusion(truth, phone),
        },
    }  # fmt: skip


def summary(figures: dict[str, Any]) -> dict[str, Any]:
    """The few figures that travel in the sidecar: held-out speakers, telephone, int8."""
    return {
        "what": "int8 through the telephone, on speakers or corpora that were held out",
        "expected_calibration_error": round(figures["calibration"]["error"], 4),
    } | {
        name: {
            measure: round(row["telephone"][measure]["value"], 4)
            for measure in ("uar", "negative_uar")
        }
        for name, row in figures["protocols"].items()
    }


def by_condition(
    data: Dataset, heard: Mapping[str, Mapping[str, Any]], heat: float
) -> dict[str, dict[str, float]]:
    """Unseen speakers of every corpus down each named line, on the same sample of clips."""
    groups = [name for name in heard if name.startswith("speakers")]
    sample = np.concatenate([heard[name]["sample"] for name in groups])
    out = {}
    for condition in CONDITIONS:
        parts = []
        for name in groups:
            logits = heard[name][condition]
            if len(logits) == len(heard[name]["rows"]):
                logits = logits[np.isin(heard[name]["rows"], heard[name]["sample"])]
            parts.append(logits)
        out[condition] = measures(data.labels[sample], probabilities(np.concatenate(parts), heat))
    return out


def worth_of_random(data: Dataset, shop: Workshop) -> str:
    """What a random split says beside what unseen speakers say: the reason it is not offered."""
    tess = data.corpora == "tess"
    if not tess.any():
        raise SeredError("wanted TESS, whose random split everybody quotes; found no clip of it")
    chance = next(fold for fold in folds(data) if fold.name == "random tess")
    fair = next(fold for fold in folds(data) if tess[fold.test].all())
    figures = []
    for fold in (chance, fair):
        part = shop.fold(fold)
        found = measures(data.labels[part["rows"]], probabilities(part["telephone"], 1.0))
        figures.append(found["accuracy"])
    return (
        "A random split puts every speaker on both sides and measures memory: "
        f"{figures[0]:.1%} on TESS, {figures[1]:.1%} on a voice of TESS that was not trained on. "
        "Figures of a random split are worth nothing for a voice that is new."
    )
