"""A broker, a database and a central of their own, for measuring and for killing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from broker import Broker, free_port, wait_until
from central_stage import KEY, Postgres
from sered.central.store import migrate
from sered.central.store.engine import Store

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Stage:
    """Everything that central needs, in a folder; `kind` is sqlite or postgresql."""

    folder: Path
    kind: str
    board: bool = False
    channels: str = ""
    """TOML of channels and teams."""
    postgres: Postgres | None = None
    saves: str = "autosave_on_changes true"
    disk: Path | None = None
    """Where SQLite's file is; None: in the folder."""
    mortal: bool = False
    """Central can be made to die at its weakest moments."""
    web_port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # as docs/mqtt/mosquitto.conf has it: saved at every change
        self.broker = Broker(self.folder / "broker", extra=self.saves).start()
        self.url = f"sqlite:///{self.disk or self.folder}/central.db"
        if self.kind == "postgresql":
            assert self.postgres
            self.url = self.postgres.database()
        store = Store(self.url)
        migrate.upgrade(store)
        store.close()
        self.config = self.folder / "central.toml"
        self.config.write_text(
            f'[source]\nport = {self.broker.port}\n[store]\nurl = "{self.url}"\n'
            f"[web]\nport = {self.web_port}\n{self.channels}"
        )
        (self.folder / "central-key").write_text(KEY.hex())
        self.central: Any = None
        self._log = (self.folder / "central.log").open("ab")
        self.start()

    def start(self) -> None:
        """Start central and wait for its session."""
        asked = self._subscribed()
        module = ["dying", str(self.folder / "die")] if self.mortal else ["sered"]
        self.central = subprocess.Popen(
            [sys.executable, "-m", *module, "central", "run", "--config", str(self.config),
             *([] if self.board else ["--part", "ingest", "--part", "clock"])],
            stderr=self._log, stdout=self._log, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        wait_until(lambda: self._subscribed() > asked, 300, "central's session")
        time.sleep(0.5)

    def _subscribed(self) -> int:
        return self.broker.log.read_text(errors="replace").count("Sending SUBACK to sered/central")

    def kill(self) -> None:
        """As a power cut would."""
        self.central.kill()
        self.central.wait()

    def die(self, part: str) -> None:
        """Let it be killed between COMMIT and acknowledgement, or between step and outbox."""
        (self.folder / f"die-{part}").touch()
        try:
            self.central.wait(120)
        except subprocess.TimeoutExpired:
            words = (self.folder / "central.log").read_text(errors="replace")[-1500:]
            msg = f"central's {part} had nothing to do for two minutes:\n{words}"
            raise AssertionError(msg) from None

    def close(self) -> None:
        """End everything."""
        if self.central.poll() is None:
            self.central.terminate()
            self.central.wait(20)
        self.broker.stop()
        self._log.close()
