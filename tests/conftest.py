"""Fixtures that every part's tests may use."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from broker import Broker
from project import ROOT, Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


# whom a script starts in the background ignores Ctrl-C, and so would everything that a test starts
signal.signal(signal.SIGINT, signal.default_int_handler)

SERVERS = {"broker", "start_broker", "served", "chromium", "postgres"}
"""Fixtures that start somebody else's server or browser: no test that needs one is quick."""
OWN_TARGETS = ("arm64", "brokers", "deb", "farm", "installed", "soak", "system", "tensorflow")
"""Marks of tests that have make targets of their own; none of them is quick."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests run in one process, one after the other, and know what they need.

    Its costly fixtures are made once so; files that measure with the clock share the group
    `clock`, so that no two of them run side by side. That group, which mostly waits, comes first,
    and files with slow tests before quick ones: what is left at the end is short.
    """
    slow_groups = set()
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(ROOT))))
        needs = set(getattr(item, "fixturenames", ()))
        if "shared" in needs:
            item.add_marker("shared")
        callspec = getattr(item, "callspec", None)
        if needs & SERVERS or (callspec and "postgresql" in map(str, callspec.params.values())):
            item.add_marker("slow")
        if any(item.get_closest_marker(mark) for mark in OWN_TARGETS):
            item.add_marker("slow")
        if item.get_closest_marker("slow"):
            slow_groups.add(_group(item))
    items.sort(key=lambda item: (_group(item) != "clock", _group(item) not in slow_groups))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Processes that do not keep groups together would make every costly fixture each: say so."""
    loose = [item.nodeid for item in session.items if "@" not in item.nodeid]
    if session.config.getoption("loadgroup", default=False) and loose:
        msg = f"pytest-xdist tells no groups by {loose[0]}: does it go with this pytest?"
        raise pytest.UsageError(msg)


def _group(item: pytest.Item) -> str:
    mark = item.get_closest_marker("xdist_group")
    return str(mark.args[0]) if mark else ""


@pytest.fixture(scope="session")
def shared() -> Path:
    """The corpora beside the project; without them a test is skipped, or fails where they must be.

    SERED_CORPORA=required says that they must; `.ci/run` does wherever the folder exists.
    """
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        reason = f"needs the corpora in {folder}, which is not there"
        if os.environ.get("SERED_CORPORA") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    """Starts real Mosquittos: `start_broker(passwords=..., acl=..., tls=..., extra=...)`."""
    running: list[Broker] = []

    def start(**options: Any) -> Broker:
        broker = Broker(tmp_path / f"broker{len(running)}", **options)
        running.append(broker)
        return broker.start()

    yield start
    for broker in running:
        broker.stop()


@pytest.fixture
def broker(start_broker: Callable[..., Broker]) -> Broker:
    """A real Mosquitto on a free port of the loopback interface, open to everybody."""
    return start_broker()


@pytest.fixture
def sered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Runs a `sered` command in this process; no terminal, 100 columns, no configuration."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("sered.config.DEFAULT_PATH", Path("/nonexistent/sered.toml"))
    for name in ("SERED_CONFIG", "SERED_MQTT_PASSWORD", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str | Path) -> Ended:
        from sered.cli import main

        monkeypatch.setattr(sys, "argv", ["sered", *map(str, arguments)])
        capsys.readouterr()
        status = 0
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return Ended(status, said.out, said.err)

    return run


@pytest.fixture(autouse=True)
def _untraced(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests marked `untraced` reckon for long in lines that others reach: nobody counts them."""
    tracer = sys.gettrace() if request.node.get_closest_marker("untraced") else None
    if tracer is None:
        yield
        return
    sys.settrace(None)
    yield
    sys.settrace(tracer)
