"""What the service needs of whoever carries its messages, and how the way to the broker is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sered.contract import messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sered.errors import BrokerError
    from sered.settings import MqttSettings


@dataclass(frozen=True, slots=True)
class PublisherState:
    """How the way to the broker is."""

    connected: bool = False
    reason: str = "no_broker"
    """One word; empty when all is well. See BrokerError."""
    sentence: str = "not connected yet"
    connects: int = 0
    published: int = 0
    """Verdicts and alerts that the broker has acknowledged."""
    refused: int = 0
    """Acknowledgements that said no."""
    unheard: int = 0
    """Acknowledged, but nobody was subscribed (MQTT 5 brokers tell)."""
    lost: int = 0
    """Connections that ended otherwise than by stop()."""
    taken_over: int = 0
    """Times another client took our session: two boxes with one client id."""
    ignored: int = 0
    """Messages that were sent to us: we asked for none."""
    faults: tuple[tuple[str, str], ...] = ()
    """(reason, sentence) of all that `status` must say: not that there is no connection."""


def headline(
    now: PublisherState,
    fault: BrokerError | None,
    faults: Sequence[tuple[str, str]],
    mqtt: MqttSettings,
) -> tuple[str, str]:
    """The one (reason, sentence) to say of the way to the broker."""
    if fault:
        return fault.reason, str(fault)
    if not now.connected:
        return "no_broker", now.sentence
    return faults[0] if faults else ("", f"connected to {mqtt.host}:{mqtt.port}")


def offline(site: str, device: str, text: str) -> bytes:
    """The `status` of a box that is not there."""
    status = messages.Status(
        site=site, device=device, state="offline", reasons=(), text=text, lines=()
    )
    return messages.encode(status)


class Publisher(Protocol):
    """What the service needs of whoever carries its messages."""

    def start(self) -> None:
        """Begin; returns at once."""

    def stop(self, timeout_s: float) -> None:
        """Deliver what can be in that time, say offline, end."""

    def retain(self, leaf: str, payload: bytes) -> None:
        """Make this the leaf's retained message, now and at every connect."""

    def live(self, payload: bytes) -> None:
        """Send once if there is a connection, else forget."""

    def wake(self) -> None:
        """Look into the spool."""

    @property
    def state(self) -> PublisherState:
        """How the way to the broker is."""
