"""How long what is kept, by site and kind of data: numbers before scores before roll-ups."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Date, delete, select, update

from sered.central import audit
from sered.central.cases.machine import OPEN
from sered.central.store.tables import (
    alert,
    call,
    call_report,
    cases,
    daily_case,
    daily_case_cause,
    daily_open,
    feedback,
    hourly,
    hourly_cause,
    line_map,
    number_match,
    pbx_call,
    told_cause,
    told_day,
    told_hour,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from sered.central.context import Central
    from sered.central.settings import CentralSettings

_AT_ONCE = 500
_log = logging.getLogger(__name__)


def whole_since(settings: CentralSettings, now: datetime) -> datetime:
    """The moment from which every call is still there: counts of before are never made anew."""
    shortest = min(
        [settings.retention.scores_days, *(site.scores_days or 1e6 for site in settings.site)]
    )
    return now - timedelta(days=min(shortest, 36_500.0))


def forget(central: Central) -> dict[str, int]:
    """Delete what is due at every site; how many rows of which kind."""
    gone = {"numbers": _nobodys(central), "calls": 0, "counts": 0}
    for site in _sites(central):
        kept = days(central.settings, site)
        for kind, work in (("numbers", _numbers), ("calls", _calls), ("counts", _counts)):
            gone[kind] += work(central, site, central.now() - timedelta(days=kept[kind]))
    if any(gone.values()):
        _log.info("retention.done %s", " ".join(f"{kind}={n}" for kind, n in gone.items()))
    return gone


def days(settings: CentralSettings, site: str) -> dict[str, float]:
    """Days by kind: a site's own where it has some, else those of all."""
    own = next((each for each in settings.site if each.id == site), None)
    common = settings.retention
    return {
        "numbers": (own and own.numbers_days) or settings.pbx.keep_days,
        "calls": (own and own.scores_days) or common.scores_days,
        "counts": (own and own.figures_days) or common.figures_days,
    }


def _sites(central: Central) -> list[str]:
    with central.store.reading() as connection:
        found = set(connection.scalars(select(hourly.c.site).distinct()))
        found |= set(connection.scalars(select(line_map.c.site).distinct()))
        found |= set(connection.scalars(select(cases.c.site).distinct()))
    return sorted(found | {site.id for site in central.settings.site})


def _nobodys(central: Central) -> int:
    """Records of extensions that belong to no site."""
    before = central.now() - timedelta(days=central.settings.pbx.keep_days)
    known = select(line_map.c.extension)
    old = (pbx_call.c.received_at < before) & pbx_call.c.extension.not_in(known)
    with central.store.writing() as connection:
        return int(connection.execute(delete(pbx_call).where(old)).rowcount)


def _numbers(central: Central, site: str, before: datetime) -> int:
    """Records, matches and marks, but those of open cases."""
    here = select(line_map.c.extension).where(line_map.c.site == site)
    is_open = cases.c.state.in_(OPEN)
    needed = select(cases.c.call_id).where(is_open, cases.c.site == site)
    held = select(number_match.c.pbx_id).where(
        number_match.c.call_id.in_(needed), number_match.c.pbx_id.is_not(None)
    )
    mine = select(call.c.call_id).where(call.c.site == site)
    with central.store.writing() as connection:
        records = delete(pbx_call).where(
            pbx_call.c.received_at < before,
            pbx_call.c.extension.in_(here),
            pbx_call.c.pbx_id.not_in(held),
        )
        gone = connection.execute(records).rowcount
        matches = delete(number_match).where(
            number_match.c.at < before,
            number_match.c.call_id.in_(mine),
            number_match.c.call_id.not_in(needed),
        )
        gone += connection.execute(matches).rowcount
        marks = (
            (cases.c.site == site)
            & cases.c.caller_hmac.is_not(None)
            & ~is_open
            & (cases.c.call_ended_at < before)
        )
        gone += connection.execute(update(cases).where(marks).values(caller_hmac=None)).rowcount
        _note(connection, central, "numbers", site, gone)
    return int(gone)


def _calls(central: Central, site: str, before: datetime) -> int:
    """Calls with everything said of them; cases that are over with everything done on them."""
    working = select(cases.c.call_id).where(cases.c.state.in_(OPEN), cases.c.site == site)
    old = (call.c.site == site) & (call.c.ended_at < before)
    over = (cases.c.site == site) & (cases.c.call_ended_at < before) & cases.c.state.not_in(OPEN)
    gone = 0
    for query in (
        select(call.c.call_id).where(old, call.c.call_id.not_in(working)),
        # an alert may have opened a case whose call never came
        select(cases.c.call_id).where(over),
    ):
        while keys := _some(central, query):
            with central.store.writing() as connection:
                going = select(cases.c.id).where(cases.c.call_id.in_(keys))
                for name in ("joined_to", "storm_of"):
                    freed = update(cases).where(cases.c[name].in_(going))
                    connection.execute(freed.values({name: None}))
                for table in (call_report, alert, feedback, number_match, cases, call):
                    connection.execute(delete(table).where(table.c.call_id.in_(keys)))
                _note(connection, central, "calls", site, len(keys))
            gone += len(keys)
    return gone


def _some(central: Central, query: Select[tuple[str]]) -> list[str]:
    with central.store.reading() as connection:
        return list(connection.scalars(query.limit(_AT_ONCE)))


def _counts(central: Central, site: str, before: datetime) -> int:
    """Roll-ups by the hour and by the day."""
    gone = 0
    with central.store.writing() as connection:
        for table, at in (
            (hourly, hourly.c.hour),
            (hourly_cause, hourly_cause.c.hour),
            (daily_case, daily_case.c.day),
            (daily_case_cause, daily_case_cause.c.day),
            (daily_open, daily_open.c.day),
            *((table, table.c.day) for table in (told_day, told_hour, told_cause)),
        ):
            limit = before.date() if isinstance(at.type, Date) else before
            old = (table.c.site == site) & (at < limit)
            gone += connection.execute(delete(table).where(old)).rowcount
        _note(connection, central, "counts", site, gone)
    return int(gone)


def _note(connection: Connection, central: Central, kind: str, site: str, count: int) -> None:
    """What was deleted stands in the audit trail: kind, site and how many, nothing else."""
    if count:
        audit.write(connection, central.now(), "clock", f"{kind}.deleted", f"{site[:40]}:{count}")
