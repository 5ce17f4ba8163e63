"""How cards, hosts and phrases are written in a configuration, and what was probably meant. Pure.

Every function returns the value as it is used, or raises ValueError with a sentence that says what
was wanted, what was found and what was probably meant.
"""

from __future__ import annotations

import difflib
import ipaddress
import re

CARD_FORMS = "card:ID, usb:VENDOR:PRODUCT[:SERIAL], path:BUS, pcm:NAME or default"
_DEVICES = "`sered devices` prints the names of the cards that are there"
_ALSA = re.compile(r"(?:plug)?hw:(?:CARD=)?([A-Za-z][A-Za-z0-9_-]{0,14})(?:,.*)?")
_INDEX = re.compile(r"(?:(?:plug)?hw:|card:?|hw)?\s*\d+(?:\s*[,.:]\s*\d+)*")
_USB = re.compile(r"usb\W*([0-9a-f]{1,4})\W+([0-9a-f]{1,4})(?::(\S+))?", re.IGNORECASE)
_CARD = {
    "card": re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,14}"),
    "usb": re.compile(r"[0-9a-fA-F]{4}:[0-9a-fA-F]{4}(?::.*\S)?"),
    "path": re.compile(r"[\w.:+@-]+"),
    "pcm": re.compile(r"\S.*"),
}

_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?|_[\w-]{1,62}")
_URL = re.compile(r"(\w[\w+.-]*)://([^/]*)(/.*)?")
_WITH_PORT = re.compile(r"(\[[^\]]+\]|[^:\[\]]+):(\d+)")
_TLS_SCHEMES = frozenset(("mqtts", "ssl", "tls", "https", "wss"))

CLASSES = ("<number>", "<time>", "<times>")
_WORD = re.compile(r"['*]*[a-z][a-z'*]*")
_FORMS = "lower-case words, a|b, word?, word*, ..., <number>, <time>, <times>, ^ or $"


def card(value: str) -> str:
    """A card by a name that stays."""
    kind, colon, rest = value.partition(":")
    if value == "default" or (colon and kind in _CARD and _CARD[kind].fullmatch(rest)):
        return value
    wanted = f"wanted {CARD_FORMS}; found {value!r}"
    if not value.strip():
        msg = f"{wanted}: {_DEVICES}"
    elif _INDEX.fullmatch(value.strip()):
        msg = f"{wanted}: a number is another card after the next start; {_DEVICES}"
    elif meant := _meant_card(value.strip()):
        msg = f"{wanted}: did you mean {meant!r}?"
    else:
        msg = f"{wanted}: {_DEVICES}"
    raise ValueError(msg)


def _meant_card(value: str) -> str:
    if found := _ALSA.fullmatch(value):
        return f"card:{found[1]}"
    if found := _USB.fullmatch(value):
        serial = f":{found[3]}" if found[3] else ""
        return f"usb:{found[1]:0>4}:{found[2]:0>4}{serial}".lower()
    kind, _, rest = value.partition(":")
    close = difflib.get_close_matches(kind.strip().lower(), _CARD, n=1)
    if close and _CARD[close[0]].fullmatch(rest.strip()):
        return f"{close[0]}:{rest.strip()}"
    if rest and kind in {"dsnoop", "sysdefault", "front", "iec958", "plug"}:
        return f"pcm:{value}"
    return ""


def host(value: str) -> str:
    """Name or address of a machine, and nothing besides."""
    if found := _URL.fullmatch(value.strip()):
        tls = "and tls = true" if found[1].lower() in _TLS_SCHEMES else ""
        raise ValueError(_apart(value, found[2], tls))
    if "@" in value:
        msg = (
            f"wanted the name or address of the broker alone; found {hide_login(value)!r}: "
            "username and password are settings of their own"
        )
        raise ValueError(msg)
    if (found := _WITH_PORT.fullmatch(value.strip())) or value.strip().startswith("["):
        raise ValueError(_apart(value, value.strip(), ""))
    if "/" in value:
        raise ValueError(_apart(value, value.strip().partition("/")[0], ""))
    if not value.strip() or value != value.strip() or re.search(r"\s", value):
        what = "nothing" if not value.strip() else f"{value!r}, which has blanks in it"
        msg = f"wanted the name or address of the broker; found {what}"
        raise ValueError(msg)
    return _address(value) if _numeric(value) else _name(value)


