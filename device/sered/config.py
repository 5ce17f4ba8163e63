"""Reads the TOML configuration and the secrets around it; nobody else looks at the environment."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import PydanticUndefined

from sered.errors import ConfigError
from sered.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

DEFAULT_PATH = Path("/etc/sered/sered.toml")
RUNTIME_DIR = Path("/run/sered")
CREDENTIAL = "mqtt-password"
CREDENTIAL_SOURCE = DEFAULT_PATH.parent / CREDENTIAL
"""Where systemd takes the credential from; only root may read it, to examine the box."""


def load(
    path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """The validated configuration.

    `path` None: SERED_CONFIG, else /etc/sered/sered.toml where it exists, else the defaults.
    `overrides` are whole top-level values laid over the file's. Raises ConfigError that names
    every fault with file and line.
    """
    chosen = chosen_path(path, environ)
    text = _read(chosen) if chosen else ""
    where = str(chosen) if chosen else "the command line"
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{where}: wanted TOML, found a mistake: {error}. Mend that line and try again."
        raise ConfigError(msg) from None
    try:
        settings = Settings.model_validate(tree | dict(overrides or {}))
    except ValidationError as error:
        faults = [_sentence(fault, where, text) for fault in _causes(error.errors(), text)]
        raise ConfigError("\n".join(faults)) from None
    return _with_password(settings, environ)


def chosen_path(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file that `load` reads; None: there is none, the defaults hold."""
    if path or "SERED_CONFIG" in environ:
        return path or Path(environ["SERED_CONFIG"])
    return DEFAULT_PATH if DEFAULT_PATH.exists() else None


def runtime_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the running service tells programs on the same box how it is: systemd's, or /run."""
    return Path(environ.get("RUNTIME_DIRECTORY") or RUNTIME_DIR)


def notify_socket(environ: Mapping[str, str] = os.environ) -> str | None:
    """Where systemd wants to hear how the service is; None when it did not start it."""
    return environ.get("NOTIFY_SOCKET")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        msg = f"{path}: no such configuration. `sered config init {path}` writes one to start from."
    except UnicodeDecodeError:
        msg = f"{path}: wanted UTF-8 text, found other bytes. Is it the right file?"
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}). Try sudo, or join its group."
    raise ConfigError(msg)


def _with_password(settings: Settings, environ: Mapping[str, str]) -> Settings:
    mqtt = settings.mqtt
    secret = environ.get("SERED_MQTT_PASSWORD")
    if directory := environ.get("CREDENTIALS_DIRECTORY"):
        credential = Path(directory) / CREDENTIAL
        if credential.exists():
            secret = _first_line(credential)
    elif not secret and os.access(CREDENTIAL_SOURCE, os.R_OK):
        secret = _first_line(CREDENTIAL_SOURCE)
    if mqtt.password_file is not None:
        secret = _first_line(mqtt.password_file)
    if not secret:
        return settings
    return settings.model_copy(
        update={"mqtt": mqtt.model_copy(update={"password": SecretStr(secret)})}
    )


def _first_line(path: Path) -> str:
    return next(iter(_read(path).splitlines()), "")


def models_dir() -> Path:
    """Where the models lie that came with sered: in the package, or beside the checkout."""
    package = Path(__file__).parent
    inside = package / "models"
    return inside if inside.is_dir() else package.parent.parent / "models"


def model_path(path: Path) -> Path:
    """A model's file: absolute as it is, relative from the models that came with sered."""
    return path if path.is_absolute() else models_dir() / path


def _causes(faults: list[ErrorDetails], text: str) -> list[ErrorDetails]:
    """The faults in the order of the file, without a table's that only follow from its keys'."""

    def follows(fault: ErrorDetails) -> bool:
        loc = fault["loc"]
        return any(len(f["loc"]) > len(loc) and f["loc"][: len(loc)] == loc for f in faults)

    own = [fault for fault in faults if not follows(fault)]
    return sorted(own, key=lambda fault: _line_of(text, fault["loc"]) or 0)


