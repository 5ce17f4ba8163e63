"""Kills central, the broker and the store at random while calls come; then counts."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from load.rate import publisher
from sered.central.store import tables
from sered.central.store.engine import Store

if TYPE_CHECKING:
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


def measure(stage: Stage, sink: Sink, kills: int, a_second: float = 20.0) -> Killed:
    """Kill so often, wait until all is quiet, and count."""
    random, done = Random(7), Counter[str]()
    began = time.time()
    victims = ["central", "broker", "central", *(["store"] if stage.postgres else [])]
    source = publisher(stage, a_second, kills * 12.0, escalating=0.1)
    for number in range(kills):
        time.sleep(random.uniform(0.1, 2.0))
        victim = victims[number % len(victims)]
        done[victim] += 1
        if victim == "central":
            stage.kill()
            stage.start()
        elif victim == "broker":
            stage.broker.restart()
        elif stage.postgres:
            stage.postgres.stop("immediate")
            time.sleep(random.uniform(0.0, 2.0))
            stage.postgres.start()
    source.end()
    return _count(stage, sink, source.sent(), dict(done), began)


def _count(
    stage: Stage, sink: Sink, sent: dict[str, tuple[float, bool]], kills: dict[str, int],
    began: float,
) -> Killed:  # fmt: skip
    store = Store(stage.url)
    end = time.time() + 90
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
