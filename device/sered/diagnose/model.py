"""What a check is, what it finds and what it may look at: the doctor's data model."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sered.config import digest
from sered.contract.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sered.box.snapshot import Snapshot
    from sered.settings import LineSettings, Settings


_LONGEST, _MOST_LINES = 1_000, 100
"""Characters of a line and lines of what one check says."""


class Mark(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Context:
    """What the checks may look at."""

    settings: Settings | None
    """None: the configuration cannot be read; `config_error` says why."""
    config_path: Path | None = None
    """None: no file; the defaults hold."""
    config_error: str = ""
    root: Path = Path("/")
    """Where /proc, /sys and /etc are looked for."""
    service: Snapshot | None = None
    """What the running service says of itself; None: none runs here."""
    line: LineSettings | None = None
    """The line that a check of a line is about."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What earlier checks measured; for a check of a line, what was measured of that line."""

    @property
    def outdated(self) -> bool:
        """Whether the running service uses another configuration than the one examined."""
        runs = self.service.configuration if self.service is not None else None
        return runs is not None and self.settings is not None and runs != digest(self.settings)

    @property
    def known(self) -> Settings:
        """The settings, where `needs` has made sure of them."""
        if self.settings is None:
            msg = "this check needs the configuration"
            raise LookupError(msg)
        return self.settings

    @property
    def this_line(self) -> LineSettings:
        """The line, in a check of a line."""
        if self.line is None:
            msg = "this check needs a line"
            raise LookupError(msg)
        return self.line


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check found."""

    found: str
    """What there is, in a few words."""
    fault: str | None = None
    """Key of the check's failures or warnings; None: nothing wrong."""
    skipped: bool = False
    """There was nothing to check; `found` says why."""
    ends_group: bool = False
    """Nor is there for the rest of the group."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What the hint's placeholders stand for."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What later checks may use: plain data, it crosses a process boundary."""


def ok(found: str, **facts: Any) -> Outcome:
    """The claim holds."""
    return Outcome(found, facts=facts)


def fault(name: str, found: str, **fields: str) -> Outcome:
    """The claim does not hold; `name` is one of the check's failures or warnings."""
    return Outcome(found, name, fields=fields)


def skip(why: str) -> Outcome:
    """There is nothing to check here."""
    return Outcome(why, skipped=True)


def skip_all(why: str) -> Outcome:
    """There is nothing to check here, nor for the rest of the group."""
    return Outcome(why, skipped=True, ends_group=True)


@dataclass(frozen=True, slots=True)
class Fix:
    """Something that the doctor can mend safely."""

    faults: tuple[str, ...]
    """The faults that it mends."""
    says: str
    """What it will do, shown before it is done."""
    do: Callable[[Context], None]
    """Does it; raises SeredError or OSError."""


@dataclass(frozen=True, slots=True)
class Check:
    """One claim about the box and how to find out whether it holds."""

    id: str
    """GROUP.NAME."""
    claim: str
    """A sentence in the present tense without its full stop."""
    why: str
    """Why it matters, for the manual."""
    run: Callable[[Context], Outcome]
    failures: Mapping[str, str] = field(default_factory=dict)
    """Fault to what to do about it; `{name}` is filled from the outcome."""
    warnings: Mapping[str, str] = field(default_factory=dict)
    """The same for faults that the box can live with."""
    deadline_s: float = 3.0
    fatal: bool = False
    """When it fails, the rest of its group cannot be checked."""
    needs: tuple[str, ...] = ()
    """Checks of other groups that must not have failed."""
    cheap: str | None = None
    """The reason that the service's `status` carries when it fails: it is looked at every minute
    while the service runs. None: only the doctor looks."""
    fix: Fix | None = None

    @property
    def group(self) -> str:
        """First part of the id."""
        return self.id.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Group:
    """Checks that are about one thing, in the order in which they build on each other."""

    name: str
    title: str
    checks: tuple[Check, ...]
    lane: str
    """Groups of one lane run one after the other, lanes side by side."""
    per_line: bool = False
    """Every check runs once for each line."""
    needs: tuple[str, ...] = ()
    """Checks of other groups that must not have failed."""


@dataclass(frozen=True, slots=True)
class Result:
    """One check's end, ready to be printed."""

    check: Check
    line: str | None
    mark: Mark
    found: str
    hint: str = ""
    fault: str | None = None
    took_s: float = 0.0
    blocked: bool = False
    """Skipped because something else failed, not because there is nothing to check."""

    def __post_init__(self) -> None:
        # brokers, cards and files are quoted in it, and strangers name them
        for name in ("found", "hint"):
            object.__setattr__(self, name, _plain_lines(getattr(self, name)))


def _plain_lines(text: str) -> str:
    """Lines that steer no terminal and are not endless."""
    return "\n".join(plain(line, _LONGEST) for line in text.split("\n")[:_MOST_LINES])


def judge(check: Check, outcome: Outcome, line: str | None = None, took_s: float = 0.0) -> Result:
    """From what was found to mark and hint, by the check's own data."""
    if outcome.skipped:
        return Result(check, line, Mark.SKIP, outcome.found, took_s=took_s)
    if outcome.fault is None:
        return Result(check, line, Mark.OK, outcome.found, took_s=took_s)
    mark = Mark.WARN if outcome.fault in check.warnings else Mark.FAIL
    known = check.warnings if mark is Mark.WARN else check.failures
    hint = known[outcome.fault].format_map(outcome.fields)
    return Result(check, line, mark, outcome.found, hint, outcome.fault, took_s)
