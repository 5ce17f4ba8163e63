"""What several settings together show, and what no single type can say. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from sered import spelling
from sered.config.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.config.faults import Loc
    from sered.settings import Settings

_TLS_PORT = 8883


def broken(settings: Settings) -> list[Fault]:
    """Every rule that a valid configuration breaks all the same."""
    return [
        *_paths(settings),
        *_port(settings),
        *_certificates(settings),
        *_texts(settings),
        *_lines(settings),
    ]


def _paths(settings: Settings) -> Iterator[Fault]:
    for loc, path in paths(settings):
        text = str(path)
        if text.startswith("~"):
            sentence = (
                f"wanted a whole path; found {text!r}: ~ is another folder for every user; "
                "write it out, /home/NAME/... or /var/lib/sered/..."
            )
            yield Fault(loc, sentence)
        elif "$" in text or "%" in text:
            yield Fault(loc, f"wanted a path; found {text!r}: variables are not filled in here")
        elif text == "." and loc[-1] not in {"vosk", "path"}:
            yield Fault(loc, "wanted a path; found nothing: write one, or delete the line")
        elif "-----BEGIN" in text:
            yield Fault(loc, "wanted the path of a file; found what stands in one: write its path")


def paths(section: BaseModel, loc: Loc = ()) -> Iterator[tuple[Loc, Path]]:
    """Every file and folder that the settings name, with the way to it."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Path):
            yield (*loc, name), value
        elif isinstance(value, BaseModel):
            yield from paths(value, (*loc, name))


def _texts(settings: Settings) -> Iterator[Fault]:
    for name in ("username", "client_id"):
        text = getattr(settings.mqtt, name) or ""
        if any(ord(sign) < 0x20 or 0x7F <= ord(sign) < 0xA0 for sign in text):
            sentence = "wanted a text; found a control character in it, which no broker takes"
            yield Fault(("mqtt", name), f"{sentence}: write it anew")


def _port(settings: Settings) -> Iterator[Fault]:
    if settings.mqtt.port == _TLS_PORT and not settings.mqtt.tls:
        yield Fault(
            ("mqtt", "port"),
            "port 8883 is for TLS; set tls = true (and ca for an authority of your own)",
        )


def _certificates(settings: Settings) -> Iterator[Fault]:
    mqtt = settings.mqtt
    if (mqtt.cert is None) != (mqtt.key is None):
        yield Fault(("mqtt", "cert" if mqtt.cert else "key"), "cert and key go together")
    # of a port for TLS it is said already
    if not mqtt.tls and mqtt.port != _TLS_PORT and (mqtt.ca or mqtt.cert):
        yield Fault(("mqtt", "ca" if mqtt.ca else "cert"), "ca, cert and key need tls = true")


def in_clear_text(settings: Settings) -> Iterator[Fault]:
    """The password on its way, once it is known; the port has had its say."""
    mqtt = settings.mqtt
    if mqtt.password is None or mqtt.tls or mqtt.insecure or mqtt.port == _TLS_PORT:
        return
    if not spelling.is_loopback(mqtt.host):
        yield Fault(
            ("mqtt", "host"),
            f"the password would go to {mqtt.host} in clear text; set tls = true and port = 8883, "
            "or insecure = true to send it all the same",
        )


def _lines(settings: Settings) -> Iterator[Fault]:
    for number, line in enumerate(settings.line):
        for before in settings.line[:number]:
            mine, other = set(line.channels.values()), set(before.channels.values())
            shared = mine & other or "mono" in mine | other
            # an ALSA device of one's own may hand several lines their channels; a card may not
            if _same_card(line.card) == _same_card(before.card) and (
                shared or not line.card.startswith("pcm:")
            ):
                yield Fault(
                    ("line", number, "card"),
                    f"{line.card} is line {before.name}'s card already; every line needs its own",
                )
                break
        for before in settings.line[:number]:
            if line.hook_gpio is not None and line.hook_gpio == before.hook_gpio:
                yield Fault(
                    ("line", number, "hook_gpio"),
                    f"pin {line.hook_gpio} is line {before.name}'s already; wire another",
                )
                break


def _same_card(name: str) -> str:
    return name.lower() if name.startswith("usb:") else name
