"""Reads the TOML configuration and the secrets around it; nobody else looks at the environment."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from sered.config.environment import laid_over, settings_in, variable_of
from sered.config.faults import Fault, complain, from_pydantic
from sered.config.rules import broken, in_clear_text, paths
from sered.config.secret import SecretError, first_line, read_password, read_text
from sered.config.toml_text import mistake
from sered.errors import ConfigError
from sered.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sered.config.faults import Loc

Model = TypeVar("Model", bound=BaseModel)
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
    Variables as SERED__MQTT__HOST lie over the file, `overrides`, whole top-level values, over
    both. Relative paths in a file start at its folder. Raises ConfigError that names every fault
    with file and line, or its variable.
    """
    settings, faults = survey(path, overrides, environ)
    if faults:
        chosen = chosen_path(path, environ)
        raise complain(faults, str(chosen or "the command line"), _read(chosen) if chosen else "")
    return settings


def survey(
    path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> tuple[Settings, list[Fault]]:
    """The same for who looks further: the configuration, and what of it cannot work together.

    Raises ConfigError as `load` does where a value cannot even be read.
    """
    chosen = chosen_path(path, environ)
    text = _read(chosen) if chosen else ""
    where = str(chosen) if chosen else "the command line"
    settings = validated(Settings, text, where, overrides, settings_in(environ))
    faults = broken(settings)
    if chosen:
        settings = _from_folder(settings, chosen.absolute().parent)
    try:
        settings = _with_password(settings, environ)
    except SecretError as error:
        name = "password_file" if settings.mqtt.password_file else "password"
        faults.append(Fault(("mqtt", name), str(error)))
    return settings, [*faults, *in_clear_text(settings)]


def validated(
    model: type[Model],
    text: str,
    where: str,
    overrides: Mapping[str, Any] | None = None,
    around: Mapping[Loc, tuple[str, Any]] | None = None,
) -> Model:
    """A TOML text as settings of a model; ConfigError names every fault with `where` and line.

    `around`: what the environment sets, see environment.settings_in.
    """
    around = around or {}
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        spot, sentence = mistake(error, text)
        said = f"{where}:{spot.line}: {sentence} and try again."
        raise ConfigError("\n".join([said, *spot.picture()]), [said]) from None
    try:
        return model.model_validate(laid_over(tree, around) | dict(overrides or {}))
    except ValidationError as error:
        faults = from_pydantic(error.errors(), model)
        raise _said_of_both(faults, around, where, text) from None


def _said_of_both(
    faults: Sequence[Fault], around: Mapping[Loc, tuple[str, Any]], where: str, text: str
) -> ConfigError:
    """Faults of the environment by their variable's name, those of the text by their line."""
    inside = [fault for fault in faults if not variable_of(fault.loc, around)]
    outside = [
        f"{variable}: {fault.sentence}{'' if fault.sentence.endswith(('.', '?')) else '.'}"
        for fault in faults
        if (variable := variable_of(fault.loc, around))
    ]
    if not outside:
        return complain(inside, where, text)
    told = complain(inside, where, text) if inside else None
    long = [*outside, *([str(told)] if told else [])]
    return ConfigError("\n".join(long), [*outside, *(told.faults if told else ())])


def read_file(path: Path) -> str:
    """A configuration's text; raises ConfigError with what to do."""
    return _read(path)


def credential(name: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """A secret that systemd handed over under this name; None: it handed over none."""
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if directory and (path := Path(directory) / name).exists():
        try:
            return first_line(path) or None
        except SecretError as error:
            raise ConfigError(str(error)) from None
    return None


def complaint(path: Path | None, faults: Sequence[Fault]) -> ConfigError:
    """Faults that showed only when what the configuration names was loaded, each at its line."""
    chosen = chosen_path(path)
    return complain(faults, str(chosen or "the defaults"), _read(chosen) if chosen else "")


def digest(settings: Settings) -> str:
    """What tells two configurations apart, in any version: 16 hex digits of what is set in them.

    The password is left out: not everybody who asks may read it.
    """
    told = settings.model_dump(mode="json", exclude_unset=True, exclude={"mqtt": {"password"}})
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


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
        return read_text(path)
    except FileNotFoundError:
        msg = f"{path}: no such configuration. `sered config init {path}` writes one to start from."
    except UnicodeDecodeError as error:
        msg = f"{path}: wanted UTF-8 text, found {error.reason}. Save it as UTF-8."
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}). Try sudo, or join its group."
    raise ConfigError(msg)


def _from_folder(settings: Settings, folder: Path) -> Settings:
    """Relative paths made whole: from the configuration's folder, models from ours besides."""
    for loc, path in paths(settings):
        section, name = getattr(settings, str(loc[0])), str(loc[1])
        beside = folder / path
        if not path.is_absolute() and (loc[0] != "models" or beside.exists()):
            changed = section.model_copy(update={name: beside})
            if name not in section.model_fields_set:
                # a default that lies beside it was not written there
                changed.model_fields_set.discard(name)
            settings = settings.model_copy(update={str(loc[0]): changed})
    return settings


def _with_password(settings: Settings, environ: Mapping[str, str]) -> Settings:
    mqtt = settings.mqtt
    secret = environ.get("SERED_MQTT_PASSWORD")
    if directory := environ.get("CREDENTIALS_DIRECTORY"):
        credential = Path(directory) / CREDENTIAL
        if credential.exists():
            secret = first_line(credential)
    elif not secret and os.access(CREDENTIAL_SOURCE, os.R_OK):
        secret = first_line(CREDENTIAL_SOURCE)
    if mqtt.password_file is not None:
        secret = read_password(mqtt.password_file)
    if not secret:
        return settings
    copy = mqtt.model_copy(update={"password": SecretStr(secret)})
    if "password" not in mqtt.model_fields_set:
        # it does not stand in the configuration, and nobody shall be told that it does
        copy.model_fields_set.discard("password")
    return settings.model_copy(update={"mqtt": copy})


def models_dir() -> Path:
    """Where the models lie that came with sered: in the package, or beside the checkout."""
    package = Path(__file__).parent.parent
    inside = package / "models"
    return inside if inside.is_dir() else package.parent.parent / "models"


def model_path(path: Path) -> Path:
    """A model's file: absolute as it is, one that is still relative came with sered."""
    return path if path.is_absolute() else models_dir() / path
