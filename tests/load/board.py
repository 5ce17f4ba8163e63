"""The board with ten thousand open cases over a million calls, and eight people on one queue."""

from __future__ import annotations

import threading
import time
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select, text

from central_stage import CONFIGURATION, KEY, actor
from sered.central import people
from sered.central.cases import actions, views
from sered.central.context import Central
from sered.central.errors import NotNowError
from sered.central.people import Role
from sered.central.settings import CentralSettings
from sered.central.store import tables
from sered.central.store.engine import Store
from sered.central.vault import Vault
from sered.central.web.views import COOKIE

if TYPE_CHECKING:
    from load.stage import Stage

_CALLS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < :calls)",
    "postgresql": "WITH n(i) AS (SELECT generate_series(1, :calls))",
}
_FILL = """
INSERT INTO call (call_id, site, device, line, queue, started_at, ended_at, duration_s,
 clock_synced, clock_doubtful, end_reason, mode, mixed, category, score, confidence, escalate,
 lost_s, versions, received_at, arrived_late)
{n} SELECT 'c' || i, 'site' || (i % 40), 'desk' || (i % 4000), 'line1', '', :at, :at, 180.0,
 {true}, {false}, 'on_hook', 'both', {false}, 'negative', -0.7, 0.9, {false}, 0.0, 'v', :at,
 {false} FROM n
"""
_OPEN = """
INSERT INTO cases (call_id, site, device, line, queue, team, causes, score, confidence,
 call_ended_at, arrived_late, state, opened_at, due_at)
SELECT call_id, site, device, line, '', 'recovery', '["delay"]', -0.7, 0.9, :at, {false}, 'new',
 :at, :at FROM call LIMIT :cases
"""


@dataclass(frozen=True, slots=True)
class Page:
    """Milliseconds of the board's page, as HTTP gives it, and of its queue alone."""

    store: str
    calls: int
    cases: int
    page_p50_ms: float
    page_p95_ms: float
    queue_p95_ms: float


@dataclass(frozen=True, slots=True)
class Claims:
    """Eight people on the same cases."""

    store: str
    people: int
    cases: int
    winners: int
    seconds: float


def central_on(stage: Stage) -> Central:
    """Central's own functions on the stage's store."""
    return Central(CentralSettings.model_validate(CONFIGURATION), Store(stage.url), Vault(KEY))


def fill(stage: Stage, calls: int, cases: int) -> None:
    """So many calls and open cases, by the database itself."""
    central = central_on(stage)
    words = {"true": "true", "false": "false"}
    moment = datetime.now(UTC)
    at = moment if stage.kind == "postgresql" else moment.strftime("%Y-%m-%d %H:%M:%S.%f")
    with central.store.writing() as connection:
        filling = text(_FILL.format(n=_CALLS[stage.kind], **words))
        connection.execute(filling, {"calls": calls, "at": at})
        connection.execute(text(_OPEN.format(**words)), {"cases": cases, "at": at})
    central.store.close()


def page(stage: Stage, calls: int, cases: int, times: int = 40) -> Page:
    """The page, asked for again and again by somebody who is logged in."""
    fill(stage, calls, cases)
    central = central_on(stage)
    who = actor(central, "ann")
    with central.store.writing() as connection:
        token = people.start_session(connection, who.id, datetime.now(UTC))
    took, asked = [], []
    for _ in range(times):
        began = time.perf_counter()
        assert views.queue(central, who).open == cases
        asked.append((time.perf_counter() - began) * 1000)
        took.append(_get(f"http://127.0.0.1:{stage.web_port}/", token))
    central.store.close()
    return Page(
        stage.kind, calls, cases, float(np.percentile(took, 50)),
        float(np.percentile(took, 95)), float(np.percentile(asked, 95)),
    )  # fmt: skip


def _get(url: str, token: str) -> float:
    request = urllib.request.Request(url, headers={"Cookie": f"{COOKIE}={token}"})
    began = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as answer:
        body = answer.read()
    assert b"/case/" in body, body[:300]
    return (time.perf_counter() - began) * 1000


def claims(stage: Stage, count: int = 200, persons: int = 8) -> Claims:
    """Everybody claims every case, all at once."""
    central = central_on(stage)
    everybody = [actor(central, f"person{n}", Role.AGENT) for n in range(persons)]
    with central.store.reading() as connection:
        query = select(tables.cases.c.id).where(tables.cases.c.state == "new").limit(count)
        wanted = list(connection.scalars(query))
    won: list[int] = []

    def click(who: people.Actor) -> None:
        for case in wanted:
            try:
                actions.claim(central, who, case)
            except NotNowError:
                continue
            won.append(case)

    threads = [threading.Thread(target=click, args=[who]) for who in everybody]
    began = time.time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    central.store.close()
    assert len(set(won)) == len(won)
    return Claims(stage.kind, persons, len(wanted), len(won), time.time() - began)
