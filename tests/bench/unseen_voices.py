"""What the network says of voices it was not trained on.

Runs where TensorFlow is: `.venv-convert/bin/python tests/bench/unseen_voices.py OUT.npz`.
Every speaker is judged by a network that never heard them. The shipped one is trained on every
speaker there is, so it cannot be asked itself; this trains its recipe and its plan anew, once for
each of FOLDS groups of speakers.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from convert.dataset import Dataset, prepare
from scipy.optimize import minimize_scalar

from convert import corpora, network
from sered.features import Recipe
from sered.records import LABELS

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
FOLDS = 5
LINES = ("telephone", "wide band", "random 0", "random 1", "random 2")


def folds(data: Dataset) -> np.ndarray:
    """Fold of every clip: speakers are dealt out corpus by corpus, so every fold has each."""
    pairs = sorted(set(zip(data.corpora.tolist(), data.speakers.tolist(), strict=True)))
    number = {speaker: i % FOLDS for i, (_, speaker) in enumerate(pairs)}
    return np.array([number[speaker] for speaker in data.speakers.tolist()])


def logits(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Logits of every clip heard down a telephone line, and which clips could be judged."""
    recipe = Recipe()
    copies = [data.features(line, recipe) for line in LINES]
    good = np.isfinite(np.array([copy[:, 0] for copy in copies])).all(axis=0)
    fold, out = folds(data), np.zeros((len(good), len(LABELS)), np.float32)
    for number in range(FOLDS):
        train, test = good & (fold != number), good & (fold == number)
        known = np.concatenate([copy[train] for copy in copies])
        mean, spread = known.mean(axis=0), known.std(axis=0) + 1e-6
        rows = [np.clip((copy - mean) / spread, -4, 4).astype(np.float32) for copy in copies]
        plan = network.Plan()
        model = network.join(
            [
                network.train(
                    [row[train] for row in rows],
                    data.speakers[train],
                    data.labels[train],
                    plan,
                    seed=branch,
                )
                for branch in range(max(1, plan.branches))
            ]
        )
        out[test] = model.predict(rows[0][test], batch_size=4096, verbose=0)
        found = out[test].argmax(axis=1)
        print(f"fold {number}: {np.mean(found == data.labels[test]):.1%} of {test.sum()} clips")
    return out, good


def temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """What the logits are divided by for the least cross-entropy."""

    def loss(log_t: float) -> float:
        cooled = scores / np.exp(log_t)
        cooled = cooled - cooled.max(axis=1, keepdims=True)
        chosen = cooled[np.arange(len(labels)), labels]
        return float(np.mean(np.log(np.exp(cooled).sum(axis=1)) - chosen))

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 3), method="bounded").x))


def main() -> None:
    """Train the folds and write probabilities, labels and speakers."""
    target = Path(sys.argv[1])
    data = prepare(corpora.read_all(Path("../shared/data/ser").resolve()), Path("build/emotion"))
    scores, good = logits(data)
    scores, labels, speakers = scores[good], data.labels[good], data.speakers[good]
    heat = temperature(scores, labels)
    cooled = np.exp((scores - scores.max(axis=1, keepdims=True)) / heat)
    print(f"temperature {heat:.2f}")
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        target,
        probabilities=(cooled / cooled.sum(axis=1, keepdims=True)).astype(np.float32),
        labels=labels,
        speakers=speakers,
        corpora=data.corpora[good],
    )


if __name__ == "__main__":
    main()
