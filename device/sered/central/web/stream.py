"""Tells open pages by server-sent events: something changed, central lives, its store is away."""

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

    from sered.central.context import Central

BEAT_S = 2.0
"""A page that hears nothing for five seconds says so."""
_LOGIN_EVERY_BEATS = 30
"""How often a stream asks whether its session still holds."""


class Pump:
    """Carries what threads know into the event loop, once for all open pages.

    `changes` counts what changed; `trouble` says why a page may be old, empty: it is not.
    """

    def __init__(self, central: Central) -> None:
        self._central = central
        self._waiting: set[asyncio.Event] = set()
        self.changes = 0
        self.trouble = ""

    async def run(self) -> None:
        """Until it is cancelled."""
        await asyncio.gather(self._hear(), self._look())

    async def _hear(self) -> None:
        bell = self._central.cases_bell
        count = bell.count
        while True:
            heard = await asyncio.to_thread(bell.wait, count, 1.0)
            if heard != count:
                count = heard
                self.changes += 1
                self._wake()

    async def _look(self) -> None:
        while True:
            trouble = await asyncio.to_thread(self._what_is_wrong) if self._waiting else ""
            if trouble != self.trouble:
                self.trouble = trouble
                self._wake()
            await asyncio.sleep(BEAT_S)

    def _what_is_wrong(self) -> str:
        try:
            with self._central.store.reading() as connection:
                connection.exec_driver_sql("SELECT 1")
        except StoreError as error:
            return f"What you see may be old, nothing is lost. {error}"
        said = self._central.intake_says.sentence
        return f"Nothing new comes in just now, nothing is lost. {said}" if said else ""

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()

    @contextlib.contextmanager
    def listening(self) -> Iterator[asyncio.Event]:
        """An event that is set at every change, and when trouble comes or goes."""
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
    """`changed`, `trouble` with a sentence, `well` when it is over, `beat` every two seconds."""
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
    with pump.listening() as woken:
        seen, told, beats = pump.changes, "", 0
        yield "retry: 1000\nevent: changed\ndata: 0\n\n"
        while not request.app.state.closing:
            if pump.trouble != told:
                told = pump.trouble
                yield f"event: trouble\ndata: {told}\n\n" if told else "event: well\ndata: 1\n\n"
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), BEAT_S)
            woken.clear()
            if pump.changes != seen:
                seen = pump.changes
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
