"""Who comes in: by password, by a one-time link, or by a provider (OpenID Connect)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sered.central import people
from sered.central.cases import actions
from sered.central.errors import NotAllowedError, StoreError
from sered.central.notify import tokens
from sered.central.web import oidc, pages
from sered.central.web.views import COOKIE, said, visit_of
from sered.errors import SeredError

if TYPE_CHECKING:
    from starlette.requests import Request

    from sered.central.context import Central

_LONGEST = 512


async def ask(request: Request) -> Response:
    """The page that asks for login and password."""
    try:
        if await run_in_threadpool(visit_of, request):
            return RedirectResponse(_target(request.query_params.get("to", "/")), 303)
    except StoreError as error:
        return said(error)
    return _page(request, request.query_params.get("to", "/"))


async def enter(request: Request) -> Response:
    """Login and password were sent."""
    central: Central = request.app.state.central
    async with request.form(max_files=0, max_fields=5) as sent:
        login, password, to = (str(sent.get(n, ""))[:_LONGEST] for n in ("login", "password", "to"))
    address = request.client.host if request.client else "?"
    try:
        token = await run_in_threadpool(people.log_in, central, login, password, address)
    except NotAllowedError as error:
        return _page(request, to, str(error), HTTPStatus.FORBIDDEN)
    except SeredError as error:
        return said(error)
    return within(request, token, to)


def within(request: Request, token: str, to: str = "/") -> Response:
    """Go on with the session's cookie."""
    response = RedirectResponse(_target(to), HTTPStatus.SEE_OTHER)
    secure = bool(request.app.state.secure)
    response.set_cookie(COOKIE, token, httponly=True, secure=secure, samesite="lax", path="/")
    return response


async def leave(request: Request) -> Response:
    """Log out: the cookie is worth nothing afterwards, replayed or not."""
    central: Central = request.app.state.central
    try:
        await run_in_threadpool(people.log_out, central, request.cookies.get(COOKIE, ""))
    except StoreError as error:
        return said(error)
    response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    response.delete_cookie(COOKIE, path="/")
    return response


async def link(request: Request) -> Response:
    """A claim link was opened: a button, since programs look at links in mails, too."""
    token = request.path_params["token"]
    return HTMLResponse(pages.render("link.html", token=token, actor=None, csrf=""))


async def by_link(request: Request) -> Response:
    """The button of a claim link: log in as whom it was made for, and claim."""
    central: Central = request.app.state.central

    def redeem() -> tuple[str, int]:
        actor, case_id = tokens.redeem(central, request.path_params["token"])
        now = central.now()
        with central.store.writing() as connection:
            session = people.start_session(connection, actor.id, now)
        actions.claim(central, actor, case_id)
        return session, case_id

    try:
        session, case_id = await run_in_threadpool(redeem)
    except SeredError as error:
        return said(error)
    return within(request, session, f"/case/{case_id}")


def _page(request: Request, to: str, sentence: str = "", status: int = 200) -> Response:
    known = {"to": _target(to), "sentence": sentence, "actor": None, "csrf": ""}
    provider = oidc.title(request.app.state.central.settings)
    return HTMLResponse(pages.render("login.html", provider=provider, **known), status)


def _target(to: str) -> str:
    """A place of ours: `//elsewhere` and `https:...` would lead away."""
    return to if to.startswith("/") and not to.startswith(("//", "/\\")) else "/"