def _sentence(fault: ErrorDetails, where: str, text: str) -> str:
    loc = tuple(part for part in fault["loc"] if not isinstance(part, int) or part >= 0)
    line = _line_of(text, loc)
    place = f"{where}:{line}" if line else where
    name = ".".join(str(part + 1) if isinstance(part, int) else part for part in loc) or "settings"
    if fault["type"] == "extra_forbidden":
        known = _keys_at(loc[:-1])
        close = difflib.get_close_matches(str(loc[-1]), known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}."
        return f"{place}: {name}: no such setting; {hint}"
    wanted = fault["msg"].removeprefix("Value error, ")
    wanted = wanted[:1].lower() + wanted[1:]
    if fault["type"] == "missing":
        return f"{place}: {name}: is needed and not there."
    found = (
        ""
        if "password" in name or "found " in wanted or isinstance(fault["input"], dict | BaseModel)
        else (f"; found {fault['input']!r}")
    )
    return f"{place}: {name}: {wanted}{found}."


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in loc:
        if isinstance(part, str) and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            inner = [annotation, *get_args(annotation)]
            model = next(
                (a for a in inner if isinstance(a, type) and issubclass(a, BaseModel)), model
            )
    return sorted(model.model_fields)


def _line_of(text: str, loc: tuple[int | str, ...]) -> int | None:
    """1-based line of a key in the TOML text; follows tables and arrays of tables."""
    table: tuple[int | str, ...] = ()
    seen: dict[str, int] = {}
    best: int | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if header := re.fullmatch(r"(\[\[?)\s*([\w.\-\"]+)\s*\]\]?\s*(#.*)?", line):
            names = tuple(header[2].replace('"', "").split("."))
            table = names
            if header[1] == "[[":
                index = seen.get(header[2], -1) + 1
                seen[header[2]] = index
                table = (*names, index)
            if table == loc[: len(table)]:
                best = number
        elif (key := re.match(r"([\w\-]+)\s*=", line)) and (*table, key[1]) == loc[
            : len(table) + 1
        ]:
            return number
    return best


def default_toml() -> str:
    """A whole configuration in which every setting stands commented with its default."""
    head = (
        "# sered: what this box listens to and where its verdicts go.\n"
        "# Every line that starts with '#' and has a value shows the default.\n"
    )
    tables: list[str] = []
    lines = _commented(Settings, tables, prefix="")
    return head + "\n" + lines + "".join(tables)


def _commented(model: type[BaseModel], tables: list[str], prefix: str) -> str:
    out: list[str] = []
    for name, field in model.model_fields.items():
        inner = [a for a in (field.annotation, *get_args(field.annotation)) if isinstance(a, type)]
        section = next((a for a in inner if issubclass(a, BaseModel)), None)
        if section:
            many = section is not field.annotation
            title = f"[[{prefix}{name}]]" if many else f"[{prefix}{name}]"
            about = (section.__doc__ or "").partition(": ")[2].strip()
            about = about[:1].upper() + about[1:]
            # a table of tables that is empty by default stays a comment
            live = not many or prefix == ""
            slot = len(tables)
            tables.append("")
            body = _commented(section, tables, f"{prefix}{name}.")
            tables[slot] = f"\n# {about}\n{'' if live else '# '}{title}\n{body}"
            continue
        default = field.get_default(call_default_factory=True)
        about = " ".join((field.description or "").split())
        shown = "(not set)" if default in (None, PydanticUndefined) else _toml(default)
        out.append(f"# {about}\n# {name} = {shown}\n")
    return "".join(out)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str | Path):
        return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, SecretStr):
        return '"**********"'
    return f"{value}"


def show(settings: Settings) -> str:
    """The configuration in force as TOML, secrets as stars."""
    out: list[str] = []
    _dump(settings, "", out)
    return "\n".join(out).strip() + "\n"


def _dump(section: BaseModel, prefix: str, out: list[str]) -> None:
    nested: list[tuple[str, BaseModel, bool]] = []
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            nested.append((name, value, False))
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            nested.extend((name, item, True) for item in value)
        elif value is not None:
            out.append(f"{name} = {_toml(value)}")
    for name, item, many in nested:
        title = f"{prefix}{name}"
        out.append(f"\n[[{title}]]" if many else f"\n[{title}]")
        _dump(item, f"{title}.", out)
