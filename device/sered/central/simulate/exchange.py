"""A telephone exchange beside the simulated boxes: records with the faults that real ones have.

Records of a share of calls are missing, some are twice (a transfer leaves two legs), some ring out
unanswered, and desks make calls that no box hears. The truth says which record is whose.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from sered.central.callers import match
from sered.central.callers.match import LEARN_FROM, Offset, Span
from sered.central.callers.records import Leg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sered.central.simulate.truth import TrueCall

MISSING = 0.03
TWICE = 0.02
UNHEARD = 0.05
UNANSWERED = 0.06


@dataclass(frozen=True, slots=True)
class Tally:
    """What matching made of calls whose truth is known."""

    calls: int
    automatic: int
    listed: int
    wrong: int
    """Automatic, and somebody else's number."""


def legs(calls: Sequence[TrueCall], seed: int = 1) -> Iterator[Leg]:
    """The exchange's records of these calls, in its own words; ids begin with the call's."""
    random = Random(f"exchange {seed}")  # noqa: S311 - a simulation has to be repeatable
    for call in calls:
        dice = random.random()
        if dice >= MISSING:
            yield _leg(call, call.call_id, call.answered, call.ended)
        if dice > 1.0 - TWICE:
            middle = call.answered + (call.ended - call.answered) / 2
            yield _leg(call, f"{call.call_id}+transfer", middle, call.ended, str(
                f"+4940{random.randrange(10**7)}"))  # fmt: skip
        if random.random() < UNHEARD:
            # a call that the box missed, soon after: the next one's neighbour
            begin = call.ended + timedelta(seconds=random.uniform(1.0, 3.0))
            end = begin + timedelta(seconds=random.uniform(5.0, 120.0))
            yield _leg(call, f"{call.call_id}+unheard", begin, end, "+498999999")
        if random.random() < UNANSWERED:
            yield _leg(call, f"{call.call_id}+missed", None, call.rang, "+498888888")


def tally(calls: Sequence[TrueCall], records: Sequence[Leg], *, learn: bool = True) -> Tally:
    """Match every call as central does, box by box in order of time; `learn` False: never sure."""
    automatic = listed = wrong = 0
    by_extension: dict[str, list[Leg]] = {}
    for leg in records:
        if leg.answered is not None and leg.ended is not None:
            by_extension.setdefault(leg.called[0], []).append(leg)
    by_box: dict[str, list[TrueCall]] = {}
    for call in calls:
        by_box.setdefault(call.desk.device, []).append(call)
    for mine in by_box.values():
        seen: list[tuple[Span, list[Span]]] = []
        for call in mine:
            span = Span(call.heard_from.timestamp(), call.heard_until.timestamp())
            near = [leg for leg in by_extension.get(call.desk.extension, ()) if _near(leg, span)]
            spans = [_span(leg) for leg in near]
            if spans:
                seen.append((span, spans))
            recent = seen[-LEARN_FROM:]
            offset = match.estimate([s for s, _ in recent], [r for _, r in recent])
            fit = match.sure(span, spans, offset if learn else Offset(None, 0, 0))
            if fit is None:
                listed += 1
                continue
            automatic += 1
            wrong += near[fit.index].id != call.call_id
    return Tally(len(calls), automatic, listed, wrong)


def _leg(
    call: TrueCall,
    leg_id: str,
    answered: datetime | None,
    ended: datetime,
    number: str | None = None,
) -> Leg:
    return Leg(
        id=leg_id,
        source="csv",
        callers=(number or call.number or "anonymous",),
        called=(call.desk.extension,),
        started=call.rang,
        answered=answered,
        ended=ended,
    )


def _near(leg: Leg, span: Span) -> bool:
    assert leg.answered
    assert leg.ended
    begin, end = leg.answered.timestamp(), leg.ended.timestamp()
    return begin < span.end + match.FARTHEST_S and end > span.begin - match.FARTHEST_S


def _span(leg: Leg) -> Span:
    assert leg.answered
    assert leg.ended
    return Span(leg.answered.timestamp(), leg.ended.timestamp())
