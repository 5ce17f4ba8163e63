"""Renders the templates: everything is escaped, and times are text before they are colour."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sered.central.web import charts, say
from sered.contract import picture

if TYPE_CHECKING:
    from datetime import datetime


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sered.central.web"),
        # a phrase of a report was said into a telephone by a stranger
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "at": _at,
        "due": lambda at, now: say.due((at - now).total_seconds()),
        "stamp": lambda at: round(at.timestamp(), 1),
        "minutes": say.minutes,
        "percent": say.percent,
        "signed": lambda value: f"{value:+.2f}".replace("-", "−"),
        "listed": lambda words: " · ".join(say.plain(word) for word in words),
        "plain": say.plain,
    }
    environment.globals |= {
        "face": lambda category: _drawn(picture.face(category)),
        "picture": lambda report, key="call-picture": _drawn(picture.call(report, key)),
        "bar": lambda share: _drawn(picture.bar(share)),
        "chart": lambda found, key: _drawn(charts.chart(found, key)),
        "say": say,
    }
    return environment


def _drawn(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704 - pictures are made of numbers and escaped words


def render(template: str, **values: Any) -> str:
    """A whole page, or a piece of one."""
    return _environment().get_template(template).render(**values)


def _at(at: datetime, zone: str = "UTC") -> str:
    """`14:03`, with the day where it is another one than now's caller would expect."""
    return at.astimezone(ZoneInfo(zone)).strftime("%d %b %H:%M")