def hide_login(value: str) -> str:
    """The same without what stands before the last @: it may be a password."""
    return f"...@{value.rpartition('@')[2]}" if "@" in value else value


def is_loopback(value: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(value).is_loopback
    except ValueError:
        return value == "localhost"


def _apart(value: str, rest: str, tls: str) -> str:
    """The sentence for a host that is written with its scheme, port, brackets or path."""
    rest = rest.rpartition("@")[2]
    port = ""
    if found := _WITH_PORT.fullmatch(rest):
        rest, port = found[1], f"port = {found[2]}"
    name = rest.strip("[]")
    meant = [f"host = {name!r}".replace("'", '"') if name else "", port, tls.removeprefix("and ")]
    write = " and ".join(each for each in meant if each)
    said = f": write {write}" if write else ""
    return (
        f"wanted the name or address of the broker alone, without mqtt://, port or path; "
        f"found {hide_login(value)!r}{said}"
    )


def _numeric(value: str) -> bool:
    """Whether it can only be meant as an address: names do not end in a number."""
    last = value.rstrip(".").rpartition(".")[2]
    return ":" in value or last.isdigit() or re.fullmatch(r"0[xX][0-9a-fA-F]+", last) is not None


def _address(value: str) -> str:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        kind = "IPv6" if ":" in value else "IPv4"
        example = "fd00::12" if ":" in value else "192.168.1.30: four numbers from 0 to 255"
        msg = f"wanted an {kind} address like {example}; found {value!r}, which is none"
        raise ValueError(msg) from None
    if address.is_unspecified:
        msg = (
            f"wanted the address that the broker is reached at; found {value!r}, which means "
            "`every address of this machine` and is for the broker to listen on"
        )
        raise ValueError(msg)
    if (
        isinstance(address, ipaddress.IPv6Address)
        and address.is_link_local
        and not address.scope_id
    ):
        msg = (
            f"wanted an address that says by itself where it is; found {value!r}, which every "
            f"network card has: write {value}%eth0, or the broker's name"
        )
        raise ValueError(msg)
    if address.is_multicast or value == "255.255.255.255":
        msg = f"wanted the address of one machine; found {value!r}, which is many machines'"
        raise ValueError(msg)
    return value


def _name(value: str) -> str:
    bare = value.removesuffix(".")
    for label in bare.split("."):
        if not _LABEL.fullmatch(label):
            what = "an empty part" if not label else f"the part {label[:70]!r}"
            msg = (
                f"wanted a host name: parts of up to 63 letters, digits and hyphens between "
                f"points; found {what} in {value[:80]!r}"
            )
            raise ValueError(msg)
    try:
        encoded = bare.encode("ascii" if bare.isascii() else "idna")
    except UnicodeError:
        encoded = b"x" * 254
    if len(encoded) > 253:
        msg = f"wanted a host name of up to 253 characters; found {value[:40]!r}... ({len(bare)})"
        raise ValueError(msg)
    return value


def phrase(value: str) -> str:
    """A phrase in the form that the words of a call are compared with; capitals are folded."""
    folded = " ".join(value.replace("’", "'").lower().split())
    certain = False
    for element in folded.split():
        if element in {"^", "$", "..."}:
            continue
        certain = certain or not element.endswith("?")
        for choice in element.removesuffix("?").split("|"):
            if choice not in CLASSES and not _WORD.fullmatch(choice):
                msg = f"wanted {_FORMS}; found {choice!r} in the phrase {value!r}"
                raise ValueError(msg + _as_spoken(folded))
    if not certain:
        msg = f"wanted a phrase with a word in it that must be said; found {value!r}"
        raise ValueError(msg)
    return folded


def _as_spoken(folded: str) -> str:
    if re.search(r"\d", folded):
        return ": write numbers as they are spoken, `four o one k`"
    meant = " ".join(re.sub(r"[^a-z' ]", " ", folded).split())
    return f": did you mean {meant!r}?" if meant else ""
