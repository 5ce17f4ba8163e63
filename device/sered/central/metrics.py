"""What Prometheus scrapes: central's own state, and through it the boxes'; no figure of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from sered.central.cases.around import SILENT_AFTER
from sered.central.cases.machine import OPEN
from sered.central.store.tables import cases, channel_state, device, hourly, outbox, set_aside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric
    from sqlalchemy import Connection

    from sered.central.context import Central

SCOPE = "metrics"
_BOX = {
    "spool_depth": "Verdicts and alerts that wait on the box.",
    "spool_dropped": "Verdicts that the box gave up.",
    "lost_s": "Sound that never reached the analysis, in seconds.",
    "rtf": "Seconds of computing a second of sound.",
    "temperature_c": "Temperature of the processor, in degrees Celsius.",
    "clock_synced": "1: the box's clock is synchronised.",
}


def exposed(central: Central) -> bytes:
    """Prometheus' text format. Raises StoreError."""
    registry = CollectorRegistry()
    with central.store.reading() as connection:
        found = [*_own(connection, central), *_boxes(connection, central)]
    registry.register(_Fixed(found))
    return generate_latest(registry)


class _Fixed(Collector):
    """Figures that were asked for already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """As they are."""
        yield from self._metrics


def _own(connection: Connection, central: Central) -> Iterator[Metric]:
    now = central.now()
    is_open = cases.c.state.in_(OPEN) & cases.c.joined_to.is_(None)
    late = func.count().filter(cases.c.due_at < now)
    query = select(cases.c.team, func.count(), late).where(is_open).group_by(cases.c.team)
    waiting = GaugeMetricFamily("sered_cases_open", "Cases that wait.", labels=["team"])
    over = GaugeMetricFamily("sered_cases_late", "Open cases past their time.", labels=["team"])
    for team, count, past in connection.execute(query):
        waiting.add_metric([team], count)
        over.add_metric([team], past)
    yield waiting
    yield over
    unsent = outbox.c.sent_at.is_(None) & outbox.c.given_up_at.is_(None)
    mails = GaugeMetricFamily("sered_outbox_waiting", "Notifications to send.", labels=["channel"])
    for channel, count in connection.execute(
        select(outbox.c.channel, func.count()).where(unsent).group_by(outbox.c.channel)
    ):
        mails.add_metric([channel], count)
    yield mails
    down = GaugeMetricFamily("sered_channel_down", "1: a channel fails.", labels=["channel"])
    for row in connection.execute(select(channel_state)):
        down.add_metric([row.channel], float(row.down_since is not None))
    yield down
    aside = CounterMetricFamily("sered_set_aside", "Messages set aside.", labels=["reason"])
    for reason, count in connection.execute(select(set_aside.c.reason, set_aside.c.n)):
        aside.add_metric([reason], count)
    yield aside
    calls = connection.scalar(select(func.sum(hourly.c.calls)))
    yield GaugeMetricFamily("sered_calls_counted", "Calls in the counts.", value=float(calls or 0))


def _boxes(connection: Connection, central: Central) -> Iterator[Metric]:
    labels = ["site", "device"]
    now = central.now()
    up = GaugeMetricFamily("sered_box_up", "1: heard of lately and online.", labels=labels)
    age = GaugeMetricFamily(
        "sered_box_last_heard_seconds", "Seconds since the box said anything.", labels=labels
    )
    others = {
        name: GaugeMetricFamily(f"sered_box_{name}", said, labels=labels)
        for name, said in _BOX.items()
    }
    ends = GaugeMetricFamily(
        "sered_box_certificate_seconds",
        "Seconds until the first of the box's certificates ends.",
        labels=labels,
    )
    for row in connection.execute(select(device).order_by(device.c.site, device.c.device)):
        where = [row.site, row.device]
        silent = now - row.last_seen > SILENT_AFTER
        up.add_metric(where, float(row.state == "online" and not silent))
        age.add_metric(where, (now - row.last_seen).total_seconds())
        if row.certificate_until is not None:
            ends.add_metric(where, (row.certificate_until - now).total_seconds())
        for name, metric in others.items():
            value = getattr(row, name)
            if value is not None:
                metric.add_metric(where, float(value))
    yield up
    yield age
    yield ends
    yield from others.values()
