"""Writes one batch into the store, in one transaction: calls, alerts, boxes, cases, set aside."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from sered.central.cases import opening
from sered.central.cases.opening import Negative
from sered.central.ingest import sifting
from sered.central.store import upsert
from sered.central.store.tables import (
    alert,
    call,
    call_cause,
    call_report,
    device,
    line_map,
    quarantine,
    set_aside,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from sered.central.ingest.sifting import Aside, Sifted
    from sered.central.settings import CentralSettings
    from sered.contract.messages import Alert, CallReport, Health

COALESCE = timedelta(minutes=5)
"""A box's figures are written at most so often; a change of its state at once."""
_NO_FAULT = {"probe", "cleared"}
"""Set aside, and nothing to look at."""
_MAP_HOLDS = timedelta(seconds=30)


@dataclass(slots=True)
class Memory:
    """What one ingester remembers between batches, so that most messages write little."""

    queues: dict[tuple[str, str, str], str] = field(default_factory=dict)
    queues_at: datetime | None = None
    states: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    written: dict[tuple[str, str, str], datetime] = field(default_factory=dict)


def land(
    connection: Connection,
    settings: CentralSettings,
    memory: Memory,
    sifted: Sifted,
    now: datetime,
) -> int:
    """Store what is new; how much the board has to show of it."""
    _refresh(connection, memory, now)
    changed = _calls(connection, settings, memory, sifted.calls, now)
    changed += _alerts(connection, settings, memory, sifted.alerts, now)
    changed += _boxes(connection, memory, sifted, now)
    _aside(connection, sifted.asides, settings.limits.kept, now)
    return changed


def _calls(
    connection: Connection,
    settings: CentralSettings,
    memory: Memory,
    reports: Sequence[tuple[CallReport, bytes]],
    now: datetime,
) -> int:
    by_id = {report.call_id: (report, body) for report, body in reports}
    late_s = settings.cases.late_after_s
    # every ingester in the same order: two that are given the same calls wait, and do not block
    # each other for ever
    rows = [
        sifting.call_row(by_id[key][0], _queue(memory, by_id[key][0]), now, late_s)
        for key in sorted(by_id)
    ]
    new = upsert.insert_new(connection, call, rows, "call_id")
    fresh = [row for row in rows if row["call_id"] in new]
    if not fresh:
        return 0
    packed = [
        {"call_id": key, "z": zlib.compress(by_id[key][1])} for key in (r["call_id"] for r in fresh)
    ]
    upsert.insert_if_new(connection, call_report, packed)
    why = {key: _causes(by_id[key][0]) for key in new}
    pairs = [{"call_id": key, "cause": cause} for key, words in why.items() for cause in words]
    upsert.insert_if_new(connection, call_cause, pairs)
    said = {row["call_id"]: _negative(row, why[row["call_id"]]) for row in fresh}
    corrected = opening.correct(connection, settings, said.values())
    negatives = [said[row["call_id"]] for row in fresh if row["escalate"]]
    return len(opening.open_cases(connection, settings, negatives)) + len(corrected)


def _negative(row: dict[str, Any], why: list[str]) -> Negative:
    now = row["received_at"]
    return Negative(
        call_id=row["call_id"],
        site=row["site"],
        device=row["device"],
        line=row["line"],
        queue=row["queue"],
        causes=tuple(why),
        score=row["score"],
        confidence=row["confidence"],
        ended_at=now if row["clock_doubtful"] else min(row["ended_at"], now),
        received_at=now,
    )


def _alerts(
    connection: Connection,
    settings: CentralSettings,
    memory: Memory,
    said: Sequence[Alert],
    now: datetime,
) -> int:
    if not said:
        return 0
    said = sorted(said, key=lambda one: (one.call_id, one.state))
    rows = [sifting.alert_row(one, now) for one in said]
    known = select(alert.c.call_id, alert.c.state).where(
        alert.c.call_id.in_({row["call_id"] for row in rows})
    )
    before = {(row.call_id, row.state) for row in connection.execute(known)}
    upsert.insert_if_new(connection, alert, rows)
    fresh = {
        (r["call_id"], r["state"]): (r, one)
        for r, one in zip(rows, said, strict=True)
        if (r["call_id"], r["state"]) not in before
    }
    withdrawn = [call_id for call_id, state in fresh if state == "withdrawn"]
    opening.withdraw(connection, settings, withdrawn, now)
    confirmed = [
        Negative(
            row["call_id"], one.site, one.device, one.line, _queue(memory, one),
            tuple(row["causes"]), one.score, one.confidence, row["at"], now,
        )
        for (_, state), (row, one) in fresh.items()
        if state == "confirmed"
    ]  # fmt: skip
    opening.open_cases(connection, settings, confirmed)
    return len(fresh)


