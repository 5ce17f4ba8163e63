"""How a new box gets its certificate: a one-time token, a request, a person's yes, a signature."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from sered.central import audit, signing
from sered.central.errors import InputError, NotAllowedError, NotFoundError, NotNowError
from sered.central.people import Role
from sered.central.store.tables import enrolment

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from sered.central.context import Central
    from sered.central.people import Actor

HOURS = 72.0
"""How long a token waits for its box, unless said."""
_SHUT_OUT = "This box was shut out. Ask whoever looks after sered for a new token."


def issue(central: Central, site: str, device: str, hours: float = HOURS, by: str = "cli") -> str:
    """A token for one box, shown once and kept as a digest; raises InputError for a bad name."""
    signing.login(site, device)
    token, now = secrets.token_urlsafe(32), central.now()
    values = {
        "token_hash": _digest(token), "site": site, "device": device, "state": "open",
        "created": now, "expires": now + timedelta(hours=hours),
    }  # fmt: skip
    with central.store.writing() as connection:
        made = connection.execute(insert(enrolment).values(**values).returning(enrolment.c.id))
        _note(central, connection, by, "enrolment.issued", int(made.scalar_one()))
    return token


def ask(central: Central, token: str, pem: str) -> str:
    """Put a box's request before a person; the fingerprint of its key.

    The same key may ask again, since answers get lost; another one with the same token is refused.
    Raises NotAllowedError for the token, InputError for the request.
    """
    request = signing.read(pem)
    with central.store.writing() as connection:
        row = _of(connection, token)
        if row.state == "revoked":
            raise NotAllowedError(_SHUT_OUT)
        if row.state != "open":
            if row.fingerprint == request.fingerprint:
                return request.fingerprint
            msg = "This token was used already, for another key. Ask for a new one."
            raise NotAllowedError(msg)
        if row.expires <= central.now():
            msg = f"This token ended at {row.expires:%Y-%m-%d %H:%M} UTC. Ask for a new one."
            raise NotAllowedError(msg)
        wanted = signing.login(row.site, row.device)
        if request.name != wanted:
            msg = f"The request is for {request.name}, but the token was made for {wanted}."
            raise InputError(msg)
        values = {
            "state": "asked", "request": pem, "fingerprint": request.fingerprint,
            "asked_at": central.now(),
        }  # fmt: skip
        connection.execute(update(enrolment).where(enrolment.c.id == row.id).values(**values))
        _note(central, connection, "box", "enrolment.asked", row.id)
    return request.fingerprint


def certificate(central: Central, token: str) -> str:
    """The certificate as PEM; raises NotNowError until it is signed, NotAllowedError if refused."""
    with central.store.reading() as connection:
        row = _of(connection, token)
    match row.state:
        case "signed":
            return str(row.certificate)
        case "open":
            msg = "Nothing was asked with this token yet: send the certificate request first."
        case "asked":
            msg = "Nobody has approved this box yet. Its request waits on the board."
        case "approved":
            msg = "This box is approved, and its certificate is not signed yet."
        case "revoked":
            raise NotAllowedError(_SHUT_OUT)
        case _:
            msg = "This box was refused on the board. Ask whoever looks after sered."
            raise NotAllowedError(msg)
    raise NotNowError(msg)


def listed(central: Central) -> list[Row[Any]]:
    """The newest enrolments, without token and request."""
    columns = [each for each in enrolment.c if each.name not in {"token_hash", "request"}]
    query = select(*columns).order_by(enrolment.c.id.desc()).limit(200)
    with central.store.reading() as connection:
        return list(connection.execute(query))


def decide(central: Central, actor: Actor, number: int, fingerprint: str, *, good: bool) -> None:
    """Approve or refuse what was asked; raises NotAllowedError, NotFoundError, NotNowError.

    `fingerprint` is the one that the person saw.
    """
    actor.need(Role.ADMIN)
    mine = enrolment.c.id == number
    with central.store.writing() as connection:
        row = connection.execute(select(enrolment).where(mine)).first()
        if row is None:
            msg = "There is no such request."
            raise NotFoundError(msg)
        if row.state != "asked" or row.fingerprint != fingerprint:
            msg = "This request has changed meanwhile: somebody else decided. Look again."
            raise NotNowError(msg)
        who = f"user:{actor.id}"
        state = "approved" if good else "refused"
        values = {"state": state, "decided_by": who, "decided_at": central.now()}
        connection.execute(update(enrolment).where(mine).values(**values))
        _note(central, connection, who, f"enrolment.{state}", number)


def sign_approved(central: Central, authority: signing.Authority) -> list[tuple[str, str]]:
    """Sign what was approved and nothing else; (SITE.DEVICE, certificate) of each.

    What is signed is looked at again: the key must be the one that the person saw. Raises
    InputError at the first that is not; those before it are signed.
    """
    with central.store.reading() as connection:
        approved = enrolment.c.state == "approved"
        rows = connection.execute(select(enrolment).where(approved).order_by(enrolment.c.id)).all()
    done = []
    for row in rows:
        name = signing.login(row.site, row.device)
        request = signing.read(row.request)
        if request.fingerprint != row.fingerprint:
            msg = f"{name}: the request is not the one that was approved; nothing was signed."
            raise InputError(msg)
        made = signing.sign(authority, request, name, central.now())
        values = {"state": "signed", "certificate": made, "signed_at": central.now()}
        # shut out, or signed by another process, since it was read
        mine = (enrolment.c.id == row.id) & (enrolment.c.state == "approved")
        with central.store.writing() as connection:
            if connection.execute(update(enrolment).where(mine).values(**values)).rowcount == 0:
                continue
            _note(central, connection, "sign", "enrolment.signed", row.id)
        done.append((name, made))
    return done


def _of(connection: Connection, token: str) -> Row[Any]:
    mine = enrolment.c.token_hash == _digest(token)
    row = connection.execute(select(enrolment).where(mine)).first()
    if row is None:
        msg = "Nobody made this token. Copy it whole, or ask for a new one."
        raise NotAllowedError(msg)
    return row


def _note(central: Central, connection: Connection, by: str, verb: str, number: int) -> None:
    audit.write(connection, central.now(), by, verb, f"enrolment:{number}")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
