"""The intake: batches from the session into the store, COMMIT, then acknowledgement.

While the store is away nothing is acknowledged: the broker keeps it. A batch that the store refuses
is taken one by one, and what it refuses even alone is set aside: one bad message stops nobody.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sered.central.errors import StoreError
from sered.central.ingest import landing, session, sifting
from sered.central.ingest.landing import Memory
from sered.central.ingest.limits import Limiter
from sered.central.ingest.sifting import Aside, Sifted
from sered.central.store import migrate
from sered.errors import BrokerError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from sered.central.context import Central
    from sered.central.sources import SourceSettings
    from sered.delivery.subscription import Received

_WAITS_S = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
_log = logging.getLogger(__name__)


class Inbox(Protocol):
    """Where messages come from."""

    def take(self, wait_s: float, within_s: float) -> list[Received]:
        """What came; raises BrokerError when the connection is over."""

    def acknowledge(self, batch: Sequence[Received]) -> None:
        """The store has them."""

    def hold(self, seconds: float) -> None:
        """Stay connected, taking nothing; raises BrokerError when the connection is over."""

    def close(self) -> None:
        """Let go of the broker."""


@dataclass(slots=True)
class Health:
    """How far the intake came; why nothing comes in is central's notice."""

    connected: bool = False
    messages: int = 0
    """Since the start, those set aside included."""


class Intake:
    """Takes what boxes say; `run` until told to stop, `health` tells how it goes."""

    def __init__(
        self, central: Central, connect: Callable[[SourceSettings], Inbox] | None = None
    ) -> None:
        self._central = central
        self._connect = connect or (_queue if central.settings.source.amqp else session.connect)
        limits = central.settings.limits
        self._limiter = Limiter(
            calls_an_hour=limits.calls_an_hour,
            alerts_an_hour=limits.alerts_an_hour,
            messages_a_minute=limits.messages_a_minute,
        )
        self._memory = Memory()
        self.health = Health()

    def run(self, stop: threading.Event, alive: Callable[[], None] = lambda: None) -> None:
        """Take messages until `stop`; `alive` is called at least every second while it does."""
        tries = 0
        while not stop.is_set():
            try:
                inbox = self._connect(self._central.settings.source)
            except BrokerError as error:
                self._trouble("broker", error)
                self.health.connected = False
                _wait(stop, _WAITS_S[min(tries, len(_WAITS_S) - 1)], alive)
                tries += 1
                continue
            tries = 0
            self.health.connected = True
            self._well()
            _log.info("intake.begins")
            try:
                self._drain(inbox, stop, alive)
            except BrokerError as error:
                self._trouble("broker", error)
                self.health.connected = False
            finally:
                inbox.close()

    def _drain(self, inbox: Inbox, stop: threading.Event, alive: Callable[[], None]) -> None:
        within_s = self._central.settings.source.batch_ms / 1000
        while not stop.is_set():
            alive()
            batch = inbox.take(1.0, within_s)
            if batch and self._stored(inbox, batch, stop, alive):
                inbox.acknowledge(batch)

    def _stored(
        self,
        inbox: Inbox,
        batch: Sequence[Received],
        stop: threading.Event,
        alive: Callable[[], None],
    ) -> bool:
        """Store the batch however long it takes; False: told to stop before."""
        sifted, tries = self._sift(batch), 0
        while not stop.is_set():
            try:
                self._take(batch, sifted)
            except StoreError as error:
                self._trouble("store", error)
                inbox.hold(_WAITS_S[min(tries, 2)])
                alive()
                tries += 1
            else:
                self._well()
                return True
        return False

    def take(self, batch: Sequence[Received]) -> None:
        """Store a batch; raises StoreError where the store takes nothing just now."""
        self._take(batch, self._sift(batch))

    def _sift(self, batch: Sequence[Received]) -> Sifted:
        # once a batch, however often it is tried: the limiter counts
        return sifting.sift(batch, self._limiter, self._central.now())

    def _take(self, batch: Sequence[Received], sifted: Sifted) -> None:
        try:
            changed = self._land(sifted)
        except StoreError as error:
            if error.reason in {"broken", "schema"}:
                # tables of a later version refuse what is no fault of the message
                migrate.check(self._central.store)
            if error.reason != "broken":
                raise
            changed = sum(self._alone(each) for each in batch)
        self.health.messages += len(batch)
        if changed:
            self._central.cases_bell.ring()

    def _land(self, sifted: Sifted) -> int:
        central = self._central
        try:
            with central.store.writing() as connection:
                return landing.land(
                    connection, central.settings, self._memory, sifted, central.now()
                )
        except StoreError:
            # it remembers what was never written
            self._memory = Memory()
            raise

    def _alone(self, received: Received) -> int:
        # counted once already, with its batch
        free = Limiter(calls_an_hour=1, alerts_an_hour=1, messages_a_minute=1)
        try:
            return self._land(sifting.sift([received], free, self._central.now()))
        except StoreError as error:
            if error.reason != "broken":
                raise
            return self._land(Sifted(asides=[Aside("refused_by_store", received)]))

    def _trouble(self, what: str, error: Exception) -> None:
        said = str(error)
        if self._central.intake_says.sentence != said:
            _log.warning("intake.waits for=%s why=%s", what, said)
        self._central.intake_says.sentence = said

    def _well(self) -> None:
        self._central.intake_says.sentence = ""


def _queue(source: SourceSettings) -> Inbox:
    from sered.central.ingest.queue import Queue  # noqa: PLC0415 - pika, where it is wanted

    return Queue(source)


def _wait(stop: threading.Event, seconds: float, alive: Callable[[], None]) -> None:
    left = seconds
    while left > 0 and not stop.wait(min(left, 1.0)):
        alive()
        left -= 1.0
