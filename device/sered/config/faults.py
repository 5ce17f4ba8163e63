"""What is wrong in a configuration, said with its file, line and a caret under it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import date
from datetime import time as time_of_day
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from sered.config import wanted as takes
from sered.config.toml_text import find
from sered.errors import ConfigError
from sered.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

    from sered.config.toml_text import Spot

Loc = tuple[int | str, ...]

_OTHERS = {
    "ca_cert": "ca", "ca_certs": "ca", "cacert": "ca", "cafile": "ca", "ca_file": "ca",
    "ca_path": "ca", "certfile": "cert", "cert_file": "cert", "certificate": "cert",
    "client_cert": "cert", "keyfile": "key", "key_file": "key", "client_key": "key",
    "private_key": "key", "broker": "mqtt", "server": "host", "address": "host", "url": "host",
    "uri": "host", "ip": "host", "user": "username", "login": "username", "pass": "password",
    "passwd": "password", "pwd": "password", "ssl": "tls", "use_tls": "tls", "topic": "base",
    "prefix": "base", "topic_prefix": "base", "base_topic": "base", "protocol": "version",
    "protocol_version": "version", "id": "client_id", "homeassistant": "home_assistant",
    "hass": "home_assistant", "threshold": "escalate_below", "escalate": "escalate_below",
    "alert_below": "escalate_below", "location": "site", "hostname": "host", "phone": "line",
    "tap": "line", "audio": "line", "capture": "line", "soundcard": "card", "sound_card": "card",
    "device_name": "device", "samplerate": "rate_hz", "sample_rate": "rate_hz", "rate": "rate_hz",
    "gpio": "hook_gpio", "pin": "hook_gpio", "hook": "hook_gpio", "channels": "sides",
    "country": "tones", "tone_plan": "tones", "model": "models", "recogniser": "vosk",
    "recognizer": "vosk", "asr": "vosk", "lang": "language", "retained": "retain",
    "database": "path", "file": "path", "db": "path", "max_age_days": "max_days",
    "max_size_mb": "max_mb", "silence_s": "hang_over_s", "timeout_s": "hang_over_s",
    "hangover_s": "hang_over_s", "loglevel": "log_level", "log": "log_level", "debug": "log_level",
    "verbose": "log_level", "health_s": "health_every_s", "interval": "health_every_s",
    "causes": "cause", "redact_list": "redact_words", "keywords": "phrases", "words": "phrases",
}  # fmt: skip
"""What other programs call a setting of ours."""
_NEVER = {
    "qos": "every verdict is sent with QoS 1",
    "clean_session": "the box decides that itself",
    "websockets": "there is MQTT over TCP and TLS only",
    "transport": "there is MQTT over TCP and TLS only",
    "proxy": "the box reaches its broker itself",
    "timezone": "every time is UTC",
    "tz": "every time is UTC",
    "record": "sound is never kept",
    "save_audio": "sound is never kept",
}
"""What other programs have and this one does not, and why not."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that cannot work."""

    loc: Loc
    """Names and 0-based numbers that lead to the setting: ("line", 0, "card")."""
    sentence: str
    """What was wanted, what was found, what to do; without a full stop."""


def complain(faults: Iterable[Fault], where: str, text: str = "") -> ConfigError:
    """All faults of one configuration, in the order of the file; `text` is what stands in it."""
    placed = [(find(text, fault.loc), fault) for fault in faults]
    placed.sort(key=lambda each: each[0].line if each[0] else 0)
    short, long = [], []
    for spot, fault in placed:
        place = f"{where}:{spot.line}" if spot else where
        name = _name(fault.loc)
        said = f"{place}: {name}: {fault.sentence}"
        short.append(said if said.endswith((".", "?")) else f"{said}.")
        long += [short[-1], *_shown(spot)]
    return ConfigError("\n".join(long), short)


def _name(loc: Loc) -> str:
    parts = (str(part + 1) if isinstance(part, int) else part for part in loc)
    return ".".join(parts) or "settings"


def _shown(spot: Spot | None) -> list[str]:
    return spot.picture() if spot else []


def from_pydantic(errors: list[ErrorDetails], model: type[BaseModel] = Settings) -> list[Fault]:
    """Pydantic's faults in our words, without a table's that only follow from its keys'."""

    def follows(error: ErrorDetails) -> bool:
        loc = error["loc"]
        return any(len(e["loc"]) > len(loc) and e["loc"][: len(loc)] == loc for e in errors)

    return [Fault(error["loc"], _sentence(error, model)) for error in errors if not follows(error)]


