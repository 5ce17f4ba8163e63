"""A tap without a sound card: a private PulseAudio whose sinks are phone lines, through ALSA."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from broker import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

RATE_HZ = 16_000
_PLUGIN = "libasound_module_pcm_pulse.so"


def _plugin() -> str:
    """Where ALSA's PulseAudio plugin lies."""
    folders = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib")
    for folder in folders:
        path = f"{folder}/alsa-lib/{_PLUGIN}"
        if os.path.exists(path):  # noqa: PTH110 - a plain look
            return path
    msg = "ALSA's PulseAudio plugin is missing: apt-get install libasound2-plugins"
    raise AssertionError(msg)


@dataclass
class Desk:
    """A PulseAudio for each line, on it a null sink: agent left, customer right.

    One for all would, when a line is unplugged, hand its listener another line's sound.

    `environment` is what a process needs so that ALSA finds the lines as `pcm:tap_NAME`.
    """

    folder: Path
    lines: tuple[str, ...] = ("line1",)
    channels: int = 2
    rate_hz: int = RATE_HZ
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert shutil.which("pulseaudio"), "apt-get install pulseaudio pulseaudio-utils"
        self._modules: dict[str, str] = {}
        self.players: list[subprocess.Popen[bytes]] = []
        plugins = self.folder / "plugins"
        plugins.mkdir(parents=True)
        # the one plugin that is needed: PortAudio would try every other
        (plugins / _PLUGIN).symlink_to(_plugin())
        rc = self.folder / "asound.conf"
        rc.write_text(
            "</usr/share/alsa/alsa.conf>\n"
            + "".join(
                f'pcm.tap_{line} {{ type pulse server "unix:{self._socket(line)}" '
                f'device "{line}.monitor" }}\n'
                for line in self.lines
            )
        )
        self.environment = {
            "HOME": str(self.folder),
            "ALSA_CONFIG_PATH": str(rc),
            "ALSA_PLUGIN_DIR": str(plugins),
        }
        self._servers = [self._start(line) for line in self.lines]

    def _socket(self, line: str) -> Path:
        return self.folder / line / "s"

    def _environment(self, line: str) -> dict[str, str]:
        folder = str(self.folder / line)
        return {
            **os.environ,
            **self.environment,
            "XDG_RUNTIME_DIR": folder,
            "PULSE_RUNTIME_PATH": folder,
            "PULSE_SERVER": f"unix:{self._socket(line)}",
        }

    def _start(self, line: str) -> subprocess.Popen[bytes]:
        (self.folder / line).mkdir(mode=0o700)
        server = subprocess.Popen(
            [
                "pulseaudio",
                "-n",
                "--daemonize=no",
                "--exit-idle-time=-1",
                "--use-pid-file=no",
                "--disable-shm=yes",
                "-L",
                f"module-native-protocol-unix auth-anonymous=1 socket={self._socket(line)}",
            ],
            env=self._environment(line),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        socket = self._socket(line)
        wait_until(lambda: socket.exists() and self._ctl(line, "info"), 30.0, "PulseAudio")
        return server

    def _ctl(self, line: str, *words: str) -> str:
        done = subprocess.run(
            ["pactl", *words],
            env=self._environment(line),
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
        return done.stdout.strip()

    def plug(self, line: str = "line1") -> None:
        """The line's sound card is there."""
        assert line not in self._modules
        shape = f"rate={self.rate_hz} channels={self.channels}"
        self._modules[line] = self._ctl(
            line, "load-module", "module-null-sink", f"sink_name={line}", *shape.split()
        )
        assert self._modules[line].isdigit()

    def unplug(self, line: str = "line1") -> None:
        """The line's sound card is gone."""
        self._ctl(line, "unload-module", self._modules.pop(line))

    def play(self, pcm: NDArray[np.int16], line: str = "line1") -> subprocess.Popen[bytes]:
        """Play (n, 2) int16 on a line, in its own time; returns at once."""
        path = self.folder / f"{line}-{len(self.players)}.raw"
        path.write_bytes(pcm.astype("<i2").tobytes())
        player = subprocess.Popen(
            [
                "paplay",
                "--raw",
                f"--device={line}",
                f"--rate={self.rate_hz}",
                f"--channels={self.channels}",
                "--format=s16le",
                str(path),
            ],
            env=self._environment(line),
            stderr=subprocess.DEVNULL,
        )
        self.players.append(player)
        return player

    def close(self) -> None:
        """End everything that was started here."""
        for process in (*self.players, *self._servers):
            process.kill()
            process.wait(10)
