"""What the doctor asks a real broker: its login, our topics, an echo, the retained status."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from sered.contract import topics
from sered.contract.messages import Status
from sered.contract.reading import PROBE as PROBE_SCHEMA
from sered.delivery import certificate
from sered.delivery.broker import UnansweredError
from sered.diagnose.checks import service_user
from sered.diagnose.model import Context, Outcome, fault, ok, skip
from sered.errors import BrokerError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from sered.delivery.connection import Connection
    from sered.delivery.subscription import Subscription
    from sered.settings import MqttSettings

PROBE = {"schema": PROBE_SCHEMA, "about": "sered diagnose asks whether it may publish here"}
"""What the doctor publishes on every topic; whoever reads `schema` first passes over it."""
_SLOW_S = 2.0
_ECHO_S = 1.5


def _own_name(context: Context) -> str:
    """A client id of the doctor's own: the service's session goes on undisturbed."""
    service_user.become_service_user()
    settings = context.known
    name = settings.mqtt.client_id or f"sered-{settings.site}-{settings.device}"
    return f"{name}-doctor-{os.getpid()}"


def _talk(context: Context) -> AbstractContextManager[Connection]:
    from sered.delivery.connection import Connection

    return contextlib.closing(Connection(_spoken(context), _own_name(context)))


def _spoken(context: Context) -> MqttSettings:
    """The broker's settings, with the MQTT version that it understood at the login."""
    mqtt = context.known.mqtt
    return mqtt.model_copy(update={"version": context.facts.get("spoken", mqtt.version)})


def _listen(context: Context, *topics_: str) -> Subscription:
    from sered.delivery.subscription import Subscription

    return Subscription(_spoken(context), topics_, client_id=_own_name(context))


def login(context: Context) -> Outcome:
    """User name, password, certificate and version, tried for real; 3.1.1 where 5 is not known."""
    mqtt = context.known.mqtt
    who = f"as {mqtt.username}" if mqtt.username else "without a login"
    began = time.perf_counter()
    try:
        with _talk(context):
            spent = time.perf_counter() - began
    except ConfigError as error:
        return fault("clear_secret", str(error))
    except BrokerError as error:
        unknown = error.reason == "version" or isinstance(error, UnansweredError)
        if mqtt.version == "5" and unknown:
            older = replace(context, facts={**context.facts, "spoken": "3.1.1"})
            with contextlib.suppress(BrokerError), _talk(older):
                found = f"{who}, MQTT 3.1.1: it knows no 5, or does not answer to it"
                return Outcome(found, "older", facts={"spoken": "3.1.1"})
        known = {"password", "denied", "version", "client_id", "tls", "mute"}
        return fault(error.reason if error.reason in known else "failed", str(error), who=who)
    return ok(f"{who}, MQTT {mqtt.version}, {spent * 1000:.0f} ms")


def _login_name(context: Context) -> str:
    """What the broker's list of rights calls this box: its certificate's name, else its login."""
    mqtt = context.known.mqtt
    named = certificate.name(mqtt.cert) if mqtt.cert else ""
    return named or mqtt.username or "of this box"


def _topic(context: Context, leaf: str) -> str:
    settings = context.known
    return topics.topic(settings.mqtt.base, settings.site, settings.device, leaf)


def each_topic(context: Context) -> Outcome:
    """MQTT 5 brokers say no in the acknowledgement; older ones swallow, which only echo shows."""
    mqtt = _spoken(context)
    if mqtt.version != "5":
        return _come_back(context)
    leaves = [leaf for leaf in topics.LEAVES if leaf != "live" or mqtt.live]
    denied, mute = _answers(context, leaves)
    if denied:
        names = ", ".join(_topic(context, leaf) for leaf in denied)
        settings = context.known
        fields = {
            "topics": names,
            "tree": topics.root(settings.mqtt.base, settings.site, settings.device),
            "login": _login_name(context),
        }
        return fault("denied", f"the broker refuses {names}", **fields)
    if mute:
        return fault("mute", f"no acknowledgement for {_topic(context, mute[0])}")
    return ok(", ".join(leaves))


