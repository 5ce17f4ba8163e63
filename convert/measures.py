"""Figures of a row: recall, accuracy, intervals over speakers, the likeliest temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from convert.network import NEGATIVE

from sered.voice.sidecar import probabilities

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DRAWS = 1000
"""Of speakers, for an interval."""


def uar(truth: NDArray[np.integer[Any]], found: NDArray[np.integer[Any]]) -> float:
    """Unweighted average recall over the classes that occur."""
    return float(np.mean([np.mean(found[truth == label] == label) for label in np.unique(truth)]))


def measures(truth: NDArray[np.integer[Any]], shares: Floats) -> dict[str, float]:
    """The four figures of a row: UAR and accuracy, seven classes and negative / not negative."""
    found, bad = shares.argmax(axis=1), NEGATIVE[truth]
    found_bad = shares[:, NEGATIVE].sum(axis=1) > 0.5
    return {
        "uar": uar(truth, found),
        "accuracy": float(np.mean(found == truth)),
        "negative_uar": uar(bad.astype(int), found_bad.astype(int)),
        "negative_accuracy": float(np.mean(bad == found_bad)),
    }


def interval(
    truth: NDArray[np.integer[Any]],
    shares: Floats,
    speakers: NDArray[np.str_],
    measure: Callable[..., dict[str, float]] = measures,
) -> dict[str, dict[str, float]]:
    """Each figure with its 95 % interval: whole speakers are drawn, with replacement."""
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(speakers == name) for name in np.unique(speakers)]
    draws: dict[str, list[float]] = {}
    for _ in range(DRAWS):
        picked = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        for name, value in measure(truth[picked], shares[picked]).items():
            draws.setdefault(name, []).append(value)
    return {
        name: {
            "value": value,
            "low": float(np.quantile(draws[name], 0.025)),
            "high": float(np.quantile(draws[name], 0.975)),
        }
        for name, value in measure(truth, shares).items()
    }


def temperature(truth: NDArray[np.integer[Any]], logits: Floats) -> float:
    """The one that makes the probabilities of these clips likeliest."""
    grid = np.exp(np.linspace(np.log(0.3), np.log(5.0), 141))
    rows = np.arange(len(truth))
    losses = [-np.log(probabilities(logits, t)[rows, truth] + 1e-12).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])
