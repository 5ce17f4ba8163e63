"""Where a box asks for its certificate, a person approves or shuts it out, and brokers look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from sered.central import enrolment, shutting_out
from sered.central.errors import NotNowError
from sered.central.web.views import status_of
from sered.errors import SeredError

if TYPE_CHECKING:
    from starlette.requests import Request

    from sered.central.web.views import Visit


async def ask(request: Request) -> Response:
    """A request in PEM with `Authorization: Bearer TOKEN`; the fingerprint that is shown."""
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError:
        return PlainTextResponse("Wanted a certificate request in PEM, which is plain text.\n", 422)
    try:
        found = await run_in_threadpool(
            enrolment.ask, request.app.state.central, _token(request), text
        )
    except SeredError as error:
        return PlainTextResponse(f"{error}\n", status_of(error))
    said = f"This waits for a person's yes on the board. Fingerprint of the key: {found}\n"
    return PlainTextResponse(said, 202)


async def fetch(request: Request) -> Response:
    """The certificate, with the same token; 202 and why until there is one."""
    try:
        found = await run_in_threadpool(
            enrolment.certificate, request.app.state.central, _token(request)
        )
    except NotNowError as error:
        return PlainTextResponse(f"{error}\n", 202)
    except SeredError as error:
        return PlainTextResponse(f"{error}\n", status_of(error))
    return Response(found, media_type="application/x-pem-file")


def page(visit: Visit) -> Response:
    """Every box that asks or asked, and two buttons."""
    return visit.page("enrolments.html", rows=enrolment.listed(visit.central))


def decide(visit: Visit) -> Response:
    """A person has said yes or no."""
    good = visit.form.get("said") == "yes"
    number = int(visit.request.path_params["number"])
    seen = visit.form.get("fingerprint", "")
    enrolment.decide(visit.central, visit.actor, number, seen, good=good)
    return RedirectResponse("/enrolments", 303)


def shut_out(visit: Visit) -> Response:
    """A person takes a box's certificates back."""
    site, device = visit.form.get("site", ""), visit.form.get("device", "")
    shutting_out.shut_out(visit.central, visit.actor, site.strip(), device.strip())
    return RedirectResponse("/enrolments", 303)


async def revoked(request: Request) -> Response:
    """The signed list for brokers: no secret is in it, and it proves itself."""
    try:
        found = await run_in_threadpool(shutting_out.published, request.app.state.central)
    except SeredError as error:
        return PlainTextResponse(f"{error}\n", status_of(error))
    if found is None:
        said = "No list was signed yet: sered central sign does it.\n"
        return PlainTextResponse(said, 404)
    return Response(found, media_type="application/x-pem-file")


def _token(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
