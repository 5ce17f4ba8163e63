"""Serves the page of a box on its local network: read-only, and only with the token."""

from __future__ import annotations

import hmac
import ipaddress
import json
import logging
import threading
import time
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from sered import __version__
from sered.front import view

if TYPE_CHECKING:
    from collections.abc import Callable

    from sered.box.snapshot import Snapshot

log = logging.getLogger(__name__)

_COOKIE = "sered-page"
_AT_ONCE = 8
"""Requests that are answered side by side; more are refused."""
_TIMEOUT_S = 10.0
_AGAIN_S = 0.5
_DOCTOR_EVERY_S = 300.0
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_LOCKED = (
    "This page wants its token. It stands in sered-says.txt on the box's card, or, as root on the "
    "box, in /etc/sered/page-token. Open http://BOX/?token=... once."
)


class Looks:
    """The last two snapshots, however many people look, and the doctor's last word."""

    def __init__(
        self, read: Callable[[], Snapshot | None], examine: Callable[[], dict[str, Any]]
    ) -> None:
        self._read, self._examine = read, examine
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._now: Snapshot | None = None
        self._before: Snapshot | None = None
        self._looked = self._asked = float("-inf")
        self._said: dict[str, Any] = {}

    def live(self) -> dict[str, Any]:
        """What moves on the page."""
        with self._lock:
            if time.monotonic() - self._looked > _AGAIN_S:
                self._looked = time.monotonic()
                fresh = self._read()
                if self._now is None or fresh is None or fresh.at != self._now.at:
                    self._now, self._before = fresh, self._now
            return view.live(self._now, self._before)

    def doctor(self) -> dict[str, Any]:
        """What the doctor found, at most five minutes old; he examines once at a time."""
        with self._asking:
            if time.monotonic() - self._asked > _DOCTOR_EVERY_S:
                self._said = self._examine()
                self._asked = time.monotonic()
            return self._said


class PageServer(ThreadingHTTPServer):
    """One box's page; raises OSError where the port cannot be had."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], token: str, name: str, looks: Looks) -> None:
        self.token, self.name, self.looks = token, name, looks
        self._room = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread, while there is room."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The thread's life."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, *_: object) -> None:
        """Whoever looked has gone; a stranger's nonsense is no traceback of ours."""
        log.debug("page.broken")


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    server_version, sys_version = "sered", ""
    timeout = _TIMEOUT_S

    def do_GET(self) -> None:
        """Every answer there is."""
        asked = urlsplit(self.path)
        if not is_near(self.client_address[0]):
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", "Only from the local network.")
        elif asked.path == "/" and (given := parse_qs(asked.query).get("token")):
            self._let_in(given[0])
        elif not self._has_token():
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", _LOCKED)
        elif asked.path == "/":
            self._answer(HTTPStatus.OK, "text/html", view.page(self.server.name, __version__))
        elif asked.path == "/style.css":
            self._answer(HTTPStatus.OK, "text/css", view.STYLE)
        elif asked.path == "/live.js":
            self._answer(HTTPStatus.OK, "text/javascript", view.SCRIPT)
        elif asked.path == "/live.json":
            self._answer(HTTPStatus.OK, "application/json", json.dumps(self.server.looks.live()))
        elif asked.path == "/doctor.json":
            self._answer(HTTPStatus.OK, "application/json", json.dumps(self.server.looks.doctor()))
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "There is no such page here.")

    def _let_in(self, given: str) -> None:
        """The token leaves the address line, where a history or a shoulder would see it."""
        if not hmac.compare_digest(given.encode(), self.server.token.encode()):
            time.sleep(1.0)
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", _LOCKED)
            return
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", "/")
        keeps = "HttpOnly; SameSite=Strict; Path=/"
        self.send_header("Set-Cookie", f"{_COOKIE}={self.server.token}; {keeps}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _has_token(self) -> bool:
        try:
            kept = SimpleCookie(self.headers.get("Cookie", "")).get(_COOKIE)
        except CookieError:
            return False
        return kept is not None and hmac.compare_digest(
            kept.value.encode(), self.server.token.encode()
        )

    def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Who looks when is nobody's business."""


def is_near(address: str) -> bool:
    """Whether an address is of a local network: private, link-local or this machine itself."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    return found.is_private or found.is_link_local or found.is_loopback
