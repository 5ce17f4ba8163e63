"""Figures of a row: recall, AUC, calibration, intervals over speakers, and what is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sered.records import LABELS
from sered.voice.sidecar import BAD, HEATED, Bend, Odds, probabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from convert.dataset import Dataset
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Numbers = NDArray[np.integer[Any]]

ANGRY, NEUTRAL = LABELS.index("angry"), LABELS.index("neutral")
DRAWS = 60
"""Of speakers, for an interval."""
BINS = 15
"""Of probability, for a calibration error."""


def uar(truth: Numbers, found: Numbers) -> float:
    """Unweighted average recall over the classes that occur."""
    return float(np.mean([np.mean(found[truth == label] == label) for label in np.unique(truth)]))


def auc(scores: Floats, truth: Flags) -> float:
    """Probability that a true one scores higher than another; ties count half, NaN without both."""
    false = np.sort(scores[~truth])
    true = scores[truth]
    if not len(false) or not len(true):
        return float("nan")
    below = np.searchsorted(false, true, "left") + np.searchsorted(false, true, "right")
    return float(below.mean() / (2 * len(false)))


def calibration(said: Floats, right: Flags, weight: Floats | None = None) -> dict[str, Any]:
    """Expected calibration error, and the diagram's points (said, right, share of all)."""
    heavy = np.ones(len(said)) if weight is None else weight
    which = np.minimum((said * BINS).astype(int), BINS - 1)
    points = [
        (
            float(np.average(said[which == b], weights=heavy[which == b])),
            float(np.average(right[which == b], weights=heavy[which == b])),
            float(heavy[which == b].sum() / heavy.sum()),
        )
        for b in range(BINS)
        if (which == b).any()
    ]
    return {
        "error": float(sum(share * abs(acc - conf) for conf, acc, share in points)),
        "points": points,
    }


def halves(truth: Flags) -> Floats:
    """Weights that make half of the clips true: how many are so says nothing of a voice."""
    count = max(1, int(truth.sum())), max(1, int((~truth).sum()))
    return np.where(truth, 0.5 / count[0], 0.5 / count[1])


def measures(truth: Numbers, bad: Floats, shares: Floats, heat: Floats) -> dict[str, float]:
    """All figures of a row: seven classes, negative / not, agitation, calibration.

    `truth` are indices into LABELS, -1 where only `bad` is known (1 negative, 0 not).
    """
    seven, two = truth >= 0, ~np.isnan(bad)
    found, p_bad = shares.argmax(axis=1), shares[:, BAD].sum(axis=1)
    is_bad, p_two = bad[two] > 0.5, p_bad[two]
    hot = np.isin(truth, (ANGRY, NEUTRAL))
    nothing = float("nan")
    return {
        "uar": uar(truth[seven], found[seven]) if seven.any() else nothing,
        "accuracy": float(np.mean((found == truth)[seven])) if seven.any() else nothing,
        "negative_uar": uar(is_bad.astype(int), (p_two > 0.5).astype(int)),
        "negative_accuracy": float(np.mean(is_bad == (p_two > 0.5))),
        "negative_auc": auc(p_two, is_bad),
        "agitation_auc": auc(heat[hot], truth[hot] == ANGRY),
        "negative_error": calibration(p_two, is_bad)["error"],
        "even_error": calibration(p_two, is_bad, halves(is_bad))["error"],
        "seven_error": calibration(shares[seven].max(axis=1), (found == truth)[seven])["error"]
        if seven.any()
        else nothing,
    }


def interval(
    speakers: NDArray[np.str_], *columns: NDArray[Any], measure: Callable[..., dict[str, float]]
) -> dict[str, dict[str, float]]:
    """Each figure of `measure(*columns)` with its 95 % interval: whole speakers are drawn, with
    replacement.
    """
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(speakers == name) for name in np.unique(speakers)]
    draws: dict[str, list[float]] = {}
    for _ in range(DRAWS):
        picked = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        for name, value in measure(*(column[picked] for column in columns)).items():
            draws.setdefault(name, []).append(value)
    return {
        name: {
            "value": value,
            "low": float(np.nanquantile(draws[name], 0.025)),
            "high": float(np.nanquantile(draws[name], 0.975)),
        }
        for name, value in measure(*columns).items()
        if not np.isnan(value)
    }


