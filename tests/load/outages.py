"""A store's disk that is full for real, and a database that goes away: nothing is lost."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from load.rate import publisher
from sered.central.errors import StoreError
from sered.central.store import tables
from sered.central.store.engine import Store

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
        len(rows) - len(set(rows)), meanwhile, said, back,
    )  # fmt: skip


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
