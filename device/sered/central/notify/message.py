"""What a notification says: where, since when, how many, and a link; never who, what or how bad."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import datetime

    from sered.central.insight.sheet import Weekly


@dataclass(frozen=True, slots=True)
class Message:
    """One notification, ready for any channel."""

    key: str
    """The same at every try: what a receiver may drop duplicates by."""
    case_id: int
    """0: a test of the channel."""
    step: int
    """Index of the step of escalation."""
    title: str
    text: str
    link: str
    site: str
    queue: str
    team: str
    due_at: datetime | None
    more: int = 0
    """How many other cases of the same storm it stands for."""
    event: str = "step"
    """`step`, `test`, `report`, or the state that a case has reached."""
    html: str = field(default="", repr=False)
    """The text as HTML, for mail."""
    pdf: bytes = field(default=b"", repr=False)
    """The same as an attachment."""


def of_case(
    key: str,
    case_id: int,
    step: int,
    *,
    place: tuple[str, str, str],
    ended_at: datetime,
    due_at: datetime,
    zone: str,
    now: datetime,
    link: str,
    more: int = 0,
    event: str = "step",
) -> Message:
    """The notification of one step; `place` is site, queue and team."""
    site, queue, team = place
    where = f"{site}, {queue}" if queue else site
    since = ended_at.astimezone(ZoneInfo(zone)).strftime("%H:%M")
    title = f"sered: a customer waits for a call back ({where})"
    if step:
        title = f"sered: nobody has called back yet ({where})"
    lines = [f"The call ended at {since}. {_due(due_at, now)}"]
    if more:
        lines.append(f"{more} more of the same kind from {site} wait besides.")
    lines.append(link)
    return Message(
        key, case_id, step, title, "\n".join(lines), link, site, queue, team, due_at, more, event
    )


def of_test(channel: str, now: datetime, address: str) -> Message:
    """What the test button sends."""
    text = f"This is a test of the channel {channel}. Nobody needs to be called.\n{address}"
    key = f"test:{channel}:{int(now.timestamp())}"
    title = "sered: a test"
    return Message(key, 0, 0, title, text, address, "", "", "", None, event="test")


def of_report(key: str, week: Weekly, link: str) -> Message:
    """The week on one page."""
    return Message(
        key, 0, 0, week.title, week.text(), link, "", "", "", None,
        event="report", html=week.html(), pdf=week.pdf(),
    )  # fmt: skip


def _due(due_at: datetime, now: datetime) -> str:
    left_s = (due_at - now).total_seconds()
    if left_s < 0:
        return f"The call back is {_span(-left_s)} late."
    return f"The call back is due in {_span(left_s)}."


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{round(seconds)} s"
    if minutes < 120:
        return f"{minutes} min"
    return f"{round(minutes / 60)} h"