def calibrate(
    logits: Floats, targets: Floats, weight: Floats, start: Sequence[float] | None = None
) -> tuple[float, tuple[float, ...]]:
    """The temperature and the seven offsets that make these clips likeliest.

    Likeliest in the seven, in negative / not and in agitated / not alike; `targets` is how far each
    clip is one of the seven. Offsets that say little are kept small.
    """
    from scipy.optimize import minimize

    sides = np.stack((BAD, HEATED), axis=1).astype(float)
    wanted = targets @ sides

    def loss(p: Floats) -> float:
        odds = Odds.model_construct(temperature=float(np.exp(p[0])), offsets=tuple(p[1:]))
        shares = probabilities(logits, odds)
        seven = -(targets * np.log(shares)).sum(axis=1)
        side = np.clip(shares @ sides, 1e-6, 1 - 1e-6)
        two = -(wanted * np.log(side) + (1 - wanted) * np.log(1 - side)).sum(axis=1)
        return float(np.average(seven + two, weights=weight) + 0.01 * (p[1:] ** 2).sum())

    fit = minimize(loss, np.zeros(1 + len(LABELS)) if start is None else start, method="L-BFGS-B")
    return float(np.exp(fit.x[0])), tuple(round(float(value), 4) for value in fit.x[1:])


def bend(drive: Floats, truth: Flags, weight: Floats, lowest: float | None = None) -> Bend:
    """What makes these log-odds likeliest, even at `lowest` at the earliest."""
    from scipy.optimize import minimize

    def loss(p: Floats) -> float:
        moved = drive - p[0]
        bent = np.exp(np.where(moved < 0, p[1], p[2])) * moved
        missed = np.logaddexp(0.0, np.where(truth, -bent, bent))
        return float(np.average(missed, weights=weight) + 1e-3 * (p**2).sum())

    start = np.array([0.0 if lowest is None else max(0.0, lowest), 0.0, 0.0])
    limits = [(lowest, None), (None, None), (None, None)]
    found = minimize(loss, start, method="L-BFGS-B", bounds=limits).x
    return Bend(
        at=round(float(found[0]), 4),
        below=round(float(np.exp(found[1])), 4),
        above=round(float(np.exp(found[2])), 4),
    )


def lean(outputs: Floats, truth: Flags, weight: Floats, ridge: float) -> tuple[float, ...]:
    """How much of each output, (clips, 7), tells the true ones; what is positive sums to 1, and all
    to 0, since what all outputs share says nothing.
    """
    from scipy.optimize import minimize

    centred = outputs - outputs.mean(axis=1, keepdims=True)

    def loss(p: Floats) -> float:
        drive = centred @ p[1:] + p[0]
        missed = np.logaddexp(0.0, np.where(truth, -drive, drive))
        return float(np.average(missed, weights=weight) + ridge * (p[1:] ** 2).sum())

    found = minimize(loss, np.zeros(1 + outputs.shape[1]), method="L-BFGS-B").x[1:]
    found -= found.mean()
    scale = found[found > 0].sum()
    return tuple(round(float(part), 4) for part in found / scale)


def equal_weights(data: Dataset, rows: Numbers) -> Floats:
    """Every corpus counts the same, and in it every label."""
    shelf = np.char.add(data.corpora[rows].astype(str), data.shelves[rows].astype(str))
    _, which, counts = np.unique(shelf, return_inverse=True, return_counts=True)
    weight = 1.0 / counts[which]
    _, corpus = np.unique(data.corpora[rows], return_inverse=True)
    return np.asarray(weight / np.bincount(corpus, weight)[corpus])
