"""What stands on the stage of `sered central demo`: broker, store, central, exchange, a chat."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sered.cli.demo import CALL
from sered.cli.stage import broker, free_port, said, started, until
from sered.errors import SeredError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from sered.central.context import Central

DESKS = 14
LOGINS = ("lea", "tom")
_REAL = "demo,box,line1,2999,service"


class Demonstration:
    """Broker, store, users and the running central."""

    def __init__(
        self,
        folder: Path,
        stack: contextlib.ExitStack,
        fill: Callable[[Central], object],
        more: str = "",
    ) -> None:
        from sered.central import api_tokens, people
        from sered.central.simulate import truth

        self.folder, self._stack = folder, stack
        self.port = stack.enter_context(broker(folder))
        self.hook = Hook()
        stack.callback(self.hook.close)
        board = free_port()
        self.address = f"http://127.0.0.1:{board}"
        self.desks = truth.desks(DESKS)
        self.central = _prepared(folder, self.port, board, self.hook.port, more)
        stack.callback(self.central.store.close)
        self.password = secrets.token_urlsafe(9)
        roles = [people.Role.AGENT, people.Role.LEAD, people.Role.ADMIN]
        for login in LOGINS:
            people.add_user(
                self.central, login, self.password, roles, teams=["recovery", "billing"],
                name=login.title(),
            )  # fmt: skip
        _lines(self.central, folder, self.desks)
        self.token = api_tokens.issue(self.central, "pbx")
        fill(self.central)
        self._run = started(stack, folder, "central run", "--config", str(folder / "central.toml"))
        self._wait()

    def box(self, speed: str) -> subprocess.Popen[bytes]:
        """The real box, which hears the demo call."""
        config = self.folder / "sered.toml"
        # a recording ends when its file was last written: the call has just been made
        call = Path(shutil.copyfile(CALL, self.folder / "call.wav"))
        spool = json.dumps(str(self.folder / "spool.db"))
        config.write_text(
            'site = "demo"\ndevice = "box"\nlog_level = "warning"\n'
            f'[mqtt]\nhost = "127.0.0.1"\nport = {self.port}\n[spool]\npath = {spool}\n',
            encoding="utf-8",
        )
        return started(
            self._stack, self.folder, "run", "--config", str(config), "--replay", str(call),
            "--sides", "agent=left,customer=right", "--speed", speed,
        )  # fmt: skip

    def _wait(self) -> None:
        import httpx

        def alive() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return httpx.get(f"{self.address}/alive", timeout=2.0).status_code == 200
            return self._run.poll() is not None

        end = time.monotonic() + 60.0
        while not alive() and time.monotonic() < end:
            time.sleep(0.1)
        until(alive)
        if self._run.poll() is not None:
            msg = f"central did not start:\n{said(self.folder, 'run')}"
            raise SeredError(msg)


def _prepared(folder: Path, broker_port: int, board: int, hook: int, more: str) -> Central:
    from sered.central import configuration
    from sered.central.context import open_central
    from sered.central.store import migrate

    toml = folder / "central.toml"
    toml.write_text(
        f"""
[source]
host = "127.0.0.1"
port = {broker_port}
[store]
url = "sqlite:///{folder}/central.db"
[web]
port = {board}
[delivery]
address = "http://127.0.0.1:{board}"
allow = ["127.0.0.1"]
[courtesy]
calls_a_week = 20
[[channel]]
name = "chat"
kind = "webhook"
url = "http://127.0.0.1:{hook}/"
[[team]]
name = "recovery"
step = [{{ after_s = 0, channel = "chat" }}]
[[team]]
name = "billing"
title = "Billing"
causes = ["billing"]
step = [{{ after_s = 0, channel = "chat" }}]
{more}""",
        encoding="utf-8",
    )
    (folder / "central-key").write_text(secrets.token_hex(32) + "\n")
    (folder / "central-channel-chat").write_text(secrets.token_hex(16) + "\n")
    central = open_central(configuration.load(toml))
    migrate.upgrade(central.store)
    return central


def _lines(central: Central, folder: Path, desks: Any) -> None:
    from sered.central import importing

    rows = [f"{d.site},{d.device},{d.line},{d.extension},{d.queue}" for d in desks]
    path = folder / "lines.csv"
    path.write_text("\n".join(["site,device,line,extension,queue", *rows, _REAL]) + "\n")
    importing.lines(central, path)


class Exchange:
    """Pushes events, as exchanges do."""

    def __init__(self, address: str, token: str) -> None:
        import httpx

        headers = {"authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=address, headers=headers, timeout=20.0)

    def whole(self, leg: Any) -> None:
        """A call that is over."""
        common = {"callId": leg.id, "from": leg.callers[0], "to": leg.called[0], "direction": "in"}
        self._say(common | {"event": "newCall", "at": leg.started.isoformat()})
        if leg.answered:
            self._say({"event": "answer", "callId": leg.id, "at": leg.answered.isoformat()})
        self._say({"event": "hangup", "callId": leg.id, "at": leg.ended.isoformat()})

    def began(self, caller: str, extension: str, key: str) -> None:
        """A call that has just been answered."""
        common = {"callId": key, "from": caller, "to": extension, "direction": "in"}
        self._say(common | {"event": "newCall"})
        self._say({"event": "answer", "callId": key})

    def ended(self, key: str) -> None:
        """A call that has just ended."""
        self._say({"event": "hangup", "callId": key})

    def close(self) -> None:
        """Push no more."""
        self._client.close()

    def _say(self, event: dict[str, str]) -> None:
        self._client.post("/pbx/event", data=event).raise_for_status()


class Hook:
    """Takes the notifications, as a team's chat would."""

    def __init__(self) -> None:
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        count: list[float] = []

        class Taker(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                count.append(time.time())
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.taken = count
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()
