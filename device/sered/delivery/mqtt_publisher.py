"""Carries verdicts from the spool to the broker, for ever: in order, acknowledged, one thread."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from sered import __version__, spelling
from sered.contract import topics
from sered.delivery import homeassistant
from sered.delivery.backoff import DELAYS_S, Backoff, spread_s
from sered.delivery.broker import check_secret, client_id, rival, stays_open
from sered.delivery.in_flight import LEAVES, InFlight
from sered.delivery.publisher import PublisherState, headline, offline
from sered.delivery.retained import Retained
from sered.delivery.version import Version
from sered.errors import BrokerError, SeredError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sered.delivery.connection import Connection
    from sered.delivery.spool import Spool
    from sered.settings import MqttSettings

log = logging.getLogger(__name__)

_STALL_S = 20.0
"""An acknowledgement that takes longer will not come."""
_TRIED_S = 3600.0
"""How long a broker that does not let us in is tried before anything may be too old."""
_LIVE_KEPT = 256
REPEAT_S = 600.0
"""`status` is said again as it is: brokers exist that hand no retained message to a wildcard."""
_UNWATCHED = 3
"""Connections that may end on our wish to hear our own messages before we do without."""
_RIVAL_SAID_S = 3600.0
"""How long `status` names a second box with our client id."""


class MqttPublisher:
    """Carries the spool to an MQTT broker.

    `failed` is called with a sentence if the thread dies. `delays_s`: first and longest wait
    between tries; `repeat_s`: after which `status` is said again. Raises ConfigError when the
    password would travel in clear text.
    """

    def __init__(
        self,
        mqtt: MqttSettings,
        site: str,
        device: str,
        spool: Spool,
        *,
        failed: Callable[[str], None] = lambda _: None,
        delays_s: tuple[float, float] = DELAYS_S,
        repeat_s: float = REPEAT_S,
    ) -> None:
        check_secret(mqtt)
        self._mqtt = mqtt
        self._site, self._device = site, device
        self._root = topics.root(mqtt.base, site, device)
        self._client_id = client_id(mqtt, site, device)
        self._version = Version(mqtt.version)
        self._unwatched = 0
        self._spool = spool
        self._failed = failed
        self._backoff = Backoff(delays_s)
        self._retained = Retained()
        self._repeat_s, self._repeat_at = repeat_s, 0.0
        if mqtt.home_assistant:
            topic, body = homeassistant.discovery(self._root, site, device, __version__)
            self._retained.set(topic, body)
        self._live: deque[bytes] = deque(maxlen=_LIVE_KEPT)
        self._state = PublisherState()
        self._will = (1, mqtt.retain)
        self._fault: BrokerError | None = None
        self._rival, self._rival_until = "", 0.0
        self._told = False
        """The broker itself said that another client took our session."""
        self._unproven: tuple[str, str] | None = None
        self._outgoing = InFlight(spool, self._root, mqtt.expiry_s, mqtt.await_subscriber)
        self._stopping = threading.Event()
        self._began, self._end = time.monotonic(), 0.0
        self._in_clear = (
            bool(mqtt.password) and not mqtt.tls and not spelling.is_loopback(mqtt.host)
        )
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.settimeout(0.0)
        self._thread = threading.Thread(target=self._main, name="publisher", daemon=True)

    def start(self) -> None:
        """Begin to connect, in a thread; returns at once."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Deliver what can be in that time, say offline, disconnect; the rest stays spooled."""
        self._end = time.monotonic() + timeout_s
        self._stopping.set()
        self.wake()
        if self._thread.ident is not None:
            self._thread.join(timeout_s + 0.5)

    def retain(self, leaf: str, payload: bytes) -> None:
        """Make this the leaf's retained message, now and again at every connect."""
        if self._retained.set(leaf, payload):
            self.wake()

    def live(self, payload: bytes) -> None:
        """Send once, QoS 0, if there is a connection; else forget."""
        if self._state.connected:
            self._live.append(payload)
            self.wake()

    def wake(self) -> None:
        """Look into the spool now; never blocks."""
        with contextlib.suppress(OSError):
            self._wake_in.send(b"!")

    @property
    def state(self) -> PublisherState:
        """How the way to the broker is, as one record."""
        out, now = self._outgoing, self._state
        faults = list(out.refusals.faults)
        faults += [each for each in (self._version.fault, self._unproven) if each]
        if self._in_clear:
            faults.append(("insecure", "The broker's password travels in clear text."))
        if self._mqtt.retain and not self._will[1]:
            faults.append(("retain", "The broker takes no retained messages: status is not kept."))
        if time.monotonic() < self._rival_until:
            faults.append(("taken_over", self._rival))
        if self._fault and now.connected:
            faults.insert(0, (self._fault.reason, str(self._fault)))
        reason, sentence = headline(now, self._fault, faults, self._mqtt)
        return replace(
            now,
            reason=reason,
            sentence=sentence,
            published=out.published,
            refused=out.refused,
            unheard=out.unheard,
            faults=tuple(faults),
        )

    def _main(self) -> None:
        try:
            while not self._stopping.is_set():
                self._session()
                self._expire()
                taken_over = self._fault is not None and self._fault.reason == "taken_over"
                delay_s = self._backoff.delay_s(taken_over=taken_over, told=self._told)
                self._stopping.wait(delay_s)
        except Exception:
            log.exception("publisher.died")
            self._failed("the publisher's thread died")

    def _session(self) -> None:
        """One connection from its beginning to its end; what ended it is in `_fault`."""
        from sered.delivery.connection import Connection  # noqa: PLC0415 - paho

        qos, retain = self._will
        will = (
            self._root + "status",
            offline(self._site, self._device, "The box has vanished from the broker."),
        )
        link: Connection | None = None
        before = self._outgoing.published
        try:
            link = Connection(
                self._mqtt.model_copy(update={"version": self._version.spoken}),
                self._client_id,
                will,
                qos=qos,
                retain=retain,
                watch=[self._root + leaf for leaf in LEAVES if self._unwatched < _UNWATCHED],
                given_up=self._stopping.is_set,
            )
            self._connected(link)
            self._serve(link)
        except SeredError as error:
            fault = error if isinstance(error, BrokerError) else BrokerError(str(error))
            if link is None:
                self._version.refused(fault)
                self._unwatched += fault.reason == "unproven"
            else:
                self._version.lost()
            self._note(fault, link, progress=self._outgoing.published > before)
        finally:
            if link:
                link.drop()
            self._state = replace(self._state, connected=False)

    def _connected(self, link: Connection) -> None:
        self._state = replace(self._state, connected=True, connects=self._state.connects + 1)
        where = f"{self._mqtt.host}:{self._mqtt.port}"
        self._version.stands(where)
        log.info("broker.connected %s MQTT %s", where, self._version.spoken)
        self._fault, self._unproven = None, None
        if link.watch_refused or self._unwatched >= _UNWATCHED:
            self._unproven = (
                "unproven",
                f"The broker {where} does not let this box hear its own {self._root}#, so with "
                "MQTT 3.1.1 nobody can tell whether it takes them. Let the box read there, or use "
                "a broker with MQTT 5.",
            )
        if not link.retain_available and self._will[1]:
            self._will = (self._will[0], False)
        if link.maximum_qos == 0:
            self._fault = BrokerError(
                f"The broker {self._mqtt.host}:{self._mqtt.port} takes no QoS 1, so it can "
                "confirm nothing: verdicts stay in the spool. Allow QoS 1 at the broker.",
                "qos",
            )
            log.error("broker.qos %s", self._fault)
        self._live.clear()
        self._retained.tell_again()
        self._outgoing.begin(link)

    def _serve(self, link: Connection) -> None:
        out = self._outgoing
        qos = link.maximum_qos
        try:
            while True:
                if time.monotonic() >= self._repeat_at:
                    pause_s = spread_s(self._repeat_s, first=not self._repeat_at)
                    self._repeat_at = time.monotonic() + pause_s
                    self._retained.tell_again("status")
                for leaf in self._retained.untold():
                    if out.may_tell(leaf):
                        body = self._retained.take(leaf)
                        out.tell(link, leaf, body, qos=qos, retain=self._will[1])
                while self._live:
                    out.tell(link, "live", self._live.popleft(), qos=0, retain=False)
                if qos:
                    out.fill(link)
                self._expire()
                out.settle(link.pump(self._patience_s(), self._wake_out), link.heard())
                if out.waited_s() > _STALL_S:
                    msg = f"The broker {self._mqtt.host}:{self._mqtt.port} confirms nothing."
                    raise BrokerError(f"{msg} Is it overloaded, or its disk full?", "lost")
                if self._stopping.is_set() and self._drained():
                    self._farewell(link)
                    return
        finally:
            self._state = replace(self._state, ignored=self._state.ignored + link.ignored)
            out.end()

    def _expire(self) -> None:
        """What is too old may go, but not before its turn to be sent came, or might have come."""
        if self._outgoing.offered or time.monotonic() - self._began > _TRIED_S:
            self._spool.expire()

    def _patience_s(self) -> float:
        if self._stopping.is_set():
            return 0.02
        return 0.1 if not self._outgoing.idle else 1.0

    def _drained(self) -> bool:
        late = time.monotonic() > self._end - 0.3
        return late or (self._outgoing.idle and not self._spool.depth)

    def _farewell(self, link: Connection) -> None:
        gone = offline(self._site, self._device, "The box was stopped.")
        out, (_, retain) = self._outgoing, self._will
        out.tell(link, "status", gone, qos=link.maximum_qos, retain=retain)
        while not out.idle and time.monotonic() < self._end:
            out.settle(link.pump(0.02), link.heard())
        link.close(max(self._end - time.monotonic(), 0.1))
        self._state = replace(self._state, connected=False, sentence="stopped")

    def _note(self, fault: BrokerError, link: Connection | None, *, progress: bool) -> None:
        """Remember why there is no connection; what a broker cannot do is not asked again."""
        lived_s = time.monotonic() - link.since if link else 0.0
        self._told = fault.reason == "taken_over"
        # Mosquitto 2.0.11 refuses a topic and hangs up
        refused = self._outgoing.refusals.faults if self._outgoing.refusals.fresh else []
        if fault.reason == "lost" and refused:
            reason, sentence = refused[0]
            fault = BrokerError(sentence, reason)
        hung_up = (
            fault.reason == "lost"
            and self._outgoing.idle
            # a broker that is being restarted hangs up, too
            and stays_open(self._mqtt.host, self._mqtt.port)
        )
        if self._backoff.ended(lived_s, progress=progress, hung_up=hung_up):
            fault = rival(self._mqtt, self._client_id)
        said = str(self._fault) != str(fault)
        self._fault = fault
        if fault.reason == "retain":
            self._will = (self._will[0], False)
        if fault.reason == "qos":
            self._will = (0, self._will[1])
        if fault.reason == "taken_over":
            self._rival, self._rival_until = str(fault), time.monotonic() + _RIVAL_SAID_S
        self._state = replace(
            self._state,
            lost=self._state.lost + (link is not None),
            taken_over=self._state.taken_over + (fault.reason == "taken_over"),
        )
        if said and not self._stopping.is_set():
            log.error("broker.%s %s", fault.reason, fault)
