"""Simulated life with known truth: every page tells it, and its intervals are honest."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bench.year_coverage import YEAR, coverage
from central_stage import CONFIGURATION, KEY, Clock
from sered.central.context import Central
from sered.central.insight.figures import laney, stratified_difference
from sered.central.settings import CentralSettings
from sered.central.simulate import year, year_check, year_truth
from sered.central.simulate.year_truth import Plan
from sered.central.store import migrate
from sered.central.store.engine import Store
from sered.central.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

DAYS = 126


@pytest.mark.slow
@pytest.mark.untraced
def test_each_page_tells_what_is_true(tmp_path: Path) -> None:
    """Precision, what is missed, effect and negative share are the true ones, and an upgrade that
    breaks a site is marked there, its days outside of the limits from then on.
    """
    store = Store(f"sqlite:///{tmp_path}/year.db")
    migrate.upgrade(store)
    settings = CentralSettings.model_validate(CONFIGURATION | YEAR)
    central = Central(settings, store, Vault(KEY), Clock())
    plans = (
        Plan("berlin", calls_a_day=25.0),
        Plan("hamburg", calls_a_day=60.0, broken_from=year_truth.UPGRADE, broken_share=0.3),
    )
    made = year.fill(central, 5, plans, DAYS)
    held = list(year_check.of_story(central, made))
    assert {each.page for each in held} == {"right", "missed", "helped", "holdout", "unhappy"}
    # 95 % intervals: of so few at most one may miss
    assert sum(not each.covers for each in held) <= 1, held
    broken = next(each for each in held if "hamburg, 0.4.0" in each.figure)
    assert broken.high < year_truth.PRECISION
    outside, mark = year_check.days_outside(central, "hamburg")
    assert mark == year_check.upgraded_on(made, DAYS)
    after = [day for day in outside if day >= mark]
    broken_days = round(DAYS * (1 - year_truth.UPGRADE))
    assert len(after) >= broken_days - 3
    assert len(outside) - len(after) <= 1
    calm, _ = year_check.days_outside(central, "berlin")
    assert len(calm) <= 2
    store.close()


@pytest.mark.slow
@pytest.mark.untraced
def test_intervals_hold_the_truth(tmp_path: Path) -> None:
    """Over a few seeded quarters about 95 in a hundred intervals of the pages hold the truth;
    `make year-coverage` asks it of two hundred years.
    """
    counts, _ = coverage(tmp_path, range(1, 4), 63)
    held, of = (sum(column) for column in zip(*counts.values(), strict=True))
    assert of >= 40
    assert held / of >= 0.88


def test_the_truth_is_consistent() -> None:
    """The planned precision is that of the drawn scores, and halves where it is said to."""
    good, loose = Plan("a"), Plan("b", threshold=-0.2)
    assert good.precision() == pytest.approx(year_truth.PRECISION, abs=1e-4)
    assert loose.precision() < good.precision()
    assert good.precision(broken=True) < 0.5
    # those whom the lot spares are the milder ones, of whom more are wrong
    assert good.precision(0.5) > good.precision(0.25) > good.precision()
    severe = good.world.share(-1.0, year_truth.SEVERE_AT)
    assert good.precision(1.0) == pytest.approx(severe, abs=1e-6)
    whole = good.world.share(-1.0, 1.0)
    part = good.world.below(good.threshold)
    assert part * good.precision() + (1 - part) * good.missed == pytest.approx(whole, abs=1e-4)


def test_strata_that_differ_are_no_effect() -> None:
    """Of two strata without a difference within, none is found, however the groups are mixed."""
    found = stratified_difference([((80, 100), (8, 10)), ((2, 10), (20, 100))])
    assert found is not None
    assert found[0] == pytest.approx(0.0)
    assert found[1] < 0.0 < found[2]
    # one stratum: the plain difference with Wald's interval, 0.2 +- 1.96 * 0.0734
    plain = stratified_difference([((56, 70), (48, 80))])
    assert plain is not None
    assert [round(value, 3) for value in plain] == [0.2, 0.058, 0.342]
    assert stratified_difference([((0, 0), (1, 2))]) is None


def test_a_lasting_change_does_not_widen_its_limits() -> None:
    """Limits of the time before an upgrade show it; of everything, calm days look odd, too."""
    periods = [(10 + n % 3, 100) for n in range(25)] + [(22, 100)] * 25
    whole, before = laney(periods), laney(periods, 25)
    assert whole is not None
    assert before is not None
    assert set(range(25, 50)) == set(before.outside)
    assert set(range(25)) <= set(whole.outside)
    assert laney(periods, 5) == whole


def test_year_begins_at_midnight(tmp_path: Path) -> None:
    """A day of the year is filled between opening and closing, and never after now."""
    store = Store(f"sqlite:///{tmp_path}/year.db")
    migrate.upgrade(store)
    central = Central(CentralSettings.model_validate(CONFIGURATION), store, Vault(KEY), Clock())
    made = year.fill(central, 1, (Plan("berlin", calls_a_day=5.0),), 2)
    assert made.begin + timedelta(days=2) <= central.now()
    assert made.calls > 0
    store.close()
