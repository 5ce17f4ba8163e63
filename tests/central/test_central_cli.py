"""`sered central`: from an empty folder to a running service and its end, as a user does it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from sqlalchemy import func, select

from broker import Broker, free_port, wait_until
from central_stage import actor
from sered.central import configuration, people
from sered.central.cases import views
from sered.central.context import open_central
from sered.central.errors import NotAllowedError
from sered.central.store import tables
from sered.central.store.engine import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from project import Ended


@pytest.fixture
def config(tmp_path: Path, broker: Broker, sered: Callable[..., Ended]) -> Path:
    """A configuration whose store is made."""
    path = tmp_path / "central.toml"
    path.write_text(
        f'[source]\nport = {broker.port}\n[store]\nurl = "sqlite:///{tmp_path}/central.db"\n'
        f'[web]\nport = {free_port()}\n[[site]]\nid = "berlin"\n[[team]]\nname = "recovery"\n'
    )
    assert sered("central", "init", "--config", path).status == 0
    return path


def test_the_first_configuration_has_no_faults(sered: Callable[..., Ended], tmp_path: Path) -> None:
    """`init` writes one that `check` takes, a key only its owner reads, and leaves both alone."""
    path = tmp_path / "etc" / "central.toml"
    configuration.write_first(path)
    key = (path.parent / "central-key").read_text()
    assert sered("central", "check", "--config", path).out.startswith("No faults")
    assert (path.parent / "central-key").stat().st_mode & 0o777 == 0o600
    configuration.write_first(path, force=True)
    assert (path.parent / "central-key").read_text() == key


def test_all_faults_are_named_at_once(sered: Callable[..., Ended], tmp_path: Path) -> None:
    """Each fault has its line, what was wanted and a suggestion; nothing is reached."""
    path = tmp_path / "central.toml"
    path.write_text(
        '[source]\nprot = 1883\n[store]\nurl = "mysql://x"\n[[team]]\nname = "Recovery Team"\n'
        'shift = ["monday 8-12"]\n[[channel]]\nname = "mail"\nkind = "smtp"\n'
        '[cases]\nfallback = "recovery"\n'
    )
    ended = sered("central", "check", "--config", path)
    assert ended.status == 2
    for part in (
        ":2: source.prot: no such setting; did you mean 'port'?",
        ":4: store.url: must begin with sqlite:/// or postgresql://",
        ":6: team.1.name:",
        "wanted open hours such as 'mon-fri 08:00-12:00'",
        "smtp needs host, sender and to",
    ):
        assert part in ended.err
    assert "Traceback" not in ended.err


def test_users_come_and_go(sered: Callable[..., Ended], config: Path) -> None:
    """Added with a password of their own, listed, and shut out; unknown roles are named."""
    where = ("--config", config)
    said = sered("central", "user", "add", "ann", "--role", "agent", "--team", "recovery",
                 "--generate", *where).out  # fmt: skip
    password = said.rsplit(": ", 1)[1].strip()
    assert json.loads(sered("central", "user", "list", "--json", *where).out) == [
        {"login": "ann", "name": "ann", "roles": ["agent"], "teams": ["recovery"]}
    ]
    central = open_central(configuration.load(config))
    people.log_in(central, "ann", password, "::1")
    assert "known: agent" in sered("central", "user", "add", "x", "--role", "boss", *where).err
    assert sered("central", "user", "disable", "ann", *where).status == 0
    with pytest.raises(NotAllowedError):
        people.log_in(central, "ann", password, "::1")
    central.store.close()


def test_lines_are_imported_whole_or_not(
    sered: Callable[..., Ended], config: Path, tmp_path: Path
) -> None:
    """A faulty row is named and nothing is taken; a second import changes nothing."""
    path = tmp_path / "lines.csv"
    path.write_text("site,device,line,extension,queue\nberlin,desk1,line1,201,billing\n,a,b,c,d\n")
    ended = sered("central", "import", path, "--config", config)
    assert ended.status == 1
    assert f"{path}:3: site" in ended.err
    path.write_text("site,device,line,extension\nberlin,desk1,line1,201\n")
    assert "1 line(s) new" in sered("central", "import", path, "--config", config).out
    assert "0 line(s) new" in sered("central", "import", path, "--config", config).out
    path.write_text("a,b\n1,2\n")
    assert "wanted the heading" in sered("central", "import", path, "--config", config).err


class Running:
    """`sered central run` as a process of its own."""

    def __init__(self, config: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sered", "central", "run", "--config", str(config)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    def end(self, how: int = signal.SIGTERM) -> int:
        """Its exit status."""
        self.process.send_signal(how)
        self.said = self.process.communicate(timeout=20)[1]
        return self.process.returncode


@pytest.fixture
def running(config: Path) -> Iterator[Running]:
    made = Running(config)
    yield made
    if made.process.poll() is None:
        made.end(signal.SIGKILL)


def test_the_service_runs_takes_calls_and_ends(
    sered: Callable[..., Ended], config: Path, running: Running, broker: Broker
) -> None:
    """Simulated boxes' calls are stored as their truth says; SIGTERM ends it with status 0."""
    url = configuration.load(config).store.url
    store = Store(url)

    def stored(table: Any) -> int:
        with store.reading() as connection:
            return connection.scalar(select(func.count()).select_from(table)) or 0

    # without a session nobody keeps what boxes say
    wait_until(lambda: "Sending SUBACK to sered/central" in broker.log.read_text(), 30, "a session")
    told = sered(
        "central", "simulate", "--boxes", "6", "--a-minute", "600", "--minutes", "0.05",
        "--json", "--config", config,
    )  # fmt: skip
    truth = json.loads(told.out)
    wait_until(lambda: stored(tables.call) == truth["calls"] > 0, 30, "all calls")
    assert stored(tables.cases) == truth["escalated"]
    assert stored(tables.device) == 6
    central = open_central(configuration.load(config))
    assert views.queue(central, actor(central, "ann")).open == truth["escalated"]
    central.store.close()
    assert psutil.Process(running.process.pid).memory_info().rss < 200 * 2**20
    store.close()
    assert running.end() == 0
    assert "Traceback" not in running.said


def test_a_store_of_another_version_is_refused(
    sered: Callable[..., Ended], tmp_path: Path, broker: Broker
) -> None:
    """Without its tables central does not run, and says what to do."""
    path = tmp_path / "central.toml"
    path.write_text(f'[store]\nurl = "sqlite:///{tmp_path}/empty.db"\n')
    configuration.write_first(path)
    ended = sered("central", "run", "--config", path)
    assert ended.status == 1
    assert "Run: sered central init" in ended.err


def test_counts_are_held_against_the_rows(sered: Callable[..., Ended], config: Path) -> None:
    """A count that is wrong is named and ends with 1; `--rebuild` makes it anew from the rows."""
    asked = ("central", "counts", "--config", config)
    assert sered(*asked).out == "All counts are those of the rows.\n"
    central = open_central(configuration.load(config))
    day = central.now().replace(hour=0, minute=0, second=0, microsecond=0)
    row = {"arm": "", "day": day, "site": "berlin", "hundredth": -60, "opened": 3, "marked": 0}
    with central.store.writing() as connection:
        wrong = tables.daily_open.insert().values(**row, again_known=0, again=0)
        connection.execute(wrong)
    central.store.close()
    found = sered(*asked)
    assert found.status == 1
    assert "opened counted (3,), in the rows (0,)" in found.out
    assert sered(*asked, "--rebuild").status == 0
