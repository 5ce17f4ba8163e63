"""What the running service says of itself to programs on the same box: one small file in /run."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from sered.contract.fields import READER
from sered.contract.messages import Health, Status

if TYPE_CHECKING:
    from sered.box.vitals import LineVitals
    from sered.contract.messages import CallReport

FILE_NAME = "state.json"
FRESH_S = 10.0
"""A state older than this is a dead or stuck service's."""


class SideState(BaseModel):
    """What one side of a line carries."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    level_db: float | None = None
    """RMS just now, dBFS."""
    blocks: dict[str, int] = {}
    """Blocks of each records.State heard since the start; two snapshots apart tell what came."""


class LastVerdict(BaseModel):
    """What a call came to, without a word and without a figure."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    at: datetime
    """When the call ended, UTC."""
    line: str
    category: Literal["negative", "positive"] | None
    """None: undetermined."""


class Snapshot(BaseModel):
    """The two retained messages as they last were, readable without a broker; no words."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    version: Literal[1] = 1
    pid: int
    at: float
    """Seconds on the system's monotonic clock, so that a stepped clock does not matter."""
    broker: str
    """One sentence on the connection."""
    status: Status
    health: Health | None
    """None: the service has just begun."""
    configuration: str | None = None
    """Digest of the configuration that it runs; None: it is too old to say."""
    spool_waits_s: float | None = None
    """How long the first message has waited; None: none waits."""
    sides: dict[str, dict[str, SideState]] = {}
    """Line to side to what is heard there."""
    connected: bool = True
    """Whether the broker has us; a service that is too old to say is not accused."""
    verdicts: tuple[LastVerdict, ...] = ()
    """Of the last calls since the start, the latest at the end."""

    @property
    def fresh(self) -> bool:
        """Whether the service that wrote it still runs and gets on."""
        return 0.0 <= time.monotonic() - self.at < FRESH_S and Path(f"/proc/{self.pid}").exists()


def sides(line: LineVitals) -> dict[str, SideState]:
    """What each side of a line carries."""
    levels = line.tap.levels_db if line.tap else {}
    return {
        str(side): SideState(
            level_db=levels.get(side), blocks={str(state): count for state, count in blocks.items()}
        )
        for side, blocks in line.heard.items()
    }


def last_verdict(report: CallReport) -> LastVerdict:
    """Of a report what the box itself shows."""
    category = report.sentiment.category if report.sentiment else None
    return LastVerdict(at=report.ended_at, line=report.line, category=category)


def write(folder: Path, snapshot: Snapshot) -> None:
    """Replace the file in one step; raises OSError."""
    beside = folder / f".{FILE_NAME}.{os.getpid()}"
    beside.write_text(snapshot.model_dump_json(by_alias=True), encoding="utf-8")
    beside.replace(folder / FILE_NAME)


def read(folder: Path) -> Snapshot | None:
    """What the service last wrote; None: nothing there, or nothing that can be understood."""
    try:
        return Snapshot.model_validate_json(
            (folder / FILE_NAME).read_bytes(), extra="ignore", context=READER
        )
    except (OSError, ValidationError):
        return None
