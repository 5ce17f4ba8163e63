"""A real Mosquitto for the tests: free port, TLS, passwords, ACL, killed and restarted at will."""

from __future__ import annotations

import datetime as dt
import ipaddress
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pydantic import SecretStr

from project import ROOT
from sered.delivery.subscription import follow
from sered.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sered.delivery.subscription import Received

DOCS = ROOT / "docs" / "mqtt"

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
"""None where Mosquitto is not installed."""


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_until(true: Callable[[], object], within_s: float = 60.0, what: str = "") -> None:
    """Return as soon as `true()` holds; fail the test when it does not in time."""
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, f"waited {within_s} s in vain for {what or true}"
        time.sleep(0.01)


@dataclass
class Authority:
    """A private certificate authority in a folder."""

    folder: Path
    name: str = "Test CA"

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        certificate = (
            self._builder(self._subject, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(ca=True), critical=True)
            # Python 3.13 takes no authority without
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = _write(self.folder / "ca.crt", certificate)

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, ends_in_days: float = 1
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=2))
            .not_valid_after(now + dt.timedelta(days=ends_in_days))
        )

    def issue(
        self, name: str, hosts: Sequence[str] = (), ends_in_days: float = 1
    ) -> tuple[Path, Path]:
        """A certificate and its key for `name`; negative days: expired already."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key, ends_in_days)
        names = [_general_name(host) for host in hosts or [name]]
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        secret = self.folder / f"{name}.key"
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        secret.chmod(0o600)
        return _write(self.folder / f"{name}.crt", certificate), secret


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(path: Path, certificate: x509.Certificate) -> Path:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path


def make_certificates(folder: Path, *boxes: str, readers: Sequence[str] = ("central",)) -> Path:
    """By the docs: an authority, a broker, `SITE DEVICE` each, readers, and all their rules."""
    script = str(DOCS / "make-certificates")
    words = [["ca"], ["broker", "localhost", "127.0.0.1"]]
    words += [["box", *box.split()] for box in boxes] + [["client", name] for name in readers]
    for each in words:
        subprocess.run([script, *each], cwd=folder, check=True, capture_output=True)
    made = folder / "certificates"
    rules = made / "acl"
    rules.write_text((DOCS / "acl").read_text() + rules.read_text())
    return made


@dataclass
class Broker:
    """One Mosquitto process; `start()`, `kill()` and `restart()` keep the port and the store."""

    folder: Path
    passwords: Mapping[str, str] = field(default_factory=dict)
    """User to password; none: anonymous."""
    acl: str | None = None
    """Text of the ACL file."""
    tls: tuple[Path, Path, Path] | None = None
    """CA, certificate and key."""
    client_certificates: bool = False
    """Clients must show one signed by the same CA; their common name is the user."""
    extra: str = ""
    """More lines of configuration."""
    shipped: Path | None = None
    """Folder of certificates: the docs' own mosquitto.conf, but for its ports and paths."""
    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    readers_port: int = field(default_factory=free_port)
    """The shipped configuration's second listener."""

    def __post_init__(self) -> None:
        assert MOSQUITTO, "Mosquitto is not installed: apt-get install mosquitto"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self) -> Path:
        """Write the configuration file and those it names."""
        lines = [
            f"listener {self.port} {self.host}",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_interval 1",
            "log_dest file " + str(self.log),
            "log_type all",
            f"allow_anonymous {str(not self.passwords and not self.client_certificates).lower()}",
            "max_queued_messages 0",
            # hand everything on before it is acknowledged: a killed broker then loses nothing
            "max_inflight_messages 0",
            "set_tcp_nodelay true",
        ]
        if self.passwords:
            users = self.folder / "passwords"
            users.unlink(missing_ok=True)
            for user, word in self.passwords.items():
                new = [] if users.exists() else ["-c"]
                subprocess.run(
                    ["mosquitto_passwd", "-b", *new, str(users), user, word],
                    check=True,
                    capture_output=True,
                )
            lines.append(f"password_file {users}")
        if self.acl is not None:
            rules = self.folder / "acl"
            rules.write_text(self.acl)
            lines.append(f"acl_file {rules}")
        if self.tls:
            ca, certificate, key = self.tls
            lines += [f"cafile {ca}", f"certfile {certificate}", f"keyfile {key}"]
        if self.client_certificates:
            lines += ["require_certificate true", "use_identity_as_username true"]
        path = self.folder / "mosquitto.conf"
        if self.shipped:
            lines = [self._as_shipped(self.shipped), *lines[4:6]]
        # as root Mosquitto would turn into a user who cannot read the test's folder
        path.write_text("\n".join(["user root", *lines, self.extra, ""]))
        return path

    def _as_shipped(self, made: Path) -> str:
        text = (DOCS / "mosquitto.conf").read_text()
        for ours, theirs in {
            f"{made}/": "/etc/mosquitto/sered/",
            f"{self.folder}/": "/var/lib/mosquitto/",
            f"listener {self.port} {self.host}\n": "listener 8883\n",
            f"listener {self.readers_port} {self.host}\n": "listener 8884\n",
        }.items():
            assert theirs in text
            text = text.replace(theirs, ours)
        return text

    @property
    def log(self) -> Path:
        """What the broker wrote of itself."""
        return self.folder / "mosquitto.log"

    def start(self) -> Broker:
        """Start it and wait until it answers."""
        assert self._process is None
        assert MOSQUITTO
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self.configure())],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._answers, what="Mosquitto to listen")
        return self

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, f"Mosquitto ended: {self._last_words()}"
        try:
            for port in (self.port, *([self.readers_port] if self.shipped else [])):
                socket.create_connection((self.host, port), timeout=1).close()
        except OSError:
            return False
        return True

    def _last_words(self) -> str:
        return self.log.read_text()[-500:] if self.log.exists() else "it wrote nothing"

    def stop(self) -> None:
        """End it in peace: it saves its store."""
        self._end("terminate")

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end("kill")

    def restart(self) -> None:
        """Kill it and start it again at the same port."""
        self.kill()
        self.start()

    def _end(self, how: str) -> None:
        if self._process is None:
            return
        getattr(self._process, how)()
        self._process.wait(timeout=10)
        self._process = None


