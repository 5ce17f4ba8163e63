"""`network.toml` on the card: Wi-Fi, address, name and time of a box, as systemd's files. Pure."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import zoneinfo
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from sered import spelling

_HEX_KEY = re.compile(r"[0-9a-fA-F]{64}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_WIRED, _WIRELESS = "en* eth*", "wl*"
_ROUNDS = 4096
"""Of IEEE 802.11i for a key made of a password."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _host_name(value: str) -> str:
    if not _HOST.fullmatch(value):
        msg = "wanted a host name: small letters, digits and -, at most 63, no dot"
        raise ValueError(msg)
    return value


def _zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        msg = "wanted a time zone such as Europe/Berlin, America/New_York or UTC"
        raise ValueError(msg) from None
    return value


def _wifi_name(value: str) -> str:
    if not 1 <= len(value.encode()) <= 32:
        msg = "wanted the name of a Wi-Fi network: 1 to 32 bytes"
        raise ValueError(msg)
    return value


def _wifi_password(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    printable = all(32 <= ord(sign) < 127 for sign in secret)
    if not _HEX_KEY.fullmatch(secret) and not (8 <= len(secret) <= 63 and printable):
        msg = "wanted 8 to 63 ASCII characters, or a key of 64 hex digits"
        raise ValueError(msg)
    return value


def _country(value: str) -> str:
    if not re.fullmatch("[A-Z]{2}", value):
        msg = "wanted a country in two capital letters, such as DE or US"
        raise ValueError(msg)
    return value


def _interface(value: str) -> str:
    try:
        interface = ipaddress.ip_interface(value)
    except ValueError:
        interface = None
    if interface is None or "/" not in value:
        msg = "wanted an address with its network's width, such as 192.0.2.10/24"
        raise ValueError(msg)
    return value


def _address(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        msg = "wanted an address, such as 192.0.2.1"
        raise ValueError(msg) from None
    return value


class Wifi(_Table):
    """`[wifi]`: the network to join."""

    name: Annotated[str, AfterValidator(_wifi_name)]
    """As the network calls itself (SSID)."""
    password: Annotated[SecretStr, AfterValidator(_wifi_password)] | None = None
    """8 to 63 characters, or the key as 64 hex digits; none: the network is open."""
    country: Annotated[str, AfterValidator(_country)]
    """Whose rules of the air hold."""
    hidden: bool = False
    """Whether it does not announce itself."""


class FixedAddress(_Table):
    """`[address]`: where no DHCP server gives one."""

    address: Annotated[str, AfterValidator(_interface)]
    """With the network's width, 192.0.2.10/24."""
    gateway: Annotated[str, AfterValidator(_address)] | None = None
    """Way out of the local network."""
    dns: tuple[Annotated[str, AfterValidator(_address)], ...] = ()
    """Name servers."""
    on: Literal["wired", "wifi"] = "wired"
    """Which of the two it is for."""


class NetworkFile(_Table):
    """The whole of `network.toml`."""

    hostname: Annotated[str, AfterValidator(_host_name)] | None = None
    """Name of the box on its network."""
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None
    """As Debian calls it, Europe/Berlin."""
    time_servers: tuple[Annotated[str, AfterValidator(spelling.host)], ...] = Field(
        (), max_length=8
    )
    """Of the site, where the internet's cannot be reached."""
    wifi: Wifi | None = None
    address: FixedAddress | None = None


def wpa_supplicant(wifi: Wifi) -> str:
    """Configuration of wpa_supplicant; of the password only the key that is made of it."""
    lines = [f"country={wifi.country}", "network={", f"\tssid={wifi.name.encode().hex()}"]
    if wifi.hidden:
        lines.append("\tscan_ssid=1")
    if wifi.password is None:
        lines.append("\tkey_mgmt=NONE")
    else:
        lines.append(f"\tpsk={_key(wifi.name, wifi.password.get_secret_value())}")
    return "\n".join([*lines, "}", ""])


def _key(name: str, password: str) -> str:
    if _HEX_KEY.fullmatch(password):
        return password.lower()
    made = hashlib.pbkdf2_hmac("sha1", password.encode(), name.encode(), _ROUNDS, 32)
    return made.hex()


def networkd(fixed: FixedAddress) -> str:
    """A `.network` of systemd-networkd."""
    lines = ["[Match]", f"Name={_WIRED if fixed.on == 'wired' else _WIRELESS}", "", "[Network]"]
    lines.append(f"Address={fixed.address}")
    if fixed.gateway:
        lines.append(f"Gateway={fixed.gateway}")
    lines += [f"DNS={server}" for server in fixed.dns]
    return "\n".join([*lines, ""])


def timesyncd(servers: tuple[str, ...]) -> str:
    """A drop-in of systemd-timesyncd."""
    return f"[Time]\nNTP={' '.join(servers)}\n"


def hosts(hostname: str) -> str:
    """The box's own names."""
    return f"127.0.0.1 localhost\n127.0.1.1 {hostname}\n::1 localhost ip6-localhost ip6-loopback\n"