def _sentence(error: ErrorDetails, model: type[BaseModel]) -> str:
    loc, found = error["loc"], error["input"]
    if error["type"] in {"extra_forbidden", "missing"}:
        return _unknown(loc, model) if error["type"] != "missing" else "is needed and not there"
    if bracket := _brackets(loc, found, model):
        return bracket
    said = takes.wanted(error, model)
    if "password" in str(loc):
        return said or _own(error)
    if isinstance(found, dict) and said:
        return f"{said}; found a table: write {loc[-1]} = ... among the others of its table"
    if said:
        return f"{said}; found {_short(found)}{takes.meant(error, model)}"
    said = _own(error)
    quiet = "found " in said or _is_of_tables(found) or isinstance(found, dict | BaseModel)
    return said if quiet else f"{said}; found {_short(found)}"


def _own(error: ErrorDetails) -> str:
    """What a check of ours said."""
    said = error["msg"].removeprefix("Value error, ")
    return said[:1].lower() + said[1:]


def _is_of_tables(found: Any) -> bool:
    return isinstance(found, list | tuple) and any(isinstance(each, dict) for each in found)


def _short(found: Any) -> str:
    """As it stands in the file, more or less."""
    if _is_of_tables(found):
        return f"{len(found)}"
    if isinstance(found, bool):
        return str(found).lower()
    text = str(found) if isinstance(found, date | time_of_day) else repr(found)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"


def _brackets(loc: Loc, found: Any, model: type[BaseModel]) -> str:
    """What to write for a table that is written as something else."""
    name = ".".join(part for part in loc if isinstance(part, str))
    kinds = _at(loc[:-1], model).model_fields if loc else {}
    section = _section(kinds[str(loc[-1])].annotation) if loc and str(loc[-1]) in kinds else None
    if section is None:
        return ""
    many = kinds[str(loc[-1])].annotation is not section
    if many and not isinstance(found, list | tuple):
        return f"write [[{name}]] with two brackets: there may be several"
    if not many and isinstance(found, list):
        return f"write [{name}] with one bracket: there is only one"
    if not many and not isinstance(found, dict):
        return f"write [{name}] on a line of its own, and its settings in the lines below"
    return ""


def _unknown(loc: Loc, model: type[BaseModel]) -> str:
    """A setting that there is not: another place, another name, or all that could be meant."""
    key = str(loc[-1])
    known = sorted(_at(loc[:-1], model).model_fields)
    if homes := [title for title, names in _sections(model) if key in names]:
        return f"no such setting here; it belongs under {' or '.join(homes)}"
    plain = key.lower().replace("-", "_")
    other = _OTHERS.get(plain, "")
    if other in known:
        return f"no such setting; did you mean {other!r}?"
    if close := difflib.get_close_matches(plain, known, n=1):
        return f"no such setting; did you mean {close[0]!r}?"
    if hint := _NEVER.get(plain):
        return f"no such setting; {hint}"
    if homes := [title for title, names in _sections(model) if other and other in names]:
        return f"no such setting here; did you mean {other!r} under {' or '.join(homes)}?"
    return f"no such setting; known here: {', '.join(known)}"


def _sections(model: type[BaseModel], prefix: str = "") -> list[tuple[str, set[str]]]:
    """Every table's header and the settings in it."""
    title = f"[{prefix}]" if prefix else "the top, before the first table"
    found = [(title, set(model.model_fields))]
    for name, field in model.model_fields.items():
        if section := _section(field.annotation):
            inner = _sections(section, f"{prefix}.{name}".lstrip("."))
            if section is not field.annotation:
                inner[0] = (f"[{inner[0][0]}]", inner[0][1])
            found += inner
    return found


def _at(loc: Loc, model: type[BaseModel]) -> type[BaseModel]:
    """The table that a setting stands in."""
    for part in loc:
        if isinstance(part, str) and part in model.model_fields:
            model = _section(model.model_fields[part].annotation) or model
    return model


def _section(annotation: Any) -> type[BaseModel] | None:
    inner = (annotation, *get_args(annotation))
    return next((a for a in inner if isinstance(a, type) and issubclass(a, BaseModel)), None)
