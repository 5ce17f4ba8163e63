"""Evidence for the verdict: sentences, simulated calls, and where its constants come from.

`make bench-verdict` runs it and rewrites docs/verdict-evidence.md. Voices of speakers never trained
on come from unseen_voices.py; without its file the voice's rows are left out, and it says so.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from bench.simulated_calls import (
    Simulated,
    Voices,
    heard,
    kept_aside,
    read_sentences,
    simulate,
)
from sered import evidence, verdict
from sered.polarity import CallPolarity
from sered.settings import Mode, VerdictSettings

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
SENTENCES = ROOT / "tests" / "data" / "phone-sentences.tsv"
LEXICON = ROOT / "models" / "call-lexicon.tsv"
VOICES = ROOT / "build" / "verdict" / "voices.npz"
OUT = ROOT / "docs" / "verdict-evidence.md"
MOODS = ("negative", "neutral", "positive")
MODES: tuple[Mode, ...] = ("audio", "text", "both")
CUT = 0.05
"""VADER's own: polarity beyond this is positive or negative."""


def label(score: float) -> str:
    """The label of a polarity."""
    return "negative" if score <= -CUT else "positive" if score >= CUT else "neutral"


def macro_f1(pairs: list[tuple[str, str]]) -> float:
    """Mean F1 over the three labels of (truth, found)."""
    scores = []
    for mood in MOODS:
        hit = sum(truth == found == mood for truth, found in pairs)
        wrong = sum((truth == mood) != (found == mood) for truth, found in pairs)
        scores.append(2 * hit / (2 * hit + wrong) if hit else 0.0)
    return sum(scores) / len(scores)


def plain_vader() -> Callable[[str], float]:
    """NLTK's VADER as it comes, over its own word list."""
    import nltk
    import vaderSentiment
    from nltk.sentiment.vader import SentimentIntensityAnalyzer

    folder = Path(vaderSentiment.__file__).parent
    nltk.data.path.append(str(folder))
    analyzer = SentimentIntensityAnalyzer((folder / "vader_lexicon.txt").as_uri())
    return lambda text: float(analyzer.polarity_scores(text)["compound"])


def sentence_rows(polarity: CallPolarity) -> list[str]:
    """Macro-F1 of plain VADER and ours on both parts."""
    rows = read_sentences(SENTENCES)
    plain = plain_vader()
    lines = ["| sentences | count | plain VADER | sered |", "|---|---|---|---|"]
    for name, aside in (("tuned on", False), ("kept aside", True)):
        part = [(truth, text) for truth, _, text in rows if kept_aside(text) is aside]
        ours = macro_f1([(t, label(polarity.score(heard(text)).score)) for t, text in part])
        theirs = macro_f1([(t, label(plain(text))) for t, text in part])
        lines.append(f"| {name} | {len(part)} | {theirs:.3f} | **{ours:.3f}** |")
    return lines


@dataclass(frozen=True, slots=True)
class Judged:
    """A simulated call and what one mode makes of it."""

    call: Simulated
    found: verdict.Verdict

    @property
    def drive(self) -> float:
        """The score before it saturates."""
        return math.atanh(max(-0.999999, min(0.999999, self.found.sentiment.score)))


def judge_all(calls: list[Simulated], mode: Mode) -> list[Judged]:
    """Every call in one mode."""
    settings = VerdictSettings()
    return [
        Judged(c, verdict.judge(c.results, c.ended, mode, settings, mixed=False)) for c in calls
    ]


def auc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Probability that a negative call has the lower score."""
    order = np.argsort(np.argsort(-scores)) + 1.0
    # ties share their rank
    for value in np.unique(scores[np.isin(scores, scores)]):
        same = scores == value
        if same.sum() > 1:
            order[same] = order[same].mean()
    positive, negative = truth.sum(), (~truth).sum()
    return float((order[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def odds(judged: list[Judged]) -> tuple[float, float]:
    """Slope and offset of P(negative) = 1 / (1 + exp(slope * drive - offset)), by likelihood."""
    drive = np.array([j.drive for j in judged])
    truth = np.array([j.call.negative for j in judged])

    def loss(p: np.ndarray) -> float:
        z = p[0] * drive - p[1]
        return float(np.mean(np.logaddexp(0.0, np.where(truth, z, -z))))

    slope, offset = minimize(loss, [1.0, 0.0], method="Nelder-Mead").x
    return float(slope), float(offset)


def weights(calls: list[Simulated]) -> tuple[float, float]:
    """Best weights of voice and words, as a ratio, by likelihood of the calls' truth."""
    parts = [evidence.weigh(c.results, "both") for c in calls]
    x = np.array([[p.voice or 0.0, p.words or 0.0] for p in parts])
    truth = np.array([c.negative for c in calls])

    def loss(p: np.ndarray) -> float:
        z = x @ p[:2] - p[2]
        return float(np.mean(np.logaddexp(0.0, np.where(truth, z, -z))))

    voice, words, _ = minimize(loss, [1.0, 1.0, 0.0], method="Nelder-Mead").x
    return float(voice), float(words)


def calibration_error(judged: list[Judged]) -> float:
    """Mean gap between P(negative) and how often it is so, over ten bins of equal count."""
    p = np.array([_p_negative(j) for j in judged])
    truth = np.array([j.call.negative for j in judged], float)
    order = np.argsort(p)
    bins = np.array_split(order, 10)
    return float(sum(len(b) / len(p) * abs(p[b].mean() - truth[b].mean()) for b in bins))


def _p_negative(judged: Judged) -> float:
    sentiment = judged.found.sentiment
    negative = sentiment.category == "negative"
    return sentiment.confidence if negative else 1.0 - sentiment.confidence


