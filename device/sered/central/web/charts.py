"""Charts of figures as SVG, drawn on the server; the same figures stand in a table below. Pure.

Each is drawn twice, for a desk and for a phone: a picture that is only made smaller has letters
that nobody can read. What goes by time runs from left to right; groups stand below each other,
with room for their names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sered.central.insight.answers import Chart, Point

_TOP, _TALL = 34, 172
"""Of a chart by time: room for marks above, and height of its plane; all in pixels."""
_LEFT, _RIGHT = 56, 16
_LETTER = 7.4
"""Mean width of a letter at the size that board.css gives to charts."""
_MARK = "upgrade"
_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
_MOST_TICKS = 5


@dataclass(frozen=True, slots=True)
class _Size:
    name: str
    width: int
    names: int
    """Width of the groups' names; 0: they stand above their line."""


_SIZES = (_Size("desk", 760, 220), _Size("phone", 358, 0))


def chart(found: Chart, key: str) -> str:
    """One chart in both sizes; the axis begins at zero, intervals are drawn before points."""
    drawn = _by_group if found.kind in {"groups", "bars"} else _by_time
    return "".join(drawn(found, f"{key}-{size.name}", size) for size in _SIZES)


def _by_time(found: Chart, key: str, size: _Size) -> str:
    ticks = _ticks(found)
    floor, right = _TOP + _TALL, size.width - _RIGHT

    def y(value: float) -> float:
        return floor - value / ticks[-1] * _TALL

    parts = [_open(found, key, size, floor + 30)]
    for value in ticks:
        parts.append(_line("axis", _LEFT, y(value), right, y(value)))
        parts.append(_text(_LEFT - 8, y(value) + 5, _said(found, value), "end"))
    if found.centre is not None:
        parts.append(_line("centre", _LEFT, y(found.centre), right, y(found.centre)))
    step = (right - _LEFT) / max(len(found.points), 1)
    widest = max((len(point.label) for point in found.points), default=0) * _LETTER
    every = max(1, math.ceil((widest + 12) / step))
    for at, point in enumerate(found.points):
        x = _LEFT + step * (at + 0.5)
        parts += _upright(found.kind, point, x, step, y)
        if at % every == 0 and _fits(x, point.label, size):
            parts.append(_text(x, floor + 20, point.label, "middle"))
        if point.mark:
            parts.append(_line("mark", x, _TOP, x, floor))
            inside = min(max(x, _LETTER * 4), size.width - _LETTER * 4)
            parts.append(_text(inside, _TOP - 8, _MARK, "middle", "mark"))
    return "".join([*parts, "</svg>"])


def _upright(
    kind: str, point: Point, x: float, step: float, y: Callable[[float], float]
) -> list[str]:
    out = []
    if point.low is not None and point.high is not None:
        if kind == "control":
            ends = (y(point.low), y(point.high))
            out += [_line("limit", x - step / 2, at, x + step / 2, at) for at in ends]
        else:
            out.append(_line("interval", x, y(point.low), x, y(point.high)))
    if point.value is not None:
        out.append(_dot(point, x, y(point.value)))
    return out


def _by_group(found: Chart, key: str, size: _Size) -> str:
    ticks = _ticks(found)
    left = size.names or 12
    right = size.width - 30
    row = 30 if size.names else 46
    floor = 10 + row * len(found.points)

    def x(value: float) -> float:
        return left + value / ticks[-1] * (right - left)

    parts = [_open(found, key, size, floor + 28)]
    for value in ticks:
        parts.append(_line("axis", x(value), 6, x(value), floor))
        parts.append(_text(x(value), floor + 20, _said(found, value), "middle"))
    for at, point in enumerate(found.points):
        middle = 10 + row * at + (row / 2 if size.names else 32)
        if size.names:
            parts.append(_text(left - 12, middle + 5, point.label, "end"))
        else:
            parts.append(_text(left, middle - 14, point.label, "start"))
        if point.low is not None and point.high is not None:
            parts.append(_line("interval", x(point.low), middle, x(point.high), middle))
        if point.value is None:
            continue
        if found.kind == "bars":
            parts.append(
                f'<rect class="up" x="{left}" y="{middle - 8:.1f}" height="16" '
                f'width="{x(point.value) - left:.1f}"/>'
            )
        else:
            parts.append(_dot(point, x(point.value), middle))
    return "".join([*parts, "</svg>"])


def _ticks(found: Chart) -> list[float]:
    """Round values from zero to the first one that nothing is above."""
    values = [v for p in found.points for v in (p.value, p.high) if v is not None]
    most = max(values, default=0.0)
    if found.kind == "bars":
        most = max(most, 1.0)
        tens = 10.0 ** math.floor(math.log10(most / _MOST_TICKS)) if most > _MOST_TICKS else 1.0
        step = next(s * tens for s in (1, 2, 5, 10) if most / (s * tens) <= _MOST_TICKS)
        return [step * n for n in range(math.ceil(most / step) + 1)]
    most = min(max(most, 0.05), 1.0)
    share = next(s for s in _SHARES if most / s <= _MOST_TICKS)
    return [share * n for n in range(math.ceil(most / share - 1e-9) + 1)]


def _said(found: Chart, value: float) -> str:
    return f"{value:.0f}" if found.kind == "bars" else f"{100 * value:.0f} %"


def _fits(x: float, label: str, size: _Size) -> bool:
    half = len(label) * _LETTER / 2
    return half <= x <= size.width - half


def _open(found: Chart, key: str, size: _Size, height: int) -> str:
    return (
        f'<svg class="chart on-{size.name}" viewBox="0 0 {size.width} {height}" role="img" '
        f'aria-labelledby="{key}"><title id="{key}">{escape(found.title)}; the figures are in the '
        "table below.</title>"
    )


def _dot(point: Point, x: float, y: float) -> str:
    place = "outside" if point.outside else "within"
    return f'<circle class="{place}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'


def _text(x: float, y: float, said: str, anchor: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
