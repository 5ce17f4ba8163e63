"""Kills central, the broker and the store at random while calls come; then counts.

Central also at its weakest moments: between COMMIT and acknowledgement, and between a step that it
noted as fired and the notification in the outbox.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from load.rate import publisher
from sered.central.store import tables
from sered.central.store.engine import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from load.answer import Sink
    from load.stage import Stage


@dataclass(frozen=True, slots=True)
class Killed:
    """What was left after the kills."""

    store: str
    kills: dict[str, int]
    sent: int
    lost: int
    twice: int
    cases_wanted: int
    cases: int
    cases_twice: int
    untold: int
    """Cases of which no notification came."""
    told_twice: int
    """Keys that were handed over more than once: allowed, a receiver drops them by their key."""
    seconds: float


def measure(stage: Stage, sink: Sink, kills: int, a_second: float = 10.0) -> Killed:
    """Kill so often, wait until all is quiet, and count."""
    random, done = Random(7), Counter[str]()
    began = time.time()
    ways = _ways(stage, random)
    source = publisher(stage, a_second, kills * 30.0, escalating=0.1, spooled=True)
    for _ in range(kills):
        time.sleep(random.uniform(0.1, 2.0))
        how = random.choice(list(ways))
        ways[how]()
        done[how] += 1
    source.end()
    return _count(stage, sink, source.sent(), dict(done), began)


def _ways(stage: Stage, random: Random) -> dict[str, Callable[[], None]]:
    def central(kill: Callable[[], None]) -> None:
        kill()
        stage.start()

    ways: dict[str, Callable[[], None]] = {
        "central": partial(central, stage.kill),
        "central before it acknowledged": partial(central, partial(stage.die, "ingest")),
        "central in a step": partial(central, partial(stage.die, "clock")),
        "broker": stage.broker.restart,
    }
    if server := stage.postgres:

        def store() -> None:
            server.stop("immediate")
            time.sleep(random.uniform(0.0, 2.0))
            server.start()

        ways["store"] = store
    return ways


def _count(
    stage: Stage, sink: Sink, sent: dict[str, tuple[float, bool]], kills: dict[str, int],
    began: float,
) -> Killed:  # fmt: skip
    store = Store(stage.url)
    end = time.time() + 300
    told: set[int] = set()
    while True:
        with store.reading() as connection:
            calls = list(connection.scalars(select(tables.call.c.call_id)))
            cases = connection.execute(select(tables.cases.c.id, tables.cases.c.call_id)).all()
            open_ = connection.scalar(
                select(func.count()).where(
                    tables.outbox.c.sent_at.is_(None), tables.outbox.c.given_up_at.is_(None)
                )
            )
        told = {case for case, _, _ in sink.got}
        quiet = set(sent) <= set(calls) and not open_
        if quiet or time.time() > end:
            break
        time.sleep(0.5)
    store.close()
    wanted = {key for key, (_, escalates) in sent.items() if escalates}
    alone = {case for case, _ in cases}
    keys = Counter(key for _, key, _ in sink.got)
    return Killed(
        store=stage.kind, kills=kills, sent=len(sent), lost=len(set(sent) - set(calls)),
        twice=len(calls) - len(set(calls)), cases_wanted=len(wanted), cases=len(cases),
        cases_twice=len(cases) - len({call for _, call in cases}), untold=len(alone - told),
        told_twice=sum(n > 1 for n in keys.values()), seconds=time.time() - began,
    )  # fmt: skip
