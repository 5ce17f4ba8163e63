"""Tokens of programs that talk to central: one scope each, shown once, kept as a digest."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from sered.central import audit
from sered.central.errors import InputError
from sered.central.store.tables import api_token

if TYPE_CHECKING:
    from sered.central.context import Central

SCOPES = ("pbx", "metrics")
"""pbx: push telephony events; metrics: read what Prometheus scrapes."""


def issue(central: Central, scope: str, by: str = "cli") -> str:
    """A new token; raises InputError for an unknown scope."""
    if scope not in SCOPES:
        msg = f"No scope {scope}; known: {', '.join(SCOPES)}."
        raise InputError(msg)
    token = secrets.token_urlsafe(32)
    digest = _digest(token)
    row = {"hash": digest, "scope": scope, "created": central.now(), "disabled": False}
    with central.store.writing() as connection:
        connection.execute(insert(api_token).values(**row))
        audit.write(connection, central.now(), by, "token.issued", f"token:{digest[:12]}")
    return token


def withdraw(central: Central, start: str, by: str = "cli") -> int:
    """Shut out the tokens whose digest begins so (as the audit trail has it); how many."""
    mine = api_token.c.hash.startswith(start, autoescape=True) & api_token.c.disabled.is_(False)
    with central.store.writing() as connection:
        done = connection.execute(update(api_token).where(mine).values(disabled=True))
        if done.rowcount:
            audit.write(connection, central.now(), by, "token.withdrawn", f"token:{start[:12]}")
    return int(done.rowcount)


def holds(central: Central, token: str, scope: str) -> bool:
    """Whether a token is good for a scope."""
    query = select(api_token.c.scope).where(
        api_token.c.hash == _digest(token), api_token.c.disabled.is_(False)
    )
    with central.store.reading() as connection:
        return connection.scalar(query) == scope


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
