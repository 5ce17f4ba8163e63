"""A year of simulated life with known truth, put straight into the store: what figures must tell.

The score comes first, and how the customer felt follows from it by the box's own odds; so every
share that a page shows has a true value that can be computed, not only drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from sered.central.cases import holdout
from sered.central.insight import keeping
from sered.central.simulate import year_truth
from sered.central.simulate.truth import CAUSES, uuid7
from sered.central.simulate.year_store import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.central.context import Central
    from sered.central.sections import HoldoutSettings
    from sered.central.simulate.year_truth import Plan

DAYS = 364
KNOWN = 0.9
"""Of cases, how often the caller's number is known."""
JUDGED = 0.85
"""Of closed cases, how often somebody says whether the verdict was right."""
_OPEN_H, _CLOSE_H = 8, 18


@dataclass(slots=True)
class Year:
    """What was filled in."""

    begin: datetime
    calls: int = 0
    cases: int = 0
    plans: tuple[Plan, ...] = field(default=())


def fill(
    central: Central, seed: int = 1, plans: tuple[Plan, ...] = year_truth.PLANS, days: int = DAYS
) -> Year:
    """So many days up to now at each planned site, with cases, verdicts and courtesy calls."""
    now = central.now()
    begin = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    year = Year(begin - timedelta(days=days), plans=plans)
    rows = Rows(central)
    for plan in plans:
        random = Random(f"year {seed} {plan.site}")  # noqa: S311 - a simulation has to be repeatable
        for day in range(days):
            at = year.begin + timedelta(days=day)
            for call in _day(plan, random, at, day / days):
                year.calls += 1
                rows.call(call)
                if call["escalate"]:
                    year.cases += 1
                    _case(central.settings.holdout, random, call, rows)
            if at.weekday() == 6:
                rows.courtesy(plan, random, at)
    rows.write()
    # callers who rang again are noted before their numbers are forgotten
    keeping.count(central)
    return year


def _day(plan: Plan, random: Random, at: datetime, part: float) -> Iterator[dict[str, Any]]:
    """Calls of one site and day; `part` of the year has passed."""
    broken = part >= plan.broken_from
    fresh = plan.upgraded and part >= year_truth.UPGRADE
    world = plan.world
    seconds = (_CLOSE_H - _OPEN_H) * 3600
    for number in range(round(random.gauss(plan.calls_a_day, plan.calls_a_day**0.5))):
        ended = at + timedelta(hours=_OPEN_H, seconds=random.uniform(0, seconds))
        drawn = world.draw(random)
        unhappy = random.random() < world.unhappy(drawn)
        score = drawn
        if broken and random.random() < plan.broken_share:
            # the network takes some calm voices for angry ones
            score = max(-1.0, min(1.0, random.gauss(-0.75, 0.12)))
        mode = random.choices(("both", "audio", "text"), (0.9, 0.05, 0.05))[0]
        category = _category(score)
        escalate = score <= plan.threshold
        yield {
            "call_id": uuid7(ended, f"{plan.site} {number} {ended.isoformat()}"),
            "site": plan.site, "device": f"desk{random.randrange(plan.desks) + 1}",
            "line": "line1", "queue": random.choice(plan.queues),
            "started_at": ended - timedelta(seconds=240), "ended_at": ended,
            "duration_s": 240.0, "mode": mode, "category": category, "score": round(score, 4),
            "confidence": 0.8, "p_negative": round(year_truth.box_odds(score), 5),
            "undetermined": None if category else "neutral", "escalate": escalate,
            "acoustic": round(score, 4) if mode != "text" else None,
            "verbal": round(score, 4) if mode != "audio" else None,
            "asr_confidence": round(random.gauss(0.62 if broken else 0.84, 0.05), 3),
            "snr_db": round(random.gauss(21.0, 3.0), 1),
            "versions": year_truth.AFTER if fresh else year_truth.BEFORE,
            "received_at": ended + timedelta(seconds=1),
            "unhappy": unhappy,
            "causes": (random.choice(CAUSES),) if category == "negative" else (),
        }  # fmt: skip


def _category(score: float) -> str | None:
    if score <= year_truth.NEGATIVE_AT:
        return "negative"
    return "positive" if score >= year_truth.POSITIVE_AT else None


def _case(settings: HoldoutSettings, random: Random, call: dict[str, Any], rows: Rows) -> None:
    severe = call["score"] <= year_truth.SEVERE_AT
    reached = random.random() < year_truth.REACHED
    soon = random.random() < (year_truth.SOON_SEVERE if severe else year_truth.SOON_OTHERS)
    waited = random.uniform(30, 295) if soon else random.uniform(305, 7200)
    arm = holdout.arm(settings, call["call_id"], call["score"], call["ended_at"])
    called = None
    if reached and arm != holdout.HOLD:
        called = call["ended_at"] + timedelta(seconds=waited)
    again = random.random() < year_truth.again(severe, soon=called is not None and soon)
    verdict = "right" if call["unhappy"] else "wrong"
    rows.case(
        call,
        called_at=called,
        verdict=verdict if random.random() < JUDGED else None,
        outcome="recovered" if called and random.random() < 0.7 else "not_recovered",
        known=random.random() < KNOWN,
        again_at=call["ended_at"] + timedelta(days=random.uniform(0.1, 6.9)) if again else None,
        arm=arm,
    )
