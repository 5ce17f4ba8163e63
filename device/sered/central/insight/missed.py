"""What do we miss? A random sample of calls without an alert, called out of courtesy, weighted."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from sered.central import audit
from sered.central.cases import routing
from sered.central.errors import InputError, NotFoundError
from sered.central.insight.answers import Answer, Figures, together
from sered.central.insight.figures import FEW, weighted_share
from sered.central.insight.groups import SMALL, Desks
from sered.central.people import Role
from sered.central.store import upsert
from sered.central.store.tables import call, cases, courtesy

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sered.central.context import Central
    from sered.central.people import Actor

WEEKS = 26
_SHORTEST_S = 20.0
"""A shorter call leaves nothing to ask about."""


def missed(central: Central) -> Answer:
    """The share of unhappy customers among calls without an alert, or that it is not measured."""
    question = "What do we miss?"
    since = central.now() - timedelta(weeks=WEEKS)
    query = select(courtesy.c.p, courtesy.c.unhappy).where(
        courtesy.c.done_at >= since, courtesy.c.unhappy.is_not(None)
    )
    with central.store.reading() as connection:
        desks = Desks(connection, since)
        query = query.where(courtesy.c.site.in_(sorted(desks.sites)))
        done = [(1.0 / row.p, bool(row.unhappy)) for row in connection.execute(query)]
        waiting = connection.scalar(
            select(func.count()).select_from(courtesy).where(courtesy.c.done_at.is_(None))
        )
    if central.settings.courtesy.calls_a_week == 0:
        lead = "Not measured: no courtesy calls are drawn ([courtesy] calls_a_week = 0)."
        return Answer("missed", question, lead)
    if not desks.enough():
        return Answer("missed", question, f"Nothing is said of {SMALL}.")
    found = weighted_share(done)
    if found is None:
        lead = f"Not measured yet: {waiting} courtesy calls wait to be made."
        return Answer("missed", question, lead)
    value, low, high = found
    unhappy = sum(true for _, true in done)
    few = len(done) < FEW
    lead = f"{unhappy} of {len(done)} customers who were called out of courtesy were unhappy."
    if not few:
        within = f"({100 * low:.1f} to {100 * high:.1f} %)"
        lead = (
            f"Of calls without an alert {100 * value:.1f} % {within} left somebody unhappy, by"
            f" {len(done)} courtesy calls."
        )
    rows = (
        ("courtesy calls made", len(done)),
        ("of them unhappy", unhappy),
        ("waiting", waiting),
    )
    limits = ("Customers who could not be reached are left out: they may be other people.",)
    return Answer(
        "missed",
        question,
        lead,
        (
            Figures("Courtesy calls", ("", "calls"), rows),
            together([("unhappy, weighted", value, low, high, len(done))]),
        ),
        (),
        limits,
    )


def draw(central: Central) -> int:
    """Draw last week's sample where it was not drawn yet; how many calls. Raises StoreError.

    Every call without an alert has the same chance within its site, which is kept with it: what
    is found is weighted by its inverse. The draw is seeded by the week: it cannot be repeated
    until it suits.
    """
    wanted = central.settings.courtesy.calls_a_week
    now = central.now()
    week = _monday(now) - timedelta(weeks=1)
    if not wanted:
        return 0
    drawn_before = select(courtesy.c.call_id).where(courtesy.c.week == week).limit(1)
    with central.store.reading() as connection:
        if connection.scalar(drawn_before):
            return 0
    with central.store.writing() as connection:
        if connection.scalar(drawn_before):
            return 0
        pool = _pool(connection, week)
        chance = random.Random(f"{week.isoformat()}/{central.vault.mark('courtesy')}")  # noqa: S311 - a sample, no secret
        if not pool:
            return 0
        drawn = chance.sample(pool, min(wanted, len(pool)))
        rows = [
            {
                "call_id": call_id, "week": week, "site": site, "drawn_at": now,
                "team": routing.team_for(central.settings, (), site, queue).name,
                "p": min(1.0, wanted / len(pool)),
            }
            for call_id, site, queue in drawn
        ]  # fmt: skip
        upsert.insert_if_new(connection, courtesy, rows)
        audit.write(connection, now, "clock", "courtesy.drawn", f"week:{week:%Y-%m-%d}")
    return len(rows)


def settle(central: Central, actor: Actor, call_id: str, unhappy: bool | None) -> None:  # noqa: FBT001 - three answers
    """The courtesy call was made; None: the customer could not be reached."""
    actor.need(Role.AGENT, Role.LEAD)
    now = central.now()
    mine = (courtesy.c.call_id == call_id) & courtesy.c.team.in_(sorted(actor.teams))
    with central.store.writing() as connection:
        row = connection.execute(select(courtesy).where(mine)).first()
        if row is None:
            msg = "There is no such courtesy call for your teams."
            raise NotFoundError(msg)
        if row.done_at is not None:
            msg = "This courtesy call was made already."
            raise InputError(msg)
        done = {"unhappy": unhappy, "done_at": now, "claimed_by": actor.id}
        connection.execute(update(courtesy).where(mine).values(**done))
        audit.write(connection, now, f"user:{actor.id}", "courtesy.done", f"call:{call_id}")


def _pool(connection: Connection, week: datetime) -> list[tuple[str, str, str]]:
    within = (call.c.ended_at >= week) & (call.c.ended_at < week + timedelta(weeks=1))
    alerted = select(cases.c.call_id).where(cases.c.call_id == call.c.call_id).exists()
    query = select(call.c.call_id, call.c.site, call.c.queue).where(
        within, ~alerted, call.c.duration_s >= _SHORTEST_S, call.c.end_reason != "unanswered"
    )
    return [tuple(row) for row in connection.execute(query.order_by(call.c.call_id))]


def _monday(at: datetime) -> datetime:
    day = at.astimezone(UTC).date()
    first = day - timedelta(days=day.weekday())
    return datetime(first.year, first.month, first.day, tzinfo=UTC)
