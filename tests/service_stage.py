"""A stage for the installed service: phone lines, broker, central and systemd's ear."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import soundfile
import soxr

import sered
from broker import Broker, Listener, wait_until
from pulse_lines import RATE_HZ, Desk

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass
class Run:
    """A running service and what was seen of it."""

    process: subprocess.Popen[bytes]
    device: str
    central: Listener
    systemd: socket.socket
    notes: list[str] = field(default_factory=list)
    """What systemd was told."""
    fed: list[float] = field(default_factory=list)
    """When the watchdog was fed."""
    seen: dict[str, Any] = field(default_factory=dict)
    """Times and figures, by name."""

    def status(self) -> dict[str, Any]:
        found = self.central.on(f"{self.device}/status")
        return json.loads(found[-1]) if found else {"state": None, "lines": []}

    def reasons(self, line: str) -> tuple[str, ...]:
        return next((tuple(x["reasons"]) for x in self.status()["lines"] if x["line"] == line), ())

    def health(self, line: str) -> dict[str, Any]:
        found = self.central.on(f"{self.device}/health")
        lines = json.loads(found[-1])["lines"] if found else []
        return next((x for x in lines if x["line"] == line), {})

    def ever(self, line: str) -> set[str]:
        """Every reason that the line ever had."""
        every = [json.loads(payload) for payload in self.central.on(f"{self.device}/status")]
        return {
            reason
            for s in every
            for x in s["lines"]
            if x["line"] == line
            for reason in x["reasons"]
        }

    def __post_init__(self) -> None:
        threading.Thread(target=self._hear_systemd, daemon=True).start()

    def _hear_systemd(self) -> None:
        while note := self.systemd.recv(4096).decode():
            self.notes.append(note)
            if note == "WATCHDOG=1":
                self.fed.append(time.monotonic())

    def wait(self, what: str, true: Callable[[], object], within_s: float = 40.0) -> float:
        """Seconds until it is true."""
        began = time.monotonic()
        wait_until(true, within_s, what)
        return time.monotonic() - began

    def capture(self, line: str) -> psutil.Process | None:
        """The capture process of a line."""
        for child in psutil.Process(self.process.pid).children():
            try:
                if f"pcm:tap_{line}" in child.cmdline() and child.status() != "zombie":
                    return child
            except psutil.NoSuchProcess:
                continue
        return None

    def hurt(self, line: str, how: Callable[[psutil.Process], object], reason: str) -> float:
        """Do something to the capture process; seconds until the line is well with a new one."""
        victim = self.capture(line)
        assert victim is not None
        began = time.monotonic()
        how(victim)
        self.wait(f"{line} to say {reason}", lambda: reason in self.ever(line))
        self.wait(f"{line} to be well", lambda: not self.reasons(line))
        self.seen[f"{line} {reason} old"] = victim.is_running() and victim.status() != "zombie"
        return time.monotonic() - began


def talking(seconds: float) -> NDArray[np.int16]:
    """The demo call's conversation without its tones, over and over: (n, 2) at 16 kHz."""
    path = Path(sered.__file__).parent / "demo" / "call.wav"
    sound, rate_hz = soundfile.read(path, dtype="float32")
    talk = soxr.resample(sound[14 * rate_hz : 44 * rate_hz], rate_hz, RATE_HZ)
    return np.resize(talk, (int(seconds * RATE_HZ), 2)) * 32_767


def configuration(folder: Path, device: str, lines: tuple[str, ...], port: int) -> Path:
    tables = "".join(
        f'[[line]]\nname = "{line}"\ncard = "pcm:tap_{line}"\nrate_hz = 16000\n' for line in lines
    )
    path = folder / f"{device}.toml"
    path.write_text(
        f'site = "test"\ndevice = "{device}"\nmode = "audio"\nhealth_every_s = 1.0\n{tables}'
        f'[mqtt]\nport = {port}\n[spool]\npath = "{folder / device}.db"\n'
    )
    return path


@dataclass
class Theatre:
    """Desk, broker and central, and the services that were started on them."""

    folder: Path
    desk: Desk
    broker: Broker
    central: Listener
    runs: list[Run] = field(default_factory=list)

    def start(self, device: str, lines: tuple[str, ...], *command: str | Path) -> Run:
        systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        systemd.bind(str(self.folder / f"notify-{device}"))
        path = configuration(self.folder, device, lines, self.broker.port)
        environment = {"NOTIFY_SOCKET": str(self.folder / f"notify-{device}")}
        with (self.folder / f"{device}.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "run", "--config", path],
                env=os.environ | self.desk.environment | environment,
                stdout=log,
                stderr=log,
            )
        self.runs.append(Run(process, device, self.central, systemd))
        return self.runs[-1]

    def log(self, run: Run) -> str:
        return (self.folder / f"{run.device}.log").read_text()

    def close(self) -> None:
        for run in self.runs:
            run.process.kill()
            run.process.wait()
            run.systemd.shutdown(socket.SHUT_RD)
            run.systemd.close()
        self.central.close()
        self.broker.stop()
        self.desk.close()