class Listener:
    """A subscriber that stores what it gets: `messages` is a list of (topic, payload, retained).

    `certificates`: authority, certificate and key of a reader. `pause_s`: its work on a message.
    """

    def __init__(
        self,
        broker: Broker,
        topics: str | Sequence[str] = "#",
        *,
        username: str | None = None,
        password: str | None = None,
        client_id: str = "central",
        qos: int = 1,
        certificates: tuple[Path, Path, Path] | None = None,
        pause_s: float = 0.0,
    ) -> None:
        self._pause_s = pause_s
        self.messages: list[tuple[str, bytes, bool]] = []
        self._ready = threading.Event()
        self._stopping = threading.Event()
        mqtt = MqttSettings(
            host=broker.host,
            port=broker.port,
            username=username,
            password=SecretStr(password) if password else None,
            tls=broker.tls is not None,
            ca=broker.tls[0] if broker.tls else None,
        )
        if certificates:
            # a reader of the shipped configuration has a door of its own
            ca, certificate, key = certificates
            more = {"port": broker.readers_port, "tls": True, "ca": ca}
            mqtt = mqtt.model_copy(update=more | {"cert": certificate, "key": key})
        filters = [topics] if isinstance(topics, str) else list(topics)
        self._thread = threading.Thread(
            target=follow,
            args=(mqtt, filters, self._got),
            kwargs={
                "client_id": client_id,
                "session_s": 3600,
                "qos": qos,
                "within_s": 0.0,
                "stopping": self._stopping,
                "connected": lambda _: self._ready.set(),
                "delays_s": (0.1, 1.0),
            },
            daemon=True,
        )
        self._thread.start()
        wait_until(self._ready.is_set, what="the subscription")

    def _got(self, batch: Sequence[Received]) -> None:
        for each in batch:
            self.messages.append((each.topic, each.body, each.retained))
            time.sleep(self._pause_s)

    def on(self, leaf: str) -> list[bytes]:
        """Payloads whose topic ends in `/leaf`, in the order they came."""
        return [payload for topic, payload, _ in list(self.messages) if topic.endswith("/" + leaf)]

    def wait(self, leaf: str, count: int = 1, within_s: float = 60.0) -> list[bytes]:
        """The payloads on `leaf` as soon as there are `count`."""
        wait_until(lambda: len(self.on(leaf)) >= count, within_s, f"{count} on {leaf}")
        return self.on(leaf)

    def close(self) -> None:
        """Disconnect."""
        self._stopping.set()
        self._thread.join(5)