def _boxes(connection: Connection, memory: Memory, sifted: Sifted, now: datetime) -> int:
    changed, rows = 0, dict[tuple[str, str], dict[str, Any]]()
    for status in sifted.statuses:
        key = (status.site, status.device)
        state = sifting.fitting(status.state, 16)
        reasons = tuple(sifting.causes(status.reasons))
        known = memory.states.get(key)
        if known == (state, reasons) and not _due(memory, (*key, "status"), now):
            continue
        changed += known is None or known[0] != state
        memory.states[key] = (state, reasons)
        rows[key] = _box(key, now) | {
            "state": state, "state_at": now, "reasons": list(reasons),
            "text": sifting.fitting(status.text, 2000),
        }  # fmt: skip
    _write(connection, list(rows.values()))
    healths = {(h.site, h.device): h for h in sifted.healths}
    fresh = [(key, h) for key, h in healths.items() if _due(memory, (*key, "health"), now)]
    figures = [_box(key, now) | _figures(h, now) for key, h in fresh]
    _write(connection, [row for row in figures if "state" in row])
    # a box of an older version tells its reasons in `status` only
    _write(connection, [row for row in figures if "state" not in row], "reasons")
    boxes = {(report.site, report.device) for report, _ in sifted.calls}
    spoke = [key for key in sorted(boxes) if _due(memory, (*key, "calls"), now)]
    heard = [_box(key, now) | {"reasons": [], "last_call": now} for key in spoke]
    _write(connection, heard, "reasons")
    return changed


def _figures(health: Health, now: datetime) -> dict[str, Any]:
    said = health.versions
    values: dict[str, Any] = {
        "versions": {
            "sered": sifting.fitting(said.sered, 64),
            "emotion_model": sifting.fitting(said.emotion_model or "", 64),
            "vosk_model": sifting.fitting(said.vosk_model or "", 128),
            "lexicon": sifting.fitting(said.lexicon or "", 64),
        },
        "spool_depth": sifting.count(health.spool_depth),
        "spool_dropped": sifting.count(health.spool_dropped),
        "clock_synced": health.clock_synced,
        "lost_s": sum(line.lost_s for line in health.lines),
        "rtf": max((line.rtf for line in health.lines if line.rtf is not None), default=None),
        "temperature_c": health.temperature_c,
        "certificate_until": health.certificate_until,
        "last_health": now,
    }
    if health.state is not None:
        values["state"] = sifting.fitting(health.state, 16)
    values["reasons"] = sifting.causes(health.reasons)
    return values


def _due(memory: Memory, key: tuple[str, str, str], now: datetime) -> bool:
    """Whether this kind of news of this box is written now; it is remembered as written."""
    last = memory.written.get(key)
    if last is not None and now - last < COALESCE:
        return False
    memory.written[key] = now
    return True


def _box(key: tuple[str, str], now: datetime) -> dict[str, Any]:
    return {"site": key[0], "device": key[1], "first_seen": now, "last_seen": now}


def _write(connection: Connection, rows: Sequence[dict[str, Any]], *only_insert: str) -> None:
    """Rows of boxes; those of one call have the same columns."""
    shapes: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: (row["site"], row["device"])):
        shapes.setdefault(tuple(row), []).append(row)
    for same in shapes.values():
        keep = ["first_seen", *only_insert]
        upsert.put_all(connection, device, same, ["site", "device"], only_insert=keep)


def _aside(connection: Connection, asides: Iterable[Aside], kept: int, now: datetime) -> None:
    counts: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    for aside in asides:
        counts[aside.why] = counts.get(aside.why, 0) + 1
        received = aside.received
        if aside.why not in _NO_FAULT and len(rows) < kept:
            body = zlib.compress(received.body) if len(received.body) <= 65_536 else None
            topic = sifting.fitting(received.topic, 500)
            rows.append({
                "at": now, "reason": aside.why, "topic": topic, "size": len(received.body),
                "z": body,
            })  # fmt: skip
    for why, n in sorted(counts.items()):
        same = set_aside.c.reason == why
        values = {"n": set_aside.c.n + n, "last": now}
        if connection.execute(update(set_aside).where(same).values(**values)).rowcount == 0:
            row = {"reason": why, "n": n, "first": now, "last": now}
            connection.execute(insert(set_aside).values(**row))
    if rows:
        connection.execute(insert(quarantine), rows)
        # the newest are kept: an endless stream must not fill the disk
        newest = connection.scalar(select(func.max(quarantine.c.id))) or 0
        connection.execute(delete(quarantine).where(quarantine.c.id <= newest - kept))


def _refresh(connection: Connection, memory: Memory, now: datetime) -> None:
    if memory.queues_at is not None and now - memory.queues_at < _MAP_HOLDS:
        return
    query = select(line_map).where(line_map.c.queue != "", line_map.c.valid_to.is_(None))
    memory.queues = {
        (row.site, row.device, row.line): row.queue for row in connection.execute(query)
    }
    memory.queues_at = now


def _queue(memory: Memory, said: CallReport | Alert) -> str:
    return memory.queues.get((said.site, said.device, said.line), "")


def _causes(report: CallReport) -> list[str]:
    return sifting.causes(report.sentiment.causes) if report.sentiment else []
