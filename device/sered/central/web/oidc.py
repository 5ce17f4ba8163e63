"""Login by a provider (OpenID Connect, authorisation code with PKCE), where one is configured."""

from __future__ import annotations

import json
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import select, update
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from sered.central import people
from sered.central.errors import NotAllowedError, NotFoundError
from sered.central.store.tables import users
from sered.central.web.views import said

if TYPE_CHECKING:
    from starlette.requests import Request

    from sered.central.context import Central
    from sered.central.settings import CentralSettings

_COOKIE = "sered-oidc"
_HOLDS_S = 600
_NONE = "No provider is configured here. Log in with your password."
_REFUSED = "The provider's answer cannot be used. Try again, or log in with your password."


def title(settings: CentralSettings) -> str:
    """What the button says; empty: there is none."""
    return settings.oidc.title if settings.oidc.issuer else ""


async def begin(request: Request) -> Response:
    """Off to the provider."""
    central: Central = request.app.state.central
    if not central.settings.oidc.issuer:
        return said(NotFoundError(_NONE))
    try:
        async with _client(central) as client:
            known = await _document(_discovery(central))
            verifier = secrets.token_urlsafe(32)
            nonce = secrets.token_urlsafe(32)
            url, state = client.create_authorization_url(
                known["authorization_endpoint"], code_verifier=verifier, nonce=nonce
            )
    except _faults() as error:
        return said(NotAllowedError(f"The provider does not answer ({type(error).__name__})."))
    response = RedirectResponse(url, HTTPStatus.SEE_OTHER)
    kept = _signer(central).dumps([state, verifier, nonce])
    secure = bool(request.app.state.secure)
    response.set_cookie(
        _COOKIE, kept, max_age=_HOLDS_S, httponly=True, secure=secure, samesite="lax", path="/oidc"
    )
    return response


async def back(request: Request) -> Response:
    """Back from the provider with a code."""
    central: Central = request.app.state.central
    try:
        state, verifier, nonce = _signer(central).loads(
            request.cookies.get(_COOKIE, ""), max_age=_HOLDS_S
        )
        claims = await _claims(central, request, state, verifier)
        if claims.get("nonce") != nonce:
            return said(NotAllowedError(_REFUSED))
        token = await run_in_threadpool(_session, central, claims)
    except _unusable():
        return said(NotAllowedError(_REFUSED))
    except NotAllowedError as error:
        return said(error)
    response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    secure = bool(request.app.state.secure)
    response.set_cookie("sered", token, httponly=True, secure=secure, samesite="lax", path="/")
    response.delete_cookie(_COOKIE, path="/oidc")
    return response


def _session(central: Central, claims: dict[str, Any]) -> str:
    """A session for the user whom the provider means: by its subject, the first time by login."""
    subject, name = str(claims["sub"]), str(claims.get(central.settings.oidc.claim, ""))
    now = central.now()
    with central.store.writing() as connection:
        user = connection.execute(select(users).where(users.c.oidc_sub == subject)).first()
        if user is None and name:
            fresh = (users.c.login == name) & users.c.oidc_sub.is_(None)
            user = connection.execute(select(users).where(fresh)).first()
            if user is not None:
                mine = users.c.id == user.id
                connection.execute(update(users).where(mine).values(oidc_sub=subject))
        if user is None or user.disabled:
            msg = "The provider knows you, sered does not. Ask whoever looks after it for a user."
            raise NotAllowedError(msg)
        return people.start_session(connection, user.id, now)


async def _claims(central: Central, request: Request, state: str, verifier: str) -> dict[str, Any]:
    from joserfc import jwk, jwt  # noqa: PLC0415 - for those who log in so only

    settings = central.settings.oidc
    async with _client(central) as client:
        known = await _document(_discovery(central))
        answer = await client.fetch_token(
            known["token_endpoint"],
            authorization_response=str(request.url),
            state=state,
            code_verifier=verifier,
        )
        keys = await _document(known["jwks_uri"])
    decoded = jwt.decode(answer["id_token"], jwk.KeySet.import_key_set(keys), ["RS256", "ES256"])
    jwt.JWTClaimsRegistry(
        leeway=60,
        iss={"essential": True, "value": known["issuer"]},
        aud={"essential": True, "value": settings.client_id},
        exp={"essential": True},
    ).validate(decoded.claims)
    return dict(decoded.claims)


def _client(central: Central) -> Any:
    from authlib.integrations.httpx_client import AsyncOAuth2Client  # noqa: PLC0415 - see _claims

    settings = central.settings.oidc
    secret = settings.client_secret
    return AsyncOAuth2Client(
        settings.client_id,
        secret.get_secret_value() if secret else None,
        scope="openid profile email",
        redirect_uri=central.settings.delivery.address.rstrip("/") + "/oidc/back",
        code_challenge_method="S256",
        timeout=10.0,
    )


def _discovery(central: Central) -> str:
    return central.settings.oidc.issuer.rstrip("/") + "/.well-known/openid-configuration"


async def _document(address: str) -> Any:
    import httpx  # noqa: PLC0415 - see _claims

    async with httpx.AsyncClient(timeout=10.0) as client:
        return json.loads((await client.get(address)).text)


def _signer(central: Central) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(central.vault.mark("sered.central/oidc"), salt="oidc")


def _unusable() -> tuple[type[Exception], ...]:
    return (BadSignature, KeyError, ValueError, *_faults())


def _faults() -> tuple[type[Exception], ...]:
    import httpx  # noqa: PLC0415 - see _claims
    from authlib.common.errors import AuthlibBaseError  # noqa: PLC0415 - see _claims
    from joserfc.errors import JoseError  # noqa: PLC0415 - see _claims

    return (httpx.HTTPError, AuthlibBaseError, JoseError)
