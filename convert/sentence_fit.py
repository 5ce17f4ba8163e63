"""How far the sentence network and the lexicon count: fitted on sentences neither learnt from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from convert.sentence_rows import (
    FILES,
    JUDGED,
    MOODS,
    PARTLY,
    ROOT,
    STRANGE,
    Row,
    outside,
    own,
    own_aside,
)
from scipy.optimize import minimize

from sered.records import Transcript, Word
from sered.words.network import Said
from sered.words.polarity import CallPolarity, together
from sered.words.vader import NEUTRAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sered.words.network import SentenceNetwork

    Floats = NDArray[np.float64]

LEXICON = ROOT / "models" / "call-lexicon.tsv"
ALARMS = {
    "negative": {"own": 0.07, "goemotions": 0.09},
    "positive": {"own": 0.05, "goemotions": 0.12},
}
"""Share of the sentences of other moods which may be taken for one, ours and outside: who is called
back for nothing costs more than who is thought glad. A third of ours that are kept aside were
written to be hard, and a sixth to mislead; of the plain ones one in a hundred is taken so."""
GOLDEN = (
    "i have been waiting for three weeks and nobody called me back",
    "thank you so much that was very kind of you",
    "could you tell me when you open on monday",
)
"""Sentences by which a box sees that it computes what was computed here."""
OURS = 12.0
"""What a sentence of ours weighs beside one of the outside: ours are of callers and passengers.
With twelve instead of four AUC rises on every set that is not of Reddit."""


def heard(text: str) -> Transcript:
    """A sentence as a recogniser that errs nowhere gives it."""
    words = text.split()
    return Transcript(tuple(Word(word, i / 3, (i + 1) / 3, 1.0) for i, word in enumerate(words)))


def evidence(rows: Sequence[Row], model: SentenceNetwork) -> tuple[Floats, Floats]:
    """The network's log-odds, (rows, 3), and the lexicon's three numbers, (rows, 3)."""
    polarity = CallPolarity(LEXICON, network=model)
    parts = [polarity.evidence(heard(row.text)) for row in rows]
    return np.array([z for z, _ in parts]), np.array([x for _, x in parts])


def calibrate(model: SentenceNetwork, trust: float = 1.0) -> dict[str, Any]:
    """Sidecar fields: how far the network can be believed, the lexicon's weights, thresholds.

    The lexicon's weights are the fitted ones times `trust`.
    The network must have a sureness of 1 yet.
    """
    rows = [*outside(JUDGED), *own_aside()]
    z, x = evidence(rows, model)
    mood = np.array([row.mood for row in rows])
    weights = np.array([OURS if row.source == "own" else 1.0 for row in rows])

    def parts(flat: Floats) -> Floats:
        return np.asarray(flat[0] * z + x @ flat[1:10].reshape(3, 3) + flat[10:13])

    def loss(flat: Floats) -> float:
        out = parts(flat)
        out = out - out.max(1, keepdims=True)
        log_p = out - np.log(np.exp(out).sum(1, keepdims=True))
        return float(-(weights * log_p[np.arange(len(mood)), mood]).sum() + (flat**2).sum())

    fit = minimize(loss, np.r_[1.0, np.zeros(12)], method="L-BFGS-B").x
    fit[1:10] *= trust
    out = parts(fit)
    p = np.exp(out - out.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    lead = p[:, 2] - p[:, 0]
    ours = np.array([row.source == "own" for row in rows])
    thresholds = (
        _threshold(-lead, mood == 0, ours, ALARMS["negative"]),
        _threshold(lead, mood == 2, ours, ALARMS["positive"]),
    )
    old = model.sidecar
    return {
        "sureness": round(float(fit[0]), 5),
        "base": tuple(
            round(float(fit[0]) * b + float(c), 5)
            for b, c in zip(old.base, fit[10:13], strict=True)
        ),
        "lexicon": tuple(tuple(round(float(w), 4) for w in row) for row in fit[1:10].reshape(3, 3)),
        "thresholds": thresholds,
    }


def golden(model: SentenceNetwork) -> dict[str, tuple[float, ...]]:
    """What the network makes of GOLDEN."""
    found = {}
    for text in GOLDEN:
        tokens = text.split()
        odds = model.read(Said(tokens, [1.0] * len(tokens))).log_odds
        found[text] = tuple(round(float(z), 4) for z in odds)
    return found


def _threshold(
    lead: Floats, mood: NDArray[np.bool_], ours: NDArray[np.bool_], alarms: dict[str, float]
) -> float:
    """Lead beyond which no more sentences of other moods lie than `alarms` allows."""
    needed = [
        np.quantile(lead[~mood & mine], 1.0 - alarms[name])
        for name, mine in (("own", ours), ("goemotions", ~ours))
    ]
    return round(float(min(0.8, max(0.1, *needed))), 3)


def figures(model: SentenceNetwork) -> dict[str, Any]:
    """Macro-F1, AUC and false alarms of network and lexicon together, set by set."""
    sets = {
        "goemotions, never learnt from": outside(JUDGED),
        **{name: outside(file) for name, file in FILES.items() if name != "goemotions"},
        "own, kept aside": own_aside(set(PARTLY) - set(STRANGE)),
        "own, kept aside of those written freely": own_aside(STRANGE),
        "own, written last": own("-last"),
        "own, fresh": own("-fresh"),
        "own, unseen": own("-unseen"),
        "own, of many kinds": own("-test"),
        "own, of five fields": own("-judge"),
    }
    return {
        name: judged(
            rows,
            [together(*pair, model.sidecar) for pair in zip(*evidence(rows, model), strict=True)],
        )
        for name, rows in sets.items()
    }


def judged(rows: Sequence[Row], scores: Sequence[float]) -> dict[str, float]:
    """What scores are worth: macro-F1, AUC negative or not, shares of false alarms and of negative
    sentences that are found.
    """
    mood = np.array([row.mood for row in rows])
    found = np.array([0 if s <= -NEUTRAL else 2 if s >= NEUTRAL else 1 for s in scores])
    f1 = []
    for label in range(len(MOODS)):
        hit = np.sum((mood == label) & (found == label))
        wrong = np.sum((mood == label) != (found == label))
        f1.append(2 * hit / (2 * hit + wrong) if hit else 0.0)
    bad, other = np.array(scores)[mood == 0], np.sort(np.array(scores)[mood != 0])
    below = np.searchsorted(other, bad, "left") + np.searchsorted(other, bad, "right")
    return {
        "sentences": len(rows),
        "macro_f1": round(float(np.mean(f1)), 3),
        "auc_negative": round(float(1.0 - below.mean() / (2 * len(other))), 3),
        "false_alarms": round(float(np.mean(found[mood != 0] == 0)), 3),
        "found": round(float(np.mean(found[mood == 0] == 0)), 3),
    }
