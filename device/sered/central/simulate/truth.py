"""What really happened at simulated desks: calls, callers, moods and clocks that are off. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SITES = ("berlin", "hamburg", "koeln", "leipzig", "bremen", "essen")
QUEUES = ("billing", "service", "tech")
CAUSES = ("delay", "billing", "product", "agent", "cancellation", "unresolved")
NEGATIVE = 0.12
"""Share of simulated calls in which the customer is unhappy."""
_ESCALATE = -0.55
"""Score from which these boxes ask for a call back: their sites' choice, not sered's default."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One box with its one line."""

    site: str
    device: str
    line: str
    extension: str
    queue: str
    clock_off_s: float = 0.0
    """What the box's clock is ahead of the true time."""
    clock_synced: bool = True
    """What the box believes of its clock."""


@dataclass(frozen=True, slots=True)
class TrueCall:
    """One call as it really was."""

    call_id: str
    desk: Desk
    number: str | None = field(repr=False)
    """None: withheld."""
    rang: datetime
    answered: datetime
    ended: datetime
    unhappy: bool
    """How the customer really felt."""
    score: float
    """What the box makes of it."""
    confidence: float
    causes: tuple[str, ...]
    heard_from: datetime
    """When the box hears the call begin, by its own clock."""
    heard_until: datetime

    @property
    def escalate(self) -> bool:
        """Whether the box asks for a call back."""
        return self.score <= _ESCALATE


def desks(count: int, seed: int = 1, *, off_by_s: float = 0.0) -> tuple[Desk, ...]:
    """So many desks at up to six sites; clocks are off by up to `off_by_s`, either way."""
    random = Random(f"desks {seed}")  # noqa: S311 - a simulation has to be repeatable
    made = []
    for n in range(count):
        site = SITES[n % min(len(SITES), max(1, count // 2))]
        off = random.uniform(-off_by_s, off_by_s)
        made.append(Desk(site, f"desk{n + 1}", "line1", str(2000 + n), random.choice(QUEUES), off))
    return tuple(made)


def day(
    desk: Desk,
    begin: datetime,
    hours: float,
    seed: int = 1,
    *,
    calls_an_hour: float = 6.0,
    callers: Sequence[str] = (),
) -> Iterator[TrueCall]:
    """Calls of one desk, one after the other, in order of their end."""
    random = Random(f"{seed} {desk.device} {begin.isoformat()}")  # noqa: S311 - see desks
    at, end = begin, begin + timedelta(hours=hours)
    number = 0
    while True:
        # lognormal: most calls last some minutes, a few half an hour
        length = min(max(random.lognormvariate(5.1, 0.7), 15.0), 2700.0)
        pause = random.expovariate(1.0) * max(3600.0 / calls_an_hour - 220.0, 5.0) + 3.0
        rang = at + timedelta(seconds=pause)
        answered = rang + timedelta(seconds=random.uniform(2.0, 25.0))
        at = answered + timedelta(seconds=length)
        if at > end:
            return
        number += 1
        yield _call(desk, random, f"{seed} {number}", (rang, answered, at), callers)


def changed(call: TrueCall, **changes: Any) -> TrueCall:
    """The same call but for these fields, under an id of its own."""
    made = replace(call, **changes)
    return replace(made, call_id=uuid7(made.ended, f"{call.call_id} {made.ended.isoformat()}"))


def _call(
    desk: Desk,
    random: Random,
    what: str,
    times: tuple[datetime, datetime, datetime],
    callers: Sequence[str],
) -> TrueCall:
    rang, answered, ended = times
    unhappy = random.random() < NEGATIVE
    score = random.gauss(-0.72, 0.18) if unhappy else random.gauss(0.25, 0.3)
    score = max(-1.0, min(1.0, score))
    caller = random.choice(callers) if callers else f"+4930{random.randrange(10**7, 10**8)}"
    # a box hears the first word, not the answering, and the hang-up by its tone or its step
    late = max(0.0, random.gauss(1.2, 0.8))
    early = max(-3.0, random.gauss(0.5, 1.2))
    off = timedelta(seconds=desk.clock_off_s)
    return TrueCall(
        call_id=uuid7(ended, f"{what} {desk.device} {answered.isoformat()}"),
        desk=desk,
        number=None if random.random() < 0.04 else caller,
        rang=rang,
        answered=answered,
        ended=ended,
        unhappy=unhappy,
        score=round(score, 3),
        confidence=round(min(0.99, 0.5 + abs(score) / 2), 3),
        causes=tuple(random.sample(CAUSES, random.choice((1, 1, 2)))) if score < 0 else (),
        heard_from=answered + timedelta(seconds=late) + off,
        heard_until=ended - timedelta(seconds=early) + off,
    )


def uuid7(at: datetime, what: str) -> str:
    """A UUIDv7 of that moment whose rest follows from `what`."""
    rest = hashlib.sha256(what.encode()).digest()
    value = int(at.timestamp() * 1000) << 80 | int.from_bytes(rest[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
