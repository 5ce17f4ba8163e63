"""From the box's confirmed alert to a case in the store and a notification handed over."""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from sered.central.simulate import messages, play, truth
from sered.central.sources import SourceSettings
from sered.central.store import tables
from sered.central.store.engine import Store

if TYPE_CHECKING:
    from load.stage import Stage


class Sink(ThreadingHTTPServer):
    """Takes webhooks: which case, which key, when."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), _Taker)
        self.got: list[tuple[int, str, float]] = []
        self.daemon_threads = True
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who sends may be killed meanwhile: it is why this is here."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def toml(self) -> str:
        """A channel and a team that tell this sink, at once."""
        return (
            f'[delivery]\nallow = ["127.0.0.1"]\n[[channel]]\nname = "hook"\nkind = "webhook"\n'
            f'url = "http://127.0.0.1:{self.server_port}/"\n[[team]]\nname = "recovery"\n'
            '[[team.step]]\nchannel = "hook"\n'
        )


class _Taker(BaseHTTPRequestHandler):
    server: Sink
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((said["case"], said["key"], time.time()))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Milliseconds from the publishing of an alert."""

    store: str
    alerts: int
    case_p50_ms: float
    case_p99_ms: float
    told_p50_ms: float
    told_p99_ms: float


def measure(stage: Stage, sink: Sink, count: int = 100, a_second: float = 4.0) -> Answer:
    """Alerts one by one at a pace, from sites of their own: no storm is grouped."""
    store = Store(stage.url)
    source = SourceSettings(host="127.0.0.1", port=stage.broker.port)
    desks = tuple(truth.Desk(f"site{n}", f"desk{n}", "line1", str(n), "") for n in range(count))
    fleet = play.Fleet(source, desks)
    calls = play.calls_now(desks, escalating=1.0)
    sent: dict[str, float] = {}
    opened: dict[str, tuple[int, float]] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            query = select(tables.cases.c.call_id, tables.cases.c.id).where(
                tables.cases.c.opened_at > datetime.now(UTC) - timedelta(seconds=20)
            )
            with store.reading() as connection:
                rows = connection.execute(query).all()
            for call_id, case in rows:
                opened.setdefault(call_id, (case, time.time()))
            time.sleep(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    for _ in range(count):
        call = next(calls)
        sent[call.call_id] = time.time()
        fleet.publish(call.desk, "alerts", messages.alert(call, "confirmed"))
        time.sleep(1 / a_second)
    end = time.time() + 30
    while len({case for case, _, _ in sink.got}) < count and time.time() < end:
        time.sleep(0.05)
    done.set()
    thread.join()
    fleet.close()
    store.close()
    told = {case: at for case, _, at in reversed(sink.got)}
    case_ms = [(opened[key][1] - at) * 1000 for key, at in sent.items()]
    told_ms = [(told[opened[key][0]] - at) * 1000 for key, at in sent.items()]
    return Answer(
        stage.kind, count,
        *(float(np.percentile(case_ms, q)) for q in (50, 99)),
        *(float(np.percentile(told_ms, q)) for q in (50, 99)),
    )  # fmt: skip
