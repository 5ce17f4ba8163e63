"""Stands before every page: headers on each answer, a limit on each body, no foreign origin."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FORM_BYTES = 65_536
"""Largest body of a form."""
UPLOAD_BYTES = 104_857_600
"""Largest recording that can be analysed: an hour and a half of telephone WAV."""
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    # not no-referrer: browsers then send `Origin: null` with a form, which could not be checked
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_SAFE = {"GET", "HEAD", "OPTIONS"}


class TooLargeError(Exception):
    """A body went on past its limit."""


class Guard:
    """ASGI middleware around the whole application; `secure`: browsers shall insist on https."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what may not come in, and dress what goes out."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        started = False

        async def dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._dress(MutableHeaders(scope=message), scope["path"])
            await send(message)

        refusal = _refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, dressed)
            return
        try:
            await self._app(scope, _limited(receive, _limit(scope)), dressed)
        except TooLargeError:
            if not started:
                await _too_large(scope)(scope, receive, dressed)

    def _dress(self, headers: MutableHeaders, path: str) -> None:
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        # a page may hold a number: no browser and no proxy keeps it
        headers.setdefault(
            "cache-control", "max-age=3600" if path.startswith("/static/") else "no-store"
        )
        if self._secure:
            headers.setdefault("strict-transport-security", "max-age=31536000")


def _limit(scope: Scope) -> int:
    return UPLOAD_BYTES if scope["path"] == "/analyse" else FORM_BYTES


def _refusal(scope: Scope, headers: Headers) -> PlainTextResponse | None:
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > _limit(scope):
        return _too_large(scope)
    if scope["method"] not in _SAFE and not _same_origin(headers):
        return PlainTextResponse("This was sent from another site, and is refused.", 403)
    return None


def _too_large(scope: Scope) -> PlainTextResponse:
    mebibytes = _limit(scope) / 2**20
    return PlainTextResponse(f"This is too large: at most {mebibytes:g} MiB can be taken.", 413)


def _same_origin(headers: Headers) -> bool:
    """Browsers name the origin of every POST; programs without one carry a token of their own."""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _limited(receive: Receive, limit: int) -> Receive:
    """The body piece by piece, until it is longer than it may be."""
    taken = 0

    async def piece() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise TooLargeError
        return message

    return piece
