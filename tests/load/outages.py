"""A store's disk that is full for real, and a database that goes away: nothing is lost."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from sqlalchemy import func, select

from central_stage import actor
from load.board import central_on
from load.rate import publisher
from sered.central import people
from sered.central.errors import StoreError
from sered.central.store import tables
from sered.central.store.engine import Store
from sered.central.web.views import COOKIE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from load.stage import Stage


@dataclass(frozen=True, slots=True)
class Outage:
    """What was left after it."""

    store: str
    what: str
    seconds: float
    sent: int
    lost: int
    twice: int
    stored_meanwhile: int
    """Calls that appeared in the store while it took nothing."""
    said: bool
    """Whether central's log named the reason."""
    board_said: bool
    """Whether a board that was open named it, and that it was over."""
    back_s: float
    """From the end of the outage until everything was stored."""


def full_disk(stage: Stage, disk: Path, seconds: float) -> Outage:
    """The file system of the store, a small one of its own, has no block left."""
    filler = disk / "filler"

    def fill() -> None:
        with contextlib.suppress(OSError), filler.open("wb", 0) as out:
            while True:
                out.write(bytes(4096))

    return _outage(stage, "disk full", seconds, fill, filler.unlink, "disk is full")


def away(stage: Stage, seconds: float) -> Outage:
    """The database is stopped as a crash would."""
    server = stage.postgres
    assert server
    return _outage(
        stage, "database away", seconds, lambda: server.stop("immediate"), server.start,
        "does not answer",
    )  # fmt: skip


def _outage(
    stage: Stage, what: str, seconds: float, begin: Callable[[], None], end: Callable[[], None],
    words: str,
) -> Outage:  # fmt: skip
    page = OpenPage(stage)
    source = publisher(stage, 10.0, seconds + 30.0, escalating=0.1)
    time.sleep(5)
    begin()
    # what was in the middle of its COMMIT
    time.sleep(3)
    before = _count(stage)
    time.sleep(seconds - 3)
    after = _count(stage)
    meanwhile = 0 if before is None or after is None else after - before
    end()
    ended = time.time()
    source.wait()
    sent = source.sent()
    while (_count(stage) or 0) < len(sent) and time.time() < ended + 120:
        time.sleep(0.5)
    back = time.time() - ended
    store = Store(stage.url)
    with store.reading() as connection:
        rows = list(connection.scalars(select(tables.call.c.call_id)))
    store.close()
    said = words in (stage.folder / "central.log").read_text(errors="replace")
    return Outage(
        stage.kind, what, seconds, len(sent), len(set(sent) - set(rows)),
        len(rows) - len(set(rows)), meanwhile, said, page.told(words), back,
    )  # fmt: skip


class OpenPage(threading.Thread):
    """What the stream of a board that is open all the time tells of trouble, as its page shows."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(daemon=True)
        central = central_on(stage)
        who = actor(central, "ann")
        with central.store.writing() as connection:
            token = people.start_session(connection, who.id, datetime.now(UTC))
        central.store.close()
        url = f"http://127.0.0.1:{stage.web_port}/stream"
        self._request = Request(url, headers={"Cookie": f"{COOKIE}={token}"})
        self._events: list[tuple[str, str]] = []
        self.start()

    def run(self) -> None:
        """Until central ends."""
        with contextlib.suppress(OSError), urlopen(self._request) as stream:
            name = ""
            for line in stream:
                word, _, value = line.decode().strip().partition(": ")
                if word == "event":
                    name = value
                elif word == "data" and name in {"trouble", "well"}:
                    self._events.append((name, value))

    def told(self, words: str) -> bool:
        """Whether it told of these words, and at last that all is well."""
        named = any(words in value for name, value in self._events if name == "trouble")
        return named and self._events[-1][0] == "well"


def _count(stage: Stage) -> int | None:
    """None: the store does not answer."""
    store = Store(stage.url)
    try:
        with store.reading() as connection:
            return connection.scalar(select(func.count()).select_from(tables.call)) or 0
    except StoreError:
        return None
    finally:
        store.close()
