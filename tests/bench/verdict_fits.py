"""Where the verdict's constants come from: fits by likelihood of what simulated calls are.

`make fit-verdict`, after `make model`, fits all of them anew and says what other weights of the
emotions would gain on speakers and sentences that they were not fitted on. Round the weights into
VALENCE of fusion.py and into table and worked example of docs/verdict.md (a test recomputes it),
the odds into NEGATIVE and POSITIVE of decision.py; then `make bench-verdict`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from bench.sentences import kept_aside, read_sentences
from bench.simulated_calls import Mood, Simulated, simulate, unseen_voices
from sered.records import LABELS
from sered.settings import Mode, VerdictSettings
from sered.verdict import decision, fusion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sered.words.polarity import CallPolarity

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

ROOT = Path(__file__).parents[2]
LEXICON = ROOT / "models" / "call-lexicon.tsv"
TRAINED = ROOT / "build" / "emotion"
SIDECAR = ROOT / "models" / "emotion.json"
PARTS = 4
"""Speakers and sentences are dealt out in so many parts that share neither."""
USUAL, LONG = (3, 16), (8, 36)
"""Utterances of the customer in a call: at least, fewer than."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A simulated call and what one mode makes of it."""

    call: Simulated
    found: decision.Verdict

    @property
    def drive(self) -> float:
        """The score before it saturates."""
        return math.atanh(max(-0.999999, min(0.999999, self.found.sentiment.score)))


def calls_of_parts(
    polarity: CallPolarity, count: int, lengths: tuple[int, int] = USUAL
) -> list[list[Simulated]]:
    """Simulated calls part by part; empty where no network has been trained here."""
    key = json.loads(SIDECAR.read_text("utf-8"))["training"].get("key", "")
    voices = unseen_voices(TRAINED, key)
    if voices is None:
        return []
    aside = [row for row in read_sentences() if kept_aside(row[2])]
    return [
        simulate(
            count // PARTS,
            voices.part(n, PARTS),
            aside[n::PARTS],
            polarity,
            seed=n,
            lengths=lengths,
        )
        for n in range(PARTS)
    ]


def judge_all(calls: list[Simulated], mode: Mode) -> list[Judged]:
    """Every call in one mode."""
    settings = VerdictSettings()
    return [
        Judged(c, decision.judge(c.results, c.ended, mode, settings, mixed=False)) for c in calls
    ]


def auc(scores: Floats, truth: Flags) -> float:
    """Probability that a negative call has the lower score; ties count half."""
    good = np.sort(scores[~truth])
    bad = scores[truth]
    below = np.searchsorted(good, bad, "left") + np.searchsorted(good, bad, "right")
    return float(1.0 - below.mean() / (2 * len(good)))


def logistic_loss(z: Floats, truth: Flags) -> float:
    """Mean negative log-likelihood, z the log-odds that a call is negative."""
    return float(np.mean(np.logaddexp(0.0, np.where(truth, -z, z))))


def odds(judged: list[Judged], mood: Mood = "negative") -> tuple[float, float]:
    """Slope and offset of P(mood) = 1 / (1 + exp(slope * drive - offset)), by likelihood."""
    drive = np.array([j.drive for j in judged])
    truth = np.array([j.call.mood == mood for j in judged])
    fit = minimize(
        lambda p: logistic_loss(p[1] - p[0] * drive, truth), [1.0, 0.0], method="Nelder-Mead"
    )
    return float(fit.x[0]), float(fit.x[1])


def cross_fitted(judged: list[Judged], parts: NDArray[np.int64], mood: Mood = "negative") -> Floats:
    """P(mood) of each call by odds fitted on the calls of other speakers and sentences."""
    drive = np.array([j.drive for j in judged])
    out = np.zeros(len(judged))
    for part in np.unique(parts):
        others = [j for j, mine in zip(judged, parts, strict=True) if mine != part]
        slope, offset = odds(others, mood)
        mine = parts == part
        out[mine] = 1.0 / (1.0 + np.exp(slope * drive[mine] - offset))
    return out


