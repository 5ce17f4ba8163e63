"""Sound cards by names that stay, from /proc/asound and /sys: never an index, never a guess."""

from __future__ import annotations

import grp
import os
import pwd
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sered.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

PROC = Path("/proc")
SYS = Path("/sys")
DEV = Path("/dev/snd")

_CARD = re.compile(r"^\s*(\d+)\s+\[(.{0,16}?)\s*\]: (.*?) - (.*)$", re.MULTILINE)
_LIST = "`sered devices` lists what is there."


@dataclass(frozen=True, slots=True)
class Card:
    """A sound card that can record."""

    number: int
    """ALSA's index: of this moment only."""
    id: str
    """ALSA's short name, unique on the box."""
    title: str
    """What it calls itself."""
    bus: str
    """Where it is plugged in, as sysfs calls it: `1-1.3` for USB."""
    captures: tuple[int, ...]
    """Numbers of its capture devices."""
    usb: str | None = None
    """`VENDOR:PRODUCT`, lower-case hexadecimal."""
    serial: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every stable name of the card, the best one first."""
        usb: tuple[str, ...] = ()
        if self.usb:
            usb = (f"usb:{self.usb}:{self.serial}" if self.serial else f"usb:{self.usb}",)
        return (*usb, f"card:{self.id}", f"path:{self.bus}")

    def __str__(self) -> str:
        return f"{self.title} ({self.names[0]})"


def read_cards(proc: Path = PROC, sys: Path = SYS) -> list[Card]:
    """The cards that can record, as the kernel lists them now; empty without any."""
    try:
        text = (proc / "asound/cards").read_text(errors="replace")
    except OSError:
        return []
    cards = []
    for match in _CARD.finditer(text):
        number = int(match[1])
        pcms = sorted((proc / f"asound/card{number}").glob("pcm*c"))
        captures = tuple(int(pcm.name[3:-1]) for pcm in pcms)
        if captures:
            bus, usb, serial = _place(sys / f"class/sound/card{number}/device")
            cards.append(Card(number, match[2], match[4].strip(), bus, captures, usb, serial))
    return cards


def _place(link: Path) -> tuple[str, str | None, str | None]:
    """Bus path, USB ids and serial number of a card's device in sysfs."""
    try:
        device = link.resolve(strict=True)
    except OSError:
        return "unknown", None, None
    owner = device.parent
    vendor, product = _word(owner / "idVendor"), _word(owner / "idProduct")
    if vendor and product:
        return owner.name, f"{vendor}:{product}".lower(), _word(owner / "serial")
    return device.name, None, None


def _word(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip() or None
    except OSError:
        return None


def is_hardware(name: str) -> bool:
    """Whether a configured name means a card of the kernel's, not an ALSA PCM."""
    return name.startswith(("card:", "usb:", "path:"))


def find(name: str, cards: Sequence[Card], others: Collection[str] = ()) -> Card:
    """The one card that has this stable name; `others` are the names that other lines have.

    Raises DeviceError: `no_device` when none has it or several have, `wrong_port` when a card that
    is no other line's is at another port. Another card is never taken instead.
    """
    fits = [card for card in cards if _is_called(card, name)]
    if len(fits) == 1:
        return fits[0]
    if fits:
        each = ", ".join(f"path:{card.bus}" for card in fits)
        msg = f"{len(fits)} cards are {name}: name one by its port ({each})."
        raise DeviceError(msg)
    strays = [card for card in cards if not any(_is_called(card, other) for other in others)]
    if name.startswith("path:") and strays:
        there = ", ".join(f"{card.title} at path:{card.bus}" for card in strays)
        msg = f"No card at {name}; there is {there}. Plug it back, or configure the new port."
        raise DeviceError(msg, "wrong_port")
    there = ", ".join(card.names[0] for card in cards) or "no card that records"
    msg = f"No card {name}; found {there}. Plug it in, or configure another: {_LIST}"
    raise DeviceError(msg)


def _is_called(card: Card, name: str) -> bool:
    kind, _, rest = name.partition(":")
    if kind == "card":
        return card.id == rest
    if kind == "path":
        return card.bus == rest
    vendor, _, tail = rest.partition(":")
    product, _, serial = tail.partition(":")
    same = card.usb == f"{vendor}:{product}".lower()
    return same and (not serial or serial == card.serial)


def complain(name: str, error: DeviceError) -> DeviceError:
    """The whole sentence for what a capture process said in a few words; `name` is the input."""
    sentences = {
        "no_device": f"No input {name}: {error}. Plug it in, or configure another: {_LIST}",
        "busy": f"{name} is in use by another program. Stop that; sered goes on by itself.",
        "no_frames": f"{name} is open but there was {error}; it is being opened again.",
    }
    other = f"{name} failed: {error}; it is being opened again."
    return DeviceError(sentences.get(error.reason, other), error.reason)


def explain(card: Card, detail: str, proc: Path = PROC, dev: Path = DEV) -> DeviceError:
    """Why a card that is there cannot be opened; `detail` is PortAudio's own word for it."""
    for device in card.captures:
        node = dev / f"pcmC{card.number}D{device}c"
        if not os.access(node, os.R_OK | os.W_OK):
            return _shut(card, node, proc)
    if taker := _taker(card, proc):
        msg = f"{card} is in use by {taker}. Stop that program; sered goes on by itself."
        return DeviceError(msg, "busy")
    msg = f"{card} is there but cannot be opened: {detail}. Unplug it and plug it in again."
    return DeviceError(msg, "failed")


def _shut(card: Card, node: Path, proc: Path) -> DeviceError:
    """Why this process may not open a card's device."""
    try:
        gid = node.stat().st_gid
    except OSError:
        gid = None
    if not gid:
        # the kernel lists a card before udev has made or handed over its device
        how = "is not there yet" if gid is None else "is still root's alone"
        msg = (
            f"{card} is not ready: {node} {how}. sered opens it as soon as it is; "
            "in a container, pass /dev/snd through."
        )
        return DeviceError(msg, "not_ready")
    group = _name(grp.getgrgid, gid)
    whose = f"group {group}"
    if str(gid) == _word(proc / "sys/kernel/overflowgid"):
        group, whose = "audio", "a group that the sandbox hides, by custom audio"
    user = _name(pwd.getpwuid, os.getuid())
    msg = (
        f"{card} may not be opened by {user}: {node} belongs to {whose}. "
        f"Run `sudo usermod -aG {group} {user}`, then start sered again."
    )
    return DeviceError(msg, "no_permission")


def _name(look_up: Callable[[int], tuple[object, ...]], number: int) -> str:
    """Name of a user or group; the number where it has none."""
    try:
        return str(look_up(number)[0])
    except KeyError:
        return str(number)


def _taker(card: Card, proc: Path) -> str | None:
    """The program that records from the card: `NAME (PID)`."""
    for status in sorted((proc / f"asound/card{card.number}").glob("pcm*c/sub*/status")):
        if owner := re.search(r"^owner_pid\s*:\s*(\d+)", _word(status) or "", re.MULTILINE):
            return f"{_word(proc / owner[1] / 'comm') or 'another program'} (process {owner[1]})"
    return None
