"""Several processes on one PostgreSQL: a bell rings in all of them, and one of them leads."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from broker import wait_until
from sered.central.store import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from central_stage import Postgres
    from sered.central.context import Central

pytestmark = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)


@pytest.fixture
def start() -> Iterator[Callable[..., threading.Event]]:
    """Runs something in a thread; gives the event that ends it."""
    running: list[tuple[threading.Event, threading.Thread]] = []

    def begin(part: Callable[[threading.Event], None]) -> threading.Event:
        stop = threading.Event()
        thread = threading.Thread(target=part, args=(stop,))
        thread.start()
        running.append((stop, thread))
        return stop

    yield begin
    for stop, thread in running:
        stop.set()
        thread.join(60)


def test_a_bell_rings_in_the_other_process(
    make_central: Callable[..., Central], start: Callable[..., threading.Event]
) -> None:
    """What rings in one is heard in the other, once, and does not come back."""
    one, other = make_central(), make_central()
    for central in (one, other):
        start(partial(wire.carry_bells, central))
    wait_until(lambda: one.cases_bell.count and other.cases_bell.count, 60, "the connections")
    before, own = other.cases_bell.count, one.cases_bell.count
    one.cases_bell.ring()
    assert other.cases_bell.wait(before, 60.0) == before + 1
    one.outbox_bell.ring()
    outbox = other.outbox_bell.count
    wait_until(lambda: other.outbox_bell.count >= outbox, 60, "the outbox' bell")
    assert one.cases_bell.count == own + 1


def test_one_leads_and_another_follows(
    make_central: Callable[..., Central],
    start: Callable[..., threading.Event],
    postgres: Postgres,
) -> None:
    """Of two one leads; when it ends, or its connection breaks, there is one leader again."""
    log: list[str] = []
    leads: dict[str, bool] = {}

    def contend(name: str, central: Central) -> threading.Event:
        def begin() -> None:
            log.append(name)
            leads[name] = True

        def end() -> None:
            leads[name] = False

        return start(lambda stop: wire.lead(central.store, stop, begin, end))

    first = contend("one", make_central())
    wait_until(lambda: leads.get("one"), 60, "the first leader")
    contend("other", make_central())
    first.set()
    wait_until(lambda: leads.get("other"), 60, "the second leader")
    assert log == ["one", "other"]
    assert not leads["one"]
    postgres.stop("immediate")
    wait_until(lambda: not leads["other"], 60, "the end of its lead")
    # long enough for more than one vain try
    time.sleep(2.5)
    postgres.start()
    wait_until(lambda: leads["other"], 60, "its next lead")
