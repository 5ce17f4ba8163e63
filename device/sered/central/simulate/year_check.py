"""Holds what the pages say of a simulated year against what is true of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sered.central.cases.holdout import CALL, HOLD
from sered.central.insight.case_counts import BANDS, VERY
from sered.central.insight.figures import share
from sered.central.insight.helped import helped
from sered.central.insight.holdout import holdout
from sered.central.insight.missed import missed
from sered.central.insight.right import right
from sered.central.insight.unhappy import unhappy
from sered.central.simulate import year_truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.central.context import Central
    from sered.central.insight.answers import Answer
    from sered.central.simulate.year import Year

_SAID = re.compile(r"(\d+) % \((\d+) to (\d+) %\)")


@dataclass(frozen=True, slots=True)
class Held:
    """One figure of a page beside its truth."""

    page: str
    figure: str
    low: float
    high: float
    """Its 95 % interval."""
    truth: float

    @property
    def covers(self) -> bool:
        """Whether the truth lies in the interval."""
        return self.low <= self.truth <= self.high


def of_site(central: Central, year: Year) -> Iterator[Held]:
    """Every interval of the pages, of a year with one site where nothing breaks."""
    (plan,) = year.plans
    answer = right(central)
    precision = plan.precision(central.settings.holdout.share)
    yield from _together(answer, "precision", precision)
    for point in answer.charts[0].points:
        if point.low is not None and point.high is not None:
            yield Held("right", "precision of a week", point.low, point.high, precision)
    yield from _together(missed(central), "unhappy without an alert", plan.missed)
    answer = helped(central)
    yield from _together(answer, "effect of calling soon", year_truth.EFFECT)
    for point in answer.charts[0].points:
        severity, _, band = point.label.partition(", ")
        truth = year_truth.again(severity == VERY, soon=band == BANDS[0][1])
        if point.low is not None and point.high is not None:
            yield Held("helped", "called again", point.low, point.high, truth)
    yield from _held_out(central)
    yield from _together(unhappy(central), "negative", plan.negative)


def of_story(central: Central, year: Year) -> Iterator[Held]:
    """What the pages say of the year with a broken, a loose and a mis-calibrated site."""
    said = right(central)
    sites = next(t for t in said.tables if t.caption == "By site and version")
    plans = {plan.site: plan for plan in year.plans}
    for row in sites.rows:
        site, _, version = str(row[0]).partition(", ")
        plan = plans.get(site)
        if plan is None:
            continue
        broken = plan.broken_from <= 1.0 and version == year_truth.AFTER
        low, high = _interval(str(row[1]))
        truth = plan.precision(central.settings.holdout.share, broken=broken)
        yield Held("right", f"precision at {row[0]}", low, high, truth)
    without = {p.site: p.calls_a_day * (1 - p.world.below(p.threshold)) for p in year.plans}
    truth = sum(without[p.site] * p.missed for p in year.plans) / sum(without.values())
    yield from _together(missed(central), "unhappy without an alert", truth)
    yield from _together(helped(central), "effect of calling soon", year_truth.EFFECT)
    yield from _held_out(central)
    for plan in year.plans:
        if plan.broken_from > 1.0:
            answer = unhappy(central, plan.site)
            yield from _together(answer, f"negative at {plan.site}", plan.negative)


def _held_out(central: Central) -> Iterator[Held]:
    """Both arms of the hold-out and how they differ."""
    answer = holdout(central)
    held = year_truth.again(severe=False, soon=False)
    truths = {CALL: held + year_truth.CALLED_LESS, HOLD: held}
    for chart in answer.charts:
        for arm, point in zip((CALL, HOLD), chart.points, strict=True):
            if point.low is not None and point.high is not None:
                figure = f"called again, {point.label}"
                yield Held("holdout", figure, point.low, point.high, truths[arm])
    yield from _together(answer, "what calling does", year_truth.CALLED_LESS)


def days_outside(central: Central, site: str) -> tuple[list[str], str]:
    """Days whose negative share lies outside the limits, and the day of the upgrade."""
    points = unhappy(central, site).charts[0].points
    mark = next((point.label for point in points if point.mark), "")
    return [point.label for point in points if point.outside], mark


def upgraded_on(year: Year, days: int) -> str:
    """The day from which the newer version ran."""
    first = next(n for n in range(days) if n / days >= year_truth.UPGRADE)
    return f"{year.begin + timedelta(days=first):%Y-%m-%d}"


def _together(answer: Answer, figure: str, truth: float) -> Iterator[Held]:
    table = next((t for t in answer.tables if t.caption == "Together"), None)
    for row in table.rows if table else ():
        low, high = row[2], row[3]
        if isinstance(low, float) and isinstance(high, float):
            yield Held(answer.key, figure, low, high, truth)


def _interval(text: str) -> tuple[float, float]:
    """Of `8 of 12` or `80 % (72 to 86 %)`, whose ends are rounded to whole per cent."""
    if found := _SAID.fullmatch(text):
        return int(found[2]) / 100 - 0.005, int(found[3]) / 100 + 0.005
    k, _, n = text.partition(" of ")
    counted = share(int(k), int(n))
    return counted.low, counted.high
