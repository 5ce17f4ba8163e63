"""Ways to a broker: a client with its TLS and secrets, and every refusal as one sentence."""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
from typing import TYPE_CHECKING

from sered import spelling
from sered.errors import BrokerError, ConfigError

if TYPE_CHECKING:
    from paho.mqtt.reasoncodes import ReasonCode

    from sered.delivery.guarded_client import GuardedClient
    from sered.settings import MqttSettings

CONNECT_TIMEOUT_S = 5.0
_DYING_S = 0.5
"""How long a process that was killed may still seem to listen."""
LARGEST_IN = 65_536
"""Bytes of the largest packet that a broker may send to a box: none is needed but its answers."""
LARGEST_READ = 4_000_000
"""The same for whoever reads what boxes say: twice what our mosquitto.conf lets through."""

_X509 = {
    9: ("is not valid yet", "Compare the clocks: this box may not know the time yet."),
    10: ("has expired", "Renew it, or check this box's clock."),
    18: ("is signed by itself", "Name the authority that signed it in [mqtt] ca."),
    19: ("comes from an authority we do not know", "Name that authority's certificate in ca."),
    20: ("comes from an authority we do not know", "Name that authority's certificate in ca."),
    62: ("is for another host", "Use the name that stands in it as [mqtt] host."),
    64: ("is for another address", "Use the name that stands in it as [mqtt] host."),
}
"""OpenSSL's verify codes that technicians meet: what is wrong with the broker's certificate."""

_REFUSALS = {
    0x84: ("version", 'speaks no MQTT 5. Set [mqtt] version = "3.1.1".'),
    0x85: ("client_id", "does not accept our client id. Set another [mqtt] client_id."),
    0x86: ("password", "refuses our user name or password. Check [mqtt] username and password."),
    0x87: ("denied", "does not let us in. Check [mqtt] username, password and certificate."),
    0x88: ("no_broker", "is not available just now."),
    0x89: ("no_broker", "is busy."),
    0x8A: ("denied", "has banned us. Ask its operator."),
    0x8B: ("no_broker", "is shutting down."),
    0x8D: ("lost", "heard nothing from us for too long. Check the network."),
    0x8E: (
        "taken_over",
        "gave our session to another box with the client id {client_id}. "
        "Give each box its own [device] name or client_id.",
    ),
    0x90: ("denied", "refuses our topic for the last will. Check its ACL and [mqtt] base."),
    0x95: ("too_large", "takes no message as large as ours. Raise its max_packet_size."),
    0x97: ("denied", "says that our quota is used up. Ask its operator."),
    0x9A: ("retain", "takes no retained messages. Set [mqtt] retain = false, or mend the broker."),
    0x9B: ("qos", "takes no QoS 1, so it can confirm nothing. Allow QoS 1 at the broker."),
    0x9F: ("no_broker", "says that we connect too often."),
}
"""MQTT 5 reason codes at connecting and disconnecting; `{...}` are filled in."""

_UNREACHABLE = {
    socket.gaierror: "has a name that nobody knows. Check [mqtt] host and the network's DNS.",
    ConnectionRefusedError: "is not running, or not on this port.",
    TimeoutError: "does not answer. Check the network and its firewall.",
}


class UnansweredError(BrokerError):
    """The broker took the connection and left our CONNECT without an answer."""


def check_secret(mqtt: MqttSettings) -> None:
    """Raise ConfigError where the password would cross a network in clear text."""
    if mqtt.password is None or mqtt.tls or mqtt.insecure or spelling.is_loopback(mqtt.host):
        return
    msg = (
        f"[mqtt] would send its password to {mqtt.host} in clear text. Set tls = true "
        "(and ca for a private authority), or insecure = true to send it all the same."
    )
    raise ConfigError(msg)


