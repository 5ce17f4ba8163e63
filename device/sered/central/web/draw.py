"""Pictures of the board as SVG, drawn on the server: a face, a bar, a call. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

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


def face(category: str | None) -> Markup:
    """A face that looks as the customer feels; the words stand beside it."""
    mouth = _MOUTHS.get(category, _MOUTHS[None])
    kind = category or "unknown"
    return Markup(
        '<svg class="face {}" viewBox="0 0 64 64" aria-hidden="true" focusable="false">'
        '<circle cx="32" cy="32" r="28"/><circle class="eye" cx="22" cy="26" r="3.5"/>'
        '<circle class="eye" cx="42" cy="26" r="3.5"/><path d="{}"/></svg>'
    ).format(kind, mouth)


def bar(share: float | None) -> Markup:
    """A part of the score: to the left of the middle it pulls down, to the right up."""
    if share is None:
        return Markup('<span class="none">not judged</span>')
    length = min(abs(share), 1.0) * 50
    x = 50 - length if share < 0 else 50.0
    kind = "down" if share < 0 else "up"
    return Markup(
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" '
        'focusable="false"><rect class="rail" width="100" height="10"/>'
        '<rect class="{}" x="{:.1f}" width="{:.1f}" height="10"/>'
        '<line x1="50" x2="50" y1="0" y2="10"/></svg>'
    ).format(kind, x, length)


def picture(report: Mapping[str, Any]) -> Markup:
    """The call over time: each utterance's score, and the worst moment marked."""
    length = max(float(report["duration_s"]), 1.0)

    def x(seconds: float) -> float:
        return 8 + min(max(seconds, 0.0), length) / length * (WIDTH - 16)

    drawn = [
        Markup(
            '<svg class="picture" viewBox="0 0 {} {}" role="img" aria-labelledby="call-picture">'
            '<title id="call-picture">{}</title>'
            '<line class="axis" x1="8" x2="{}" y1="{}" y2="{}"/>'
        ).format(WIDTH, HEIGHT, told(report), WIDTH - 8, _MIDDLE, _MIDDLE)
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
            Markup(
                '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
            ).format(kind, begin, y, wide, tall)
        )
    drawn += [*_worst(report, x), *_times(length, x), Markup("</svg>")]
    return Markup("").join(drawn)


def told(report: Mapping[str, Any]) -> str:
    """The picture in words."""
    scores = [u["score"] for u in report["utterances"] if u["score"] is not None]
    low = sum(score < -0.1 for score in scores)
    text = f"{len(scores)} stretches of the customer's speech, {low} of them unhappy"
    if report.get("worst"):
        text += f"; the worst from {_clock(report['worst']['offset_s'])}"
    return text + "."


def _worst(report: Mapping[str, Any], x: Any) -> list[Markup]:
    worst = report.get("worst")
    if not worst:
        return []
    begin, end = x(worst["offset_s"]), x(worst["offset_s"] + worst["duration_s"])
    middle = (begin + end) / 2
    anchor = "start" if middle < 90 else "end" if middle > WIDTH - 90 else "middle"
    return [
        Markup(
            '<rect class="worst" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>'
            '<text class="mark" x="{:.1f}" y="{}" text-anchor="{}">worst moment</text>'
        ).format(
            begin - 2, _TOP - 4, end - begin + 4, _FLOOR - _TOP + 8, middle, _FLOOR + 16, anchor
        )
    ]


def _times(length: float, x: Any) -> list[Markup]:
    out = []
    for step in range(_STEPS + 1):
        seconds = length * step / _STEPS
        anchor = "start" if step == 0 else "end" if step == _STEPS else "middle"
        out.append(
            Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
                x(seconds), HEIGHT - 4, anchor, _clock(seconds)
            )
        )
    return out


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
