"""Where the verdict's constants come from: fits by likelihood of what simulated calls are.

`make fit-verdict`, after `make model`, fits all of them anew and says what they are worth on
speakers and sentences that they were not fitted on. Round the weight into WORDS of fusion.py and
into docs/verdict.md and its worked example (a test recomputes it), the odds into NEGATIVE and
POSITIVE, the scores of voices alone into CLEAR of decision.py; then `make bench-verdict`. Heat,
how much more words weigh that are said in agitation, is fitted to see whether it is worth anything
by now; so far it was not, and fusion has none.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from convert.sentence_rows import kept_aside
from scipy.optimize import minimize

from bench.sentences import read_sentences
from bench.simulated_calls import Mood, Simulated, simulate, unseen_voices
from sered.settings import Mode, VerdictSettings
from sered.verdict import decision, fusion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sered.words.polarity import CallPolarity

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

ROOT = Path(__file__).parents[2]
LEXICON = ROOT / "models" / "call-lexicon.tsv"
NETWORK = LEXICON.with_name("context.tflite")
SMALL = LEXICON.with_name("sentence.tflite")
TRAINED = ROOT / "build" / "emotion"
SIDECAR = ROOT / "models" / "emotion.json"
COOL = 0.35
"""Agitation from which on words are said in heat: halfway from an everyday voice to an angry one,
where the network had met neither."""
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


@dataclass(frozen=True, slots=True)
class Weights:
    """What is fitted beside the voice, whose weight is 1."""

    words: float
    heat: float


def heats(call: Simulated) -> list[float]:
    """How far each voice is more agitated than an everyday one, as far as it could be heard."""
    return [
        fusion.clearness(r.snr_db) * (r.emotion.agitation - COOL) if r.emotion else 0.0
        for r in call.results
    ]


def weights(calls: list[Simulated]) -> Weights:
    """How much more words should weigh than the voice, and how much more those said in heat."""
    found = [fusion.evidence(c.results, "both") for c in calls]
    x = np.array(
        [
            [
                sum(f.voice),
                sum(f.words),
                sum(part * hot for part, hot in zip(f.words, heats(c), strict=True)),
            ]
            for c, f in zip(calls, found, strict=True)
        ]
    )
    truth = np.array([c.negative for c in calls])
    fit = minimize(
        lambda p: logistic_loss(p[3] - x @ p[:3], truth), [1.0, 3.0, 1.0, 0.0], method="BFGS"
    )
    voice, words, heat = (float(value) for value in fit.x[:3])
    return Weights(words / voice, heat / words)


def heat_rows(by_part: list[list[Simulated]]) -> list[str]:
    """What heat is worth on calls that it was not fitted on: AUC in words and voice together."""
    halves = [[c for part in parts for c in part] for parts in (by_part[:2], by_part[2:])]
    rows = ["| words' weight, heat | fitted on | AUC on the others |", "|---|---|---|"]
    used = Weights(fusion.WORDS / fusion.VOICE, 0.0)
    for learnt, asked, name in ((0, 1, "the one half"), (1, 0, "the other")):
        fitted = weights(halves[learnt])
        for what, tried in (
            ("fitted", fitted),
            ("as it was until it was measured", Weights(used.words, 0.5)),
            ("used", used),
        ):
            rows.append(
                f"| {what}: {tried.words:.2f}, {tried.heat:.2f} | {name} "
                f"| {auc(*_drives(halves[asked], tried)):.3f} |"
            )
    return rows


def _drives(calls: list[Simulated], tried: Weights) -> tuple[Floats, Flags]:
    """Scores before they saturate with other weights, and what the calls are."""
    drives = []
    for call in calls:
        found = fusion.evidence(call.results, "both")
        said = (
            p * (1.0 + tried.heat * hot) for p, hot in zip(found.words, heats(call), strict=True)
        )
        drives.append(sum(found.voice) + tried.words * sum(said))
    return np.array(drives), np.array([c.negative for c in calls])


def site_rows(path: Path) -> list[str]:
    """Odds of being negative by mode, fitted to the weighted calls of a central's export."""
    calls = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rows = ["| mode | calls | slope, offset | used |", "|---|---|---|---|"]
    for mode, used in decision.NEGATIVE.items():
        mine = [call for call in calls if call["mode"] == mode]
        truth = np.array([call["label"] for call in mine], dtype=bool)
        if len(mine) < 100 or truth.all() or not truth.any():
            rows.append(f"| {mode} | {len(mine)} | too few | {used} |")
            continue
        drive = np.array([math.atanh(max(-0.999999, min(0.999999, c["score"]))) for c in mine])
        weight = np.array([call["weight"] for call in mine])
        fit = minimize(
            _weighted_loss, [1.0, 0.0], args=(drive, truth, weight / weight.sum()),
            method="Nelder-Mead",
        )  # fmt: skip
        rows.append(f"| {mode} | {len(mine)} | {fit.x[0]:.2f}, {fit.x[1]:.2f} | {used} |")
    return rows


def _weighted_loss(p: Floats, drive: Floats, truth: Flags, weight: Floats) -> float:
    z = p[1] - p[0] * drive
    return float(weight @ np.logaddexp(0.0, np.where(truth, -z, z)))
