"""The leanings learnt anew: `make fit-leanings` writes models/call-leanings.tsv."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from bench.sentences import LEARNT, MOODS, SENTENCES, kept_aside, read_sentences
from sered.words.phrases import spoken
from sered.words.sentence_model import parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

OUT = Path(__file__).parents[2] / "models" / "call-leanings.tsv"
HEAD = """# What sentences lean to that no phrase decides: a word or two neighbours, and what they
# speak for negative and for positive over neutral, in log-odds; ^ is where every sentence starts.
# Written by make fit-leanings from the labelled sentences; to change a word, use a lexicon.
"""
PULL = 1.0
"""How strongly weights are drawn to 0: a pair that was said twice proves little."""
SAID = 2
"""Sentences that a word or pair must be in: nothing that only one person says is kept."""
WHOSE = frozenset(("jones", "leeds"))
"""Names in the sentences: what sentences lean by is published, and no name shall be."""


def learnt_from() -> list[tuple[str, str]]:
    """Labels and texts of all sentences that were tuned on; none of those kept aside."""
    rows = [row for row in read_sentences(SENTENCES) if not kept_aside(row[2])]
    for path in LEARNT:
        rows += read_sentences(path)
    return [(mood, text) for mood, _, text in rows]


def fit(rows: list[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """Log-odds of every word and pair, by regularised likelihood."""
    told = [{part.name for part in parts(spoken(text.split())[0])} for _, text in rows]
    counts = Counter(name for names in told for name in names)
    names = sorted(n for n, count in counts.items() if count >= SAID and not _private(n))
    column = {name: at for at, name in enumerate(names)}
    x = np.zeros((len(rows), len(names) + 1))
    x[:, -1] = 1.0
    for row, mine in enumerate(told):
        x[row, [column[name] for name in mine if name in column]] = 1.0
    y = np.array([[mood == m for m in MOODS] for mood, _ in rows], dtype=float)
    drawn = np.r_[np.full(len(names), PULL), 0.01][:, None]

    def loss(flat: Floats) -> tuple[float, Floats]:
        w = flat.reshape(-1, 3)
        z = x @ w
        z -= z.max(1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
        cost = -(y * log_p).sum() + (drawn * w**2).sum() / 2
        return float(cost), (x.T @ (np.exp(log_p) - y) + drawn * w).ravel()

    start = np.zeros(3 * (len(names) + 1))
    w = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    odds = w.reshape(-1, 3)
    return {
        name: (float(bad - neutral), float(good - neutral))
        for name, (bad, neutral, good) in zip([*names, "^"], odds, strict=True)
    }


def _private(name: str) -> bool:
    """Names, and letters that spell one."""
    words = set(name.split())
    return not words.isdisjoint(WHOSE) or any(re.fullmatch("[b-hj-z]", word) for word in words)


def main() -> None:
    """Write the table."""
    table = fit(learnt_from())
    lines = [f"{name}\t{bad:.2f}\t{good:.2f}" for name, (bad, good) in sorted(table.items())]
    OUT.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} words and pairs in {OUT}")


if __name__ == "__main__":
    main()
