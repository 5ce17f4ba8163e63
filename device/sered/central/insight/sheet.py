"""One page for a manager: two weeks side by side, then answers; as text, HTML or PDF. Pure."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpdf import FPDF

_FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
"""Debian's fonts-dejavu-core; without it letters beyond Latin-1 are shown as ?."""
_WIDE = 78
"""Characters of a line in a terminal."""
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:42em;margin:2em auto;padding:0 1em;"
    "color:#111;background:#fff}h1{font-size:1.4em;margin-bottom:0}"
    "h2{font-size:1.05em;margin:1.4em 0 .2em}p{margin:.2em 0}"
    "table{border-collapse:collapse;width:100%;margin-top:1em}"
    "th,td{text-align:left;padding:.3em .8em .3em 0;border-bottom:1px solid #ccc;"
    "vertical-align:top}td.before{color:#555}"
)


@dataclass(frozen=True, slots=True)
class Part:
    """One question, and its answer in sentences."""

    question: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A name, this week's figure and that of the week before, a row."""

    columns: tuple[str, str, str]
    rows: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Weekly:
    """One week."""

    title: str
    span: str
    """From when to when."""
    table: Table
    parts: tuple[Part, ...]
    closing: str

    def text(self) -> str:
        """For a terminal."""
        rows = (self.table.columns, *self.table.rows)
        wide = [max(len(row[at]) for row in rows) for at in range(3)]
        lines = [self.title, self.span, ""]
        for at, row in enumerate(rows):
            cells = (cell.ljust(n) for cell, n in zip(row, wide, strict=True))
            lines.append("  ".join(cells).rstrip())
            if at == 0:
                lines.append("-" * (sum(wide) + 4))
        for part in self.parts:
            lines += ["", part.question]
            for each in part.sentences:
                lines += textwrap.wrap(each, _WIDE, initial_indent="  ", subsequent_indent="  ")
        lines += ["", *textwrap.wrap(self.closing, _WIDE), ""]
        return "\n".join(lines)

    def html(self) -> str:
        """A page of its own; nothing in it is fetched."""
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.table.columns)
        rows = "".join(
            f'<tr><th scope="row">{escape(name)}</th><td>{escape(now)}</td>'
            f'<td class="before">{escape(before)}</td></tr>'
            for name, now, before in self.table.rows
        )
        body = []
        for part in self.parts:
            body.append(f"<h2>{escape(part.question)}</h2>")
            body += [f"<p>{escape(each)}</p>" for each in part.sentences]
        title = escape(self.title)
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<style>{_STYLE}</style></head><body><h1>{title}</h1><p>{escape(self.span)}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{''.join(body)}"
            f"<p><small>{escape(self.closing)}</small></p></body></html>"
        )

    def pdf(self) -> bytes:
        """One page of A4."""
        from fpdf import FPDF  # noqa: PLC0415 - fonts and pictures, for who wants paper only

        page = FPDF(format="A4")
        page.set_title(self.title)
        page.set_auto_page_break(auto=True, margin=12)
        page.set_margin(18)
        page.add_page()
        sheet = _Paper(page)
        sheet.write(self.title, 16)
        sheet.write(self.span, 10)
        page.ln(3)
        sheet.table(self.table)
        for part in self.parts:
            sheet.write(part.question, 12, above=3)
            for each in part.sentences:
                sheet.write(each, 10)
        sheet.write(self.closing, 8, above=4)
        return bytes(page.output())


class _Paper:
    """Writes on a page in a font that has the letters, if Debian's is there."""

    def __init__(self, page: FPDF) -> None:
        self._page, self._family = page, "helvetica"
        if _FONT.exists():
            self._family = "dejavu"
            page.add_font(self._family, "", str(_FONT))

    def write(self, text: str, size: float, above: float = 0.0) -> None:
        page = self._page
        page.set_font(self._family, size=size)
        page.ln(above)
        page.multi_cell(0, size * 0.48, self._said(text), align="L", new_x="LMARGIN", new_y="NEXT")

    def table(self, found: Table) -> None:
        self._page.set_font(self._family, size=10)
        with self._page.table(
            borders_layout="HORIZONTAL_LINES", col_widths=(40, 30, 30), text_align="LEFT",
            first_row_as_headings=False, line_height=6,
        ) as drawn:  # fmt: skip
            for cells in (found.columns, *found.rows):
                row = drawn.row()
                for cell in cells:
                    row.cell(self._said(cell))

    def _said(self, text: str) -> str:
        plain = text.encode("latin-1", "replace").decode("latin-1")
        return text if self._family == "dejavu" else plain