def words_over_voice(calls: list[Simulated]) -> float:
    """How much more words should weigh than the voice."""
    parts = [fusion.weigh(c.results, "both") for c in calls]
    x = np.array([[p.voice or 0.0, p.words or 0.0] for p in parts])
    truth = np.array([c.negative for c in calls])
    fit = minimize(
        lambda p: logistic_loss(p[2] - x @ p[:2], truth), [1.0, 1.0, 0.0], method="Nelder-Mead"
    )
    return float(fit.x[1] / fit.x[0])


@dataclass(frozen=True, slots=True)
class VoiceTable:
    """All that a voice's score is made of, calls by utterances, zeros where there is none."""

    probabilities: Floats
    """(calls, utterances, 7)."""
    weights: Floats
    """(calls, utterances): place, seconds and clearness."""
    words: Floats
    """(calls,): what the words say."""
    truth: Flags

    @classmethod
    def of(cls, calls: list[Simulated]) -> VoiceTable:
        """From calls as they are judged."""
        most = max(len(c.results) for c in calls)
        table = cls(
            np.zeros((len(calls), most, len(LABELS))),
            np.zeros((len(calls), most)),
            np.array([fusion.weigh(c.results, "both").words or 0.0 for c in calls]),
            np.array([c.negative for c in calls]),
        )
        for i, call in enumerate(calls):
            for j, (result, weight) in enumerate(
                zip(call.results, fusion.voice_weights(call.results), strict=True)
            ):
                if result.emotion is not None:
                    table.probabilities[i, j] = result.emotion.probabilities
                    table.weights[i, j] = weight
        return table

    def voice(self, valences: Floats) -> Floats:
        """The calls' voice scores with these weights of the emotions."""
        values = self.probabilities @ valences
        # smooth at 0, so that a fit can walk through it
        sizes = np.sqrt(values**2 + 1e-6) * self.weights
        voice: Floats = (sizes * values).sum(1) / (sizes.sum(1) + fusion.VOICE_PRIOR_S)
        return voice


def emotion_weights(calls: list[Simulated]) -> Floats:
    """The seven weights that make the calls' truth likeliest beside their words; largest is 1."""
    table = VoiceTable.of(calls)
    used = np.array([fusion.VALENCE[label] for label in LABELS])

    def loss(p: Floats) -> float:
        z = p[9] - p[7] * table.voice(p[:7]) - p[8] * table.words
        return logistic_loss(z, table.truth) + 1e-4 * float(((p[:7] - used) ** 2).sum())

    limits = [(-1.0, 1.0)] * 7 + [(0.0, 50.0), (0.0, 50.0), (-50.0, 50.0)]
    fit = minimize(loss, np.r_[used, 4.0, 12.0, -1.5], method="L-BFGS-B", bounds=limits)
    return np.asarray(fit.x[:7] / np.abs(fit.x[:7]).max())


def emotion_rows(by_part: list[list[Simulated]]) -> list[str]:
    """The emotions' weights fitted and used, and what either is worth on calls not fitted on."""
    used = np.array([fusion.VALENCE[label] for label in LABELS])
    halves = [[c for part in parts for c in part] for parts in (by_part[:2], by_part[2:])]
    whole = emotion_weights(halves[0] + halves[1])
    rows = [
        f"| | {' | '.join(LABELS)} | voice AUC |",
        f"|---{'|---' * (len(LABELS) + 1)}|",
    ]
    gained: list[tuple[float, float]] = []
    for learnt, asked in ((0, 1), (1, 0)):
        table, fitted = VoiceTable.of(halves[asked]), emotion_weights(halves[learnt])
        gained.append((auc(table.voice(fitted), table.truth), auc(table.voice(used), table.truth)))
    for name, values, worth in (
        ("fitted", whole, [g[0] for g in gained]),
        ("used", used, [g[1] for g in gained]),
    ):
        cells = " | ".join(f"{value:+.2f}" for value in values)
        rows.append(f"| {name} | {cells} | {worth[0]:.3f}, {worth[1]:.3f} |")
    return rows
