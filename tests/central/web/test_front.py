"""HAProxy, as docs/cluster has it, before two boards as processes, seen by a real browser."""

from __future__ import annotations

import re
import ssl
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from playwright.sync_api import expect

from board_stage import Look, Served
from broker import free_port, wait_until
from central_stage import CONFIGURATION, KEY
from project import ROOT
from sered.central.context import Central, utc_now
from sered.central.settings import CentralSettings
from sered.central.store import migrate
from sered.central.store.engine import Store
from sered.central.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from central_stage import Postgres

_COOKIE = "board"
_HAPROXY = "/usr/sbin/haproxy"
_PATIENT_S = 60.0


class Front:
    """Two boards on one PostgreSQL behind HAProxy; `address` is what the browser knows."""

    def __init__(self, folder: Path, url: str) -> None:
        assert Path(_HAPROXY).exists(), "HAProxy is not installed: apt-get install haproxy"
        self._folder, self._url = folder, url
        self.boards: dict[str, subprocess.Popen[bytes]] = {}
        self._haproxy: subprocess.Popen[bytes] | None = None
        self.port, self.clear = free_port(), free_port()
        self.address = f"https://127.0.0.1:{self.port}"
        self._tls = _certificates(folder)
        self.context = ssl.create_default_context(cafile=self._tls / "ca.crt")

    def start(self) -> None:
        """All three, until the front answers."""
        ports = {"central1": free_port(), "central2": free_port()}
        for name, port in ports.items():
            self.boards[name] = self._board(name, port)
        for port in ports.values():
            wait_until(partial(self._answers, port), 150.0, "a board")
        self._haproxy = self._before(ports)
        wait_until(lambda: self._answers(self.port), 60.0, "HAProxy with a board that answers")

    def _answers(self, port: int) -> bool:
        asked = f"https://127.0.0.1:{port}/alive"
        try:
            answer = httpx.get(
                asked, headers={"host": "localhost"}, verify=self.context, timeout=_PATIENT_S
            )
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    def _board(self, name: str, port: int) -> subprocess.Popen[bytes]:
        there = self._folder / name
        there.mkdir()
        (there / "central.toml").write_text(
            f'[store]\nurl = "{self._url}"\n[web]\nhost = "127.0.0.1"\nproxies = ["localhost"]\n'
            f'cert = "{self._tls}/{name}.crt"\nkey = "{self._tls}/{name}.key"\n'
            f'[delivery]\naddress = "{self.address}"\n[[team]]\nname = "recovery"\n'
        )
        (there / "central-key").write_text(KEY.hex())
        command = [sys.executable, "-m", "sered", "central", "run", "--part", "web"]
        command += ["--port", str(port), "--config", str(there / "central.toml")]
        with (there / "log").open("wb") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    def _before(self, ports: dict[str, int]) -> subprocess.Popen[bytes]:
        text = (ROOT / "docs/cluster/haproxy.cfg").read_text()
        # the sections of broker and database have nothing to lead to here
        text = re.sub(r"(?ms)^(# TLS goes.*?\n)?listen (mqtt|store)\n.*?(?=^listen|\Z)", "", text)
        text = text.replace("maxconn 120000", "maxconn 200")
        text = text.replace("/run/haproxy.sock", str(self._folder / "haproxy.sock"))
        text = text.replace("bind :80", f"bind 127.0.0.1:{self.clear}")
        text = text.replace("bind :443", f"bind 127.0.0.1:{self.port}")
        text = text.replace("/etc/haproxy/tls", str(self._tls))
        for name, port in ports.items():
            text = text.replace(f"{name}:8470", f"127.0.0.1:{port}")
        assert text.count("\n    server ") == 2, text
        path = self._folder / "haproxy.cfg"
        path.write_text(text)
        return subprocess.Popen([_HAPROXY, "-db", "-f", str(path)])

    def kill(self, name: str) -> None:
        """As a power cut would."""
        self.boards[name].kill()
        self.boards[name].wait()

    def stop(self) -> None:
        """End it all."""
        for process in filter(None, (self._haproxy, *self.boards.values())):
            process.kill()
            process.wait()


def _certificates(folder: Path) -> Path:
    """The hosts' own authority, as the recipe has it."""
    for words in (
        ["ca"], ["server", "front", "127.0.0.1"],
        *(["server", name, name, "127.0.0.1"] for name in ("central1", "central2")),
    ):  # fmt: skip
        command = [str(ROOT / "docs/mqtt/make-certificates"), *words]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    made = folder / "certificates"
    both = (made / "front.crt").read_text() + (made / "front.key").read_text()
    (made / "front.pem").write_text(both)
    return made


@pytest.fixture
def people(postgres: Postgres) -> Iterator[Served]:
    """Whoever writes into the same store: people, calls."""
    store = Store(postgres.database())
    migrate.upgrade(store)
    settings: dict[str, Any] = CONFIGURATION | {"web": {"port": 0}}
    board = Served(Central(CentralSettings.model_validate(settings), store, Vault(KEY), utc_now))
    yield board
    board.stop()


@pytest.fixture
def front(people: Served, postgres: Postgres, tmp_path: Path) -> Iterator[Front]:
    """HAProxy before two boards."""
    made = Front(tmp_path, postgres.url("postgres"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_a_board_that_dies_is_not_missed(
    front: Front, people: Served, chromium: Browser, postgres: Postgres
) -> None:
    """Its people stay logged in, and the stream goes on by the other board within seconds."""
    people.person("ann")
    any_front: Any = front
    window = Look(chromium, any_front, ignore_https_errors=True)
    window.log_in("ann")
    page = window.page
    mine = {each["name"]: each["value"] for each in page.context.cookies()}[_COOKIE]

    def opens(count: int) -> None:
        people.unhappy()
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
            connection.execute("NOTIFY sered, 'cases'")
        expect(page.locator(".case")).to_have_count(count, timeout=60_000)

    opens(1)
    page.evaluate("window.stayed = true")
    front.kill(mine)
    opens(2)
    expect(page.locator("#lost")).to_be_hidden(timeout=60_000)
    assert page.evaluate("window.stayed"), "the page was loaded anew"
    window.go("/")
    expect(page.locator(".case")).to_have_count(2)
    now = {each["name"]: each["value"] for each in page.context.cookies()}[_COOKIE]
    assert now != mine
    assert window.faults == []
    window.close()


def test_nothing_is_shown_in_clear(front: Front) -> None:
    """By http a browser is sent to https; only the public list of the revoked is served."""
    clear = f"http://127.0.0.1:{front.clear}"
    sent = httpx.get(f"{clear}/login", timeout=_PATIENT_S)
    assert (sent.status_code, sent.headers["location"][:8]) == (302, "https://")
    listed = httpx.get(f"{clear}/revoked.pem", timeout=_PATIENT_S)
    assert listed.status_code != 302
    login = httpx.get(f"{front.address}/login", verify=front.context, timeout=_PATIENT_S)
    assert login.status_code == 200
    assert "secure" in login.headers["set-cookie"].lower()
