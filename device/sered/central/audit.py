"""The audit trail: who did what to which id; each row's hash covers the row before it."""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, text

from sered.central.store.tables import audit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

_LOCK = 7_403_512
"""PostgreSQL's advisory lock: two writers must not continue the chain from the same row."""
START = "0" * 64
"""What the first row is chained to."""


def write(connection: Connection, at: datetime, actor: str, verb: str, object_id: str) -> None:
    """Add a row, inside the transaction of what it tells.

    Ids only (`case:12`, `user:3`, `call:...`): what a person may have erased never stands here.
    """
    write_all(connection, at, actor, verb, [object_id])


def write_all(
    connection: Connection, at: datetime, actor: str, verb: str, object_ids: Sequence[str]
) -> None:
    """The same for many things that one actor did at one moment."""
    if not object_ids:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    last = connection.execute(
        select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
    ).first()
    seq, prev = (last.seq, last.hash) if last else (0, START)
    rows = []
    for seq_of, object_id in enumerate(object_ids, seq + 1):
        row = {"seq": seq_of, "at": at, "actor": actor, "verb": verb, "object_id": object_id}
        digest = _digest(prev, seq_of, at, actor, verb, object_id)
        rows.append(row | {"prev_hash": prev, "hash": digest})
        prev = digest
    connection.execute(insert(audit), rows)


def faults(connection: Connection) -> Iterator[str]:
    """A sentence for every place where the chain does not hold; none: it verifies."""
    return _faults(connection.execute(select(audit).order_by(audit.c.seq)))


def _faults(rows: Iterable[Row[tuple[object, ...]]]) -> Iterator[str]:
    prev, expected = START, 1
    for row in rows:
        if row.seq != expected:
            yield f"Rows {expected} to {row.seq - 1} of the audit trail are missing."
        if row.prev_hash != prev:
            yield f"Row {row.seq} of the audit trail does not continue the row before it."
        digest = _digest(row.prev_hash, row.seq, row.at, row.actor, row.verb, row.object_id)
        if digest != row.hash:
            yield f"Row {row.seq} of the audit trail was changed after it was written."
        prev, expected = row.hash, row.seq + 1


def _digest(prev: str, seq: int, at: datetime, *words: str) -> str:
    when = at.astimezone(UTC).isoformat(timespec="microseconds")
    parts = (prev, str(seq), when, *words)
    # lengths first: no shifting of a character from one field to the next
    sealed = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(sealed.encode()).hexdigest()
