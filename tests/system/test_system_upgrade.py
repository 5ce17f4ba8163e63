"""New versions on a running box: a good one is switched to, a bad one is not left running."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import pytest

from system.desk import CHECKOUT, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from system.desk import Desk

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]
_INIT = f"{CHECKOUT}/device/sered/__init__.py"
_SERVICE = f"{CHECKOUT}/device/sered/box/service.py"


@pytest.fixture(autouse=True)
def unchanged(desk: Desk) -> Iterator[None]:
    """The checkout is put back after each test."""
    eventually(lambda: desk.healthy, 60, "a healthy service")
    desk.run(f"cp -a {CHECKOUT} /root/before")
    yield
    desk.run(f"rm -rf {CHECKOUT}; mv /root/before {CHECKOUT}")


class _Outage:
    """Watches the service while something else goes on; the longest time that it was not active."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.longest_s = 0.0

    def __enter__(self) -> _Outage:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        last_up = time.monotonic()
        while not self._stop.wait(0.5):
            now = time.monotonic()
            self.longest_s = max(self.longest_s, now - last_up)
            if self._desk.show("ActiveState") == "active":
                last_up = now


def _current(desk: Desk) -> str:
    return desk.run("basename $(readlink /opt/sered/current)").out


def test_a_good_version_is_switched_to(desk: Desk) -> None:
    """It stands beside the old one, runs as the current one, and the configuration is as it was."""
    old = _current(desk)
    before = desk.run("sha256sum /etc/sered/sered.toml").out
    desk.run(f"sed -i 's/^version = .*/version = \"9.9.9\"/' {CHECKOUT}/pyproject.toml")
    desk.run(f"sed -i 's/^__version__ = .*/__version__ = \"9.9.9\"/' {_INIT}")
    with _Outage(desk) as outage:
        said = desk.install("--upgrade").out
    print(f"longest without service: {outage.longest_s:.1f} s")
    print(said)
    assert re.search(r"9\.9\.9-\w{8} is well: online", said)
    assert desk.run("sered --version").out == "sered 9.9.9"
    assert desk.healthy
    assert set(desk.run("ls /opt/sered").out.split()) == {"current", old, _current(desk)}
    assert desk.run("sha256sum /etc/sered/sered.toml").out == before
    assert outage.longest_s < 30


def test_a_version_that_cannot_begin_is_not_switched_to(desk: Desk) -> None:
    """Its service cannot be imported: the one that listens is not even restarted, and says why."""
    old, pid = _current(desk), desk.show("MainPID")
    desk.run(f"echo 'import nowhere_to_be_found' >> {_SERVICE}")
    ended = desk.install("--upgrade", check=False)
    print(ended.err)
    assert ended.status != 0
    assert "cannot begin" in ended.err
    assert "nowhere_to_be_found" in ended.err
    assert (_current(desk), desk.show("MainPID")) == (old, pid)
    assert desk.healthy


def test_a_version_that_dies_is_rolled_back(desk: Desk) -> None:
    """It passes its examination and then falls over: the old one runs again within a minute."""
    old = _current(desk)
    desk.run(f"sed -i 's/^        self._start()$/        raise SystemExit(3)/' {_SERVICE}")
    with _Outage(desk) as outage:
        ended = desk.install("--upgrade", check=False)
    print(f"longest without service: {outage.longest_s:.1f} s")
    assert ended.status != 0
    assert f"Back to {old}" in ended.out
    assert f"runs on as {old}" in ended.err
    assert _current(desk) == old
    eventually(lambda: desk.healthy, 30, "the old version")
    assert outage.longest_s < 60


def test_a_version_that_never_gets_ready_is_rolled_back(desk: Desk) -> None:
    """It hangs as it starts: it is waited for 45 s and thrice what the old one took, no longer."""
    old = _current(desk)
    desk.run(f"sed -i 's/^        self._start()$/        time.sleep(3600)/' {_SERVICE}")
    with _Outage(desk) as outage:
        ended = desk.install("--upgrade", check=False)
    print(f"longest without service: {outage.longest_s:.1f} s")
    assert ended.status != 0
    assert "not ready within" in ended.out
    assert _current(desk) == old
    assert desk.show("ActiveState") == "active"
    # and what a busy machine takes to end the new one and start the old one
    assert outage.longest_s < 120


def test_a_version_that_finds_new_faults_is_not_switched_to(desk: Desk) -> None:
    """It cannot use what the configuration names, as the old one can: it is told, not switched."""
    old, pid = _current(desk), desk.show("MainPID")
    desk.run(f"truncate -s 1000 {CHECKOUT}/models/emotion.tflite")
    ended = desk.install("--upgrade", check=False)
    assert ended.status != 0
    assert "emotion." in ended.err
    assert "what ran before runs on" in ended.err
    assert (_current(desk), desk.show("MainPID")) == (old, pid)
