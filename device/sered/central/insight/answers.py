"""What a page says: a question, its figures as tables, a chart of the same figures, and limits."""

from __future__ import annotations

import csv
import io
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from sered.central.insight.figures import FEW

if TYPE_CHECKING:
    from collections.abc import Iterable

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """One table."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a chart; a share from 0 to 1, or a count."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    outside: bool = False
    mark: str = ""
    """What happened then: an upgrade."""


@dataclass(frozen=True, slots=True)
class Chart:
    """`interval`: values by time with their intervals; `control`: within limits; `groups`: values
    of groups with their intervals; `bars`: counts of groups.
    """

    kind: Literal["interval", "control", "groups", "bars"]
    title: str
    points: tuple[Point, ...]
    centre: float | None = None


def together(rows: Iterable[tuple[str, float | None, float, float, int]]) -> Figures:
    """The page's main figures with their intervals as numbers; (name, value, low, high, of)."""
    said: list[tuple[Cell, ...]] = []
    for name, value, low, high, of in rows:
        if value is None or of < FEW:
            said.append((name, "too few to say", "", "", of))
        else:
            said.append((name, round(value, 4), round(low, 4), round(high, 4), of))
    return Figures("Together", ("", "share", "95 % from", "to", "of"), tuple(said))


def points(low: float, high: float) -> str:
    """An interval of a difference of shares, in percentage points with their signs."""
    return f"(95 %: {100 * low:+.0f} to {100 * high:+.0f})".replace("-", "−")


@dataclass(frozen=True, slots=True)
class Answer:
    """One page."""

    key: str
    question: str
    lead: str
    """The answer in a sentence, or why there is none."""
    tables: tuple[Figures, ...] = ()
    charts: tuple[Chart, ...] = ()
    limits: tuple[str, ...] = field(default=())
    """What the figures do not say."""

    def as_csv(self) -> str:
        """All tables, one under the other; no cell can be taken for a formula."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        for number, table in enumerate(self.tables):
            if number:
                writer.writerow(())
            writer.writerow((table.caption,))
            writer.writerow(table.columns)
            for row in table.rows:
                writer.writerow([_inert(cell) for cell in row])
        return out.getvalue()


def _inert(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    # controls and direction marks make a cell look like something else
    shown = "".join(sign if unicodedata.category(sign)[0] != "C" else " " for sign in cell)
    return "'" + shown if shown.lstrip()[:1] in {"=", "+", "-", "@"} else shown
