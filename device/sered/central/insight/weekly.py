"""The week on one page, for a manager on Monday: the last whole week beside the one before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, false, func, or_, select

from sered.central.cases.holdout import HOLD
from sered.central.insight.boxes import boxes
from sered.central.insight.days import Days
from sered.central.insight.figures import share
from sered.central.insight.groups import SMALL, Desks
from sered.central.insight.helped import helped
from sered.central.insight.holdout import holdout
from sered.central.insight.missed import missed
from sered.central.insight.sheet import Part, Table, Weekly
from sered.central.insight.told import GRACE, SITE
from sered.central.insight.weeks import Weeks
from sered.central.store import upsert
from sered.central.store.tables import cases, courtesy, feedback, outbox, told_cause, told_day

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sered.central.context import Central

EVENT = "report"
_CAUSES = 5
_BACK = timedelta(weeks=26)
_NAMES = (
    "Calls", "Left unhappy, by the verdict", "Cases opened", "Cases closed", "… in time",
    "… customer won back", "Verdicts right, of those judged", "Unhappy, of courtesy calls",
)  # fmt: skip


def weekly(central: Central) -> Weekly:
    """The last whole week, Monday to Sunday, and the one before it."""
    monday = _monday(central, central.now())
    now, before = (_Week(central, monday - timedelta(weeks=back)) for back in (1, 2))
    rows = [
        (name, figure, earlier)
        for (name, figure), (_, earlier) in zip(now.figures(), before.figures(), strict=True)
    ]
    causes, earlier = now.causes(), before.causes()
    top = sorted(causes, key=lambda each: (-causes[each], each))[:_CAUSES]
    about = [(f"… about {c}", str(causes[c]), str(earlier.get(c, 0))) for c in top]
    answers = [missed(central), helped(central)]
    if central.settings.holdout.share:
        answers.append(holdout(central))
    answers.append(boxes(central))
    sunday = now.first + timedelta(days=6)
    address = central.settings.delivery.address.rstrip("/")
    return Weekly(
        f"sered: customers called back, {now.name} of {now.first.isocalendar()[0]}",
        f"Monday {now.first:%d %B} to Sunday {sunday:%d %B %Y}",
        Table(("", now.name, before.name), (*rows[:2], *about, *rows[2:])),
        tuple(Part(each.question, (each.lead,)) for each in answers),
        f"In brackets: 95 % intervals; under thirty there are counts. A day counts where five desks"
        f" or more had calls. Charts and tables: {address}/figures/right. Nothing here is by desk"
        " or employee.",
    )


def due(central: Central) -> int:
    """Put last week's report into the outbox, once a week and channel; how many.

    Not before Sunday is told at every site.
    """
    settings = central.settings.report
    now = central.now()
    monday = _monday(central, now)
    days = Days(central.settings)
    begin = [_begin(central, monday) + timedelta(hours=settings.hour)]
    begin += [days.begin(site.id, monday) + GRACE for site in central.settings.site]
    if not settings.channels or now < max(begin):
        return 0
    year, week, _ = (monday - timedelta(days=3)).isocalendar()
    keys = {name: f"report:{year}-W{week:02d}:{name}" for name in settings.channels}
    with central.store.reading() as connection:
        known = set(
            connection.scalars(
                select(outbox.c.dedupe).where(outbox.c.dedupe.in_(list(keys.values())))
            )
        )
    fresh = {name: key for name, key in keys.items() if key not in known}
    if not fresh:
        return 0
    rows = [
        {"case_id": None, "step": 0, "channel": name, "dedupe": key, "created": now, "due": now,
         "event": EVENT}
        for name, key in fresh.items()
    ]  # fmt: skip
    with central.store.writing() as connection:
        upsert.insert_if_new(connection, outbox, rows)
    central.outbox_bell.ring()
    return len(rows)


@dataclass(frozen=True, slots=True)
class _Week:
    """What is told of one week."""

    central: Central
    first: date
    """Its Monday."""

    @property
    def name(self) -> str:
        return f"week {self.first.isocalendar()[1]}"

    def figures(self) -> list[tuple[str, str]]:
        """Names and figures, the same names for each week."""
        central = self.central
        begin, end = (_begin(central, self.first + timedelta(days=n)) for n in (0, 7))
        with central.store.reading() as connection:
            desks = Desks(connection, begin)
            if not desks.enough():
                return [(name, SMALL) for name in _NAMES]
            calls, negative = self._told(connection)
            made, unhappy = _courtesy(connection, desks, begin, end)
            begins = Weeks(connection, self.first - _BACK).begins(self.first)
            begins = {site: day for site, day in begins.items() if site in desks.sites}
            opened, closed, on_time, recovered, right, wrong = _worked(
                connection, {site: _begin(central, day) for site, day in begins.items()}, end
            )
        said = (
            str(calls), str(share(negative, calls)), str(opened), str(closed),
            str(share(on_time, closed)), str(share(recovered, closed)),
            str(share(right, right + wrong)), str(share(unhappy, made)),
        )  # fmt: skip
        return list(zip(_NAMES, said, strict=True))

    def causes(self) -> dict[str, int]:
        """Negative calls by cause."""
        count = func.sum(told_cause.c.calls)
        query = select(told_cause.c.cause, count).where(
            told_cause.c.kind == SITE, told_cause.c.day.between(*self._days())
        )
        with self.central.store.reading() as connection:
            rows = connection.execute(query.group_by(told_cause.c.cause))
            return {str(cause): int(n) for cause, n in rows}

    def _days(self) -> tuple[date, date]:
        return self.first, self.first + timedelta(days=6)

    def _told(self, connection: Connection) -> tuple[int, int]:
        table = told_day.c
        judged = table.negative + table.positive + table.undetermined
        within = (table.kind == SITE) & table.day.between(*self._days())
        query = select(func.sum(judged), func.sum(table.negative)).where(within)
        calls, negative = connection.execute(query).one()
        return int(calls or 0), int(negative or 0)


def _worked(
    connection: Connection, begins: dict[str, datetime], end: datetime
) -> tuple[int, int, int, int, int, int]:
    """Cases opened, without those held out; closed, in time, recovered; right and wrong.

    From each site's own beginning: a week with too few desks is told with the next one.
    """
    when = func.coalesce(cases.c.called_at, cases.c.closed_at)
    here = cases.c.joined_to.is_(None) & (cases.c.arm != HOLD)
    closed = (cases.c.state == "closed") & _within(cases.c.closed_at, begins, end)
    query = select(
        func.count(),
        func.count().filter(when <= cases.c.due_at),
        func.count().filter(cases.c.outcome == "recovered"),
        func.count().filter(feedback.c.verdict == "right"),
        func.count().filter(feedback.c.verdict == "wrong"),
    ).select_from(cases.outerjoin(feedback, feedback.c.call_id == cases.c.call_id))
    new = _within(cases.c.opened_at, begins, end)
    opened = connection.scalar(select(func.count()).select_from(cases).where(here, new))
    n, on_time, recovered, right, wrong = connection.execute(query.where(here, closed)).one()
    return int(opened or 0), int(n), int(on_time), int(recovered), int(right), int(wrong)


def _within(
    at: ColumnElement[datetime], begins: dict[str, datetime], end: datetime
) -> ColumnElement[bool]:
    """At a site, from its beginning to before the end."""
    by_begin: dict[datetime, list[str]] = {}
    for site, begin in sorted(begins.items()):
        by_begin.setdefault(begin, []).append(site)
    spans = [
        cases.c.site.in_(sites) & (at >= begin) & (at < end) for begin, sites in by_begin.items()
    ]
    return or_(false(), *spans)


def _courtesy(
    connection: Connection, desks: Desks, begin: datetime, end: datetime
) -> tuple[int, int]:
    within = (courtesy.c.done_at >= begin) & (courtesy.c.done_at < end)
    query = select(func.count(), func.count().filter(courtesy.c.unhappy.is_(True))).where(
        within, courtesy.c.unhappy.is_not(None), courtesy.c.site.in_(sorted(desks.sites))
    )
    made, unhappy = connection.execute(query).one()
    return int(made), int(unhappy)


def _monday(central: Central, now: datetime) -> date:
    """The first day of the week that is not over."""
    day = now.astimezone(ZoneInfo(central.settings.report.tz)).date()
    return day - timedelta(days=day.weekday())


def _begin(central: Central, day: date) -> datetime:
    zone = ZoneInfo(central.settings.report.tz)
    return datetime.combine(day, time(), zone).astimezone(UTC)
