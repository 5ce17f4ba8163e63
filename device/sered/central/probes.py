"""What can be found out about a central from outside its service: each as plain words.

The doctor (`sered diagnose --central`) asks; every function opens what it needs itself, changes
nothing, and answers with a `Finding`.
"""

from __future__ import annotations

import secrets
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url

from sered.central.context import open_central, utc_now
from sered.central.ingest import session
from sered.central.store import migrate
from sered.central.store.tables import channel_state, device, line_map, outbox, set_aside
from sered.contract import topics
from sered.delivery import certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from sered.central.settings import CentralSettings
    from sered.central.sources import SourceSettings

_SCARCE_MB = 1024
_SOON = timedelta(days=30)
_STUCK = timedelta(minutes=5)
_QUIET = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """What there is; `fault` is a word where it is not as it should be."""

    found: str
    fault: str | None = None


def key(settings: CentralSettings) -> Finding:
    """Whether numbers and notes can be sealed; raises ConfigError."""
    open_central(settings).store.close()
    return Finding("64 hex digits")


def store(settings: CentralSettings) -> Finding:
    """Whether the store answers and takes what is written; raises StoreError."""
    central = open_central(settings)
    try:
        with central.store.writing() as connection:
            connection.execute(text("SELECT 1"))
        return Finding(make_url(settings.store.url).render_as_string(hide_password=True))
    finally:
        central.store.close()


def schema(settings: CentralSettings) -> Finding:
    """Whether this version can use the tables; raises StoreError."""
    central = open_central(settings)
    try:
        found, wanted = migrate.current(central.store), migrate.wanted()
        newer = migrate.is_newer(central.store)
    finally:
        central.store.close()
    said = f"version {found or 'none'}, wanted {wanted}{', can be used' if newer else ''}"
    return Finding(said, None if newer or found == wanted else "other")


def disk(settings: CentralSettings) -> Finding:
    """Room where the store grows; of a database elsewhere nothing can be said."""
    url = make_url(settings.store.url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return Finding("the database is elsewhere: look there", "elsewhere")
    folder = url.database.rpartition("/")[0] or "."
    free_mb = shutil.disk_usage(folder).free / 2**20
    said = f"{free_mb:.0f} MB free in {folder}"
    return Finding(said, "scarce" if free_mb < _SCARCE_MB else None)


def broker(settings: CentralSettings) -> Finding:
    """Whether central may listen, under a name of its own; raises BrokerError, ConfigError."""
    if settings.source.amqp:
        return _queue(settings.source)
    from sered.delivery.subscription import Subscription  # noqa: PLC0415 - loads paho

    mqtt, base = session.mqtt_settings(settings.source), settings.source.base
    filters = [topics.topic_filter(base, leaf=leaf) for leaf in session.LEAVES]
    with Subscription(mqtt, filters, client_id=f"sered-doctor-{secrets.token_hex(4)}"):
        return Finding(f"{mqtt.host}:{mqtt.port} lets us read {base}/#")


def _queue(source: SourceSettings) -> Finding:
    """Whether every node answers, the queue is there, and somebody takes what is in it."""
    from sered.central.ingest.queue import looked_at  # noqa: PLC0415 - loads pika

    away, waiting, ingesters = looked_at(source)
    said = f"queue {source.queue}: {waiting} message(s) wait, {ingesters} ingester(s)"
    if away:
        return Finding(f"{said}; no answer from {', '.join(away)}", "away")
    return Finding(said, None if ingesters else "nobody")


def certificates(settings: CentralSettings) -> Finding:
    """When the first certificate ends."""
    end = certificate.first_end(session.mqtt_settings(settings.source))
    if end is None:
        return Finding("none is used", "none")
    left = end - utc_now()
    said = f"the first ends on {end:%Y-%m-%d}"
    if left < timedelta(0):
        return Finding(said, "over")
    return Finding(said, "soon" if left < _SOON else None)


def channels(settings: CentralSettings) -> Finding:
    """Whether notifications go out: those that are down are named."""
    if not any(team.step for team in settings.team):
        return Finding("no [[team.step]]: nobody is told of a case", "nobody")
    with _reading(settings) as connection:
        query = select(channel_state).where(channel_state.c.down_since.is_not(None))
        down = [f"{row.channel} since {row.down_since:%H:%M}" for row in connection.execute(query)]
    if down:
        return Finding(f"down: {', '.join(down)}", "down")
    return Finding(f"{len(settings.channel)} channel(s)")


def backlog(settings: CentralSettings) -> Finding:
    """Whether notifications wait that should have gone."""
    waiting = outbox.c.sent_at.is_(None) & outbox.c.given_up_at.is_(None)
    with _reading(settings) as connection:
        query = select(func.count(), func.min(outbox.c.created)).where(waiting)
        count, oldest = connection.execute(query).one()
    if not count:
        return Finding("nothing waits")
    said = f"{count} wait, the oldest since {oldest:%Y-%m-%d %H:%M} UTC"
    return Finding(said, "stuck" if utc_now() - oldest > _STUCK else None)


def boxes(settings: CentralSettings) -> Finding:
    """Whether boxes are heard of."""
    with _reading(settings) as connection:
        count, last = connection.execute(select(func.count(), func.max(device.c.last_seen))).one()
        mapped = connection.scalar(select(func.count()).select_from(line_map)) or 0
    if not count or last is None:
        return Finding("no box was ever heard of", "none")
    said = f"{count} box(es), the last at {last:%Y-%m-%d %H:%M} UTC; {mapped} line(s) mapped"
    return Finding(said, "quiet" if utc_now() - last > _QUIET else None)


def quarantine(settings: CentralSettings) -> Finding:
    """What was set aside in the last day."""
    since: datetime = utc_now() - timedelta(days=1)
    with _reading(settings) as connection:
        query = select(set_aside).where(
            set_aside.c.last > since, set_aside.c.reason.not_in(("probe", "cleared"))
        )
        rows = connection.execute(query).all()
    if not rows:
        return Finding("nothing in the last day")
    return Finding(", ".join(f"{row.reason} {row.n}" for row in rows), "some")


@contextmanager
def _reading(settings: CentralSettings) -> Iterator[Connection]:
    central = open_central(settings)
    try:
        with central.store.reading() as connection:
            yield connection
    finally:
        central.store.close()
