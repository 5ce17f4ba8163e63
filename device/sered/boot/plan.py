"""From what lies on the card to what is written, removed and said. Pure."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import SecretStr

from sered import config
from sered.boot import network
from sered.config.faults import complain
from sered.config.rules import broken, in_clear_text
from sered.config.secret import SecretError, password_in, text_of
from sered.errors import ConfigError
from sered.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONFIGURATION, PASSWORD, NETWORK, KEYS = (
    "sered.toml", "sered-mqtt-password", "network.toml", "authorized_keys",
)  # fmt: skip
CERTIFICATES = {
    "sered-ca.crt": ("ca.crt", "CERTIFICATE"),
    "sered-box.crt": ("box.crt", "CERTIFICATE"),
    "sered-box.key": ("box.key", "PRIVATE KEY"),
}
SAYS = "sered-says.txt"
OURS = (CONFIGURATION, PASSWORD, *CERTIFICATES)
WHOLE = (NETWORK, KEYS)
"""What only a box takes over that is sered's as a whole: one whose card is our image."""
ETC = "/etc/sered"
_HTTP = 80
LARGEST = 262_144
"""Bytes of a file that is read at all."""
_KINDS = ("ssh-ed25519 ", "ssh-rsa ", "ecdsa-sha2-", "sk-ssh-ed25519@", "sk-ecdsa-sha2-")
_HOME = "/home/admin/.ssh/authorized_keys"


@dataclass(frozen=True, slots=True)
class Write:
    """A file of the box."""

    path: str
    content: bytes = field(repr=False)
    mode: int
    group: str = "root"


@dataclass(frozen=True, slots=True)
class Part:
    """What comes of one file on the card."""

    says: tuple[str, ...] = ()
    writes: tuple[Write, ...] = ()
    removes: tuple[str, ...] = ()
    """Names on the card that go once everything is written."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What comes of the whole card."""

    says: tuple[str, ...]
    writes: tuple[Write, ...] = ()
    removes: tuple[str, ...] = ()
    hostname: str | None = None
    time_zone: str | None = None
    ssh: bool | None = None
    """Whether anybody may log in; None: that is not ours to decide."""


def wanted(names: tuple[str, ...], *, whole: bool) -> dict[str, str]:
    """Which of the card's names are ours: what we call them, to what the card does.

    Capitals do not count, nor does the `.txt` that an editor hung on.
    """
    known = OURS + (WHOLE if whole else ())
    found: dict[str, str] = {}
    for name in sorted(names, key=len):
        ours = name.lower().removesuffix(".txt")
        if ours in known and ours not in found:
            found[ours] = name
    return found


def plan(
    names: tuple[str, ...],
    contents: Mapping[str, bytes],
    *,
    taken: str,
    whole: bool,
    token: str = "",
    kept_token: bool = False,
) -> Plan:
    """What to do with a card.

    `names` is all that lies on it, `contents` what is in the wanted ones, by our names; `taken` the
    digest of the sered.toml that was taken over last, empty for none; `whole`: see WHOLE; `token`
    opens the box's page, and is written down where it was not `kept_token` already.
    """
    called = wanted(names, whole=whole)
    secret = contents.get(PASSWORD)
    parts = []
    if CONFIGURATION in contents:
        settings, part = _configuration(contents[CONFIGURATION], secret, taken)
        parts += [part, _page(settings, token, kept=kept_token)]
    if secret is not None:
        parts.append(_password(secret))
    parts += [_certificate(name, contents[name]) for name in CERTIFICATES if name in contents]
    found, part = _network(contents.get(NETWORK))
    parts.append(part)
    ssh, part = _keys(contents.get(KEYS)) if whole else (None, Part())
    parts += [part, Part(tuple(_strangers(names, called, whole=whole)))]
    if CONFIGURATION not in contents and not taken and whole:
        parts.insert(0, Part((f"{CONFIGURATION}: there is none on this card. Put one here, with at "
                              "least site, [[line]] card and [mqtt] host.",)))  # fmt: skip
    return Plan(
        tuple(say for part in parts for say in part.says),
        tuple(write for part in parts for write in part.writes),
        tuple(called[name] for part in parts for name in part.removes),
        found.hostname if found else None,
        found.time_zone if found else None,
        ssh,
    )


def digest(content: bytes) -> str:
    """What tells two files apart."""
    return hashlib.sha256(content).hexdigest()[:16]


def _configuration(
    content: bytes, secret: bytes | None, taken: str
) -> tuple[Settings | None, Part]:
    try:
        text = _text(CONFIGURATION, content)
        settings = config.validated(Settings, text, CONFIGURATION)
        if faults := [*broken(settings), *in_clear_text(_with_some(settings, secret))]:
            raise complain(faults, CONFIGURATION, text)
    except ConfigError as error:
        said = (
            f"{CONFIGURATION}: not taken over. What ran before runs on. Mend this and start again:"
        )
        return None, Part((said, *str(error).splitlines()))
    if digest(content) == taken:
        return settings, Part((f"{CONFIGURATION}: this is what the box runs with.",))
    writes = (
        Write(f"{ETC}/{CONFIGURATION}", text.encode(), 0o640, "sered"),
        Write(f"{ETC}/.taken-over", digest(content).encode(), 0o644),
    )
    if settings.mqtt.password is None:
        return settings, Part((f"{CONFIGURATION}: taken over.",), writes)
    said = f"{CONFIGURATION}: taken over. It held a password, so it is gone from this card."
    return settings, Part((said,), writes, (CONFIGURATION,))


