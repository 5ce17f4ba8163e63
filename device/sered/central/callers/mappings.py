"""Call-detail records of exchanges: which column means what, ready for four of them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sered.central.callers.records import Leg
from sered.central.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PEER = re.compile(r"^(?:PJSIP|SIP|IAX2|Local|SCCP|DAHDI)/([^-@/]+)")


@dataclass(frozen=True, slots=True)
class Layout:
    """How one exchange writes its records."""

    name: str
    columns: tuple[str, ...]
    """Names in order, for files without a heading; empty: the first row names them."""
    id: tuple[str, ...]
    """Columns that together name the record."""
    callers: tuple[str, ...]
    called: tuple[str, ...]
    started: str
    answered: str
    ended: str
    epoch: bool = False
    """Times are seconds since 1970; 0 is none."""
    utc: bool = False
    """Times carry no zone and are UTC; else they are local to [pbx] tz."""
    skip: frozenset[str] = field(default_factory=frozenset)
    """First fields of rows that are no records."""


READY = {
    "asterisk": Layout(
        "Asterisk",
        (
            "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp",
            "lastdata", "start", "answer", "end", "duration", "billsec", "disposition",
            "amaflags", "uniqueid", "userfield",
        ),
        id=("uniqueid",),
        callers=("src", "channel"),
        called=("dstchannel", "dst"),
        started="start",
        answered="answer",
        ended="end",
    ),
    "freeswitch": Layout(
        "FreeSWITCH",
        (
            "caller_id_name", "caller_id_number", "destination_number", "context", "start_stamp",
            "answer_stamp", "end_stamp", "duration", "billsec", "hangup_cause", "uuid",
            "bleg_uuid", "accountcode",
        ),
        id=("uuid",),
        callers=("caller_id_number",),
        called=("destination_number",),
        started="start_stamp",
        answered="answer_stamp",
        ended="end_stamp",
    ),
    "cucm": Layout(
        "Cisco CUCM",
        (),
        id=("globalCallID_callManagerId", "globalCallID_callId", "origLegCallIdentifier"),
        callers=("callingPartyNumber",),
        called=("finalCalledPartyNumber", "originalCalledPartyNumber"),
        started="dateTimeOrigination",
        answered="dateTimeConnect",
        ended="dateTimeDisconnect",
        epoch=True,
        skip=frozenset({"INTEGER"}),
    ),
    "3cx": Layout(
        "3CX",
        (
            "historyid", "callid", "duration", "time-start", "time-answered", "time-end",
            "reason-terminated", "from-no", "to-no", "from-dn", "to-dn", "dial-no",
            "reason-changed", "final-number", "final-dn", "bill-code", "bill-rate", "bill-cost",
            "bill-name", "chain",
        ),
        id=("historyid",),
        callers=("from-dn", "from-no"),
        called=("final-dn", "to-dn", "final-number", "to-no", "dial-no"),
        started="time-start",
        answered="time-answered",
        ended="time-end",
        utc=True,
    ),
}  # fmt: skip
"""By the names that [pbx] mapping knows."""
_OWN = ("id", "caller", "called", "started", "answered", "ended")


def own(columns: Mapping[str, str]) -> Layout:
    """A mapping of the site's own, whose files begin with a heading; raises InputError."""
    if missing := [name for name in _OWN if name not in columns]:
        msg = f"[pbx.columns] needs {', '.join(_OWN)}; missing: {', '.join(missing)}."
        raise InputError(msg)
    return Layout(
        "own", (), (columns["id"],), (columns["caller"],), (columns["called"],),
        columns["started"], columns["answered"], columns["ended"],
    )  # fmt: skip


def heading(mapping: Layout, first: Sequence[str]) -> tuple[str, ...] | None:
    """Names of the columns when the first row is a heading, None when it is a record.

    Raises InputError, naming what is missing, for a heading of another exchange.
    """
    cleaned = tuple(name.strip().strip('"').lstrip("\ufeff") for name in first)
    needed = {
        *mapping.id, mapping.started, mapping.answered, mapping.ended,
        mapping.callers[0], mapping.called[0],
    }  # fmt: skip
    if needed <= set(cleaned):
        return cleaned
    if mapping.columns and not needed & set(cleaned):
        return None
    missing = ", ".join(sorted(needed - set(cleaned))[:4])
    msg = f"This is no file of {mapping.name}: its first row lacks {missing}."
    raise InputError(f"{msg} Is [pbx] mapping right?")


def leg(mapping: Layout, names: Sequence[str], row: Sequence[str], tz: str) -> Leg | None:
    """One record; None: a row that is none. Raises InputError for what cannot be read."""
    if not row or row[0].strip() in mapping.skip:
        return None
    if len(row) < len(names) and not (mapping.columns and len(row) >= _least(mapping, names)):
        msg = f"wanted {len(names)} columns as {mapping.name} writes them, found {len(row)}"
        raise InputError(msg)
    said = dict(zip(names, (value.strip() for value in row), strict=False))
    ids = [said.get(name, "") for name in mapping.id]
    started = _time(said.get(mapping.started, ""), mapping, tz)
    if not all(ids) or started is None:
        msg = f"wanted {', '.join(mapping.id)} and {mapping.started}, found an empty one"
        raise InputError(msg)
    return Leg(
        id="-".join(ids),
        source="csv",
        callers=_sides(said, mapping.callers),
        called=_sides(said, mapping.called),
        started=started,
        answered=_time(said.get(mapping.answered, ""), mapping, tz),
        ended=_time(said.get(mapping.ended, ""), mapping, tz),
    )


def _least(mapping: Layout, names: Sequence[str]) -> int:
    """Columns up to the last one that is needed: exchanges leave out what comes after."""
    needed = {*mapping.id, mapping.started, mapping.answered, mapping.ended, mapping.called[-1]}
    return max(names.index(name) for name in needed) + 1


def _sides(said: Mapping[str, str], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(side(text) for name in names if (text := said.get(name, "")))


def side(text: str) -> str:
    """The extension or number in what an exchange writes: `PJSIP/201-0000002a` is 201."""
    peer = _PEER.match(text)
    return peer[1] if peer else text.removeprefix("Ext.")


def _time(text: str, mapping: Layout, tz: str) -> datetime | None:
    if not text:
        return None
    try:
        if mapping.epoch:
            return datetime.fromtimestamp(int(text), UTC) if int(text) else None
        at = datetime.fromisoformat(text.replace("/", "-"))
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC if mapping.utc else ZoneInfo(tz))
        return at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        msg = f"wanted a time as {mapping.name} writes it, found {text[:40]!r}"
        raise InputError(msg) from None
