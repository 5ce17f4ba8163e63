"""What may be told of a day: sums of the rows, and nothing that gives few desks away."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, func, select, text, update

from central_stage import CONFIGURATION, KEY
from insight_stage import Calls
from sered.central import metrics
from sered.central.context import Central
from sered.central.errors import InputError
from sered.central.insight import (
    boxes,
    calibrate,
    export,
    helped,
    holdout,
    keeping,
    missed,
    right,
    shared_views,
    told,
    unhappy,
    weekly,
)
from sered.central.settings import CentralSettings
from sered.central.store import migrate
from sered.central.store.engine import Store
from sered.central.store.tables import call, told_cause, told_day, told_hour
from sered.central.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

    from central_stage import Clock

CANARY = "0.9.0 n w o"


def month(central: Central, *, moody: bool) -> None:
    """Weeks at berlin with a site of two desks, a Sunday desk, a canary box, a small queue, and
    today's calls; `moody` is how those feel whom nobody may be told of.
    """
    calls = Calls(central)
    now = central.now()
    felt = calls.unhappy if moody else calls.add
    for back in range(1, 29):
        at = now - timedelta(days=back)
        if at.weekday() == 6:
            felt(at, 4, device="desk1", causes=("delay",) if moody else ())
            continue
        calls.unhappy(at, 6, causes=("delay",))
        calls.add(at, 18)
        calls.add(at - timedelta(hours=1), 12, queue="billing")
        calls.add(at - timedelta(hours=4), 1, device="desk2")
        calls.add(at, 2, device="desk3", queue="vip")
        calls.add(at, 1, device="desk4", versions=CANARY)
        felt(at, 4, site="tiny", device="t1", queue="q", causes=("delay",) if moody else ())
        felt(at, 4, site="tiny", device="t2", queue="q", causes=("delay",) if moody else ())
    keys = calls.unhappy(now - timedelta(days=2), 36, causes=("product",))
    calls.closed(keys, "right")
    mine = calls.unhappy(now - timedelta(days=2), 3, site="tiny", device="t1")
    calls.closed(mine, "right" if moody else "wrong", site="tiny", device="t1")
    felt(now - timedelta(minutes=5), 3, device="desk5")
    keeping.count(central)


def test_every_row_is_of_five_desks_and_all_sums_agree(central: Central) -> None:
    """Of hours, queues and versions that are told each has five desks, each kind adds up to the
    day, and what was hidden is with others.
    """
    month(central, moody=True)
    with central.store.reading() as connection:
        rows = connection.execute(select(call)).all()
        days = connection.execute(select(told_day)).all()
        hours = connection.execute(select(told_hour)).all()
    assert days
    assert {row.site for row in (*days, *hours)} == {"berlin"}
    assert CANARY not in {row.name for row in days}
    assert {row.name for row in days if row.kind == told.QUEUE} == {told.OTHERS, "billing"}

    def desks(found: list[Any]) -> int:
        return len({(row.site, row.device, row.line) for row in found})

    for row in hours:
        end = row.hour + timedelta(hours=row.hours)
        mine = [c for c in rows if c.site == row.site and row.hour <= c.ended_at < end]
        assert desks(mine) >= 5
        assert len(mine) == row.calls
    named = [row for row in days if row.kind == told.QUEUE and row.name != told.OTHERS]
    for row in named:
        mine = [c for c in rows if c.site == row.site and c.queue == row.name]
        assert desks([c for c in mine if c.ended_at.date() == row.day]) >= 5
    sums: dict[Any, dict[str, int]] = {}
    for row in days:
        kinds = sums.setdefault(row.day, {})
        kinds[row.kind] = kinds.get(row.kind, 0) + row.calls
    for row in hours:
        kinds = sums[row.day]
        kinds["hour"] = kinds.get("hour", 0) + row.calls
    assert all(len(set(kinds.values())) == 1 and len(kinds) == 4 for kinds in sums.values())
    assert not any(day.weekday() == 6 for day in sums)
    assert keeping.differences(central) == []


def everything(central: Central, folder: Path) -> str:
    """All that anybody can read of many calls: pages as CSV, report, views, Parquet, metrics."""
    answers = [
        right.right(central), missed.missed(central), helped.helped(central),
        holdout.holdout(central), boxes.boxes(central), unhappy.unhappy(central),
        *(unhappy.unhappy(central, site, queue) for site in ("berlin", "tiny")
          for queue in (None, "billing", "vip", "q")),
        *(unhappy.unhappy(central, days=n) for n in (1, 7)),
    ]  # fmt: skip
    said = [answer.lead + answer.as_csv() for answer in answers]
    said.append(weekly.weekly(central).text())
    with central.store.reading() as connection:
        said += [
            str(connection.execute(text(f"SELECT * FROM {view}")).all())
            for view in shared_views.VIEWS
        ]
    shared_views.to_parquet(central, folder)
    said += [path.read_bytes().hex() for path in sorted(folder.iterdir())]
    said.append(metrics.exposed(central).decode())
    return "\n".join(said)


def test_how_few_desks_felt_changes_nothing(tmp_path: Path, clock: Clock) -> None:
    """A site of two desks, a desk alone on Sundays and the day that is not over: whether those
    callers were content or furious, pages, exports, report, views and metrics are the same bytes.
    """
    found = []
    for moody in (True, False):
        store = Store(f"sqlite:///{tmp_path}/{moody}.db")
        migrate.upgrade(store)
        settings = CentralSettings.model_validate(
            CONFIGURATION | {"courtesy": {"calls_a_week": 20}, "report": {"tz": "Europe/Berlin"}}
        )
        central = Central(settings, store, Vault(KEY), clock)
        month(central, moody=moody)
        found.append(everything(central, tmp_path / str(moody)))
        for ask in (
            lambda central=central: calibrate.calibrate(central, "tiny"),
            lambda central=central: list(export.judged_calls(central, "tiny")),
        ):
            with pytest.raises(InputError, match="fewer than five desks"):
                ask()
        store.close()
    assert "berlin" in found[0]
    assert found[0] == found[1]


def test_a_day_is_told_when_it_is_over_where_it_was(central: Central, clock: Clock) -> None:
    """An hour after midnight in Berlin the day is told there; a late call waits for the night."""
    calls = Calls(central)
    calls.add(clock(), 12)
    clock.move(13 * 3600 + 600)
    keeping.count(central)
    assert unhappy.unhappy(central).tables == ()
    clock.move(3600)
    keeping.count(central)
    assert "of 12 calls" in unhappy.unhappy(central).lead
    late = calls.add(clock() - timedelta(hours=14), 3)
    keeping.count(central)
    assert "of 12 calls" in unhappy.unhappy(central).lead
    assert keeping.differences(central) == []
    clock.move(24 * 3600)
    keeping.count(central)
    assert "of 15 calls" in unhappy.unhappy(central).lead
    with central.store.writing() as connection:
        connection.execute(delete(call).where(call.c.call_id.in_(late)))
    keeping.rebuild(central)
    assert "of 12 calls" in unhappy.unhappy(central).lead


def test_a_told_sum_that_was_changed_is_found(central: Central, clock: Clock) -> None:
    """Held against the counts, a wrong sum is named with its day and site."""
    Calls(central).unhappy(clock() - timedelta(days=1), 10, causes=("delay",))
    keeping.count(central)
    with central.store.reading() as connection:
        assert connection.scalar(select(func.sum(told_cause.c.calls))) == 20
    with central.store.writing() as connection:
        wrong = update(told_day).where(told_day.c.kind == told.QUEUE)
        connection.execute(wrong.values(calls=99))
    (said,) = keeping.differences(central)
    assert "at berlin: 99 calls told by queue, 10 counted" in said
