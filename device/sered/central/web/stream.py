"""Tells open pages that something changed, by server-sent events, and that central still lives."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from sered.central.errors import StoreError
from sered.central.web.views import visit_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.requests import Request

    from sered.central.bell import Bell

BEAT_S = 2.0
"""A page that hears nothing for five seconds says so."""
_LOGIN_EVERY_BEATS = 30
"""How often a stream asks whether its session still holds."""


class Pump:
    """Carries the bell that threads ring into the event loop, once for all open pages."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._waiting: set[asyncio.Event] = set()

    async def run(self) -> None:
        """Until it is cancelled."""
        count = self._bell.count
        while True:
            heard = await asyncio.to_thread(self._bell.wait, count, 1.0)
            if heard != count:
                count = heard
                for event in self._waiting:
                    event.set()

    @contextlib.contextmanager
    def listening(self) -> Iterator[asyncio.Event]:
        """An event that is set at every change."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            yield event
        finally:
            self._waiting.discard(event)

    @property
    def pages(self) -> int:
        """How many pages are open."""
        return len(self._waiting)


async def stream(request: Request) -> Response:
    """`changed` when something changed, `beat` every two seconds."""
    try:
        visit = await run_in_threadpool(visit_of, request)
    except StoreError:
        return Response("the store is away", 503)
    if visit is None:
        return Response("logged out", 401)
    # a proxy that buffers would hold every event back
    headers = {"x-accel-buffering": "no", "cache-control": "no-store"}
    return StreamingResponse(_events(request), media_type="text/event-stream", headers=headers)


async def _events(request: Request) -> AsyncIterator[str]:
    pump: Pump = request.app.state.pump
    with pump.listening() as changed:
        yield "retry: 1000\nevent: changed\ndata: 0\n\n"
        beats = 0
        while not request.app.state.closing:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), BEAT_S)
            if changed.is_set():
                changed.clear()
                yield "event: changed\ndata: 1\n\n"
                continue
            beats += 1
            if beats % _LOGIN_EVERY_BEATS == 0 and await _logged_out(request):
                return
            yield "event: beat\ndata: 1\n\n"


async def _logged_out(request: Request) -> bool:
    try:
        return await run_in_threadpool(visit_of, request) is None
    except StoreError:
        return False
