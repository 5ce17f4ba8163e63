"""Calls that a person judged, with what each stands for: what calibration and export are made of.

Two samples tell of a site: its alerts, of which some were judged when the case was closed, and its
courtesy calls, drawn at random among the calls without an alert. Each is weighted by the inverse
of its chance to be in.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from sered.central.cases.holdout import CALL, HOLD
from sered.central.insight.odds import Judged
from sered.central.store.tables import call, cases, courtesy, feedback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from sered.central.context import Central


@dataclass(frozen=True, slots=True)
class Labelled:
    """One judged call."""

    call_id: str
    mode: str
    versions: str
    judged: Judged
    sampled: bool
    """From the courtesy sample, not from an alert."""


def judging(versions: str) -> str:
    """What of a call's versions judges: all but sered's own, which may change without it."""
    return versions.partition(" ")[2] or versions


def labelled(central: Central, site: str, since: datetime) -> list[Labelled]:
    """Judged calls of a site that ended since then, as weighted samples."""
    here = (call.c.site == site) & (call.c.ended_at >= since) & call.c.score.is_not(None)
    with central.store.reading() as connection:
        return [*_alerts(connection, here), *_sample(connection, here)]


def _alerts(connection: Connection, here: ColumnElement[bool]) -> Iterator[Labelled]:
    joined = call.join(cases, cases.c.call_id == call.c.call_id)
    # those called by the hold-out's lot stand for those held out, too, whom nobody judges
    by_lot = cases.c.arm.in_((CALL, HOLD))
    counts = select(by_lot, func.count()).select_from(joined).where(here).group_by(by_lot)
    alerts = {bool(lot): int(n) for lot, n in connection.execute(counts)}
    query = (
        select(
            call.c.call_id, call.c.mode, call.c.versions, call.c.score, feedback.c.verdict,
            by_lot.label("lot"),
        )
        .select_from(joined.join(feedback, feedback.c.call_id == call.c.call_id))
        .where(here, feedback.c.verdict.in_(("right", "wrong")))
        .order_by(call.c.call_id)
    )  # fmt: skip
    rows = connection.execute(query).all()
    judged = Counter(bool(row.lot) for row in rows)
    for row in rows:
        weight = alerts[bool(row.lot)] / judged[bool(row.lot)]
        one = Judged(row.score, row.verdict == "right", weight)
        yield Labelled(row.call_id, row.mode, row.versions, one, sampled=False)


def _sample(connection: Connection, here: ColumnElement[bool]) -> Iterator[Labelled]:
    joined = call.join(courtesy, courtesy.c.call_id == call.c.call_id)
    done = here & courtesy.c.done_at.is_not(None)
    drawn = connection.scalar(select(func.count()).select_from(joined).where(done)) or 0
    query = (
        select(
            call.c.call_id, call.c.mode, call.c.versions, call.c.score, courtesy.c.p,
            courtesy.c.unhappy,
        )
        .select_from(joined)
        .where(done, courtesy.c.unhappy.is_not(None))
        .order_by(call.c.call_id)
    )  # fmt: skip
    rows = connection.execute(query).all()
    for row in rows:
        # who was not reached counts as those who were
        weight = drawn / len(rows) / row.p
        one = Judged(row.score, bool(row.unhappy), weight)
        yield Labelled(row.call_id, row.mode, row.versions, one, sampled=True)
