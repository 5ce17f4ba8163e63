"""A rogue or lost box is shut out: noted by an admin, signed into the list that brokers fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from sered.central import audit, revocations, signing
from sered.central.errors import NotFoundError
from sered.central.people import Role
from sered.central.store.tables import enrolment, revocation_list

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sered.central.context import Central
    from sered.central.people import Actor

_OVER = ("refused", "revoked")


def shut_out(central: Central, actor: Actor, site: str, device: str) -> None:
    """Take back every certificate and every open request of a box, and all its tokens.

    Raises NotAllowedError, NotFoundError where central has none of this box.
    """
    actor.need(Role.ADMIN)
    by_name(central, f"user:{actor.id}", site, device)


def by_name(central: Central, by: str, site: str, device: str) -> None:
    """The same without a person; raises NotFoundError."""
    mine = (enrolment.c.site == site) & (enrolment.c.device == device)
    now = central.now()
    with central.store.writing() as connection:
        done = connection.execute(
            update(enrolment)
            .where(mine, enrolment.c.state.not_in(_OVER))
            .values(state="revoked", revoked_at=now)
            .returning(enrolment.c.id)
        )
        numbers = [int(number) for number in done.scalars()]
        if not numbers:
            msg = (
                f"Central has given {site}/{device} nothing that could be taken back. What"
                " make-certificates made, make-certificates revoke takes back."
            )
            raise NotFoundError(msg)
        about = [f"enrolment:{number}" for number in numbers]
        audit.write_all(connection, now, by, "enrolment.revoked", about)


def published(central: Central) -> str | None:
    """The newest list as PEM, for brokers; None where none was signed yet."""
    with central.store.reading() as connection:
        return _kept(connection)


def publish(central: Central, authority: signing.Authority, beside: bytes | None = None) -> str:
    """Sign what was shut out into the list, where it is not in there yet; the list as PEM.

    `beside`: a list that make-certificates keeps, whose entries are taken over. Raises InputError
    where it is not of this authority.
    """
    with central.store.reading() as connection:
        kept = _kept(connection)
        gone = (enrolment.c.state == "revoked") & enrolment.c.certificate.is_not(None)
        rows = connection.execute(
            select(enrolment.c.site, enrolment.c.device, enrolment.c.certificate,
                   enrolment.c.revoked_at).where(gone).order_by(enrolment.c.id)
        ).all()  # fmt: skip
    lists = [] if beside is None else [revocations.read(beside, authority)]
    if kept is not None:
        lists.insert(0, revocations.read(kept.encode(), authority))
    serials = {revocations.serial(row.certificate): row for row in rows}
    revoked = {number: row.revoked_at for number, row in serials.items()}
    made = revocations.united(authority, lists, revoked, central.now())
    if kept is not None and made is lists[0]:
        return kept
    names = [f"# {n:x} {signing.login(row.site, row.device)}" for n, row in serials.items()]
    text = "\n".join([*names, revocations.text(made)])
    with central.store.writing() as connection:
        connection.execute(insert(revocation_list).values(pem=text, signed_at=central.now()))
        audit.write(connection, central.now(), "sign", "revocations.signed", f"serials:{len(made)}")
    return text


def _kept(connection: Connection) -> str | None:
    newest = select(revocation_list.c.pem).order_by(revocation_list.c.id.desc()).limit(1)
    return connection.scalar(newest)
