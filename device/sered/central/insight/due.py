"""Hours of calls and days of cases that are to be counted anew, kept until they are counted.

What is due is struck in the transaction that writes the counts: whoever is ended in the middle of
ten million calls goes on where the last transaction was, and of two who count at once each hour is
counted by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from sered.central.store import upsert
from sered.central.store.tables import count_due

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from sered.central.context import Central

CALLS, CASES = "calls", "cases"
"""Kinds: hours of calls, days of cases."""
_AT_ONCE = 1000


def mark(connection: Connection, kind: str, moments: Iterable[datetime]) -> None:
    """Hours or days that are to be counted; those that are due already stay so."""
    rows = [{"kind": kind, "at": at} for at in sorted(set(moments))]
    for at in range(0, len(rows), _AT_ONCE):
        upsert.insert_if_new(connection, count_due, rows[at : at + _AT_ONCE])


def waiting(central: Central, kind: str) -> list[datetime]:
    """What is due, in its order."""
    query = select(count_due.c.at).where(count_due.c.kind == kind).order_by(count_due.c.at)
    with central.store.reading() as connection:
        return list(connection.scalars(query))


def take(connection: Connection, kind: str, moments: list[datetime]) -> list[datetime]:
    """Strike these; those that nobody else has struck meanwhile, in their order."""
    mine = delete(count_due).where(count_due.c.kind == kind, count_due.c.at.in_(moments))
    return sorted(connection.scalars(mine.returning(count_due.c.at)))
