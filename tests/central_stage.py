"""What central's tests build with: a real PostgreSQL, a clock that stands, people, cases."""

from __future__ import annotations

import itertools
import os
import pwd
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from sqlalchemy import insert

from broker import free_port
from sered.central import people
from sered.central.cases import opening
from sered.central.cases.opening import Negative
from sered.central.people import Role
from sered.central.store import tables

if TYPE_CHECKING:
    from sered.central.context import Central

KEY = bytes(range(32))


class Postgres:
    """A real PostgreSQL in a folder of its own; one process a test run."""

    def __init__(self, folder: Path, *, fsync: bool = False) -> None:
        self._fsync = "on" if fsync else "off"
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        assert binaries, "PostgreSQL is not installed: apt-get install postgresql"
        self._bin, self.data, self.port = binaries[-1], folder / "data", free_port()
        self._folder = folder
        self._run("initdb", "-D", str(self.data), "-U", "sered", "-A", "trust", "-N")
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr + done.stdout

    def start(self) -> None:
        """Start it and wait until it answers."""
        # killed servers are tested, power cuts are not
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self._folder} -c fsync={self._fsync}"
        )
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(self.data), "-o", options, "-l", log, "-w", "start")

    def stop(self, how: str = "fast") -> None:
        """End it; `immediate` is what a crash would be."""
        self._run("pg_ctl", "-D", str(self.data), "-m", how, "-w", "stop")

    def database(self) -> str:
        """URL of a database that is empty: the same each time, a new one costs seconds."""
        empty(self.url("postgres"))
        return self.url("postgres")

    def url(self, name: str) -> str:
        """URL of a database."""
        return f"postgresql://sered@127.0.0.1:{self.port}/{name}"


def empty(url: str) -> None:
    """Leave nothing in a PostgreSQL database, and nobody at it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"
        )
        connection.execute("DROP SCHEMA IF EXISTS sered_months CASCADE")
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def move(self, seconds: float) -> datetime:
        """So much later."""
        self.at += timedelta(seconds=seconds)
        return self.at


CONFIGURATION: dict[str, Any] = {
    "key": KEY.hex(),
    "site": [{"id": "berlin", "tz": "Europe/Berlin"}, {"id": "hamburg", "tz": "Europe/Berlin"}],
    "channel": [
        {"name": "mail", "kind": "smtp", "host": "localhost", "sender": "a@b", "to": ["c@d"]},
        {"name": "chat", "kind": "webhook", "url": "http://localhost:1/hook"},
    ],
    "team": [
        {
            "name": "recovery",
            "step": [
                {"after_s": 0, "channel": "mail"},
                {"after_s": 180, "channel": "chat", "unless": "called"},
                {"after_s": 600, "channel": "mail"},
            ],
        },
        {"name": "billing", "causes": ["billing"]},
    ],
}


def actor(
    central: Central, login: str, *roles: Role, teams: tuple[str, ...] = ("recovery",)
) -> people.Actor:
    """A new user without a password."""
    people.add_user(central, login, None, roles or (Role.AGENT,), teams=teams, name=login.title())
    with central.store.reading() as connection:
        found = people.actor_of(connection, login)
    assert found
    return found


_numbers = itertools.count(1)


def call_id(number: int) -> str:
    """A UUIDv7 of its own."""
    return str(UUID(int=(0x0195_5F00_0000_7000_8000 << 48) + number))


def negative(central: Central, **over: Any) -> Negative:
    """One that has just ended in berlin."""
    now = central.now()
    values: dict[str, Any] = {
        "call_id": call_id(next(_numbers)),
        "site": "berlin",
        "device": "desk1",
        "line": "line1",
        "queue": "",
        "causes": ("delay",),
        "score": -0.8,
        "confidence": 0.9,
        "ended_at": now - timedelta(seconds=2),
        "received_at": now,
    }
    return Negative(**values | over)


def opened(central: Central, **over: Any) -> int:
    """A case for one; its id."""
    with central.store.writing() as connection:
        (case_id,) = opening.open_cases(connection, central.settings, [negative(central, **over)])
    return case_id


def map_line(central: Central) -> None:
    """The line of berlin's desk1 is extension 201."""
    row = {
        "site": "berlin", "device": "desk1", "line": "line1", "extension": "201",
        "valid_from": central.now() - timedelta(days=1),
    }  # fmt: skip
    with central.store.writing() as connection:
        connection.execute(insert(tables.line_map).values(**row))
