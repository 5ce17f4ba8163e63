"""Users, roles and sessions: who somebody is and what that lets them see and do.

`Actor` is what every action and view takes. A session is a random token in a cookie of which
only the SHA-256 is stored; passwords are argon2id; failures lock a login and an address for
growing spans.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from sered.central import audit
from sered.central.errors import InputError, NotAllowedError
from sered.central.store.tables import login_try, sessions, users

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from argon2 import PasswordHasher
    from sqlalchemy import Connection, Row

    from sered.central.context import Central

_SESSION_H = 12
_IDLE_H = 4
_FREE_TRIES = 5
_SHORTEST = 10
_WRONG = "Login or password is wrong."


class Role(StrEnum):
    """What somebody is here for; one person may have several."""

    AGENT = "agent"
    """Claims cases of her teams and calls back."""
    LEAD = "lead"
    """The same, and hands over what others hold."""
    ANALYST = "analyst"
    """Sees figures, never a number."""
    ADMIN = "admin"
    """Users, channels and boxes; no numbers."""
    AUDITOR = "auditor"
    """Reads the audit trail; no numbers."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who is logged in."""

    id: int
    login: str
    name: str
    roles: frozenset[Role]
    teams: frozenset[str]

    @property
    def sees_all(self) -> bool:
        """Whether cases of every team may be seen; else those of `teams` only."""
        return bool(self.roles & {Role.ADMIN, Role.ANALYST, Role.AUDITOR})

    @property
    def works(self) -> bool:
        """Whether they claim cases and see numbers."""
        return bool(self.roles & {Role.AGENT, Role.LEAD})

    def need(self, *roles: Role) -> None:
        """Raise NotAllowedError without one of the roles."""
        if not self.roles & set(roles):
            msg = f"That needs the role {' or '.join(roles)}. Ask whoever looks after sered."
            raise NotAllowedError(msg)


@dataclass(frozen=True, slots=True)
class Session:
    """A session that holds; `csrf` is the token that every POST must carry."""

    actor: Actor
    csrf: str


def add_user(
    central: Central,
    login: str,
    password: str | None,
    roles: Collection[Role],
    *,
    teams: Collection[str] = (),
    name: str = "",
    by: str = "cli",
) -> int:
    """A new user; without a password only OIDC lets them in. Raises InputError."""
    _check_login(login)
    known = {team.name for team in central.settings.team}
    if unknown := set(teams) - known:
        msg = f"No team {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}."
        raise InputError(msg)
    values = {
        "login": login,
        "name": name or login,
        "argon2": _hashed(password) if password is not None else None,
        "roles": sorted(roles),
        "teams": sorted(teams),
        "disabled": False,
        "created": central.now(),
    }
    with central.store.writing() as connection:
        if connection.scalar(select(users.c.id).where(users.c.login == login)) is not None:
            msg = f"There is a user {login} already."
            raise InputError(msg)
        made = connection.execute(insert(users).values(**values).returning(users.c.id))
        user = int(made.scalar_one())
        audit.write(connection, central.now(), by, "user.added", f"user:{user}")
    return user


def set_password(central: Central, login: str, password: str, by: str = "cli") -> None:
    """Another password; ends all sessions of the user. Raises InputError."""
    hashed = _hashed(password)
    with central.store.writing() as connection:
        user = connection.scalar(select(users.c.id).where(users.c.login == login))
        if user is None:
            msg = f"There is no user {login}."
            raise InputError(msg)
        connection.execute(update(users).where(users.c.id == user).values(argon2=hashed))
        connection.execute(delete(sessions).where(sessions.c.user_id == user))
        audit.write(connection, central.now(), by, "user.password", f"user:{user}")


def disable(central: Central, login: str, by: str = "cli") -> None:
    """Shut somebody out at once, open sessions included. Raises InputError."""
    with central.store.writing() as connection:
        user = connection.scalar(select(users.c.id).where(users.c.login == login))
        if user is None:
            msg = f"There is no user {login}."
            raise InputError(msg)
        connection.execute(update(users).where(users.c.id == user).values(disabled=True))
        connection.execute(delete(sessions).where(sessions.c.user_id == user))
        audit.write(connection, central.now(), by, "user.disabled", f"user:{user}")


def log_in(central: Central, login: str, password: str, address: str) -> str:
    """The token of a new session, for the cookie; raises NotAllowedError with one sentence.

    The sentence is the same for an unknown login and a wrong password, and so is the time.
    """
    now = central.now()
    with central.store.reading() as connection:
        row = connection.execute(select(users).where(users.c.login == login)).first()
        wait = _locked_for(connection, (login, address), now)
    if wait:
        msg = f"Too many attempts. Try again in {max(1, round(wait / 60))} min."
        raise NotAllowedError(msg)
    # outside the transaction: this takes its 50 ms on purpose
    right = _verify(row.argon2 if row else None, password)
    with central.store.writing() as connection:
        if not right or row is None or row.disabled:
            for who in (login, address):
                _count_failure(connection, who, now)
        else:
            connection.execute(delete(login_try).where(login_try.c.who.in_([login, address])))
            return start_session(connection, row.id, now)
    raise NotAllowedError(_WRONG)


