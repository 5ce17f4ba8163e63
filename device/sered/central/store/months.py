"""PostgreSQL keeps calls by the month: partitions are made ahead, and old months dropped whole.

A call's id is a UUIDv7, which begins with the moment of its making: the id alone says the month,
and the primary key stays what makes deliveries idempotent. Ids of any other form, and of months
that nobody made a partition for, lie in the default partition. SQLite has no partitions.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import text

from sered.central.errors import StoreError

if TYPE_CHECKING:
    import threading

    from sqlalchemy import Connection

    from sered.central.context import Central

TABLES = ("call_cause", "call_report", "call")
"""Those kept by the month; what refers to another comes before it."""
SCHEMA = "sered_months"
"""Where the partitions are: whoever looks at the tables need not see them."""
AHEAD = 2
_EVERY_S = 3600.0
_log = logging.getLogger(__name__)


def run(central: Central, stop: threading.Event) -> None:
    """Once an hour, until `stop`; a store that is away is waited for."""
    while not stop.is_set():
        try:
            keep(central)
        except StoreError as error:
            _log.warning("months.wait reason=%s", error.reason)
            stop.wait(5.0)
            continue
        stop.wait(_EVERY_S)


def keep(central: Central) -> tuple[list[str], list[str]]:
    """Make this month's partitions and the next ones', drop old ones; months made, and dropped."""
    if central.store.dialect != "postgresql":
        return [], []
    now = central.now()
    wanted = [shift(now, n) for n in range(AHEAD + 1)]
    with central.store.reading() as connection:
        there = existing(connection)
    made = [month for month in wanted if name(month) not in there]
    for month in made:
        with central.store.writing() as connection:
            make(connection, month)
    kept = central.settings.store.keep_months
    before = name(shift(now, -kept)) if kept else ""
    old = [each for each in there if each < before]
    for each in old:
        with central.store.writing() as connection:
            drop(connection, each)
    if made or old:
        _log.info("months.kept made=%d dropped=%d", len(made), len(old))
    return [name(month) for month in made], old


def existing(connection: Connection) -> list[str]:
    """Months that have partitions, `2026_11` each, the oldest first."""
    query = text("SELECT tablename FROM pg_tables WHERE schemaname = :schema AND tablename ~ :like")
    found = connection.scalars(query, {"schema": SCHEMA, "like": r"^call_\d{4}_\d\d$"})
    return sorted(table.removeprefix("call_") for table in found)


def make(connection: Connection, month: datetime) -> None:
    """Partitions of a month; calls of it that lie in the default partition move there."""
    first, behind = bound(month), bound(shift(month, 1))
    within = f"call_id >= '{first}' AND call_id < '{behind}'"
    _run(connection, "SET LOCAL lock_timeout = '5s'")
    # a call that goes takes along what refers to it: all is out before anything is put back
    for table in (*TABLES, "courtesy"):
        taken = f"SELECT * FROM {table} WHERE {within}"  # noqa: S608 - names and bounds are ours
        _run(connection, f"CREATE TEMP TABLE moving_{table} ON COMMIT DROP AS {taken}")
    for table in TABLES:
        gone = f"DELETE FROM {SCHEMA}.{table}_other WHERE {within}"  # noqa: S608 - the same
        _run(connection, gone)
    for table in reversed(TABLES):
        part = f"{SCHEMA}.{table}_{name(month)} PARTITION OF {table}"
        span = f"FOR VALUES FROM ('{first}') TO ('{behind}')"
        _run(connection, f"CREATE TABLE {part} {span}")
    for table in (*reversed(TABLES), "courtesy"):
        back = f"INSERT INTO {table} SELECT * FROM moving_{table}"  # noqa: S608 - the same
        _run(connection, back)


def drop(connection: Connection, month: str) -> None:
    """Forget every call of a month at once, with its report, its causes and its courtesy call."""
    at = datetime.strptime(month, "%Y_%m").replace(tzinfo=UTC)
    within = f"call_id >= '{bound(at)}' AND call_id < '{bound(shift(at, 1))}'"
    _run(connection, "SET LOCAL lock_timeout = '5s'")
    _run(connection, f"DELETE FROM courtesy WHERE {within}")  # noqa: S608 - the same
    for table in TABLES:
        _run(connection, f"ALTER TABLE {table} DETACH PARTITION {SCHEMA}.{table}_{month}")
        _run(connection, f"DROP TABLE {SCHEMA}.{table}_{month}")


def bound(month: datetime) -> str:
    """What the first UUIDv7 of a month begins with."""
    begin = month.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    stamp = f"{int(begin.timestamp() * 1000):012x}"
    return f"{stamp[:8]}-{stamp[8:]}"


def shift(at: datetime, months: int) -> datetime:
    """The first day of the month so many later."""
    count = at.year * 12 + at.month - 1 + months
    return datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)


def name(month: datetime) -> str:
    """As partitions are called."""
    return f"{month:%Y_%m}"


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)
