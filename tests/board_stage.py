"""What the board's tests build with: a board that is served, calls on it, a window that looks."""

from __future__ import annotations

import json
import zlib
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import insert

from central_stage import call_id
from sered.central import people
from sered.central.cases import opening
from sered.central.cases.opening import Negative
from sered.central.people import Role
from sered.central.store.tables import call, call_report
from sered.central.web.server import BoardServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from sered.central.context import Central

PASSWORD = "a long walk by the sea"
WAIT_MS = 60_000


class Served:
    """One board on a free port, and what happens on it."""

    def __init__(self, central: Central) -> None:
        self.central = central
        self._server = BoardServer(central)
        self._server.start()
        self.address = f"http://127.0.0.1:{self._server.port}"
        self._calls = 0

    def stop(self) -> None:
        """End it."""
        self.stop_answering()
        self.central.store.close()

    def stop_answering(self) -> None:
        """The board is gone; its store stays."""
        self._server.stop()

    def person(self, login: str, *roles: Role, teams: tuple[str, ...] = ("recovery",)) -> None:
        """Somebody who may log in with PASSWORD."""
        people.add_user(
            self.central, login, PASSWORD, roles or (Role.AGENT,), teams=teams, name=login.title()
        )

    def unhappy(self, ago_s: float = 5.0, text: str = "my money back", **over: Any) -> int:
        """A call that ended so long ago becomes a case with its report; the case's id."""
        self._calls += 1
        now = self.central.now()
        ended = now - timedelta(seconds=ago_s)
        key = call_id(900_000 + self._calls)
        values: dict[str, Any] = {
            "call_id": key, "site": "berlin", "device": "desk1", "line": "line1", "queue": "",
            "causes": ("delay",), "score": -0.8, "confidence": 0.9, "ended_at": ended,
            "received_at": now,
        }  # fmt: skip
        values |= over
        with self.central.store.writing() as connection:
            (case_id,) = opening.open_cases(connection, self.central.settings, [Negative(**values)])
            row = {
                "call_id": key, "site": values["site"], "device": "desk1", "line": "line1",
                "queue": "", "started_at": ended - timedelta(seconds=40), "ended_at": ended,
                "duration_s": 40.0, "clock_synced": True, "clock_doubtful": False,
                "end_reason": "hang_up_tone", "mode": "both", "mixed": False,
                "category": "negative", "score": -0.8, "confidence": 0.9, "escalate": True,
                "lost_s": 0.0, "versions": "x", "received_at": now, "arrived_late": False,
            }  # fmt: skip
            connection.execute(insert(call).values(**row))
            packed = zlib.compress(json.dumps(report(key, text)).encode())
            connection.execute(insert(call_report).values(call_id=key, z=packed))
        self.central.cases_bell.ring()
        return case_id

    def client(self, login: str | None = None) -> httpx.Client:
        """A browser without a window; logged in as somebody."""
        client = httpx.Client(base_url=self.address, follow_redirects=False, timeout=30.0)
        if login:
            answer = client.post("/login", data={"login": login, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
        return client

    def csrf(self, client: httpx.Client) -> str:
        """The token of the client's session."""
        return client.get("/analyse").text.split('data-csrf="')[1].split('"')[0]


def report(key: str, text: str) -> dict[str, Any]:
    """What a box says of an unhappy call."""
    spoken = {"duration_s": 4.0, "emotion": "angry", "acoustic": -0.6, "verbal": -0.7}
    return {
        "schema": "sered.call/1", "call_id": key, "duration_s": 40.0, "mode": "both",
        "mixed": False,
        "sentiment": {"category": "negative", "score": -0.8, "confidence": 0.9},
        "acoustic": {"score": -0.3, "share": -0.2, "emotions": {"angry": 0.7, "neutral": 0.3}},
        "verbal": {
            "score": -0.6, "share": -0.6, "words": 40,
            "terms": [{"text": text, "valence": -2.3, "offset_s": 31.0, "share": -0.4}],
        },
        "trend": {"quarters": [0.1, 0.0, -0.4, -0.8], "change": -0.4},
        "worst": {"offset_s": 30.0, "duration_s": 5.0},
        "utterances": [
            spoken | {"offset_s": 4.0, "score": 0.2, "share": 0.02},
            spoken | {"offset_s": 30.0, "score": -0.8, "share": -0.6},
        ],
    }  # fmt: skip


@cache
def _axe() -> Any:
    from axe_playwright_python.sync_playwright import Axe

    return Axe()


class Look:
    """One window of a real browser."""

    def __init__(self, browser: Browser, board: Served, **options: Any) -> None:
        self._context = browser.new_context(**options)
        self._board = board
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def log_in(self, login: str) -> None:
        """By the form, as a person."""
        self.go("/")
        self.page.fill("#login", login)
        self.page.fill("#password", PASSWORD)
        self.page.locator("main button").click()
        self.page.wait_for_selector("#queue")

    def go(self, path: str) -> None:
        """Open a page of the board."""
        self.page.goto(self._board.address + path)

    def close(self) -> None:
        """Close the window."""
        self._context.close()

    def barriers(self) -> list[str]:
        """What axe finds on the page."""
        found = _axe().run(self.page).response["violations"]
        return [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in found]
