"""What boxes say, in both databases: each thing once, and nothing bad stops it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from central_boxes import DESK, arrived, asides, calls, count, moved, raw, unhappy
from central_stage import actor
from sered.central import audit
from sered.central.cases import actions, around, views
from sered.central.ingest.intake import Intake
from sered.central.ingest.limits import Limiter
from sered.central.insight import boxes
from sered.central.simulate import messages, truth
from sered.central.store import tables

if TYPE_CHECKING:
    from central_stage import Clock
    from sered.central.context import Central


def test_each_call_is_stored_once(central: Central, clock: Clock) -> None:
    """A batch that comes twice, with doubles inside, stores each call, report and case once."""
    batch = [arrived(messages.report(call)) for call in calls(clock, 30)]
    batch.append(arrived(messages.report(unhappy(clock))))
    intake = Intake(central)
    intake.take([*batch, *batch[:5]])
    intake.take(batch)
    stored = count(central, tables.call)
    assert stored == count(central, tables.call_report) == 30
    with central.store.reading() as connection:
        wanted = select(func.count()).where(tables.call.c.escalate)
        assert count(central, tables.cases) == (connection.scalar(wanted) or 0) > 0


def test_an_alert_and_its_call_are_one_case(central: Central, clock: Clock) -> None:
    """Banner while it runs, one case when it is confirmed, its report beside it when it comes."""
    ann, call, intake = actor(central, "ann"), unhappy(clock), Intake(central)
    intake.take([arrived(messages.alert(call, "provisional"), "alerts")])
    assert [b.call_id for b in around.banners(central, ann)] == [call.call_id]
    assert views.queue(central, ann).open == 0
    intake.take([arrived(messages.alert(call, "confirmed"), "alerts")])
    assert around.banners(central, ann) == ()
    intake.take([arrived(messages.report(call))])
    (row,) = views.queue(central, ann).rows
    assert row.causes == ("delay",)
    seen = views.case(central, ann, row.id)
    assert seen.report
    assert seen.report["schema"] == "sered.call/1"


def test_a_report_corrects_the_case_that_its_alert_opened(central: Central, clock: Clock) -> None:
    """Score, causes and team are those of the whole call; who is at work on it keeps the team."""
    who = actor(central, "ann", teams=("recovery", "billing"))
    intake = Intake(central)
    one, two = unhappy(clock, call_id="one"), unhappy(clock, call_id="two")
    intake.take([arrived(messages.alert(call, "confirmed"), "alerts") for call in (one, two)])
    with central.store.reading() as connection:
        query = select(tables.cases.c.id).where(tables.cases.c.call_id == "two")
        worked_on = connection.scalars(query).one()
    actions.claim(central, who, worked_on)
    whole = [replace(call, score=-0.95, causes=("billing",)) for call in (one, two)]
    intake.take([arrived(messages.report(call)) for call in whole])
    intake.take([arrived(messages.report(call)) for call in whole])
    with central.store.reading() as connection:
        rows = connection.execute(select(tables.cases).order_by(tables.cases.c.call_id)).all()
        verbs = list(connection.scalars(select(tables.audit.c.verb)))
        assert list(audit.faults(connection)) == []
    assert [(row.score, row.causes, row.team) for row in rows] == [
        (-0.95, ["billing"], "billing"),
        (-0.95, ["billing"], "recovery"),
    ]
    assert verbs.count("case.corrected") == 2


def test_a_storm_that_comes_in_one_batch_has_a_head(central: Central, clock: Clock) -> None:
    """What is over the limit belongs to the first, also where all of them come at once."""
    said = [messages.report(unhappy(clock, call_id=f"c{n}")) for n in range(8)]
    Intake(central).take([arrived(one) for one in said])
    with central.store.reading() as connection:
        rows = connection.execute(select(tables.cases).order_by(tables.cases.c.id)).all()
    calm = central.settings.cases.storm_after
    assert [row.storm_of for row in rows] == [None] * calm + [rows[0].id] * (8 - calm)


def test_a_withdrawn_alert_closes_or_tells(central: Central, clock: Clock) -> None:
    """Unclaimed it leaves the queue; claimed it stays and says so."""
    ann, intake = actor(central, "ann"), Intake(central)
    one, two = unhappy(clock), unhappy(clock, call_id="other")
    intake.take([arrived(messages.alert(call, "confirmed"), "alerts") for call in (one, two)])
    first, second = (row.id for row in views.queue(central, ann).rows)
    actions.claim(central, ann, second)
    intake.take([arrived(messages.alert(call, "withdrawn"), "alerts") for call in (one, two)])
    (row,) = views.queue(central, ann).rows
    assert (row.id, row.withdrawn) == (second, True)
    assert views.case(central, ann, first).row.state == "withdrawn"


HOSTILE: list[tuple[str, bytes, str]] = [
    ("sered/berlin/desk1/calls", b"", "cleared"),
    ("sered/berlin/desk1/calls", b"\xff\xfe", "malformed"),
    ("sered/berlin/desk1/calls", b"[" * 100_000, "malformed"),
    ("sered/berlin/desk1/calls", b'{"schema":"sered.call/1"}', "malformed"),
    ("sered/berlin/desk1/calls", b'{"schema":"sered.call/9"}', "unknown_schema"),
    ("sered/berlin/desk1/calls", b'{"schema":"sered.probe/1"}', "probe"),
    ("sered/berlin/desk1/calls", b" " * 300_000, "too_large"),
    ("sered/berlin/desk1/other", b"{}", "foreign_topic"),
    ("sered/berlin/calls", b"{}", "foreign_topic"),
    ("sered/a b/desk1/calls", b"{}", "foreign_topic"),
]


@pytest.mark.parametrize(("topic", "body", "why"), HOSTILE)
def test_what_cannot_be_used_is_set_aside_and_counted(
    central: Central, clock: Clock, topic: str, body: bytes, why: str
) -> None:
    """Whatever it is, its neighbours in the batch are stored, and it is counted by its reason."""
    good = arrived(messages.report(calls(clock, 1)[0]))
    Intake(central).take([raw(topic, body), good])
    assert count(central, tables.call) == 1
    assert asides(central) == {why: 1}
    kept = around.kept_messages(central)
    assert [row[1] for row in kept] == ([] if why in {"probe", "cleared"} else [why])


def test_a_box_that_lies_about_its_name_is_set_aside(central: Central, clock: Clock) -> None:
    """A report of another site or device than its topic's is nobody's."""
    liar = truth.Desk("hamburg", "desk9", "line1", "209", "")
    report = messages.report(calls(clock, 1, liar)[0])
    Intake(central).take([arrived(report)])
    assert count(central, tables.call) == 0
    assert asides(central) == {"misplaced": 1}


def test_a_retained_call_is_old_news(central: Central, clock: Clock) -> None:
    """A call or alert that a broker had retained is set aside as stale."""
    one = arrived(messages.report(calls(clock, 1)[0]))
    Intake(central).take([raw(one.topic, one.body, retained=True)])
    assert asides(central) == {"stale": 1}


def test_odd_words_and_numbers_are_stored_as_far_as_they_fit(
    central: Central, clock: Clock
) -> None:
    """NUL, 10,000 characters, right-to-left marks, unknown words and huge counts stop nothing."""
    said = json.loads(messages.report(unhappy(clock)).model_dump_json(by_alias=True))
    said["sentiment"]["causes"] = ["a\x00b", "x" * 10_000, "\u202eevil", "<script>", "=1+1"]
    said["end_reason"] = "y" * 200
    said["mode"] = "quite another"
    health = json.loads(messages.health(DESK, clock()).model_dump_json(by_alias=True))
    health["spool_depth"] = 2**70
    batch = [
        raw("sered/berlin/desk1/calls", json.dumps(said).encode()),
        raw("sered/berlin/desk1/health", json.dumps(health).encode()),
    ]
    Intake(central).take(batch)
    with central.store.reading() as connection:
        row = connection.execute(select(tables.cases)).one()
        assert connection.scalar(select(tables.call.c.end_reason)) == "y" * 32
    assert row.causes == ["ab", "x" * 64, "\u202eevil", "<script>", "=1+1"]


@pytest.mark.parametrize("off", [timedelta(days=-366), timedelta(days=366), timedelta(hours=1)])
def test_a_clock_that_is_off_is_doubted(central: Central, clock: Clock, off: timedelta) -> None:
    """A year or an hour off: due counts from receiving, and the call is marked."""
    call = moved(unhappy(clock), off)
    Intake(central).take([arrived(messages.report(call))])
    with central.store.reading() as connection:
        row = connection.execute(select(tables.cases)).one()
        assert connection.scalar(select(tables.call.c.clock_doubtful))
    assert row.due_at == clock() + timedelta(seconds=300)
    assert not row.arrived_late


def test_late_deliveries_are_marked(central: Central, clock: Clock) -> None:
    """A call of an hour ago is late, due since then; one of yesterday wakes nobody."""
    hour, yesterday = (
        moved(unhappy(clock, call_id=f"ago{hours}"), timedelta(hours=-hours)) for hours in (1, 24)
    )
    Intake(central).take([arrived(messages.report(call)) for call in (hour, yesterday)])
    with central.store.reading() as connection:
        rows = {row.call_id: row for row in connection.execute(select(tables.cases))}
    assert all(row.arrived_late for row in rows.values())
    assert rows[hour.call_id].due_at < clock()
    assert rows[hour.call_id].next_step_at is not None
    assert rows[yesterday.call_id].next_step_at is None


def test_a_million_alerts_of_one_box_stop_nobody(central: Central, clock: Clock) -> None:
    """Beyond its limit a box is set aside and counted; another box's alert still opens a case."""
    intake = Intake(central)
    flood = [
        arrived(messages.alert(unhappy(clock, call_id=f"c{n}"), "confirmed"), "alerts")
        for n in range(1500)
    ]
    intake.take(flood)
    calm = truth.Desk("hamburg", "desk2", "line1", "202", "")
    other = messages.alert(moved(unhappy(clock), timedelta(), desk=calm), "confirmed")
    intake.take([arrived(other, "alerts", calm)])
    assert asides(central) == {"too_many": 1020}
    assert count(central, tables.cases) == 481
    assert count(central, tables.quarantine) == 1000


