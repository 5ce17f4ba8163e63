"""One run of the doctor as a document: `sered diagnose --json` and its schema."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from sered import __version__
from sered.diagnose.model import Mark, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sered.settings import Settings


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Finding(_Record):
    """One check's end."""

    id: str = Field(description="GROUP.NAME, stable between versions.")
    group: str
    line: str | None = Field(description="Name of the line, for checks of a line.")
    claim: str
    mark: Mark
    fault: str | None = Field(
        description="Which of the check's faults it is, as in docs/diagnose.md; `hung` and "
        "`crashed` besides."
    )
    found: str
    hint: str = Field(description="What to do; empty when there is nothing to do.")
    took_s: float = Field(ge=0)


class Summary(_Record):
    """How many checks ended how."""

    ok: int
    warn: int
    fail: int
    skip: int


class Report(_Record):
    """`sered diagnose --json`."""

    schema_: Literal["sered.diagnose/1"] = Field("sered.diagnose/1", alias="schema")
    version: str
    at: datetime
    site: str | None
    device: str | None
    healthy: bool = Field(
        description="Something was looked at, nothing that was asked for could not be, and nothing "
        "failed; warnings are allowed."
    )
    took_s: float
    summary: Summary
    checks: tuple[Finding, ...]


def document(
    results: Sequence[Result], settings: Settings | None, took_s: float, at: datetime
) -> Report:
    """One run as it goes out for machines; without a configuration nobody knows the box's name."""
    summary = count(results)
    return Report(
        schema_="sered.diagnose/1",
        version=__version__,
        at=at,
        site=settings.site if settings else None,
        device=settings.device if settings else None,
        healthy=healthy(results),
        took_s=round(took_s, 2),
        summary=summary,
        checks=tuple(_finding(result) for result in results),
    )


def count(results: Sequence[Result]) -> Summary:
    """How many of the results ended how."""
    marks = [result.mark for result in results]
    return Summary(**{mark.value: marks.count(mark) for mark in Mark})


def healthy(results: Sequence[Result]) -> bool:
    """Whether the box is in order as far as was asked, and was looked at."""
    looked = any(result.mark in (Mark.OK, Mark.WARN) for result in results)
    return looked and not any(result.mark is Mark.FAIL or result.blocked for result in results)


def _finding(result: Result) -> Finding:
    return Finding(
        id=result.check.id,
        group=result.check.group,
        line=result.line,
        claim=result.check.claim,
        mark=result.mark,
        fault=result.fault,
        found=result.found,
        hint=result.hint,
        took_s=round(result.took_s, 3),
    )
