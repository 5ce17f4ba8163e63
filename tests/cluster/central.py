"""Central's hosts in the cluster: ingester, clock and board each a process, from docs/cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from central_stage import KEY
from cluster.machines import DOCS, WORD, of_host
from cluster.net import Host
from project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("ingest", "clock", "web")


@dataclass
class CentralHost:
    """One host with a process of each part; each can be killed, also at its weakest moment."""

    name: str
    folder: Path
    tls: Path
    """Folder of certificates."""
    host: Host = field(init=False)
    parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.host = Host(self.name)
        self.config = self.folder / "central.toml"
        text = (DOCS / "central.toml").read_text()
        self.config.write_text(text.replace("/etc/sered-central", str(self.folder)))
        of_host(self.tls, self.name, self.folder, "hosts.crt")
        for name in ("ca.crt", "central.crt", "central.key"):
            shutil.copy(self.tls / name, self.folder)
        secrets = {"central-key": KEY.hex(), "central-mqtt-password": WORD,
                   "central-store-password": WORD}  # fmt: skip
        for name, word in secrets.items():
            (self.folder / name).write_text(word)

    def command(self, *words: str) -> list[str]:
        """`sered central` of this checkout, on this host."""
        module = [sys.executable, "-m", "dying", str(self.folder / "die")]
        return [*self.host.enter(), *module, "central", *words, "--config", str(self.config)]

    def init(self) -> None:
        """Make the tables."""
        subprocess.run(self.command("init", "--only-store"), check=True, env=_environment())

    def start(self, part: str) -> None:
        """Start a part, where it does not run."""
        if part in self.parts and self.parts[part].poll() is None:
            return
        with (self.folder / f"{part}.log").open("ab") as log:
            self.parts[part] = subprocess.Popen(
                self.command("run", "--part", part), stdout=log, stderr=log, env=_environment()
            )

    def kill(self, part: str) -> None:
        """As a power cut would."""
        self.parts[part].kill()
        self.parts[part].wait()

    def die(self, part: str, within_s: float = 180.0) -> bool:
        """Let it be killed between COMMIT and acknowledgement, or between step and outbox."""
        wish = self.folder / f"die-{part}"
        wish.touch()
        try:
            self.parts[part].wait(within_s)
        except subprocess.TimeoutExpired:
            wish.unlink(missing_ok=True)
            return False
        return True

    def words(self) -> str:
        """What its parts said last."""
        return "\n".join(path.read_text()[-1500:] for path in sorted(self.folder.glob("*.log")))


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "PYTHONUNBUFFERED": "1"}
