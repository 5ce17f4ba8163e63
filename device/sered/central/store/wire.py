"""Between several processes of central on one PostgreSQL: bells that ring in all, and one leader.

Nothing hangs on it but speed: who misses a bell looks again after some seconds.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sered.central.store.engine import PATIENCE

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    import psycopg

    from sered.central.context import Central
    from sered.central.store.engine import Store

_CHANNEL = "sered"
_LOOK_S = 0.1
"""How long a ring waits at most before the others hear of it."""
_AGAIN_S = 2.0
_LEADS = 7_403_513
"""PostgreSQL's advisory lock of the one process that does what only one should."""
_log = logging.getLogger(__name__)


def needed(store: Store) -> bool:
    """Whether other processes may share the store."""
    return store.dialect == "postgresql"


def carry_bells(central: Central, stop: threading.Event) -> None:
    """Ring here what others ring, and there what rings here, until `stop`."""
    bells = {"cases": central.cases_bell, "outbox": central.outbox_bell}
    told = {name: bell.own for name, bell in bells.items()}

    def carry(connection: psycopg.Connection) -> None:
        connection.execute(f"LISTEN {_CHANNEL}")
        me = connection.info.backend_pid
        for bell in bells.values():
            # something may have rung while nobody listened
            bell.echo()
        while not stop.is_set():
            for name, bell in bells.items():
                if bell.own != told[name]:
                    told[name] = bell.own
                    connection.execute(f"NOTIFY {_CHANNEL}, '{name}'")
            for heard in connection.notifies(timeout=_LOOK_S, stop_after=1):
                if heard.pid != me and heard.payload in bells:
                    bells[heard.payload].echo()

    _over_and_over(central.store, stop, carry)


def lead(
    store: Store, stop: threading.Event, begin: Callable[[], None], end: Callable[[], None]
) -> None:
    """Until `stop`: `begin` when this process becomes the leader, `end` when it is no more."""

    def contend(connection: psycopg.Connection) -> None:
        while not stop.is_set() and not _leads(connection):
            stop.wait(_AGAIN_S)
        if stop.is_set():
            return
        _log.info("leader.begins")
        begin()
        try:
            while not stop.wait(1.0):
                connection.execute("SELECT 1")
        finally:
            end()

    _over_and_over(store, stop, contend)


def _leads(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LEADS,)).fetchone()
    return bool(row and row[0])


def _over_and_over(
    store: Store, stop: threading.Event, use: Callable[[psycopg.Connection], None]
) -> None:
    """Use a connection of our own, and another one when it breaks, until `stop`."""
    import psycopg  # noqa: PLC0415 - SQLite does without

    patient = {name: str(value) for name, value in PATIENCE.items()}
    parsed = store.engine.url.set(drivername="postgresql").update_query_dict(patient)
    url = parsed.render_as_string(hide_password=False)
    while not stop.is_set():
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                use(connection)
        except psycopg.Error as error:
            said = next(iter(str(error).splitlines()), "")
            _log.warning("wire.waits why=%s", said)
            stop.wait(_AGAIN_S)