def start_session(connection: Connection, user: int, now: datetime) -> str:
    """A session for a user who has proved who they are (password, OIDC); its token."""
    token = secrets.token_urlsafe(32)
    row = {
        "hash": _digest(token),
        "user_id": user,
        "csrf": secrets.token_urlsafe(24),
        "created": now,
        "seen": now,
        "expires": now + timedelta(hours=_SESSION_H),
    }
    connection.execute(insert(sessions).values(**row))
    connection.execute(update(users).where(users.c.id == user).values(last_login=now))
    audit.write(connection, now, f"user:{user}", "session.started", f"user:{user}")
    return token


def session_of(central: Central, token: str) -> Session | None:
    """Whose session the cookie's token is; None: of nobody, or it is over."""
    now = central.now()
    joined = sessions.join(users, users.c.id == sessions.c.user_id)
    query = select(users, sessions.c.csrf, sessions.c.seen).select_from(joined)
    query = query.where(
        sessions.c.hash == _digest(token),
        sessions.c.expires > now,
        sessions.c.seen > now - timedelta(hours=_IDLE_H),
        users.c.disabled.is_(False),
    )
    with central.store.reading() as connection:
        row = connection.execute(query).first()
    if row is None:
        return None
    if now - row.seen > timedelta(minutes=5):
        with central.store.writing() as connection:
            mine = sessions.c.hash == _digest(token)
            connection.execute(update(sessions).where(mine).values(seen=now))
    return Session(_actor(row), row.csrf)


def log_out(central: Central, token: str) -> None:
    """End the session: its cookie is worth nothing from now on, replayed or not."""
    with central.store.writing() as connection:
        connection.execute(delete(sessions).where(sessions.c.hash == _digest(token)))


def actor_of(connection: Connection, login: str) -> Actor | None:
    """The user with this login who is not shut out."""
    query = select(users).where(users.c.login == login, users.c.disabled.is_(False))
    row = connection.execute(query).first()
    return _actor(row) if row else None


def everybody(central: Central) -> list[Actor]:
    """All users who are not shut out, by login."""
    query = select(users).where(users.c.disabled.is_(False)).order_by(users.c.login)
    with central.store.reading() as connection:
        return [_actor(row) for row in connection.execute(query)]


def _actor(row: Row[Any]) -> Actor:
    roles = frozenset(Role(role) for role in row.roles)
    return Actor(row.id, row.login, row.name, roles, frozenset(row.teams))


def _check_login(login: str) -> None:
    if not login or len(login) > 64 or not all(c.isalnum() or c in "._-@" for c in login):
        msg = f"A login is letters, digits and . _ - @, at most 64; found {login!r}."
        raise InputError(msg)


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher  # noqa: PLC0415 - a C library, for those who log in only

    # OWASP's second choice (19 MiB, 2 passes): 64 MiB a login would not fit beside the rest
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _hasher().hash(secrets.token_hex(16))


def _hashed(password: str) -> str:
    if len(password) < _SHORTEST:
        msg = f"A password has at least {_SHORTEST} characters."
        raise InputError(msg)
    return _hasher().hash(password)


def _verify(stored: str | None, password: str) -> bool:
    from argon2.exceptions import (  # noqa: PLC0415 - see _hasher
        InvalidHashError,
        VerificationError,
    )

    try:
        _hasher().verify(stored or _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def _locked_for(connection: Connection, who: Collection[str], now: datetime) -> float:
    query = select(login_try.c.locked_until).where(login_try.c.who.in_(list(who)))
    until = [at for at in connection.scalars(query) if at is not None and at > now]
    return max(((at - now).total_seconds() for at in until), default=0.0)


def _count_failure(connection: Connection, who: str, now: datetime) -> None:
    key = login_try.c.who == who[:128]
    row = connection.execute(select(login_try).where(key)).first()
    stale = row is not None and now - row.last > timedelta(hours=1)
    failures = 1 if row is None or stale else row.failures + 1
    over = failures - _FREE_TRIES
    locked = now + timedelta(seconds=min(30 * 2**over, 900)) if over >= 0 else None
    values = {"failures": failures, "locked_until": locked, "last": now}
    if row is None:
        connection.execute(insert(login_try).values(who=who[:128], **values))
    else:
        connection.execute(update(login_try).where(key).values(**values))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
