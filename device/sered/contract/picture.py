"""A verdict as SVG, for pages and reports: a face, a bar, a call. Pure; safe to put into HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTH, HEIGHT = 640, 150
_TOP, _FLOOR = 14, 112
_MIDDLE = (_TOP + _FLOOR) / 2
_MOUTHS = {
    "negative": "M20 46 Q32 34 44 46",
    "positive": "M20 40 Q32 54 44 40",
    None: "M21 43 L43 43",
}
_STEPS = 4


def face(category: str | None) -> str:
    """A face that looks as the customer feels; the words stand beside it."""
    mouth = _MOUTHS.get(category, _MOUTHS[None])
    kind = category if category in ("negative", "positive") else "unknown"
    return (
        f'<svg class="face {kind}" viewBox="0 0 64 64" aria-hidden="true" focusable="false">'
        '<circle cx="32" cy="32" r="28"/><circle class="eye" cx="22" cy="26" r="3.5"/>'
        f'<circle class="eye" cx="42" cy="26" r="3.5"/><path d="{mouth}"/></svg>'
    )


def bar(share: float | None) -> str:
    """A part of the score: to the left of the middle it pulls down, to the right up."""
    if share is None:
        return '<span class="none">not judged</span>'
    length = min(abs(share), 1.0) * 50
    x = 50 - length if share < 0 else 50.0
    kind = "down" if share < 0 else "up"
    return (
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" '
        'focusable="false"><rect class="rail" width="100" height="10"/>'
        f'<rect class="{kind}" x="{x:.1f}" width="{length:.1f}" height="10"/>'
        '<line x1="50" x2="50" y1="0" y2="10"/></svg>'
    )


def call(report: Mapping[str, Any], key: str = "call-picture") -> str:
    """The call over time: each utterance's score, and the worst moment marked.

    `key`: an id of its own on the page.
    """
    length = max(float(report["duration_s"]), 1.0)

    def x(seconds: float) -> float:
        return 8 + min(max(seconds, 0.0), length) / length * (WIDTH - 16)

    drawn = [
        (
            f'<svg class="picture" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-labelledby="{key}">'
            f'<title id="{key}">{escape(told(report))}</title>'
            f'<line class="axis" x1="8" x2="{WIDTH - 8}" y1="{_MIDDLE}" y2="{_MIDDLE}"/>'
        )
    ]
    for spoken in report["utterances"]:
        score = spoken["score"]
        begin = x(spoken["offset_s"])
        wide = max(x(spoken["offset_s"] + spoken["duration_s"]) - begin, 2.0)
        if score is None:
            y, tall, kind = _MIDDLE - 2, 4.0, "none"
        else:
            tall = max(abs(score) * (_FLOOR - _TOP) / 2, 3.0)
            y, kind = (_MIDDLE, "down") if score < 0 else (_MIDDLE - tall, "up")
        drawn.append(
            f'<rect class="{kind}" x="{begin:.1f}" y="{y:.1f}" width="{wide:.1f}" '
            f'height="{tall:.1f}"/>'
        )
    drawn += [*_worst(report, x), *_times(length, x), "</svg>"]
    return "".join(drawn)


def told(report: Mapping[str, Any]) -> str:
    """The picture in words."""
    scores = [u["score"] for u in report["utterances"] if u["score"] is not None]
    low = sum(score < -0.1 for score in scores)
    text = f"{len(scores)} stretches of the customer's speech, {low} of them unhappy"
    if report.get("worst"):
        text += f"; the worst from {_clock(report['worst']['offset_s'])}"
    return text + "."


def _worst(report: Mapping[str, Any], x: Any) -> list[str]:
    worst = report.get("worst")
    if not worst:
        return []
    begin, end = x(worst["offset_s"]), x(worst["offset_s"] + worst["duration_s"])
    middle = (begin + end) / 2
    anchor = "start" if middle < 90 else "end" if middle > WIDTH - 90 else "middle"
    return [
        (
            f'<rect class="worst" x="{begin - 2:.1f}" y="{_TOP - 4}" '
            f'width="{end - begin + 4:.1f}" height="{_FLOOR - _TOP + 8}"/>'
            f'<text class="mark" x="{middle:.1f}" y="{_FLOOR + 16}" text-anchor="{anchor}">'
            "worst moment</text>"
        )
    ]


def _times(length: float, x: Any) -> list[str]:
    out = []
    for step in range(_STEPS + 1):
        seconds = length * step / _STEPS
        anchor = "start" if step == 0 else "end" if step == _STEPS else "middle"
        out.append(
            f'<text x="{x(seconds):.1f}" y="{HEIGHT - 4}" text-anchor="{anchor}">'
            f"{_clock(seconds)}</text>"
        )
    return out


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
