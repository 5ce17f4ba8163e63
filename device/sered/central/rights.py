"""What a customer may ask for: everything known by her number, and its erasure, with proof."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, or_, select, update

from sered.central import audit
from sered.central.callers.records import normal
from sered.central.cases import actions
from sered.central.errors import InputError
from sered.central.store.tables import audit as trail
from sered.central.store.tables import (
    call,
    call_report,
    cases,
    feedback,
    note,
    number_match,
    pbx_call,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sered.central.context import Central

_CALL = ("started_at", "ended_at", "site", "queue", "category", "score", "confidence", "causes")
_CASE = ("opened_at", "called_at", "closed_at", "state", "outcome", "called_again")


@dataclass(frozen=True, slots=True)
class Proof:
    """That nothing is left of a number: what was deleted, and where the trail says so."""

    deleted: dict[str, int]
    left: int
    """Rows that still lead to the number; 0."""
    seq: int
    hash: str
    """Row of the audit trail, and its digest."""


def access(central: Central, number: str, by: str = "cli") -> dict[str, Any]:
    """Everything that central knows by a number, as plain data. Raises InputError; audited."""
    said = _number(central, number)
    mark = central.vault.mark(said)
    with central.store.writing() as connection:
        keys = _calls(connection, mark)
        told = {
            "schema": "sered.access/1",
            "number": said,
            "telephone_records": [
                {"started": _plain(row.started), "answered": _plain(row.answered),
                 "ended": _plain(row.ended), "direction": row.direction}
                for row in connection.execute(
                    select(pbx_call).where(pbx_call.c.number_hmac == mark)
                )
            ],
            "calls": [_call(connection, central, key) for key in keys],
        }  # fmt: skip
        audit.write(connection, central.now(), by, "access.exported", f"count:{len(keys)}")
    return told


def erase(central: Central, number: str, by: str = "cli") -> Proof:
    """Delete a customer's number everywhere, with notes and reports of her calls.

    What stays is a score at a time and site that leads to nobody. Raises InputError.
    """
    mark = central.vault.mark(_number(central, number))
    with central.store.writing() as connection:
        keys = _calls(connection, mark)
        ids = list(connection.scalars(select(cases.c.id).where(cases.c.call_id.in_(keys))))
        deleted = {
            "notes": connection.execute(delete(note).where(note.c.case_id.in_(ids))).rowcount,
            "reports": _gone(connection, call_report, keys),
            "matches": _gone(connection, number_match, keys),
            "records": connection.execute(
                delete(pbx_call).where(pbx_call.c.number_hmac == mark)
            ).rowcount,
            "marks": connection.execute(
                update(cases).where(cases.c.caller_hmac == mark).values(caller_hmac=None)
            ).rowcount,
        }
        count = sum(deleted.values())
        audit.write(connection, central.now(), by, "number.erased", f"count:{count}")
        last = connection.execute(select(trail).order_by(trail.c.seq.desc()).limit(1)).one()
        left = sum(
            connection.scalar(select(func.count()).select_from(table).where(column == mark)) or 0
            for table, column in (
                (pbx_call, pbx_call.c.number_hmac), (cases, cases.c.caller_hmac),
            )
        )  # fmt: skip
    return Proof(deleted, left, int(last.seq), str(last.hash))


def _gone(connection: Connection, table: Any, keys: list[str]) -> int:
    return int(connection.execute(delete(table).where(table.c.call_id.in_(keys))).rowcount)


def _number(central: Central, number: str) -> str:
    found = normal(number, central.settings.pbx.country)
    if found is None:
        msg = f"Wanted a telephone number such as +49 30 1234567, found {number[:30]!r}."
        raise InputError(msg)
    return found


def _calls(connection: Connection, mark: str) -> list[str]:
    records = select(pbx_call.c.pbx_id).where(pbx_call.c.number_hmac == mark)
    marked = select(cases.c.call_id).where(cases.c.caller_hmac == mark)
    matched = select(number_match.c.call_id).where(
        or_(number_match.c.pbx_id.in_(records), number_match.c.call_id.in_(marked))
    )
    return sorted({*connection.scalars(matched), *connection.scalars(marked)})


def _call(connection: Connection, central: Central, key: str) -> dict[str, Any]:
    row = connection.execute(select(call).where(call.c.call_id == key)).first()
    case = connection.execute(select(cases).where(cases.c.call_id == key)).first()
    said = connection.execute(select(feedback).where(feedback.c.call_id == key)).first()
    packed = connection.scalar(select(call_report.c.z).where(call_report.c.call_id == key))
    report = json.loads(zlib.decompress(packed)) if packed else {}
    terms = (report.get("verbal") or {}).get("terms") or []
    told: dict[str, Any] = {
        name: _plain(getattr(row, name)) for name in _CALL if row is not None and name != "causes"
    }
    told["words_that_counted"] = [term.get("text") for term in terms]
    if case is not None:
        told["case"] = {name: _plain(getattr(case, name)) for name in _CASE}
        told["case"]["causes"] = case.causes
        told["case"]["notes"] = [
            {"at": _plain(at), "text": text}
            for at, text in actions.notes(central, connection, case.id)
        ]
    if said is not None:
        told["verdict_was"] = said.verdict
    return told


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