def _page(settings: Settings | None, token: str, *, kept: bool) -> Part:
    if settings is None or settings.page_port is None or not token:
        return Part()
    port = "" if settings.page_port == _HTTP else f":{settings.page_port}"
    said = (
        f"The page of this box, on the local network: http://BOX{port}/?token={token} with its "
        "name or address for BOX. Without page_port in sered.toml there is none."
    )
    write = Write(f"{ETC}/page-token", f"{token}\n".encode(), 0o640, "sered")
    return Part((said,), () if kept else (write,))


def _with_some(settings: Settings, secret: bytes | None) -> Settings:
    """With a password where one lies on the card; which one does not matter to any rule."""
    if secret is None:
        return settings
    mqtt = settings.mqtt.model_copy(update={"password": SecretStr("some")})
    return settings.model_copy(update={"mqtt": mqtt})


def _password(content: bytes) -> Part:
    try:
        secret = password_in(_text(PASSWORD, content).partition("\n")[0].strip(), PASSWORD)
    except (SecretError, ConfigError) as error:
        return Part((f"{PASSWORD}: not taken over: {str(error).rstrip('.')}.",))
    write = Write(f"{ETC}/mqtt-password", f"{secret}\n".encode(), 0o600)
    return Part((f"{PASSWORD}: taken over, and gone from this card.",), (write,), (PASSWORD,))


def _certificate(name: str, content: bytes) -> Part:
    file, kind = CERTIFICATES[name]
    begins = b"-----BEGIN "
    if begins not in content or f"{kind}-----".encode() not in content:
        said = (
            f"{name}: not taken over: wanted a text with '-----BEGIN {kind}-----' in it (PEM), and "
            "this is none. openssl makes one of another form: docs/mqtt/README.md."
        )
        return Part((said,))
    write = Write(f"{ETC}/{file}", content, 0o640, "sered")
    if file.endswith(".key"):
        return Part((f"{name}: taken over, and gone from this card.",), (write,), (name,))
    return Part((f"{name}: taken over as {ETC}/{file}.",), (write,))


def _network(content: bytes | None) -> tuple[network.NetworkFile | None, Part]:
    if content is None:
        return None, Part()
    try:
        found = config.validated(network.NetworkFile, _text(NETWORK, content), NETWORK)
    except ConfigError as error:
        said = f"{NETWORK}: not taken over. Mend this and start again:"
        return None, Part((said, *str(error).splitlines()))
    says = [f"{NETWORK}: taken over, and gone from this card."]
    if found.wifi and found.wifi.password is None:
        says.append(f"The Wi-Fi {found.wifi.name} has no password: only TLS keeps others from "
                    "reading what the box sends.")  # fmt: skip
    return found, Part(tuple(says), tuple(_network_files(found)), (NETWORK,))


def _network_files(found: network.NetworkFile) -> Iterator[Write]:
    if found.wifi:
        path = "/etc/wpa_supplicant/wpa_supplicant-wlan0.conf"
        yield Write(path, network.wpa_supplicant(found.wifi).encode(), 0o600)
    if found.address:
        path = "/etc/systemd/network/10-sered.network"
        yield Write(path, network.networkd(found.address).encode(), 0o644)
    if found.time_servers:
        path = "/etc/systemd/timesyncd.conf.d/sered.conf"
        yield Write(path, network.timesyncd(found.time_servers).encode(), 0o644)
    if found.hostname:
        yield Write("/etc/hostname", f"{found.hostname}\n".encode(), 0o644)
        yield Write("/etc/hosts", network.hosts(found.hostname).encode(), 0o644)
    if found.time_zone:
        yield Write("/etc/timezone", f"{found.time_zone}\n".encode(), 0o644)


def _keys(content: bytes | None) -> tuple[bool, Part]:
    off = f"SSH: off. The public key of who may log in, in a file {KEYS} here, switches it on."
    if content is None:
        return False, Part((off,))
    if b"PRIVATE KEY" in content:
        said = (
            f"{KEYS}: this is a private key, which nobody but you should have: take it off this "
            "card. The public one ends in .pub, and is one line. SSH stays off."
        )
        return False, Part((said,))
    try:
        lines = _text(KEYS, content).splitlines()
    except ConfigError as error:
        return False, Part((f"{error} SSH stays off.",))
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not keys or not all(key.startswith(_KINDS) for key in keys):
        said = (
            f"{KEYS}: wanted public keys, one a line, that begin with ssh-ed25519, ssh-rsa or "
            "ecdsa-sha2-; found something else. SSH stays off."
        )
        return False, Part((said,))
    write = Write(_HOME, "".join(f"{key}\n" for key in keys).encode(), 0o600, "admin")
    return True, Part((f"SSH: on, with {len(keys)} key(s), as the user admin.",), (write,))


def _strangers(names: tuple[str, ...], called: Mapping[str, str], *, whole: bool) -> Iterator[str]:
    """Files that nobody reads and that look as if somebody should."""
    known = OURS + (WHOLE if whole else ())
    for name in sorted(set(names) - set(called.values()) - {SAYS}):
        plain = name.lower().removesuffix(".txt")
        if plain in known:
            yield f"{name}: not read: there is {called[plain]} as well. Keep one of the two."
        elif meant := difflib.get_close_matches(plain, known, n=1, cutoff=0.85):
            yield f"{name}: not read. If it is meant for the box, call it {meant[0]}."


def _text(name: str, content: bytes) -> str:
    if len(content) > LARGEST:
        msg = f"{name}: far too large ({len(content)} bytes); wanted a short text."
        raise ConfigError(msg)
    try:
        return text_of(content)
    except UnicodeDecodeError as error:
        msg = f"{name}: wanted UTF-8 text, found {error.reason}. Save it as UTF-8."
        raise ConfigError(msg) from None


def said(found: Plan) -> str:
    """The text of sered-says.txt: without a time, so that it is written only when it changes."""
    head = "What sered says of the files on this card, as it last started with it:"
    return "\n".join([head, "", *found.says, ""])
