"""How the box is: `status`, `health` and systemd's sentence, out of what its parts say. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sered.contract.explain import ended
from sered.contract.messages import Health, LineHealth, LineStatus, Status
from sered.contract.vocabulary import NOTES
from sered.records import RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sered.box.load import Load
    from sered.contract.call import Versions
    from sered.contract.topics import Box
    from sered.records import Side, State
    from sered.tap.state import TapState


@dataclass(frozen=True, slots=True)
class LineVitals:
    """What one line's parts say of themselves."""

    name: str
    tap: TapState | None
    """None: the line plays a recording."""
    in_call: bool = False
    calls: int = 0
    """Calls that ended since the start."""
    frames: int = 0
    """Frames that went through the whole pipe."""
    rtf: float | None = None
    """Seconds of work a second of sound."""
    sides: tuple[str, ...] = ()
    """What is wrong with its sides: words of vocabulary.NOTES."""
    heard: Mapping[Side, Mapping[State, int]] = field(default_factory=dict)
    """Blocks of each state since the start."""


@dataclass(frozen=True, slots=True)
class BoxVitals:
    """What the box says of itself besides its lines."""

    at: datetime
    clock_synced: bool
    uptime_s: float
    load: Load
    spool_depth: int
    spool_dropped: int
    certificate_until: datetime | None
    """When the first of its certificates ends, UTC; None: it uses none."""
    versions: Versions


def status(box: Box, lines: Sequence[LineVitals], faults: Iterable[tuple[str, str]]) -> Status:
    """`degraded` with every reason once, or `online`.

    `faults`: (reason, sentence) of whatever is wrong beside the lines, the gravest first.
    """
    faults = list(faults)
    states = [_line_status(line) for line in lines]
    reasons = dict.fromkeys([*(r for r, _ in faults), *(r for s in states for r in s.reasons)])
    said = [sentence for _, sentence in faults]
    said += [f"{s.line}: {s.text}" for s in states if s.reasons]
    return Status(
        site=box.site,
        device=box.device,
        state="degraded" if reasons else "online",
        reasons=tuple(reasons),
        text=" ".join(said),
        lines=tuple(states),
    )


def sentence(status: Status, lines: Sequence[LineVitals], broker: str, waiting: int) -> str:
    """One line for `systemctl status`; `waiting`: messages in the spool."""
    calls = sum(line.in_call for line in lines)
    return (
        f"{status.state}: {len(lines)} line(s), {calls} in a call; {broker}; "
        f"{waiting} waiting. {status.text}"
    ).strip()


def health(status: Status, box: BoxVitals, lines: Iterable[LineVitals]) -> Health:
    """The figures of the box and its lines, beside the state in which they were taken."""
    return Health(
        site=status.site,
        device=status.device,
        at=box.at,
        clock_synced=box.clock_synced,
        state=status.state,
        reasons=status.reasons,
        uptime_s=round(box.uptime_s, 1),
        lines=tuple(_line_health(line) for line in lines),
        spool_depth=box.spool_depth,
        spool_dropped=box.spool_dropped,
        cpu=box.load.cpu,
        rss_mb=box.load.rss_mb,
        temperature_c=box.load.temperature_c,
        certificate_until=box.certificate_until,
        versions=box.versions,
    )


def progress(lines: Iterable[LineVitals]) -> dict[str, tuple[int, int]]:
    """What moves where a line gets on: frames through the pipe, or looks for its card."""
    return {line.name: (line.frames, line.tap.steps if line.tap else 0) for line in lines}


def advanced(now: Mapping[str, tuple[int, int]], before: Mapping[str, tuple[int, int]]) -> bool:
    """Whether every line got on between two looks; a line that is new did."""
    return all(moved != before.get(name) for name, moved in now.items())


def _line_status(line: LineVitals) -> LineStatus:
    reasons = line.tap.reasons if line.tap else ()
    text = line.tap.sentence if line.tap else "plays a recording"
    if line.sides:
        found = (ended(NOTES[word]) for word in line.sides)
        text = " ".join([*([text] if reasons else []), *found])
    return LineStatus(line=line.name, reasons=(*reasons, *line.sides), text=text)


def _line_health(line: LineVitals) -> LineHealth:
    tap = line.tap
    return LineHealth(
        line=line.name,
        in_call=line.in_call,
        calls=line.calls,
        frames=line.frames,
        lost_s=round(tap.lost_samples / RATE_HZ, 3) if tap else 0.0,
        level_db=tap.level_db if tap else None,
        drift_ppm=tap.drift_ppm if tap else None,
        restarts=tap.restarts if tap else 0,
        rtf=line.rtf,
    )