def tls_context(mqtt: MqttSettings) -> ssl.SSLContext:
    """The checks of ssl.create_default_context with our authority and certificate.

    Raises BrokerError (`tls`) when a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=str(mqtt.ca) if mqtt.ca else None)
    except (OSError, ValueError) as error:
        msg = f"[mqtt] ca {mqtt.ca} cannot be used: {_cause(error)}. It must be a PEM certificate."
        raise BrokerError(msg, "tls") from None
    if mqtt.cert and mqtt.key:
        try:
            # no password: OpenSSL would ask for one on a terminal that nobody watches
            context.load_cert_chain(mqtt.cert, mqtt.key, password="")
        except (OSError, ValueError) as error:
            msg = (
                f"[mqtt] cert {mqtt.cert} with key {mqtt.key} cannot be used: {_cause(error)}. "
                "Both must be PEM, belong together, be readable for sered, the key unencrypted."
            )
            raise BrokerError(msg, "tls") from None
    return context


def client_id(mqtt: MqttSettings, *names: str) -> str:
    """The name under which we log in: the configured one, or one that nobody else can have.

    `names` hold no `/`, so no two of them make one id. Where there is a secret, the id ends in what
    only its owner can know: a client that guesses an id throws its owner out. A box with a copy of
    the whole configuration still comes under the same id, and is noticed.
    """
    if mqtt.client_id:
        return mqtt.client_id
    name = "/".join(("sered", *names))
    try:
        secret = mqtt.key.read_bytes() if mqtt.key else b""
    except OSError:
        secret = b""
    if not secret and mqtt.password:
        # brokers log ids: a weak password must not be found from one
        secret = hashlib.scrypt(
            mqtt.password.get_secret_value().encode(), salt=name.encode(), n=2**14, r=8, p=1
        )
    if not secret:
        return name
    return f"{name}/{hmac.new(secret, name.encode(), hashlib.sha256).hexdigest()[:16]}"


def make_client(
    mqtt: MqttSettings,
    client_id: str,
    *,
    persistent: bool = False,
    largest_in: int = LARGEST_IN,
) -> GuardedClient:
    """A paho client that never reconnects of itself; not connected yet.

    An empty `client_id` lets the broker choose one. `largest_in`: bytes of the largest packet that
    is read; the link is cut at a longer one. Raises ConfigError, BrokerError (`tls`).
    """
    from paho.mqtt import client as paho  # noqa: PLC0415 - `sered --help` must be instant
    from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415 - as above

    from sered.delivery.guarded_client import GuardedClient  # noqa: PLC0415 - as above

    check_secret(mqtt)
    five = mqtt.version == "5"
    client = GuardedClient(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if five else not persistent,
        protocol=paho.MQTTv5 if five else paho.MQTTv311,
        reconnect_on_failure=False,
        largest_in=largest_in,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    if mqtt.username or mqtt.password:
        secret = mqtt.password.get_secret_value() if mqtt.password else None
        client.username_pw_set(mqtt.username or "", secret)
    if mqtt.tls:
        client.tls_set_context(tls_context(mqtt))
    return client


def refusal(mqtt: MqttSettings, reason: ReasonCode, client_id: str = "") -> BrokerError:
    """What the broker's reason code at connecting or disconnecting means for a technician."""
    word, sentence = _REFUSALS.get(reason.value, ("lost", "ended it."))
    said = f"{reason.getName()}, reason code 0x{reason.value:02X}"
    return BrokerError(
        f"The broker {mqtt.host}:{mqtt.port} {sentence.format(client_id=client_id or '?')} "
        f"(It said: {said}.)",
        word,
    )


def hung_up(mqtt: MqttSettings) -> UnansweredError:
    """What it may mean that a broker ends the connection before its first word."""
    hint = "Is it an MQTT broker? If this is its TLS port, set tls = true."
    if mqtt.tls and mqtt.cert:
        hint = f"It does not take {mqtt.cert}: revoked, over, or not of an authority that it knows?"
    elif mqtt.tls:
        hint = "Does it ask for a certificate of ours ([mqtt] cert, key)?"
    msg = f"The broker {mqtt.host}:{mqtt.port} hangs up on us before a word. {hint}"
    return UnansweredError(msg, "tls" if mqtt.tls else "no_broker")


def rival(mqtt: MqttSettings, client_id: str) -> BrokerError:
    """What it means that a broker ends connection after connection that stood."""
    return BrokerError(
        f"The broker {mqtt.host}:{mqtt.port} hangs up again and again: probably a second box has "
        f"our client id {client_id}. Give each its own name.",
        "taken_over",
    )


def unreachable(mqtt: MqttSettings, error: Exception) -> BrokerError:
    """Why no connection came about."""
    broker = f"The broker {mqtt.host}:{mqtt.port}"
    if isinstance(error, BrokerError):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        what, todo = _X509.get(
            error.verify_code, (f"fails its check ({error.verify_message})", "Renew it.")
        )
        return BrokerError(f"{broker}: its certificate {what}. {todo}", "tls")
    if mqtt.tls and isinstance(error, ssl.SSLError | ConnectionResetError | BrokenPipeError):
        alert = (getattr(error, "reason", "") or "").lower().replace("_", " ") or "no handshake"
        hint = "Is this its TLS port? Does it ask for a certificate of ours ([mqtt] cert, key)?"
        return BrokerError(f"{broker}: TLS fails ({alert}). {hint}", "tls")
    for kind, sentence in _UNREACHABLE.items():
        if isinstance(error, kind):
            return BrokerError(f"{broker} {sentence}")
    return BrokerError(f"{broker} cannot be reached: {_cause(error)}. Check the network.")


def _cause(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")


def stays_open(host: str, port: int) -> bool:
    """Whether a broker goes on listening there: one that is just ending hangs up on us."""
    try:
        with socket.create_connection((host, port), timeout=1.0) as sock:
            sock.settimeout(_DYING_S)
            sock.recv(1)
    except TimeoutError:
        return True
    except OSError:
        return False
    return False
