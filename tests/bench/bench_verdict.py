"""Evidence for the verdict: sentences, simulated calls, and where its constants come from.

`make bench-verdict` runs it and rewrites docs/verdict-evidence.md. Voices of speakers never trained
on come from the folds of `make model`; where that was not run they are left out, and it says so.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from bench import real_calls
from bench.sentences import heard, kept_aside, label, macro_f1, read_sentences
from bench.simulated_calls import Simulated, simulate, unseen_voices
from sered import evidence, verdict
from sered.polarity import CallPolarity
from sered.settings import Mode, VerdictSettings

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
LEXICON = ROOT / "models" / "call-lexicon.tsv"
TRAINED = ROOT / "build" / "emotion"
SIDECAR = ROOT / "models" / "emotion.json"
DEMO = ROOT / "device" / "sered" / "demo" / "call.wav"
REAL = ROOT.parent / "shared" / "data" / "speech" / "calls"
OUT = ROOT / "docs" / "verdict-evidence.md"
INTRODUCTION = """# How good the verdict is
Written by `make bench-verdict`; [verdict.md](verdict.md) explains the arithmetic.

**What this is and is not.** There are no recorded customers here whose feeling is known. The
sentences are ours; a third of them was kept aside by hash and never tuned on, but whoever wrote
the lexicon wrote them too. The calls are made up: each customer is a speaker of an acted corpus,
judged by an int8 network that was trained without them, through a telephone line; the words are
sentences kept aside, sent through a made-up recogniser that drops 7 % of the words, mishears 18 %
as others of the same sentences, and is less sure of those. An unhappy customer shows it in half of
the voices and in six of ten sentences, the rest is neutral. Speakers and sentences are dealt out in
four parts that share neither; the calibration error is of odds fitted on the other three. The few
weights and thresholds were chosen on all of them. Expect real calls to be harder.
"""
PARTS = 4

MODES: tuple[Mode, ...] = ("audio", "text", "both")


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
    rows = read_sentences()
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


def calibration_error(p: np.ndarray, truth: np.ndarray) -> float:
    """Mean gap between P(negative) and how often it is so, over ten bins of equal count."""
    bins = np.array_split(np.argsort(p), 10)
    return float(sum(len(b) / len(p) * abs(p[b].mean() - truth[b].mean()) for b in bins))


def cross_fitted(judged: list[Judged], parts: np.ndarray) -> np.ndarray:
    """P(negative) of each call by odds fitted on the calls of other speakers and sentences."""
    drive = np.array([j.drive for j in judged])
    out = np.zeros(len(judged))
    for part in np.unique(parts):
        slope, offset = odds([j for j, mine in zip(judged, parts, strict=True) if mine != part])
        mine = parts == part
        out[mine] = 1.0 / (1.0 + np.exp(slope * drive[mine] - offset))
    return out


def _p_negative(judged: Judged) -> float:
    sentiment = judged.found.sentiment
    negative = sentiment.category == "negative"
    return sentiment.confidence if negative else 1.0 - sentiment.confidence


def call_rows(calls: list[Simulated], parts: np.ndarray) -> list[str]:
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
        error = calibration_error(cross_fitted(judged, parts), truth)
        f1 = 2 * (found & truth).sum() / (found.sum() + truth.sum())
        lines.append(
            f"| {mode} | {auc(scores, truth):.3f} | {f1:.3f} | "
            f"{(alarm & truth).sum() / max(1, alarm.sum()):.3f} | "
            f"{(alarm & truth).sum() / truth.sum():.3f} | "
            f"{(alarm & ~truth).sum() / (~truth).sum():.1%} | "
            f"{error:.3f} | {1 - none[None] / len(calls):.1%} |"
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


def real_transcripts(polarity: CallPolarity) -> list[str]:
    """Polarity of the real calls whose words are written down, as if every word were heard."""
    lines = ["| call | what the words say, heard perfectly |", "|---|---|"]
    with (REAL.parent / "manifest.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["path"].startswith("calls/") and row["text"]:
                said = re.sub(r"\\[.*?\\]|[.,?!]", " ", row["text"].lower())
                found = polarity.score(heard(said))
                words = ", ".join(f"{t.text} {t.valence:+.1f}" for t in found.terms) or "nothing"
                lines.append(f"| {Path(row['path']).stem} | {found.score:+.2f}: {words} |")
    return lines


def fitted_rows(calls: list[Simulated]) -> list[str]:
    """The constants that the calls ask for beside those that are used."""
    voice, words = weights(calls)
    lines = [
        "| constant | fitted here | used |",
        "|---|---|---|",
        f"| words' weight over the voice's | {words / voice:.2f} | "
        f"{evidence.WORDS / evidence.VOICE:.2f} |",
    ]
    for mode in MODES:
        slope, offset = odds(judge_all(calls, mode))
        used = verdict.CERTAINTY[mode]
        lines.append(
            f"| odds, {mode}: slope, offset | {slope:.1f}, {offset:.1f} | {used[0]}, {used[1]} |"
        )
    return lines


def simulated_sections(polarity: CallPolarity, count: int) -> list[tuple[str, list[str]]]:
    """Titles and tables from calls whose speakers and sentences are dealt out in PARTS.

    Empty where no network has been trained here.
    """
    key = json.loads(SIDECAR.read_text("utf-8"))["training"].get("key", "")
    voices = unseen_voices(TRAINED, key)
    if voices is None:
        return []
    aside = [row for row in read_sentences() if kept_aside(row[2])]
    by_part = [
        simulate(count // PARTS, voices.part(n, PARTS), aside[n::PARTS], polarity, seed=n)
        for n in range(PARTS)
    ]
    calls = [call for part in by_part for call in part]
    parts = np.array([n for n, part in enumerate(by_part) for _ in part])
    return [
        (f"{len(calls)} simulated calls, three in ten of them negative", call_rows(calls, parts)),
        ("Other thresholds", threshold_rows(calls)),
        ("Kind by kind", kind_rows(calls)),
        ("Accuracy against coverage", coverage_rows(calls)),
        ("Alerts while the call runs", provisional_rows(calls)),
        ("Where the constants come from", fitted_rows(calls)),
    ]


def main() -> None:
    """Run everything and write the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    polarity = CallPolarity(LEXICON)
    sections = [("Sentences", sentence_rows(polarity))]
    simulated = simulated_sections(polarity, args.calls)
    if not simulated:
        print(
            "Simulated calls are left out: `make model` has not trained the shipped network here."
        )
    sections += simulated
    sections.append(("What must not move a verdict: the demo call", real_calls.unmoved(DEMO)))
    if REAL.is_dir():
        sections.append(("The real calls, with the small Vosk model", real_calls.table(REAL)))
        sections.append(("Their transcripts", real_transcripts(polarity)))
    else:
        print(f"The real calls are left out: {REAL} is not there.")
    body = "\n\n".join(f"## {title}\n" + "\n".join(lines) for title, lines in sections)
    print(body)
    if simulated:
        args.out.write_text(f"{INTRODUCTION}\n{body}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
