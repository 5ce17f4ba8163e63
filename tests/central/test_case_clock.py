"""Steps of escalation: each once, in open hours, whatever is killed; leases, storms, old cases."""

from __future__ import annotations

import multiprocessing
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from broker import wait_until
from central_stage import CONFIGURATION, KEY, negative, opened
from sered.central.cases import actions, opening, views
from sered.central.cases import clock as case_clock
from sered.central.cases.machine import Reached
from sered.central.context import Central
from sered.central.settings import CentralSettings
from sered.central.store import tables
from sered.central.store.engine import Store
from sered.central.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from central_stage import Clock
    from sered.central.people import Actor


def _sent(central: Central) -> list[tuple[int, int, str]]:
    query = select(tables.outbox).order_by(tables.outbox.c.id)
    with central.store.reading() as connection:
        return [(row.case_id, row.step, row.channel) for row in connection.execute(query)]


def test_steps_climb_while_nobody_acts(central: Central, clock: Clock) -> None:
    """At once by mail, after three minutes by chat, after ten by mail again; then no more."""
    case = opened(central)
    case_clock.tick(central)
    assert _sent(central) == [(case, 0, "mail")]
    clock.move(179)
    case_clock.tick(central)
    assert len(_sent(central)) == 1
    clock.move(1)
    case_clock.tick(central)
    clock.move(420)
    case_clock.tick(central)
    clock.move(86_400)
    case_clock.tick(central)
    assert _sent(central) == [(case, 0, "mail"), (case, 1, "chat"), (case, 2, "mail")]


def test_a_claim_stops_some_steps_and_a_call_all(
    central: Central, person: Callable[..., Actor], clock: Clock
) -> None:
    """A step `unless = "called"` fires for a claimed case that nobody calls; reached ends it."""
    ann, case, other = person("ann"), opened(central), opened(central)
    for each in (case, other):
        actions.claim(central, ann, each)
    actions.attempted(central, ann, other, Reached.REACHED)
    for _ in range(12):
        clock.move(60)
        for each in (case, other):
            actions.renew(central, ann, each)
        case_clock.tick(central)
    assert _sent(central) == [(case, 1, "chat")]


def test_an_abandoned_claim_comes_back_and_the_team_hears_it(
    central: Central, person: Callable[..., Actor], clock: Clock
) -> None:
    """A lease that ran out frees the case and begins its steps anew."""
    ann, case = person("ann"), opened(central)
    case_clock.tick(central)
    actions.claim(central, ann, case)
    clock.move(121)
    case_clock.tick(central)
    case_clock.tick(central)
    assert views.queue(central, ann).rows[0].state == "new"
    assert _sent(central) == [(case, 0, "mail"), (case, 0, "mail")]


def test_nobody_is_woken_for_yesterday(central: Central, clock: Clock) -> None:
    """A call that arrives a day late waits in the queue, marked, and climbs no steps."""
    from datetime import timedelta

    case = opened(central, ended_at=clock() - timedelta(days=1))
    with central.store.reading() as connection:
        row = connection.execute(select(tables.cases)).one()
    assert (row.id, row.arrived_late, row.next_step_at) == (case, True, None)
    assert row.due_at < clock()


def test_a_storm_is_one_notification(central: Central, clock: Clock) -> None:
    """Of twenty cases of one site the first five are told singly, the others together."""
    ids = [opened(central) for _ in range(20)]
    while case_clock.tick(central):
        pass
    assert len(_sent(central)) == 6
    with central.store.reading() as connection:
        heads = connection.execute(
            select(tables.cases.c.storm_of, func.count()).group_by(tables.cases.c.storm_of)
        ).all()
    assert sorted((head, n) for head, n in heads if head) == [(ids[0], 15)]
    clock.move(60)
    assert opened(central, site="hamburg")


def test_old_cases_are_given_up(central: Central, clock: Clock) -> None:
    """After three days a case that nobody took expires, in the trail."""
    opened(central)
    clock.move(73 * 3600)
    case_clock.tick(central)
    with central.store.reading() as connection:
        assert connection.scalar(select(tables.cases.c.state)) == "expired"


def test_a_call_opens_one_case_and_withdrawn_ones_none(central: Central) -> None:
    """The same call again opens nothing; one that was withdrawn before opens nothing either."""
    once = negative(central)
    with central.store.writing() as connection:
        assert len(opening.open_cases(connection, central.settings, [once, once])) == 1
        assert opening.open_cases(connection, central.settings, [once]) == []
        changed = opening.withdraw(connection, central.settings, [once.call_id], central.now())
    assert len(changed) == 1
    with central.store.reading() as connection:
        assert connection.scalar(select(tables.cases.c.state)) == "withdrawn"


def _several_clocks(url: str, at: datetime) -> None:
    settings = CentralSettings.model_validate(CONFIGURATION)
    store = Store(url)
    central = Central(settings, store, Vault(KEY), lambda: at)
    while case_clock.tick(central):
        pass
    store.close()


@pytest.mark.slow
def test_several_clocks_fire_each_step_once(central: Central, clock: Clock, store_url: str) -> None:
    """Three processes that tick at once on one store fire 60 steps 60 times."""
    with central.store.writing() as connection:
        wanted = [negative(central, site=f"site{n}") for n in range(60)]
        opening.open_cases(connection, central.settings, wanted)
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_several_clocks, args=(store_url, clock())) for _ in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert len(_sent(central)) == 60
    assert len({case for case, _, _ in _sent(central)}) == 60


def test_the_clock_wakes_when_a_case_opens(
    make_central: Callable[..., Central], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that is due at once goes out with the case, not at the next look."""
    monkeypatch.setattr(case_clock, "LONGEST_WAIT_S", 600.0)
    central = make_central()
    stop = threading.Event()
    thread = threading.Thread(target=case_clock.run, args=(central, stop))
    thread.start()
    try:
        case = opened(central)
        central.cases_bell.ring()
        wait_until(lambda: _sent(central) == [(case, 0, "mail")], what="the first step")
    finally:
        stop.set()
        central.cases_bell.ring()
        thread.join()
