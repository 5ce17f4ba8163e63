"""Tables of what the verdict makes of simulated calls, for docs/verdict-fusion.md."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.verdict_fits import Judged, auc, cross_fitted, odds, weights
from sered.settings import Mode, VerdictSettings
from sered.verdict import decision, fusion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.simulated_calls import Simulated
    from bench.verdict_fits import Flags, Floats

MODES: tuple[Mode, ...] = ("audio", "text", "both")
CUTS = (-0.1, -0.2, -0.3, -0.4, -0.5, -0.6, -0.7, -0.8)


def calibration_error(p: Floats, truth: Flags) -> float:
    """Mean gap between a probability and how often it is so, over ten bins of equal count."""
    bins = np.array_split(np.argsort(p), 10)
    return float(sum(len(b) / len(p) * abs(p[b].mean() - truth[b].mean()) for b in bins))


def _p_negative(judged: Judged) -> float:
    p_negative = judged.found.sentiment.p_negative
    assert p_negative is not None
    return p_negative


def call_rows(by_mode: dict[Mode, list[Judged]], parts: NDArray[np.int64]) -> list[str]:
    """AUC, F1, escalations and calibration of the three modes."""
    lines = [
        "| mode | AUC | F1 negative | escalated: precision | recall | false alarms | "
        "calibration error: negative | positive | undetermined |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for mode, judged in by_mode.items():
        truth = np.array([j.call.negative for j in judged])
        scores = np.array([j.found.sentiment.score for j in judged])
        found = np.array([_p_negative(j) >= 0.5 for j in judged])
        alarm = np.array([j.found.sentiment.escalate for j in judged])
        none = Counter(j.found.sentiment.undetermined for j in judged)
        glad = np.array([j.call.mood == "positive" for j in judged])
        errors = (
            calibration_error(cross_fitted(judged, parts), truth),
            calibration_error(cross_fitted(judged, parts, "positive"), glad),
        )
        f1 = 2 * (found & truth).sum() / (found.sum() + truth.sum())
        lines.append(
            f"| {mode} | {auc(scores, truth):.3f} | {f1:.3f} | "
            f"{(alarm & truth).sum() / max(1, alarm.sum()):.3f} | "
            f"{(alarm & truth).sum() / truth.sum():.3f} | "
            f"{(alarm & ~truth).sum() / (~truth).sum():.1%} | "
            f"{errors[0]:.3f} | {errors[1]:.3f} | {1 - none[None] / len(judged):.1%} |"
        )
    return lines


def kind_rows(both: list[Judged]) -> list[str]:
    """What becomes of each kind of call."""
    lines = [
        "| kind | calls | negative | positive | undetermined | escalated |",
        "|---|---|---|---|---|---|",
    ]
    for kind in sorted({j.call.kind for j in both}):
        mine = [j.found.sentiment for j in both if j.call.kind == kind]
        share = Counter(s.category for s in mine)
        lines.append(
            f"| {kind} | {len(mine)} | {share['negative'] / len(mine):.0%} | "
            f"{share['positive'] / len(mine):.0%} | {share[None] / len(mine):.0%} | "
            f"{sum(s.escalate for s in mine) / len(mine):.0%} |"
        )
    return lines


def coverage_rows(both: list[Judged]) -> list[str]:
    """Accuracy of the surest calls."""
    judged = sorted(both, key=lambda j: -abs(_p_negative(j) - 0.5))
    lines = ["| surest share of calls | accuracy (negative or not) | least sure |", "|---|---|---|"]
    for share in (0.25, 0.5, 0.75, 0.9, 1.0):
        kept = judged[: round(share * len(judged))]
        right = np.mean([(_p_negative(j) >= 0.5) == j.call.negative for j in kept])
        lines.append(
            f"| {share:.0%} | {right:.3f} | {0.5 + abs(_p_negative(kept[-1]) - 0.5):.2f} |"
        )
    return lines


def threshold_rows(both: list[Judged]) -> list[str]:
    """What other thresholds would give."""
    lines = ["| escalate_below | false alarms | precision | recall |", "|---|---|---|---|"]
    return lines + [f"| {cut} | {_alarm_cells(both, cut)} |" for cut in CUTS]


def halves_rows(both: list[Judged], parts: NDArray[np.int64], wanted: float) -> list[str]:
    """The threshold chosen on half of the speakers and sentences, measured on the other half."""
    lines = [
        "| chosen on | escalate_below | there: false alarms | precision | recall "
        "| on the others: false alarms | precision | recall |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, mine in (("the one half", parts < 2), ("the other", parts >= 2)):
        here = [j for j, is_mine in zip(both, mine, strict=True) if is_mine]
        there = [j for j, is_mine in zip(both, mine, strict=True) if not is_mine]
        good = [j.found.sentiment.score for j in here if not j.call.negative]
        cut = float(np.quantile(good, wanted))
        lines.append(
            f"| {name} | {cut:.2f} | {_alarm_cells(here, cut)} | {_alarm_cells(there, cut)} |"
        )
    return lines


def _alarm_cells(judged: list[Judged], cut: float) -> str:
    truth = np.array([j.call.negative for j in judged])
    alarm = np.array([
        j.found.sentiment.undetermined is None and j.found.sentiment.score <= cut for j in judged
    ])  # fmt: skip
    hits = (alarm & truth).sum()
    return (
        f"{(alarm & ~truth).sum() / (~truth).sum():.1%} | {hits / max(1, alarm.sum()):.3f} | "
        f"{hits / truth.sum():.3f}"
    )


@dataclass(frozen=True, slots=True)
class Early:
    """The first provisional alert of a call."""

    kept: bool
    """The finished call escalated too."""
    helped: bool
    """The customer was helped after the alert."""
    left_s: float
    left: float
    """Share of the call still to come."""


def alert_rows(usual: list[Simulated], long: list[Simulated]) -> list[str]:
    """Alerts while calls run, for more and less speech asked of them."""
    settings = VerdictSettings()
    lines = [
        "| calls | customer speech at least | alerts | withdrawn | of those, helped meanwhile | "
        "escalated calls told early | time gained |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, calls in (("as above", usual), ("two and a half times as long", long)):
        escalated = sum(
            decision.judge(c.results, c.ended, "both", settings, mixed=False).sentiment.escalate
            for c in calls
        )
        for speech_s in (6.0, 12.0, 24.0, 30.0, 40.0, settings.provisional_speech_s, 60.0):
            asked = settings.model_copy(update={"provisional_speech_s": speech_s})
            found = [early for call in calls if (early := _first_alert(call, asked))]
            kept = [early for early in found if early.kept]
            mark = "**" if speech_s == settings.provisional_speech_s else ""
            lines.append(
                f"| {name} | {mark}{speech_s:.0f} s{mark} | {len(found)} of {len(calls)} | "
                f"{(len(found) - len(kept)) / max(1, len(found)):.1%} | "
                f"{sum(e.helped for e in found if not e.kept)} of {len(found) - len(kept)} | "
                f"{len(kept) / max(1, escalated):.0%} | "
                f"{np.mean([e.left_s for e in found] or [0]):.0f} s, "
                f"{np.mean([e.left for e in found] or [0]):.0%} of the call |"
            )
    return lines


def _first_alert(call: Simulated, settings: VerdictSettings) -> Early | None:
    for count in range(1, len(call.results) + 1):
        so_far = call.results[:count]
        if decision.running(so_far, "both", settings).alert:
            final = decision.judge(call.results, call.ended, "both", settings, mixed=False)
            left_s = call.ended.end_s - so_far[-1].utterance.end_s
            return Early(
                kept=final.sentiment.escalate,
                helped=call.kind == "unhappy, then helped",
                left_s=left_s,
                left=left_s / call.ended.end_s,
            )
    return None


def fitted_rows(calls: list[Simulated], judged: dict[Mode, list[Judged]]) -> list[str]:
    """The constants that the calls ask for beside those that are used."""
    fitted = weights(calls)
    lines = [
        "| constant | fitted here | used |",
        "|---|---|---|",
        f"| words' weight over the voice's | {fitted.words:.2f} "
        f"| {fusion.WORDS / fusion.VOICE:.2f} |",
        f"| heat | {fitted.heat:.2f} | none |",
    ]
    for mode in MODES:
        for mood, known in (("negative", decision.NEGATIVE), ("positive", decision.POSITIVE)):
            slope, offset = odds(judged[mode], mood)
            used = known[mode]
            lines.append(
                f"| odds of {mood}, {mode}: slope, offset | {slope:.1f}, {offset:.1f} | "
                f"{used[0]}, {used[1]} |"
            )
    return lines