def _answers(context: Context, leaves: Sequence[str]) -> tuple[list[str], list[str]]:
    """Leaves that the broker refuses, and the one to which it says nothing."""
    from sered.diagnose.checks import dialogue

    probe = json.dumps(PROBE).encode()
    denied: list[str] = []
    waiting = list(leaves)
    while waiting:
        refused = False
        # Mosquitto 2.0.11 hangs up after a refusal
        with _talk(context) as talk:
            while waiting and not refused:
                leaf = waiting.pop(0)
                answer = dialogue.ask(talk, _topic(context, leaf), probe)
                if answer is None:
                    return denied, [leaf]
                refused = answer.is_failure
                denied += [leaf] * refused
    return denied, []


def _come_back(context: Context) -> Outcome:
    """With MQTT 3.1.1 what comes back to us was taken, and nothing else proves it."""
    from sered.diagnose.checks import dialogue

    names = [leaf for leaf in topics.LEAVES if leaf != "live" or context.known.mqtt.live]
    probe = json.dumps(PROBE | {"pid": os.getpid()}).encode()
    missing = []
    for topic in (_topic(context, leaf) for leaf in names):
        try:
            with _listen(context, topic) as listens:
                dialogue.ask(listens.link, topic, probe)
                if dialogue.hear(listens, topic, _ECHO_S / 2, probe) is None:
                    missing.append(topic)
        except BrokerError as error:
            if error.reason == "denied":
                return fault("unsure", "acknowledged, but MQTT 3.1.1 does not tell a refusal")
            # Mosquitto acknowledges what its rules forbid, and hangs up
            missing.append(topic)
    settings = context.known
    tree = topics.root(settings.mqtt.base, settings.site, settings.device)
    if missing:
        found = "our own message does not come back although we may read: probably refused"
        return fault("swallowed", found, topics=", ".join(missing), tree=tree)
    return ok(f"{', '.join(names)}: each came back")


def echo(context: Context) -> Outcome:
    """How long a message takes to the broker and back."""
    from sered.diagnose.checks import dialogue

    topic = _topic(context, "doctor")
    probe = json.dumps(PROBE | {"pid": os.getpid()}).encode()
    with contextlib.ExitStack() as stack:
        try:
            listens: Subscription | None = stack.enter_context(_listen(context, topic))
        except BrokerError as error:
            if error.reason != "denied":
                raise
            listens = None
        talk = listens.link if listens else stack.enter_context(_talk(context))
        began = time.perf_counter()
        answer = dialogue.ask(talk, topic, probe)
        acked_s = time.perf_counter() - began
        if answer is None:
            return fault("lost", "no acknowledgement of a message within 4 s")
        try:
            heard = listens is not None and bool(dialogue.hear(listens, topic, _ECHO_S, probe))
        except BrokerError:
            # with 3.1.1 Mosquitto acknowledges what its rules forbid, and hangs up
            heard = False
        spent = time.perf_counter() - began if heard else acked_s
    found = f"{'back' if heard else 'acknowledged'} after {spent * 1000:.0f} ms"
    if spent > _SLOW_S:
        return fault("slow", found)
    if heard:
        return ok(found)
    if _spoken(context).version == "5" or listens is None:
        return ok(f"{found}; its ACL lets this box only write")
    return ok(f"{found}; it does not come back, see broker.topics")


def retained(context: Context) -> Outcome:
    """What the broker keeps as this box's status."""
    from sered.diagnose.checks import dialogue

    settings = context.known
    if not settings.mqtt.retain:
        return skip("[mqtt] retain is off")
    topic = _topic(context, "status")
    nothing = skip("no retained status that this box may read")
    try:
        with _listen(context, topic) as listens:
            kept = dialogue.hear(listens, topic, _ECHO_S)
    except BrokerError as error:
        if error.reason != "denied":
            raise
        return nothing
    if kept is None:
        return nothing
    status = kept.found
    if not isinstance(status, Status):
        return fault("foreign", "something else is retained there", topic=topic)
    said = f"{status.state}{f': {status.text}' if status.text else ''}"
    if context.service is not None and status.state == "offline":
        return fault("stale", f"{said}, while the service runs here", topic=topic)
    return ok(said)
