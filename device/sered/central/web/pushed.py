"""What a telephone exchange pushes: who calls whom, with a token of its own in place of a login."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from sered.central import api_tokens
from sered.central.callers import cti
from sered.central.web.views import status_of
from sered.errors import SeredError

if TYPE_CHECKING:
    from starlette.requests import Request

    from sered.central.context import Central


async def event(request: Request) -> Response:
    """One event as a form or as JSON; `Authorization: Bearer TOKEN`."""
    central: Central = request.app.state.central
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        if kind.lower() != "bearer" or not await run_in_threadpool(
            api_tokens.holds, central, token.strip(), "pbx"
        ):
            return _said("Wanted `Authorization: Bearer TOKEN` with a token of scope pbx.", 401)
        await run_in_threadpool(cti.take, central, await _sent(request))
    except SeredError as error:
        return _said(str(error), status_of(error))
    except ValueError:
        return _said("Wanted a form or a JSON object of strings.", 422)
    return Response(status_code=204)


async def _sent(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").startswith("application/json"):
        found = json.loads(await request.body())
        if not isinstance(found, dict):
            raise ValueError
        return {str(name): str(value) for name, value in found.items() if value is not None}
    async with request.form(max_files=0, max_fields=30) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


def _said(sentence: str, status: int) -> Response:
    return JSONResponse({"error": sentence}, status)
