"""The first steps of the way to the broker: its name, its port, its certificate."""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
import time

from sered.delivery import certificate as certificates
from sered.delivery.broker import CONNECT_TIMEOUT_S, tls_context, unreachable
from sered.diagnose.checks import service_user
from sered.diagnose.model import Context, Outcome, fault, ok, skip
from sered.errors import BrokerError

_DAY_S = 86_400.0
_SOON_DAYS = 21
"""Before a certificate's end: time enough to send somebody."""
_UNKNOWN_AUTHORITY = (2, 7, 18, 19, 20, 21)
"""OpenSSL's verify codes (X509_V_ERR_*) of a chain that leads nowhere."""
_OTHER_NAME = (62, 64)
"""OpenSSL's verify codes of another host's certificate: by name, by address."""
_EXPIRED, _NOT_YET = 10, 9


def name(context: Context) -> Outcome:
    """Whether the host leads to an address."""
    host = context.known.mqtt.host
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return ok(f"{host} is an address")
    try:
        found = socket.getaddrinfo(host, context.known.mqtt.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            return fault("unknown", f"nobody knows the name {host}", host=host)
        return fault("no_dns", f"{host}: {error.strerror}", host=host)
    addresses = dict.fromkeys(str(one[4][0]) for one in found)
    return ok(f"{host} is {', '.join(addresses)}")


def port(context: Context) -> Outcome:
    """Whether something listens there."""
    mqtt = context.known.mqtt
    where = f"{mqtt.host}:{mqtt.port}"
    began = time.perf_counter()
    try:
        socket.create_connection((mqtt.host, mqtt.port), timeout=CONNECT_TIMEOUT_S).close()
    except ConnectionRefusedError:
        return fault("refused", f"{where} refuses connections", where=where)
    except TimeoutError:
        return fault("no_answer", f"{where} does not answer", where=where)
    except OSError as error:
        name = "no_route" if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH) else "failed"
        return fault(name, f"{where}: {error.strerror}", where=where)
    return ok(f"{where} in {(time.perf_counter() - began) * 1000:.0f} ms")


def certificate(context: Context) -> Outcome:
    """Whether TLS comes about with somebody whom we trust."""
    mqtt = context.known.mqtt
    if not mqtt.tls:
        return skip("[mqtt] tls is off")
    service_user.become_service_user()
    now = time.strftime("%Y-%m-%d", time.gmtime())
    fields = {"now": now, "ca": str(mqtt.ca or "the system's authorities"), "host": mqtt.host}
    try:
        trust = tls_context(mqtt)
        with (
            socket.create_connection((mqtt.host, mqtt.port), timeout=CONNECT_TIMEOUT_S) as plain,
            trust.wrap_socket(plain, server_hostname=mqtt.host) as secure,
        ):
            shown = secure.getpeercert() or {}
    except BrokerError as error:
        return fault("bad_file", str(error), **fields)
    except ssl.SSLCertVerificationError as error:
        return fault(_verdict(error.verify_code), str(unreachable(mqtt, error)), **fields)
    except (ssl.SSLError, OSError) as error:
        return fault("no_tls", str(unreachable(mqtt, error)), **fields)
    ends = ssl.cert_time_to_seconds(str(shown["notAfter"]))
    days = (ends - time.time()) / _DAY_S
    found = f"trusted, valid until {time.strftime('%Y-%m-%d', time.gmtime(ends))}"
    return fault("soon", f"{found}: {days:.0f} days", **fields) if days < _SOON_DAYS else ok(found)


def own_certificate(context: Context) -> Outcome:
    """Whether the box's own certificate is its own and lasts."""
    mqtt = context.known.mqtt
    if not mqtt.tls or mqtt.cert is None:
        return skip("[mqtt] cert is not set")
    service_user.become_service_user()
    ends = certificates.ends(mqtt.cert)
    if ends is None:
        return fault("unreadable", f"{mqtt.cert} is no certificate that can be read")
    days = ends.timestamp() / _DAY_S - time.time() / _DAY_S
    whose = certificates.name(mqtt.cert)
    found = f"{whose}, valid until {ends:%Y-%m-%d}"
    if days < 0:
        return fault("ended", found, whose=whose)
    return (
        fault("ends", f"{found}: {days:.0f} days", whose=whose) if days < _SOON_DAYS else ok(found)
    )


def _verdict(code: int) -> str:
    if code in _UNKNOWN_AUTHORITY:
        return "unknown_authority"
    if code in _OTHER_NAME:
        return "other_host"
    return {_EXPIRED: "expired", _NOT_YET: "not_yet"}.get(code, "untrusted")
