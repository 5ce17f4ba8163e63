"""What is to be judged and what became of it, one record a recording."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sered.contract.messages import CallReport

if TYPE_CHECKING:
    from datetime import datetime

    from sered.contract.messages import Live


@dataclass(frozen=True, slots=True)
class Task:
    """One recording to judge; None: as the file, its name or the configuration says."""

    name: str
    """The file's, as the system knows it; as a Path, each of a million would take thrice as much
    memory."""
    sides: str | None = None
    """Who is on which channel, as in the configuration."""
    started_at: datetime | None = None
    line: str | None = None
    external_id: str = ""
    """What others call this recording; comes back in every row."""

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.name)


@dataclass(frozen=True, slots=True)
class Judged:
    """One call of a recording."""

    path: Path
    at_s: float
    """Where in the recording it begins."""
    sides: str
    report: CallReport
    running: tuple[Live, ...] = ()
    """What the score was after each utterance; empty unless it was asked for."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one recording: its calls, or why there are none."""

    path: Path
    calls: tuple[Judged, ...] = ()
    fault: str | None = None
    notes: tuple[str, ...] = ()
    external_id: str = ""
    passed_over: str | None = None
    """Why the file was not tried."""
    length_s: float = 0.0
    assumed: str | None = field(default=None)
    """Sides that nobody named, for the note."""

    def kept(self) -> dict[str, Any]:
        """What is kept of it on disk; its name comes from whoever asks for it again."""
        return {
            "notes": list(self.notes),
            "length_s": self.length_s,
            "assumed": self.assumed,
            "calls": [
                {
                    "at_s": call.at_s,
                    "sides": call.sides,
                    "report": call.report.model_dump(mode="json", by_alias=True),
                }
                for call in self.calls
            ],
        }

    @classmethod
    def of_kept(cls, task: Task, kept: dict[str, Any]) -> Self:
        """The result again, for the recording as it is called now."""
        calls = tuple(
            Judged(
                task.path,
                call["at_s"],
                call["sides"],
                CallReport.model_validate(call["report"]),
            )
            for call in kept["calls"]
        )
        return cls(
            task.path,
            calls,
            notes=tuple(kept["notes"]),
            external_id=task.external_id,
            length_s=kept["length_s"],
            assumed=kept["assumed"],
        )
