"""What a Prometheus asks for, with a token of scope metrics in place of a login."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from sered.central import api_tokens
from sered.central.web.views import status_of
from sered.errors import SeredError

if TYPE_CHECKING:
    from starlette.requests import Request

    from sered.central.context import Central

_KIND = "text/plain; version=0.0.4; charset=utf-8"


async def metrics(request: Request) -> Response:
    """`Authorization: Bearer TOKEN`, as Prometheus' `authorization` has it."""
    central: Central = request.app.state.central
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        return await run_in_threadpool(_answer, central, kind, token.strip())
    except SeredError as error:
        return PlainTextResponse(str(error), status_of(error))


def _answer(central: Central, kind: str, token: str) -> Response:
    from sered.central import metrics as made  # noqa: PLC0415 - a library, where it is asked for

    if kind.lower() != "bearer" or not api_tokens.holds(central, token, made.SCOPE):
        msg = "Wanted `Authorization: Bearer TOKEN` with a token of scope metrics."
        return PlainTextResponse(msg, 401)
    return Response(made.exposed(central), media_type=_KIND)
