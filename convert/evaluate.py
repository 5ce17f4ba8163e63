"""Evaluation that cannot flatter: held-out protocols, the int8 file, intervals over speakers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from convert.corpora import ORDINARY
from convert.folds import by_chance, folds
from convert.measures import auc, calibration, interval, measures, uar
from convert.odds import COOL, HOT, PHONE, callers, cross_fitted, even, odds, odds_from, say, unseen
from convert.telephone import CONDITIONS
from convert.workshop import COLUMNS

from convert import stretches
from sered.errors import SeredError
from sered.records import LABELS, NEGATIVE
from sered.voice.sidecar import BAD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convert.dataset import Dataset
    from convert.odds import Heard, Said, Unseen
    from convert.workshop import Workshop
    from numpy.typing import NDArray

    from sered.voice.sidecar import Odds

    Floats = NDArray[np.float64]
    Rows = NDArray[np.int64]


def table(shop: Workshop, heard: Heard) -> dict[str, Any]:
    """All figures."""
    data, targets = shop.data, shop.targets
    kind = odds_from(heard)
    fitted = unseen(heard, kind)
    ordinary = callers(data, heard)
    shipped = odds(data, targets, fitted, ordinary)
    fair = cross_fitted(data, targets, fitted, ordinary)
    acted = np.array([data.clips[row].label != ORDINARY for row in fitted.rows])
    by_speaker = _known(unseen(heard, "speakers"), shipped)
    return {
        "odds": shipped.model_dump(),
        "odds from": kind,
        "protocols": protocols(shop, heard, shipped, fair),
        "calibration": _calibration(data, fitted.rows[acted], fair.of(acted)),
        "coverage": coverage(data, fitted.rows[acted], fair.seven[acted]),
        "confusion": {
            "speakers": _confusion(data, by_speaker[0], by_speaker[1].seven),
            "corpora": _confusion(data, fitted.rows, fair.seven) if kind == "corpus" else None,
        },
        "ordinary": stretches.ordinary(data, *by_speaker),
        "stretches": stretches.moods(data, fitted.rows[acted], fair.of(acted)),
        "crowd": crowd(data, by_speaker[0], by_speaker[1].seven),
        "int8": {
            name: [*part["parity"].tolist(), len(part["rows"])] for name, part in heard.items()
        },
        "history": heard["speakers 0"]["history"].tolist(),
    }


def _known(part: Unseen, shipped: Odds) -> tuple[Rows, Said]:
    return part.rows, say(part.logits, shipped)


def protocols(shop: Workshop, heard: Heard, shipped: Odds, fair: Said) -> dict[str, dict[str, Any]]:
    """Rows of the big table: speakers that were held out by corpus, and corpora left out.

    `fair` is what is said of the latter down a telephone by odds that were fitted without them.
    """
    data, out = shop.data, {}
    fitted = odds_from(heard)

    def add(name: str, said: Mapping[str, tuple[Rows, Said]], mine: NDArray[np.bool_]) -> None:
        row: dict[str, Any] = {}
        for column, (rows, whole) in said.items():
            kept = mine[rows]
            picked = rows[kept]
            if not len(picked):
                return  # what may not be trained on is in no speakers' fold
            who = data.speakers[picked]
            row |= {"clips": len(picked), "speakers": len(set(who))}
            found = whole.of(kept)
            row[column] = interval(
                who, data.labels[picked], data.bad[picked], found.seven, found.heat,
                measure=measures,
            )  # fmt: skip
        out[name] = row

    plain = np.array([clip.label == ORDINARY for clip in data.clips])
    by_speaker = {column: _known(unseen(heard, "speakers", column), shipped) for column in COLUMNS}
    for corpus in sorted(set(data.corpora[~plain])):
        add(f"unseen {corpus}", by_speaker, data.corpora == corpus)
    if fitted == "corpus":
        for column in COLUMNS:
            part = unseen(heard, "corpus", column)
            by_speaker[column] = (
                part.rows,
                fair
                if column == PHONE
                else cross_fitted(data, shop.targets, part, callers(data, heard)),
            )
        for corpus in sorted(set(data.corpora[~plain])):
            add(f"corpus {corpus}", by_speaker, data.corpora == corpus)
    return out


def _calibration(data: Dataset, rows: Rows, said: Said) -> dict[str, Any]:
    """Of the likeliest label, negative / not (also as if half of each corpus were) and agitation,
    on voices of corpora that odds did not see.
    """
    named = data.labels[rows] >= 0
    right = said.seven.argmax(axis=1) == data.labels[rows]
    is_bad = data.bad[rows] > 0.5
    known = np.isin(data.labels[rows], (*HOT, *COOL))
    hot = np.isin(data.labels[rows], HOT)[known]
    return {
        "seven": calibration(said.seven[named].max(axis=1), right[named]),
        "negative": calibration(said.bad, is_bad),
        "even": calibration(said.bad, is_bad, even(data, rows, is_bad)),
        "agitated": calibration(said.heat[known], hot, even(data, rows[known], hot)),
    }


def coverage(data: Dataset, rows: Rows, shares: Floats) -> dict[str, list[float]]:
    """Accuracy of the surest clips, for every share of clips that gets a verdict at all."""
    p_bad, named = shares[:, BAD].sum(axis=1), data.labels[rows] >= 0
    out: dict[str, list[float]] = {
        "coverage": [round(share, 2) for share in np.arange(0.05, 1.01, 0.05)]
    }
    right = shares.argmax(axis=1) == data.labels[rows]
    for name, sure, well in (
        ("seven", shares.max(axis=1)[named], right[named]),
        ("negative", np.abs(p_bad - 0.5), (p_bad > 0.5) == (data.bad[rows] > 0.5)),
    ):
        ordered = well[np.argsort(-sure, kind="stable")]
        out[name] = [
            float(ordered[: max(1, int(s * len(ordered)))].mean()) if len(ordered) else 0.0
            for s in out["coverage"]
        ]
    return out


def _confusion(data: Dataset, rows: Rows, shares: Floats) -> list[list[float]]:
    """Rows are the truth, columns what was found, each row of shares sums to 1."""
    named = data.labels[rows] >= 0
    counts = np.zeros((len(LABELS), len(LABELS)))
    np.add.at(counts, (data.labels[rows][named], shares[named].argmax(axis=1)), 1)
    out: list[list[float]] = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).tolist()
    return out


def crowd(data: Dataset, rows: Rows, shares: Floats) -> dict[str, float]:
    """What people reach on clips that were played to them, beside what the network reaches.

    Both are measured against what the actors meant, in negative / not.
    """
    heard = [data.clips[row].heard for row in rows]
    asked = np.array([bool(labels) for labels in heard], bool)
    if not asked.any():
        return {}
    meant = data.bad[rows][asked].astype(int)
    people = np.array(
        [sum(label in NEGATIVE for label in labels) / len(labels) for labels in heard if labels]
    )
    ours = shares[asked][:, BAD].sum(axis=1)
    return {
        "clips": int(asked.sum()),
        "people_uar": uar(meant, (people > 0.5).astype(int)),
        "people_auc": auc(people, meant > 0),
        "uar": uar(meant, (ours > 0.5).astype(int)),
        "auc": auc(ours, meant > 0),
        "agree_auc": auc(ours, people > 0.5),
    }


def summary(figures: dict[str, Any]) -> dict[str, Any]:
    """The few figures that travel in the sidecar: held-out, telephone, int8."""
    return {
        "what": "int8 through the telephone, on speakers or corpora that were held out",
        "expected_calibration_error": round(figures["calibration"]["negative"]["error"], 4),
        "half_of_them_negative": round(figures["calibration"]["even"]["error"], 4),
    } | {
        name: {
            measure: round(row[PHONE][measure]["value"], 4)
            for measure in ("uar", "negative_uar", "negative_auc")
            if measure in row[PHONE]
        }
        for name, row in figures["protocols"].items()
    }


def by_condition(data: Dataset, heard: Heard, shipped: Odds) -> dict[str, dict[str, float]]:
    """Unseen speakers of every corpus down each named line, on the same sample of clips."""
    groups = [name for name in heard if name.startswith("speakers")]
    sample = np.concatenate([heard[name]["sample"] for name in groups])
    acted = np.array([data.clips[row].label != ORDINARY for row in sample])
    out = {}
    for condition in CONDITIONS:
        parts = []
        for name in groups:
            logits = heard[name][condition]
            if len(logits) == len(heard[name]["rows"]):
                logits = logits[np.isin(heard[name]["rows"], heard[name]["sample"])]
            parts.append(logits)
        said = say(np.concatenate(parts), shipped).of(acted)
        found = measures(data.labels[sample][acted], data.bad[sample][acted], said.seven, said.heat)
        out[condition] = {name: found[name] for name in ("uar", "negative_uar")}
    return out


def worth_of_random(shop: Workshop) -> str:
    """What a random split says beside what unseen speakers say: the reason it is not offered."""
    data = shop.data
    tess = data.corpora == "tess"
    if not tess.any():
        raise SeredError("wanted TESS, whose random split everybody quotes; found no clip of it")
    by_speaker = [fold for fold in folds(data) if fold.name.startswith("speakers")]
    fair = next(fold for fold in by_speaker if tess[fold.test].all())
    figures = []
    for fold in (by_chance(data), fair):
        part = shop.fold(fold)
        found = part[PHONE].argmax(axis=1) == data.labels[part["rows"]]
        figures.append(float(found.mean()))
    return (
        "A random split puts every speaker on both sides and measures memory: "
        f"{figures[0]:.1%} on TESS, {figures[1]:.1%} on a voice of TESS that was not trained on. "
        "Figures of a random split are worth nothing for a voice that is new."
    )
