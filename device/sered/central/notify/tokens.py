"""One-time tokens of claim links: ten minutes, one use, one person; only their digest is stored."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from sered.central.errors import NotAllowedError
from sered.central.people import actor_of
from sered.central.store.tables import claim_token, users

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from sered.central.context import Central
    from sered.central.people import Actor

HOLDS = timedelta(minutes=10)


def issue(connection: Connection, case_id: int, login: str, now: datetime) -> str | None:
    """A token with which `login` may claim the case; None: there is no such person."""
    actor = actor_of(connection, login)
    if actor is None:
        return None
    connection.execute(delete(claim_token).where(claim_token.c.expires < now - HOLDS))
    token = secrets.token_urlsafe(24)
    row = {
        "hash": _digest(token),
        "case_id": case_id,
        "user_id": actor.id,
        "expires": now + HOLDS,
    }
    connection.execute(insert(claim_token).values(**row))
    return token


def redeem(central: Central, token: str) -> tuple[Actor, int]:
    """Who may claim which case by it; it is spent then. Raises NotAllowedError.

    For a POST only: programs that look at links in mails must not spend it.
    """
    now, digest = central.now(), _digest(token)
    fresh = (
        (claim_token.c.hash == digest)
        & (claim_token.c.expires > now)
        & claim_token.c.used_at.is_(None)
    )
    with central.store.writing() as connection:
        spent = connection.execute(update(claim_token).where(fresh).values(used_at=now))
        query = (
            select(claim_token.c.case_id, users.c.login)
            .join(users, users.c.id == claim_token.c.user_id)
            .where(claim_token.c.hash == digest)
        )
        row = connection.execute(query).first()
        actor = actor_of(connection, row.login) if row and spent.rowcount == 1 else None
    if actor is None or row is None:
        msg = "This link was used already or is older than ten minutes. Log in to claim the case."
        raise NotAllowedError(msg)
    return actor, row.case_id


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