def test_a_box_that_was_away_for_a_month_is_taken_whole() -> None:
    """1,200 calls at once, of 30 days, are within what one box may say; 300 of one hour are not."""
    limiter = Limiter(calls_an_hour=240, alerts_an_hour=480, messages_a_minute=6000)
    now = datetime(2026, 3, 4, 10, tzinfo=UTC)
    spread = [
        limiter.allows("berlin", "desk1", "calls", now - timedelta(minutes=36 * n), now)
        for n in range(1200)
    ]
    assert all(spread)
    crowd = [limiter.allows("berlin", "desk2", "calls", now, now) for _ in range(300)]
    assert sum(crowd) == 240


def test_central_keeps_the_state_of_boxes_itself(central: Central, clock: Clock) -> None:
    """State, reasons, versions and figures of a box are there without retained messages."""
    intake = Intake(central)
    intake.take([
        arrived(messages.status(DESK, "degraded", "clipping"), "status"),
        arrived(messages.health(DESK, clock(), state="degraded"), "health"),
    ])  # fmt: skip
    assert around.fleet(central).degraded == 1
    clock.move(60)
    intake.take([arrived(messages.status(DESK, "online"), "status")])
    with central.store.reading() as connection:
        row = connection.execute(select(tables.device)).one()
    assert (row.state, row.reasons, row.spool_depth) == ("online", [], 0)
    assert row.versions["sered"] == "0.2.0"
    assert row.certificate_until == clock() - timedelta(seconds=60) + messages.CERTIFIED
    (site, box, *_, until) = boxes.boxes(central).tables[0].rows[0]
    assert (site, box, until) == ("berlin", "desk1", f"{row.certificate_until:%Y-%m-%d}")
    clock.move(26 * 60)
    assert around.fleet(central).silent == 1


def test_figures_are_written_rarely(central: Central, clock: Clock) -> None:
    """Health once a minute is written once in five minutes."""
    intake, writes = Intake(central), set()
    for _ in range(10):
        clock.move(60)
        intake.take([arrived(messages.health(DESK, clock()), "health")])
        with central.store.reading() as connection:
            writes.add(connection.scalar(select(tables.device.c.last_health)))
    assert len(writes) == 2
