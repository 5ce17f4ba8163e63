"""The number to call back: shown to who has claimed the case, each showing audited.

`number` gives it, or the records to choose from; `choose` and `type_in` settle it by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from sered.central import audit
from sered.central.callers import match, matcher, storing
from sered.central.callers.match import Span
from sered.central.callers.records import masked, normal
from sered.central.cases import rows
from sered.central.cases.machine import HELD
from sered.central.errors import InputError, NotAllowedError, NotFoundError
from sered.central.people import Role
from sered.central.store import upsert
from sered.central.store.tables import call, clock_offset, number_match, pbx_call

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from sered.central.context import Central
    from sered.central.people import Actor

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Candidate:
    """One record that may be the call."""

    pbx_id: str
    answered: datetime
    seconds: float
    overlap: float
    """0 to 1."""
    ending: str
    """The number but for its last two digits hidden."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of the number."""

    number: str | None = field(repr=False)
    """For a `tel:` link; None: not known, or withheld."""
    how: str
    """auto, chosen, typed; choose: pick one of the candidates; ask: ask the desk."""
    withheld: bool
    candidates: tuple[Candidate, ...]


def number(central: Central, actor: Actor, case_id: int) -> Shown:
    """The number of a case that the actor has claimed; raises NotAllowedError otherwise."""
    now = central.now()
    with central.store.writing() as connection:
        case = _claimed(connection, actor, case_id)
        found = connection.execute(
            select(number_match).where(number_match.c.call_id == case.call_id)
        ).first()
        if found is None:
            candidates = _candidates(connection, central, case.call_id)
            return Shown(None, "choose" if candidates else "ask", withheld=False,
                         candidates=candidates)  # fmt: skip
        known = _opened(connection, central, found)
        audit.write(connection, now, f"user:{actor.id}", "number.shown", f"case:{case_id}")
    return Shown(known, found.how, withheld=known is None, candidates=())


def choose(central: Central, actor: Actor, case_id: int, pbx_id: str) -> None:
    """This record is the call; raises NotFoundError for one that was not offered."""
    now = central.now()
    with central.store.writing() as connection:
        case = _claimed(connection, actor, case_id)
        offered = _candidates(connection, central, case.call_id)
        one = next((each for each in offered if each.pbx_id == pbx_id), None)
        if one is None:
            msg = "That record is not one of those offered. Look at the list again."
            raise NotFoundError(msg)
        row = _match(case.call_id, actor, "chosen", now)
        row |= {"pbx_id": pbx_id, "iou": one.overlap}
        upsert.put(connection, number_match, row, ["call_id"])
        mark = connection.scalar(select(pbx_call.c.number_hmac).where(pbx_call.c.pbx_id == pbx_id))
        matcher.joined(connection, central, case.call_id, mark, now)
        audit.write(connection, now, f"user:{actor.id}", "number.chosen", f"case:{case_id}")
    central.cases_bell.ring()


def type_in(central: Central, actor: Actor, case_id: int, text: str) -> None:
    """The desk told the number; raises InputError for what is none."""
    known = normal(text, central.settings.pbx.country)
    if known is None or len(known) < 3:
        msg = "Wanted a telephone number: digits, perhaps with + in front."
        raise InputError(msg)
    now = central.now()
    with central.store.writing() as connection:
        case = _claimed(connection, actor, case_id)
        row = _match(case.call_id, actor, "typed", now)
        row["number_enc"] = central.vault.seal(known, f"call:{case.call_id}")
        upsert.put(connection, number_match, row, ["call_id"])
        matcher.joined(connection, central, case.call_id, central.vault.mark(known), now)
        audit.write(connection, now, f"user:{actor.id}", "number.typed", f"case:{case_id}")
    central.cases_bell.ring()


def _claimed(connection: Connection, actor: Actor, case_id: int) -> Row[Any]:
    actor.need(Role.AGENT, Role.LEAD)
    case = rows.load(connection, actor, case_id)
    if case.state not in HELD or case.claimed_by != actor.id:
        msg = "The number is shown to who has claimed the case: claim it first."
        raise NotAllowedError(msg)
    return case


def _match(call_id: str, actor: Actor, how: str, now: datetime) -> dict[str, Any]:
    return {
        "call_id": call_id, "pbx_id": None, "number_enc": None, "iou": None, "offset_s": None,
        "how": how, "by": actor.id, "at": now,
    }  # fmt: skip


def _opened(connection: Connection, central: Central, found: Row[Any]) -> str | None:
    if found.number_enc is not None:
        return central.vault.open(found.number_enc, f"call:{found.call_id}")
    sealed = connection.scalar(
        select(pbx_call.c.number_enc).where(pbx_call.c.pbx_id == found.pbx_id)
    )
    return storing.number_of(central, found.pbx_id, sealed)


def _candidates(connection: Connection, central: Central, call_id: str) -> tuple[Candidate, ...]:
    row = connection.execute(select(call).where(call.c.call_id == call_id)).first()
    if row is None:
        return ()
    records = matcher.records_near(connection, row)
    spans = [Span(r.answered.timestamp(), r.ended.timestamp()) for r in records]
    offset = connection.scalar(
        select(clock_offset.c.offset_s).where(
            clock_offset.c.site == row.site, clock_offset.c.device == row.device
        )
    )
    mine = Span(row.started_at.timestamp(), row.ended_at.timestamp()).shifted(offset or 0.0)
    # all that are near, not only those that overlap: the clock may be off
    best = sorted(
        range(len(spans)),
        key=lambda n: (-match.iou(mine, spans[n]), abs(mine.middle - spans[n].middle)),
    )
    return tuple(
        Candidate(
            records[n].pbx_id,
            records[n].answered,
            spans[n].length,
            match.iou(mine, spans[n]),
            masked(storing.number_of(central, records[n].pbx_id, records[n].number_enc)),
        )
        for n in best[:_SHOWN]
    )
