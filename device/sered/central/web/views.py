"""What every page is given: who asks, the form that was sent, and a way to answer in HTML."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sered.central import people
from sered.central.errors import InputError, NotAllowedError, NotFoundError, NotNowError, StoreError
from sered.central.web import pages
from sered.errors import SeredError

if TYPE_CHECKING:
    from starlette.requests import Request

    from sered.central.context import Central
    from sered.central.people import Actor, Role

COOKIE = "sered"
_STATUS = {
    NotAllowedError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    NotNowError: HTTPStatus.CONFLICT,
    InputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
}
Endpoint = Callable[["Request"], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who is logged in."""

    request: Request
    central: Central
    actor: Actor
    csrf: str = field(repr=False)
    form: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def case_id(self) -> int:
        """The case of the address."""
        return int(self.request.path_params["case_id"])

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page made from a template; every page knows who looks at it."""
        known = {"actor": self.actor, "csrf": self.csrf, "now": self.central.now(), **values}
        return HTMLResponse(pages.render(template, **known), status)


View = Callable[[Visit], Response]


def status_of(error: SeredError) -> int:
    """The HTTP status of a sentence."""
    return next((int(s) for kind, s in _STATUS.items() if isinstance(error, kind)), 500)


def viewed(view: View, *roles: Role) -> Endpoint:
    """A page for whoever is logged in and has one of the roles (none named: everybody)."""

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(_shown, request, view, roles, None)

    return endpoint


def posted(view: View, *roles: Role) -> Endpoint:
    """An action: the form must carry the session's token."""

    async def endpoint(request: Request) -> Response:
        async with request.form(max_files=0, max_fields=40) as sent:
            form = {name: value for name, value in sent.items() if isinstance(value, str)}
        return await run_in_threadpool(_shown, request, view, roles, form)

    return endpoint


def visit_of(request: Request) -> Visit | None:
    """Who asks; None: nobody who is logged in. Raises StoreError."""
    central: Central = request.app.state.central
    session = people.session_of(central, request.cookies.get(COOKIE, ""))
    return Visit(request, central, session.actor, session.csrf) if session else None


def said(error: SeredError, visit: Visit | None = None) -> HTMLResponse:
    """A sentence as a page."""
    status = status_of(error)
    known = {"sentence": str(error), "actor": visit.actor if visit else None}
    csrf = visit.csrf if visit else ""
    return HTMLResponse(pages.render("said.html", csrf=csrf, **known), status)


def to_login(request: Request) -> Response:
    """Back here after logging in; a program that asks for a piece is told so."""
    if request.headers.get("x-piece"):
        return Response("logged out", HTTPStatus.UNAUTHORIZED)
    here = request.url.path if request.method == "GET" else "/"
    return RedirectResponse(f"/login?to={quote(here)}", HTTPStatus.SEE_OTHER)


def _shown(
    request: Request, view: View, roles: tuple[Role, ...], form: dict[str, str] | None
) -> Response:
    visit = None
    try:
        visit = visit_of(request)
        if visit is None:
            return to_login(request)
        if roles:
            visit.actor.need(*roles)
        if form is not None:
            visit = _with_form(visit, form)
        return view(visit)
    except SeredError as error:
        return said(error, visit)


def _with_form(visit: Visit, form: dict[str, str]) -> Visit:
    if not secrets.compare_digest(form.pop("csrf", "").encode(), visit.csrf.encode()):
        msg = "This page was too old to act on. Open it again and repeat what you did."
        raise NotAllowedError(msg)
    return Visit(visit.request, visit.central, visit.actor, visit.csrf, form)
