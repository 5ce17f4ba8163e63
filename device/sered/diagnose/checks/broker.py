"""Checks of the way to the broker, step by step: name, port, certificate, login, topics, echo."""

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
from sered.diagnose.checks import network, service_user
from sered.diagnose.model import Check, Context, Group, Outcome, fault, ok, skip
from sered.errors import BrokerError, ConfigError

if TYPE_CHECKING:
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


def _login(context: Context) -> Outcome:
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


def _topics(context: Context) -> Outcome:
    """MQTT 5 brokers say no in the acknowledgement; older ones swallow, which only echo shows."""
    mqtt = _spoken(context)
    if mqtt.version != "5":
        return _come_back(context)
    probe = json.dumps(PROBE).encode()
    from sered.diagnose.checks import dialogue

    denied, mute = [], []
    leaves = [leaf for leaf in topics.LEAVES if leaf != "live" or mqtt.live]
    with _talk(context) as talk:
        for leaf in leaves:
            answer = dialogue.ask(talk, _topic(context, leaf), probe)
            if answer is None:
                mute.append(leaf)
                break
            if answer.is_failure:
                denied.append(leaf)
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


def _echo(context: Context) -> Outcome:
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


def _retained(context: Context) -> Outcome:
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


_CA = "docs/mqtt shows how to make an authority and certificates."

CHECKS = (
    Check(
        "broker.name",
        "the broker's name leads to an address",
        "Without it nothing can be sent; verdicts wait in the spool.",
        network.name,
        failures={
            "unknown": "Is it spelt right in [mqtt] host? If it is a name of this site's own "
            "network: `getent hosts {host}`, and ask who runs its DNS.",
            "no_dns": "No name server answers: is the network cable in (`ip address`), is there "
            "a name server (`cat /etc/resolv.conf`)? An IP address as [mqtt] host does without.",
        },
        deadline_s=8.0,
        fatal=True,
    ),
    Check(
        "broker.port",
        "the broker's port is open",
        "A firewall or a stopped broker shows here, before passwords and certificates do.",
        network.port,
        failures={
            "refused": "Nothing listens at {where}: is the broker running, is [mqtt] port right "
            "(1883 in clear, 8883 with TLS), may it be reached from other machines?",
            "no_answer": "{where} is switched off or a firewall drops the way to it: ask who runs "
            "the network to open it.",
            "no_route": "This box has no way to {where}: `ip route`, the network cable, the VPN.",
            "failed": "`ip address` and `ip route` show this box's network.",
        },
        deadline_s=8.0,
        fatal=True,
    ),
    Check(
        "broker.certificate",
        "the broker's certificate is trusted and valid",
        "Otherwise anybody could pass for the broker. The dates are read by this box's clock.",
        network.certificate,
        failures={
            "expired": "Renew the broker's certificate. If it is valid and this box's date "
            "({now}) is wrong, see system.clock.",
            "not_yet": "By this box's clock it is {now}: see system.clock. If that is right, the "
            "certificate was made with a wrong clock: make it anew.",
            "unknown_authority": "Set [mqtt] ca to the certificate of the authority that signed "
            f"the broker's (now: {{ca}}). {_CA}",
            "other_host": "[mqtt] host must be a name that stands in the certificate (now: "
            "{host}), or the certificate must be made for it.",
            "untrusted": f"Make the broker's certificate anew. {_CA}",
            "bad_file": "Name readable PEM files in [mqtt] ca, cert and key.",
            "no_tls": "Is it the broker's TLS port (8883, not 1883)? If it wants a certificate "
            "of ours, set [mqtt] cert and key.",
        },
        warnings={"soon": "Renew it before that day: afterwards nothing gets through."},
        deadline_s=12.0,
        fatal=True,
    ),
    Check(
        "broker.own_certificate",
        "this box's own certificate is valid",
        "The broker lets a box in by it; central sees its end in `health`.",
        network.own_certificate,
        failures={
            "unreadable": "Name a PEM certificate that sered may read in [mqtt] cert.",
            "ended": "Where the authority's key is: `make-certificates renew {whose}`, then copy "
            "the new .crt here. If this box's date is wrong, see system.clock.",
        },
        warnings={
            "ends": "Where the authority's key is: `make-certificates renew {whose}`, then copy "
            "the new .crt here; it is taken up at the next connect."
        },
    ),
    Check(
        "broker.login",
        "the broker lets this box in",
        "User name, password, certificate and MQTT version are tried for real.",
        _login,
        failures={
            "password": "Check [mqtt] username and the password: `sudo sered config show` tells "
            "whether there is one. At the broker: `mosquitto_passwd`.",
            "denied": "The broker does not let this box in ({who}), and some brokers say no more "
            "than that for a wrong password: check [mqtt] username and password first "
            "(`mosquitto_passwd` at the broker), then its ACL and our client certificate.",
            "version": 'Set [mqtt] version = "3.1.1", or upgrade the broker.',
            "client_id": "Set another [mqtt] client_id, as the broker's operator wants it.",
            "tls": "The broker ended the connection after our certificate: [mqtt] cert and key "
            "must be signed by the authority that it trusts, and not be expired.",
            "mute": "Something listens there that does not speak MQTT: check [mqtt] port.",
            "clear_secret": "Set `tls = true` in [mqtt]. The password is not sent in clear text "
            "over a network unless `insecure = true`.",
            "failed": "The broker's own log tells why it hung up.",
        },
        warnings={
            "older": 'The service speaks 3.1.1 by itself then. Set [mqtt] version = "3.1.1" to '
            "say so, or upgrade the broker.",
        },
        deadline_s=12.0,
        fatal=True,
    ),
    Check(
        "broker.topics",
        "this box may publish on each of its topics",
        "A probe goes to every topic, not retained; its schema is `sered.probe/1`, and "
        "subscribers pass over it.",
        _topics,
        failures={
            "denied": "At the broker, its ACL needs `user {login}` and below it `topic readwrite "
            "{tree}#`, as `make-certificates box` writes them (docs/mqtt). "
            "Refused: {topics}.",
            "mute": "The broker takes messages and confirms none: is its disk full, is it "
            "overloaded? Its log tells.",
            "swallowed": "MQTT 3.1.1 acknowledges what a rule throws away. Let this box write and "
            "read {tree}# in the broker's ACL: the service keeps its verdicts until they come "
            "back. Missed: {topics}.",
        },
        warnings={
            "unsure": "Let this box read its own topics, too: the service keeps a verdict until "
            "it comes back, and this check sees what was taken."
        },
        deadline_s=12.0,
    ),
    Check(
        "broker.echo",
        "a message comes back in good time",
        "It goes to the topic `doctor` and is listened for there.",
        _echo,
        failures={"lost": "The broker confirms nothing: is its disk full, is it overloaded?"},
        warnings={"slow": "The way to the broker is slow: verdicts arrive, but late."},
        deadline_s=12.0,
    ),
    Check(
        "broker.retained",
        "central sees the status of this box",
        "The retained `status` is what central goes by when a box is dead.",
        _retained,
        failures={
            "foreign": "Another program uses {topic}: give this box a [device] name of its own."
        },
        warnings={
            "stale": "Does the service reach the broker (service.answers)? Or does another box "
            "have the same site and device name? {topic} must be this box's alone."
        },
        deadline_s=12.0,
    ),
)

GROUP = Group("broker", "Broker", CHECKS, lane="network", needs=("configuration.reads",))
