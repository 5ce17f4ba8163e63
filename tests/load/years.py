"""Ten million calls over 25 months in SQLite: how long counting takes, and every page."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import numpy as np

from central_stage import CONFIGURATION, KEY, actor
from sered.central import people
from sered.central.context import Central
from sered.central.insight import keeping
from sered.central.people import Role
from sered.central.settings import CentralSettings
from sered.central.store import migrate
from sered.central.store.engine import Store
from sered.central.vault import Vault
from sered.central.web.insight import PAGES
from sered.central.web.server import BoardServer
from sered.central.web.views import COOKIE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAYS = 760
"""25 months."""
_FILE = "years.db"
_SITES, _DESKS = 30, 11
_DICE = "(random() & 65535) / 65536.0"
# a column that SQLite looks at twice is reckoned twice: no dice in what several columns follow from
_CALLS = f"""
INSERT INTO call (call_id, site, device, line, queue, started_at, ended_at, duration_s,
 clock_synced, clock_doubtful, end_reason, mode, mixed, category, score, confidence, p_negative,
 undetermined, escalate, asr_confidence, snr_db, lost_s, versions, received_at, arrived_late,
 archived)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :calls),
 t AS (SELECT i, :day_ms + 28800000 + i * 36000000 / :calls AS ms, i % {_SITES} AS s,
  i / {_SITES} % {_DESKS} AS d, ((i + 7919 * :day_number) * 40503 & 65535) / 65536.0 AS r,
  ((i + 104729 * :day_number) * 25173 & 65535) / 65536.0 AS r2 FROM n),
 u AS (SELECT *, CASE WHEN r < 0.06 THEN -0.56 - 0.4 * r2 ELSE -0.4 + 1.2 * r2 END AS score,
  strftime('%Y-%m-%d %H:%M:%f000', ms / 1000.0, 'unixepoch') AS at FROM t)
SELECT printf('%08x-%04x-7%03x-8%03x-%012x', ms >> 16, ms & 65535, random() & 4095,
  random() & 4095, (:day_number << 24) + i), 'site' || s, 'desk' || s || '-' || d, 'line1',
 'queue' || (d % 2), at, at, 240.0, 1, 0, 'hang_up_tone', 'both', 0,
 CASE WHEN score < -0.35 THEN 'negative' WHEN score > 0.15 THEN 'positive' END, score, 0.8, 0.5,
 CASE WHEN score BETWEEN -0.35 AND 0.15 THEN 'neutral' END, score <= -0.55, 0.8, 20.0, 0.0,
 :versions, at, 0, 0 FROM u
"""
_CAUSES = """
INSERT INTO call_cause SELECT call_id, substr('delay billingproduct', 1 + 7 * (rowid % 3), 7)
 FROM call WHERE category = 'negative'
"""
_CASES = f"""
INSERT INTO cases (call_id, site, device, line, queue, team, causes, score, confidence,
 call_ended_at, arrived_late, state, opened_at, due_at, called_at, closed_at, outcome,
 called_again)
SELECT call_id, site, device, line, queue, 'recovery', '["delay"]', score, 0.8, ended_at, 0,
 'closed', ended_at, ended_at, strftime('%Y-%m-%d %H:%M:%f000', ended_at,
 printf('+%d seconds', abs(random()) % 2000)), strftime('%Y-%m-%d %H:%M:%f000', ended_at,
 '+3000 seconds'), 'recovered', {_DICE} < 0.3 FROM call WHERE escalate
"""
_FEEDBACK = f"""
INSERT INTO feedback (call_id, case_id, verdict, by_role, at)
SELECT call_id, id, CASE WHEN {_DICE} < 0.8 THEN 'right' ELSE 'wrong' END, 'agent', closed_at
 FROM cases WHERE {_DICE} < 0.85
"""
_BOXES = """
INSERT INTO device (site, device, first_seen, last_seen, state, reasons, versions)
SELECT site, device, min(ended_at), :now, 'online', '[]', '{"sered": "0.4.0"}' FROM call
 WHERE ended_at > :since GROUP BY site, device
