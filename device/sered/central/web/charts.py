"""Charts of figures as SVG, drawn on the server; the same figures stand in a table below. Pure."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sered.central.insight.answers import Chart, Point

WIDTH, HEIGHT = 760, 260
_LEFT, _RIGHT, _TOP, _FLOOR = 56, 744, 34, 206
_LABELS = 8


def chart(found: Chart, key: str) -> str:
    """One chart; the axis begins at zero, intervals are drawn before points."""
    top = _top(found)

    def y(value: float) -> float:
        return _FLOOR - value / top * (_FLOOR - _TOP)

    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{key}">'
        f'<title id="{key}">{escape(found.title)}; the figures are in the table below.</title>',
        *_axis(top, y, percent=found.kind != "bars"),
    ]
    if found.centre is not None:
        parts.append(_line("centre", _LEFT, y(found.centre), _RIGHT, y(found.centre)))
    count = max(len(found.points), 1)
    step = (_RIGHT - _LEFT) / count
    every = -(-count // _LABELS)
    for at, point in enumerate(found.points):
        x = _LEFT + step * (at + 0.5)
        parts += _point(found.kind, point, x, step, y)
        if at % every == 0:
            parts.append(
                f'<text x="{x:.1f}" y="{_FLOOR + 18}" text-anchor="middle">'
                f"{escape(_short(point.label))}</text>"
            )
        if point.mark:
            parts.append(_line("mark", x, _TOP, x, _FLOOR))
            parts.append(
                f'<text class="mark" x="{x:.1f}" y="{_TOP - 8}" text-anchor="middle">upgrade</text>'
            )
    return "".join([*parts, "</svg>"])


def _top(found: Chart) -> float:
    values = [v for p in found.points for v in (p.value, p.high) if v is not None]
    most = max(values, default=1.0)
    if found.kind == "bars":
        return max(most, 1.0)
    return min(1.0, max(0.1, most * 1.1))


def _axis(top: float, y: object, *, percent: bool) -> list[str]:
    assert callable(y)
    out = []
    for part in (0.0, 0.5, 1.0):
        value = top * part
        said = f"{value:.0%}".replace("%", " %") if percent else f"{value:.0f}"
        out.append(_line("axis", _LEFT, y(value), _RIGHT, y(value)))
        out.append(f'<text x="{_LEFT - 8}" y="{y(value) + 5:.1f}" text-anchor="end">{said}</text>')
    return out


def _point(kind: str, point: Point, x: float, step: float, y: object) -> list[str]:
    assert callable(y)
    out = []
    if point.low is not None and point.high is not None:
        if kind == "control":
            half = step / 2
            out += [
                _line("limit", x - half, y(point.low), x + half, y(point.low)),
                _line("limit", x - half, y(point.high), x + half, y(point.high)),
            ]
        else:
            out.append(_line("interval", x, y(point.low), x, y(point.high)))
    if point.value is None:
        return out
    if kind == "bars":
        tall = _FLOOR - y(point.value)
        out.append(
            f'<rect class="up" x="{x - step * 0.3:.1f}" y="{y(point.value):.1f}" '
            f'width="{step * 0.6:.1f}" height="{tall:.1f}"/>'
        )
    else:
        place = "outside" if point.outside else "within"
        out.append(f'<circle class="{place}" cx="{x:.1f}" cy="{y(point.value):.1f}" r="4"/>')
    return out


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _short(label: str) -> str:
    return label if len(label) <= 16 else label[:15] + "…"