def call_rows(calls: list[Simulated]) -> list[str]:
    """AUC, F1, escalations and calibration of the three modes."""
    truth = np.array([c.negative for c in calls])
    lines = [
        "| mode | AUC | F1 negative | escalated: precision | recall | false alarms | "
        "calibration error | undetermined |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for mode in MODES:
        judged = judge_all(calls, mode)
        scores = np.array([j.found.sentiment.score for j in judged])
        found = np.array([_p_negative(j) >= 0.5 for j in judged])
        alarm = np.array([j.found.sentiment.escalate for j in judged])
        none = Counter(j.found.sentiment.undetermined for j in judged)
        f1 = 2 * (found & truth).sum() / (found.sum() + truth.sum())
        lines.append(
            f"| {mode} | {auc(scores, truth):.3f} | {f1:.3f} | "
            f"{(alarm & truth).sum() / max(1, alarm.sum()):.3f} | "
            f"{(alarm & truth).sum() / truth.sum():.3f} | "
            f"{(alarm & ~truth).sum() / (~truth).sum():.1%} | "
            f"{calibration_error(judged):.3f} | {1 - none[None] / len(calls):.1%} |"
        )
    return lines


def kind_rows(calls: list[Simulated]) -> list[str]:
    """What becomes of each kind of call."""
    lines = [
        "| kind | calls | negative | positive | undetermined | escalated |",
        "|---|---|---|---|---|---|",
    ]
    judged = judge_all(calls, "both")
    for kind in sorted({c.kind for c in calls}):
        mine = [j.found.sentiment for j in judged if j.call.kind == kind]
        share = Counter(s.category for s in mine)
        lines.append(
            f"| {kind} | {len(mine)} | {share['negative'] / len(mine):.0%} | "
            f"{share['positive'] / len(mine):.0%} | {share[None] / len(mine):.0%} | "
            f"{sum(s.escalate for s in mine) / len(mine):.0%} |"
        )
    return lines


def coverage_rows(calls: list[Simulated]) -> list[str]:
    """Accuracy of the surest calls."""
    judged = sorted(judge_all(calls, "both"), key=lambda j: -abs(_p_negative(j) - 0.5))
    lines = ["| surest share of calls | accuracy (negative or not) | least sure |", "|---|---|---|"]
    for share in (0.25, 0.5, 0.75, 0.9, 1.0):
        kept = judged[: round(share * len(judged))]
        right = np.mean([(_p_negative(j) >= 0.5) == j.call.negative for j in kept])
        lines.append(
            f"| {share:.0%} | {right:.3f} | {0.5 + abs(_p_negative(kept[-1]) - 0.5):.2f} |"
        )
    return lines


def threshold_rows(calls: list[Simulated]) -> list[str]:
    """What other thresholds would give."""
    judged = judge_all(calls, "both")
    truth = np.array([j.call.negative for j in judged])
    lines = ["| escalate_below | false alarms | precision | recall |", "|---|---|---|---|"]
    for cut in (-0.1, -0.2, -0.3, -0.4, -0.5, -0.6, -0.7, -0.8):
        alarm = np.array([
            j.found.sentiment.undetermined is None and j.found.sentiment.score <= cut
            for j in judged
        ])  # fmt: skip
        hits = (alarm & truth).sum()
        lines.append(
            f"| {cut} | {(alarm & ~truth).sum() / (~truth).sum():.1%} | "
            f"{hits / max(1, alarm.sum()):.3f} | {hits / truth.sum():.3f} |"
        )
    return lines


def provisional_rows(calls: list[Simulated]) -> list[str]:
    """Alerts while calls run: how many, how early, how many withdrawn."""
    settings = VerdictSettings()
    alerted = withdrawn = helped = 0
    early = []
    for call in calls:
        for count in range(1, len(call.results) + 1):
            if verdict.running(call.results[:count], "both", settings).alert:
                alerted += 1
                early.append(1 - call.results[count - 1].utterance.end_s / call.ended.end_s)
                final = verdict.judge(call.results, call.ended, "both", settings, mixed=False)
                withdrawn += not final.sentiment.escalate
                helped += not final.sentiment.escalate and call.kind == "unhappy, then helped"
                break
    negative = sum(c.negative for c in calls)
    return [
        f"Provisional alerts went out in {alerted} of {len(calls)} calls ({negative} are "
        f"negative), with {np.mean(early or [0]):.0%} of the call still to come on average; "
        f"{withdrawn} ({withdrawn / max(1, alerted):.1%}) were withdrawn, {helped} of them because "
        "the customer was helped after the alert."
    ]


def main() -> None:
    """Fit on one half of speakers and sentences, report on the other, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    polarity = CallPolarity(LEXICON)
    lines = sentence_rows(polarity)
    if not VOICES.exists():
        print("\n".join(lines))
        sys.exit(f"No {VOICES.relative_to(ROOT)}: run tests/bench/unseen_voices.py first.")
    stored = np.load(VOICES)
    voices = Voices(stored["probabilities"], stored["labels"], stored["speakers"])
    aside = [row for row in read_sentences(SENTENCES) if kept_aside(row[2])]
    fitted = simulate(args.calls, voices.half(0), aside[0::2], polarity, seed=1)
    told = simulate(args.calls, voices.half(1), aside[1::2], polarity, seed=2)
    voice, words = weights(fitted)
    print(f"best weights: voice {voice:.2f}, words {words:.2f}, ratio {words / voice:.2f}")
    for mode in MODES:
        slope, offset = odds(judge_all(fitted, mode))
        print(f"odds {mode}: {slope:.2f} {offset:.2f}, used {verdict.CERTAINTY[mode]}")
    for rows in (
        call_rows(told), threshold_rows(told), kind_rows(told), coverage_rows(told),
        provisional_rows(told),
    ):  # fmt: skip
        lines += ["", *rows]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
