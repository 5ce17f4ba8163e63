"""The archive for support: what the doctor found and how the box is; no secrets, sound or words."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import time
from importlib import metadata
from typing import TYPE_CHECKING

from sered.config import sample
from sered.diagnose.secrets_out import scrub

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sered.diagnose.model import Context

_TIMEOUT_S = 5.0
_FOLDER = "sered-diagnose"
_COMMANDS = {
    "journal.txt": "journalctl -u sered -n 1000 --no-pager -o short-iso",
    "unit.txt": "systemctl show sered.service",
    "kernel.txt": "dmesg --ctime",
    "usb.txt": "lsusb",
    "disks.txt": "df -h",
    "mounts.txt": "findmnt",
    "memory.txt": "free -m",
    "network.txt": "ip -brief address",
    "clock.txt": "timedatectl",
    "users.txt": "id sered",
    "throttled.txt": "vcgencmd get_throttled",
    "machine.txt": "uname -a",
}
_FILES = {
    "os-release.txt": "etc/os-release",
    "model.txt": "proc/device-tree/model",
    "cards.txt": "proc/asound/cards",
    "load.txt": "proc/loadavg",
    "uptime.txt": "proc/uptime",
}
_README = """What `sered diagnose --bundle` collected, for whoever looks after this box.

There is no sound in it and nothing that was said: neither is ever kept on the box. Passwords and
keys are stars; certificates' keys, the spool and the models are not in it. Read it before you send
it on: names of this network and of its machines are in it.
"""


def collect(context: Context, found: Mapping[str, str]) -> dict[str, str]:
    """Name to text of all that goes into the archive; `found` is what the doctor itself said."""
    files = {"README.txt": _README, **found}
    files["configuration.toml"] = _configuration(context)
    if context.service is not None:
        # how calls went is nobody's business but the board's
        shown = context.service.model_dump_json(by_alias=True, indent=1, exclude={"verdicts"})
        files["state.json"] = shown
    for name, path in _FILES.items():
        files[name] = _read(context.root / path)
    for name, command in _COMMANDS.items():
        files[name] = _run(command)
    files["libraries.txt"] = "\n".join(
        sorted(f"{one.name} {one.version}" for one in metadata.distributions())
    )
    secrets = _secrets(context)
    return {name: scrub(text, secrets) for name, text in files.items()}


def write(path: Path, files: Mapping[str, str]) -> None:
    """The archive, readable for its owner only; raises OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out, tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in files.items():
            content = text.encode(errors="replace")
            member = tarfile.TarInfo(f"{_FOLDER}/{name}")
            member.size, member.mtime, member.mode = len(content), int(time.time()), 0o600
            archive.addfile(member, io.BytesIO(content))


def _configuration(context: Context) -> str:
    if context.settings is not None:
        return sample.show(context.settings)
    text = _read(context.config_path) if context.config_path else ""
    return f"# cannot be read: {context.config_error}\n{text}"


def _secrets(context: Context) -> list[str]:
    known = []
    if context.settings is not None and context.settings.mqtt.password is not None:
        known.append(context.settings.mqtt.password.get_secret_value())
    return known


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").rstrip("\0")
    except OSError as error:
        return f"(not here: {error.strerror})\n"


def _run(command: str) -> str:
    try:
        done = subprocess.run(
            command.split(),
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"$ {command}\n(cannot be run: {error})\n"
    said = (done.stdout + done.stderr).decode(errors="replace")
    return f"$ {command}\n{said}"