"""


@dataclass(frozen=True, slots=True)
class Years:
    """Seconds of counting, and milliseconds of each page as HTTP gives it."""

    calls: int
    cases: int
    store_gb: float
    filled_s: float
    counted_s: float
    """All hours and days anew, from an empty count."""
    waited_s: float
    """The longest that another writer waited meanwhile."""
    cpu_s: float
    """Of the processor, for counting."""
    followed_s: float
    """The counting that runs every minute, afterwards."""
    checked_s: float
    """All counts held against the rows."""
    wrong: int
    """Counts that were not those of the rows."""
    pages_p95_ms: dict[str, float]
    """By page, and by its figures as CSV (`.csv`)."""


def measure(folder: Path, calls: int, times: int = 20) -> Years:
    """Fill a store in the folder, count it, ask for every page.

    What an earlier call has done there stays done: ten million calls take a while.
    """
    central = _central(folder)
    filled, cases = fill(folder, calls)
    counted, waited, cpu = count(central)
    began = time.perf_counter()
    keeping.count(central)
    followed = time.perf_counter() - began
    began = time.perf_counter()
    wrong = len(keeping.differences(central))
    checked = time.perf_counter() - began
    pages = dict(_pages(central, times))
    central.store.close()
    size = os.path.getsize(folder / _FILE) / 1e9  # noqa: PTH202 - a number, not a path
    return Years(
        calls, cases, size, filled, counted, waited, cpu, followed, checked, wrong, pages
    )  # fmt: skip


def _central(folder: Path) -> Central:
    central = Central(
        CentralSettings.model_validate(
            CONFIGURATION
            | {
                "web": {"port": 0},
                "courtesy": {"calls_a_week": 20},
                "retention": {"scores_days": 1000},
            }
        ),
        Store(f"sqlite:///{folder / _FILE}"),
        Vault(KEY),
    )
    migrate.upgrade(central.store)
    return central


def fill(folder: Path, calls: int) -> tuple[float, int]:
    """Seconds that filling took, and cases; goes on where an earlier call was ended."""
    notes = folder / "filled.json"
    note: dict[str, Any] = {"step": 0, "seconds": 0.0}
    if notes.exists():
        note = json.loads(notes.read_text())
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with closing(sqlite3.connect(folder / _FILE, isolation_level=None)) as raw:
        raw.execute("PRAGMA synchronous=OFF")
        raw.execute("PRAGMA cache_size=-1000000")
        if "indexes" not in note:
            note["indexes"] = raw.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
                " AND tbl_name IN ('call', 'cases', 'feedback')"
            ).fetchall()
            notes.write_text(json.dumps(note))
        steps = list(_steps(calls, midnight, now, note["indexes"]))
        for number in range(note["step"], len(steps)):
            began = time.perf_counter()
            raw.execute("BEGIN")
            raw.execute(*steps[number])
            raw.execute("COMMIT")
            note |= {
                "step": number + 1, "seconds": note["seconds"] + time.perf_counter() - began
            }  # fmt: skip
            notes.write_text(json.dumps(note))
        return note["seconds"], int(raw.execute("SELECT count(*) FROM cases").fetchone()[0])


def _steps(
    calls: int, midnight: datetime, now: datetime, indexes: list[tuple[str, str]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Statements, one after the other: no index while rows come in, a day of calls each."""
    for name, _ in indexes:
        yield f'DROP INDEX IF EXISTS "{name}"', {}
    for number in range(DAYS):
        day = midnight - timedelta(days=DAYS - number)
        yield (
            _CALLS,
            {
                "calls": calls // DAYS, "day_ms": int(day.timestamp() * 1000),
                "day_number": number,
                "versions": "0.4.0 b small c" if number > DAYS - 30 else "0.3.0 a small c",
            },
        )  # fmt: skip
    for statement in (_CAUSES, _CASES, _FEEDBACK):
        yield statement, {}
    yield _BOXES, {"now": f"{now:%Y-%m-%d %H:%M:%S.%f}", "since": f"{midnight:%Y}"}
    for _, made in indexes:
        yield made, {}
    yield "ANALYZE", {}


def count(central: Central) -> tuple[float, float, float]:
    """Count all anew: seconds, the longest that another writer waited, CPU seconds."""
    waits: list[float] = [0.0]
    over = threading.Event()
    other = threading.Thread(target=_write_beside, args=(central, over, waits))
    other.start()
    began, cpu = time.perf_counter(), time.thread_time()
    try:
        keeping.rebuild(central)
    finally:
        over.set()
        other.join()
    return time.perf_counter() - began, max(waits), time.thread_time() - cpu


def _write_beside(central: Central, over: threading.Event, waits: list[float]) -> None:
    """Another writer, as the intake is one: how long it waits for its turn."""
    number = 0
    while not over.is_set():
        number += 1
        began = time.perf_counter()
        with central.store.writing() as connection:
            connection.exec_driver_sql(
                "INSERT INTO set_aside VALUES ('load', 1, '2026-01-01', '2026-01-01')"
                " ON CONFLICT DO UPDATE SET n = n + 1"
            )
        waits.append(time.perf_counter() - began)
        over.wait(0.05)


def _pages(central: Central, times: int) -> Iterator[tuple[str, float]]:
    who = actor(central, "ann", Role.ANALYST)
    with central.store.writing() as connection:
        token = people.start_session(connection, who.id, central.now())
    server = BoardServer(central)
    server.start()
    try:
        exports = [f"{key}.csv" for key in PAGES]
        for key in (*PAGES, "unhappy?site=site3", *exports):
            took = []
            for _ in range(times):
                url = f"http://127.0.0.1:{server.port}/figures/{key}"
                began = time.perf_counter()
                with urlopen(Request(url, headers={"Cookie": f"{COOKIE}={token}"})) as answer:
                    body = answer.read()
                took.append((time.perf_counter() - began) * 1000)
                assert key in exports or b"<h1>" in body, body[:300]
            yield key, float(np.percentile(took, 95))
    finally:
        server.stop()
