"""Reads `central.toml` and the secrets beside it, and writes the first of both."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from sered import config
from sered.central.settings import CentralSettings
from sered.config.sample import default_toml
from sered.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

DEFAULT_PATH = Path("/etc/sered-central/central.toml")
KEY = "central-key"
_ABOUT = "sered central: where calls come from, who calls back, and who is told."
_SECRETS = {
    (): {"key": KEY},
    ("source",): {"password": "central-mqtt-password"},
    ("store",): {"password": "central-store-password"},
    ("oidc",): {"client_secret": "central-oidc-secret"},
    ("pbx",): {"ami_password": "central-ami-password"},
}
"""Settings that are secrets, and the credentials that they come by."""


def load(path: Path | None = None, overrides: Mapping[str, Any] | None = None) -> CentralSettings:
    """The validated configuration with its secrets.

    `path` None: /etc/sered-central/central.toml where it exists, else the defaults. A secret is a
    systemd credential, else a file of that name in the folder of the configuration, else what
    stands in the configuration. Raises ConfigError that names every fault with file and line.
    """
    chosen = path or (DEFAULT_PATH if DEFAULT_PATH.exists() else None)
    text = config.read_file(chosen) if chosen else ""
    where = str(chosen) if chosen else "the defaults"
    settings = config.validated(CentralSettings, text, where, overrides)
    return _with_secrets(settings, chosen.parent if chosen else None)


def write_first(path: Path, *, force: bool = False) -> list[Path]:
    """A configuration to start from and a key beside it, where they are missing; what was written.

    Raises ConfigError. A key that is there is never replaced, not even by `force`: without it
    every number and note would be unreadable.
    """
    files = {path: (default_toml(CentralSettings, _ABOUT), 0o640)}
    if path.exists() and not force:
        files = {}
    if not (path.parent / KEY).exists():
        files[path.parent / KEY] = (secrets.token_hex(32) + "\n", 0o600)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for file, (text, mode) in files.items():
            _write(file, text, mode)
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror}). Try with sudo, or name another file."
        raise ConfigError(msg) from None
    return list(files)


def _with_secrets(settings: CentralSettings, folder: Path | None) -> CentralSettings:
    update: dict[str, Any] = {}
    for place, names in _SECRETS.items():
        section: BaseModel = getattr(settings, place[0]) if place else settings
        found = {name: _secret(credential, folder) for name, credential in names.items()}
        fresh = {name: SecretStr(word) for name, word in found.items() if word}
        if fresh:
            update |= {place[0]: section.model_copy(update=fresh)} if place else fresh
    channels = []
    for channel in settings.channel:
        word = _secret(f"central-channel-{channel.name}", folder)
        known = {"secret": SecretStr(word)} if word else {}
        channels.append(channel.model_copy(update=known))
    return settings.model_copy(update=update | {"channel": tuple(channels)})


def _secret(name: str, folder: Path | None) -> str | None:
    if found := config.credential(name):
        return found
    beside = folder / name if folder else None
    if beside is None or not os.access(beside, os.R_OK):
        return None
    return beside.read_text(encoding="utf-8").partition("\n")[0].strip() or None


def _write(path: Path, text: str, mode: int) -> None:
    beside = path.with_name(f".{path.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    beside.replace(path)
