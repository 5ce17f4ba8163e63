"""Every address of the board and what answers there."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sered.central.people import Role
from sered.central.web import (
    acts,
    analyse,
    board,
    enrolling,
    insight,
    login,
    oidc,
    oversight,
    pushed,
    scraped,
    stream,
)
from sered.central.web.guard import Guard
from sered.central.web.views import posted, viewed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from sered.central.context import Central
    from sered.central.settings import CentralSettings

STATIC = Path(__file__).parent / "static"


def make_app(central: Central) -> Starlette:
    """The board on one central, for any ASGI server."""
    address = urlsplit(central.settings.delivery.address)
    secure = address.scheme == "https"
    app = Starlette(
        routes=_routes(),
        middleware=[
            Middleware(Guard, secure=secure),
            # a name that is not ours would let another site's script read the board
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts(central.settings)),
        ],
        lifespan=_lifespan,
    )
    app.state.central = central
    app.state.secure = secure
    app.state.jobs = analyse.Jobs()
    app.state.pump = stream.Pump(central)
    app.state.closing = False
    return app


def hosts(settings: CentralSettings) -> list[str]:
    """Names under which browsers may ask for the board."""
    public = urlsplit(settings.delivery.address).hostname
    return sorted({"127.0.0.1", "localhost", settings.web.host, *([public] if public else [])})


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    pump = asyncio.create_task(app.state.pump.run())
    try:
        yield
    finally:
        app.state.closing = True
        pump.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pump


def _routes() -> list[Route | Mount]:
    works = (Role.AGENT, Role.LEAD)
    return [
        Route("/", viewed(board.board)),
        Route("/case/{case_id:int}", viewed(board.case)),
        *(
            Route(
                f"/case/{{case_id:int}}/{name}", posted(acts.acting(act), *works), methods=["POST"]
            )
            for name, act in acts.ACTS.items()
        ),
        Route("/queue", viewed(board.piece)),
        Route("/stream", stream.stream),
        Route("/login", login.ask),
        Route("/login", login.enter, methods=["POST"]),
        Route("/logout", login.leave, methods=["POST"]),
        Route("/t/{token}", login.link),
        Route("/t/{token}", login.by_link, methods=["POST"]),
        Route("/oidc", oidc.begin),
        Route("/oidc/back", oidc.back),
        Route("/analyse", viewed(analyse.page)),
        Route("/analyse", analyse.upload, methods=["POST"]),
        Route("/analyse/{key}", analyse.show),
        Route("/figures/{key}.csv", viewed(insight.export)),
        Route("/figures/{key}", viewed(insight.page)),
        Route("/courtesy", posted(insight.courtesy_done, *works), methods=["POST"]),
        Route("/pbx/event", pushed.event, methods=["POST"]),
        Route("/metrics", scraped.metrics),
        Route("/channels", viewed(oversight.channels, Role.ADMIN, Role.LEAD)),
        Route(
            "/channels/{name}/test",
            posted(oversight.try_channel, Role.ADMIN, Role.LEAD),
            methods=["POST"],
        ),
        Route("/enrol", enrolling.fetch),
        Route("/enrol", enrolling.ask, methods=["POST"]),
        Route("/enrolments", viewed(enrolling.page, Role.ADMIN)),
        Route("/enrolments/{number:int}", posted(enrolling.decide, Role.ADMIN), methods=["POST"]),
        Route("/enrolments/shut-out", posted(enrolling.shut_out, Role.ADMIN), methods=["POST"]),
        Route("/revoked.pem", enrolling.revoked),
        Route("/trail", viewed(oversight.trail, Role.AUDITOR, Role.ADMIN)),
        Route("/alive", _alive),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


async def _alive(_request: Request) -> Response:
    """For a load balancer: this process answers."""
    return PlainTextResponse("alive")
