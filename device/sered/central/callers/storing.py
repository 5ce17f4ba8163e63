"""Puts the exchange's records into the store, numbers sealed; a record may come again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from sered.central.callers.records import of_desk
from sered.central.store import upsert
from sered.central.store.tables import line_map, pbx_call

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from sered.central.callers.records import Leg, PbxCall
    from sered.central.context import Central


def extensions(connection: Connection) -> frozenset[str]:
    """Extensions of desks that sered listens to; others' calls are not stored at all."""
    return frozenset(connection.scalars(select(line_map.c.extension)))


def take(central: Central, legs: Iterable[Leg]) -> int:
    """Store those that are calls of our desks; how many. Raises StoreError."""
    with central.store.writing() as connection:
        return put(connection, central, legs, extensions(connection))


def put(
    connection: Connection, central: Central, legs: Iterable[Leg], ours: Collection[str]
) -> int:
    """The same inside a transaction; an update of a record keeps its number."""
    country, stored = central.settings.pbx.country, 0
    for leg in legs:
        found = of_desk(leg, ours, country)
        if found is None:
            continue
        row = _row(central, found, central.now())
        kept = ["number_enc", "number_hmac", "started"]
        upsert.put(connection, pbx_call, row, ["pbx_id"], only_insert=kept)
        stored += 1
    return stored


def number_of(central: Central, pbx_id: str, sealed: bytes | None) -> str | None:
    """The number of a stored record; None: withheld."""
    return central.vault.open(sealed, f"pbx:{pbx_id}") if sealed else None


def _row(central: Central, call: PbxCall, now: datetime) -> dict[str, Any]:
    pbx_id = call.id[:128]
    number = call.number
    return {
        "pbx_id": pbx_id,
        "extension": call.extension,
        "direction": call.direction,
        "number_enc": central.vault.seal(number, f"pbx:{pbx_id}") if number else None,
        "number_hmac": central.vault.mark(number) if number else None,
        "started": call.started,
        "answered": call.answered,
        "ended": call.ended,
        "source": call.source,
        "received_at": now,
    }
