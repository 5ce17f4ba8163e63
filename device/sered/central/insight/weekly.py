"""The week on one page, for a manager on Monday: the answers of all pages, as text, HTML or PDF."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from sered.central.insight.boxes import boxes
from sered.central.insight.figures import share
from sered.central.insight.helped import helped
from sered.central.insight.missed import missed
from sered.central.insight.right import right
from sered.central.insight.unhappy import unhappy
from sered.central.store import upsert
from sered.central.store.tables import cases, outbox

if TYPE_CHECKING:
    from sered.central.context import Central

EVENT = "report"
_CAUSES = 5
_FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
"""Debian's fonts-dejavu-core; without it letters beyond Latin-1 are shown as ?."""
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:42em;margin:2em auto;color:#111;background:#fff}"
    "h1{font-size:1.4em}h2{font-size:1.05em;margin:1.2em 0 .2em}p{margin:.2em 0}"
    "ul{margin:.2em 0}"
)


@dataclass(frozen=True, slots=True)
class Part:
    """One question, its answer in sentences, and what else there is to list."""

    question: str
    sentences: tuple[str, ...]
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weekly:
    """One week."""

    title: str
    parts: tuple[Part, ...]
    closing: str

    def text(self) -> str:
        """For a terminal."""
        lines = [self.title, "=" * len(self.title)]
        for part in self.parts:
            lines += ["", part.question, *(f"  {each}" for each in part.sentences)]
            lines += [f"  - {each}" for each in part.items]
        return "\n".join([*lines, "", self.closing, ""])

    def html(self) -> str:
        """A page of its own; nothing in it is fetched."""
        body = []
        for part in self.parts:
            body.append(f"<h2>{escape(part.question)}</h2>")
            body += [f"<p>{escape(each)}</p>" for each in part.sentences]
            if part.items:
                items = "".join(f"<li>{escape(each)}</li>" for each in part.items)
                body.append(f"<ul>{items}</ul>")
        title = escape(self.title)
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{''.join(body)}"
            f"<p><small>{escape(self.closing)}</small></p></body></html>"
        )

    def pdf(self) -> bytes:
        """One page of A4."""
        from fpdf import FPDF  # noqa: PLC0415 - fonts and pictures, for who wants paper only

        page = FPDF(format="A4")
        page.set_title(self.title)
        page.set_auto_page_break(auto=True, margin=15)
        page.add_page()
        family = "helvetica"
        if _FONT.exists():
            family = "dejavu"
            page.add_font(family, "", str(_FONT))

        def write(text: str, size: float, indent: float = 0.0, above: float = 0.0) -> None:
            plain = text.encode("latin-1", "replace").decode("latin-1")
            said = text if family == "dejavu" else plain
            page.set_font(family, size=size)
            page.ln(above)
            page.set_x(page.l_margin + indent)
            page.multi_cell(0, size * 0.48, said, new_x="LMARGIN", new_y="NEXT")

        write(self.title, 16)
        for part in self.parts:
            write(part.question, 12, above=3)
            for each in part.sentences:
                write(each, 10)
            for each in part.items:
                write(f"• {each}" if family == "dejavu" else f"- {each}", 10, indent=4)
        write(self.closing, 8, above=4)
        return bytes(page.output())


def weekly(central: Central) -> Weekly:
    """The last whole week, Monday to Sunday."""
    end = _monday(central, central.now())
    begin = end - timedelta(days=7)
    whole = unhappy(central, days=7)
    causes = next((t for t in whole.tables if t.caption.startswith("Causes")), None)
    named = causes.rows[:_CAUSES] if causes else ()
    parts = [
        Part("How many were called back?", (_worked(central, begin, end),)),
        Part("What made customers unhappy?", (whole.lead,), tuple(f"{c}: {n}" for c, n in named)),
    ]
    answers = (right(central), missed(central), helped(central), boxes(central))
    parts += [Part(each.question, (each.lead, *each.limits[:1])) for each in answers]
    year, week, _ = (end - timedelta(days=3)).isocalendar()
    title = f"sered: customers called back, week {week} of {year}"
    address = central.settings.delivery.address.rstrip("/")
    closing = f"Charts and tables: {address}/figures/right. Nothing here is by desk or employee."
    return Weekly(title, tuple(parts), closing)


def due(central: Central) -> int:
    """Put last week's report into the outbox, once a week and channel; how many."""
    settings = central.settings.report
    now = central.now()
    monday = _monday(central, now)
    if not settings.channels or now < monday + timedelta(hours=settings.hour):
        return 0
    year, week, _ = (monday - timedelta(days=3)).isocalendar()
    keys = {name: f"report:{year}-W{week:02d}:{name}" for name in settings.channels}
    with central.store.reading() as connection:
        known = set(
            connection.scalars(
                select(outbox.c.dedupe).where(outbox.c.dedupe.in_(list(keys.values())))
            )
        )
    fresh = {name: key for name, key in keys.items() if key not in known}
    if not fresh:
        return 0
    rows = [
        {"case_id": None, "step": 0, "channel": name, "dedupe": key, "created": now, "due": now,
         "event": EVENT}
        for name, key in fresh.items()
    ]  # fmt: skip
    with central.store.writing() as connection:
        upsert.insert_if_new(connection, outbox, rows)
    central.outbox_bell.ring()
    return len(rows)


def _worked(central: Central, begin: datetime, end: datetime) -> str:
    when = func.coalesce(cases.c.called_at, cases.c.closed_at)
    closed = (cases.c.state == "closed") & (cases.c.closed_at >= begin) & (cases.c.closed_at < end)
    query = select(
        func.count(),
        func.count().filter(when <= cases.c.due_at),
        func.count().filter(cases.c.outcome == "recovered"),
    ).where(closed, cases.c.joined_to.is_(None))
    opened = select(func.count()).where(cases.c.opened_at >= begin, cases.c.opened_at < end)
    with central.store.reading() as connection:
        n, on_time, recovered = connection.execute(query).one()
        new = connection.scalar(opened.select_from(cases))
    return (
        f"{new} cases were opened, {n} closed; on time {share(int(on_time), int(n))}, "
        f"recovered {share(int(recovered), int(n))}."
    )


def _monday(central: Central, now: datetime) -> datetime:
    zone = ZoneInfo(central.settings.report.tz)
    day = now.astimezone(zone).date()
    first = day - timedelta(days=day.weekday())
    return datetime(first.year, first.month, first.day, tzinfo=zone).astimezone(UTC)
