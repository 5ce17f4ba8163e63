"""Draws one call: who spoke how loud, how each utterance felt, the running score, what decided."""

from __future__ import annotations

import logging
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sered.cli import feelings
from sered.cli.feelings import BAD, GOOD, INK, PALE, SOFT
from sered.contract.explain import clock, decisive, sureness
from sered.errors import SeredError
from sered.records import Side

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sered.cli.loudness import Loudness
    from sered.contract.call import VerbalTerm
    from sered.contract.messages import CallReport, Live

_MOMENT = "#F1EDFB"
_FLOOR_DB = -60.0
"""dB of full scale at the picture's bottom: a quiet line's noise lies under it."""
_COLUMNS = 1500
"""Of the picture's loudness at most: more than pixels."""
_TERMS, _ROWS = 12, 5
_NAME = 60
"""Letters of a recording's name that have room."""
_SCRIPTS = ("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "Noto Sans")
"""Fonts for a recording's name: the others, where they are, for what the first lacks."""
_TITLED = frozenset((".png", ".svg", ".pdf"))


@dataclass(frozen=True, slots=True)
class Picture:
    """What there is to draw of one call."""

    call: CallReport
    running: Sequence[Live]
    """One a customer utterance, in order; empty draws no curve."""
    loudness: Loudness
    call_at_s: float
    """Where in the recording the call begins."""
    escalate_below: float
    """Score at or under which somebody should call back."""
    file: str = ""
    """Name of the recording, fit to be shown."""


def draw(picture: Picture, out: Path) -> None:
    """Save the picture as PNG, 1800 by 1050 points.

    Raises SeredError where matplotlib is not installed or the file cannot be written.
    """
    figure = _figure()
    grid = figure.add_gridspec(
        3, 1, height_ratios=(5, 4, 2.9), hspace=0, left=0.075, right=0.975, top=0.83, bottom=0.075
    )
    sound = figure.add_subplot(grid[0])
    score = figure.add_subplot(grid[1], sharex=sound)
    words = figure.add_subplot(grid[2], sharex=sound)
    _headline(figure, picture)
    _draw_sound(sound, picture)
    _draw_score(score, picture)
    _draw_words(words, picture)
    _draw_moment((sound, score, words), picture)
    _time_axis((sound, score, words), picture)
    try:
        metadata = {"Title": picture.file} if out.suffix.lower() in _TITLED else None
        with warnings.catch_warnings():
            # a script that no font here has is drawn as boxes; the title has the name all the same
            warnings.filterwarnings("ignore", "Glyph .* missing from")
            figure.savefig(out, dpi=150, facecolor="white", metadata=metadata)
    except (OSError, ValueError) as error:
        msg = f"{out}: the picture cannot be written ({error}). Name a .png in a folder of yours."
        raise SeredError(msg) from error


def _figure() -> Any:
    # its font cache is no news for a technician
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        msg = "Pictures need matplotlib, which is not here: pip install 'sered[plot]'"
        raise SeredError(msg) from error
    figure = Figure(figsize=(12, 7))
    FigureCanvasAgg(figure)
    return figure


def _headline(figure: Any, picture: Picture) -> None:
    call = picture.call
    feeling = call.sentiment
    if feeling is None:
        head, colour = "Not answered", SOFT
    elif feeling.category is None:
        why = (feeling.undetermined or "").replace("_", " ")
        head, colour = f"No verdict: {why}", SOFT
    else:
        head = f"{feeling.category.capitalize()} call"
        colour = BAD if feeling.category == "negative" else GOOD
    figure.text(0.075, 0.925, head, size=21, weight="bold", color=colour, va="baseline")
    if feeling is not None:
        facts = [f"score {_signed(feeling.score)}", sureness(feeling)]
        for name, part in (("voice", call.acoustic), ("words", call.verbal)):
            if part is not None:
                facts.append(f"{name} {_signed(part.score)}")
        if feeling.escalate:
            facts.append("call the customer back")
        figure.text(0.075, 0.875, "   ".join(facts), size=12.5, color=INK, va="baseline")
    when = f"{call.line} · {call.started_at:%Y-%m-%d %H:%M:%S} UTC · {clock(call.duration_s)}"
    figure.text(0.975, 0.925, when, size=11, color=SOFT, ha="right", va="baseline")
    if picture.file:
        figure.text(
            0.975, 0.96, _short(picture.file), size=11, color=INK, ha="right", va="baseline",
            parse_math=False, family=_SCRIPTS,
        )  # fmt: skip
    if feeling is not None and feeling.causes:
        causes = "probable cause: " + ", ".join(feeling.causes).replace("_", " ")
        figure.text(0.975, 0.875, causes, size=11, color=SOFT, ha="right", va="baseline")


def _draw_sound(axes: Any, picture: Picture) -> None:
    loud = picture.loudness
    for side, level in loud.level_db.items():
        height = np.clip((level - _FLOOR_DB) / -_FLOOR_DB, 0.0, 1.0)
        group = max(1, math.ceil(len(height) / _COLUMNS))
        tops = [height[i : i + group].max() for i in range(0, len(height), group)]
        t = (np.arange(len(tops)) + 0.5) * group * loud.step_s
        sign = -1.0 if side is Side.AGENT else 1.0
        axes.fill_between(t, 0, sign * np.asarray(tops), step="mid", color=PALE, linewidth=0)
        if side is not Side.AGENT:
            feelings.colour(axes, picture, t, np.asarray(tops))
    if len(picture.call.utterances) <= feelings.FENCE:
        feelings.name_each(axes, picture)
    else:
        feelings.legend(axes, picture)
    two = Side.AGENT in loud.level_db
    axes.set_ylim(-1.0 if two else 0.0, 1.3)
    names = {
        Side.AGENT: (-0.5, "agent"),
        Side.CUSTOMER: (0.5, "customer"),
        Side.MIXED: (0.5, "both"),
    }
    shown = [names[side] for side in loud.level_db]
    axes.set_yticks([at for at, _ in shown], [name for _, name in shown], color=INK, size=11)
    axes.axhline(0, color=SOFT, linewidth=0.8)


def _draw_score(axes: Any, picture: Picture) -> None:
    axes.axhline(0, color=SOFT, linewidth=0.8)
    axes.axhline(picture.escalate_below, color=BAD, linewidth=1, linestyle=(0, (4, 3)))
    axes.text(
        0.0,
        picture.escalate_below - 0.06,
        "call back from here on",
        transform=axes.get_yaxis_transform(),
        va="top",
        size=9.5,
        color=BAD,
    )
    at = picture.call_at_s
    t = [at, *(at + live.offset_s + live.duration_s for live in picture.running)]
    y = [0.0, *(live.running for live in picture.running)]
    t.append(max(t[-1], at + picture.call.duration_s))
    y.append(y[-1])
    times, scores = np.asarray(t), np.asarray(y)
    for keep, colour in ((np.minimum(scores, 0), BAD), (np.maximum(scores, 0), GOOD)):
        axes.fill_between(times, 0, keep, step="post", color=colour, alpha=0.16, linewidth=0)
    axes.step(times, scores, where="post", color=INK, linewidth=1.8)
    dots = zip(times[1:-1], scores[1:-1], strict=True)
    for moment, value in dots if len(times) <= feelings.FENCE else ():
        axes.plot(moment, value, "o", color=BAD if value < 0 else GOOD, markersize=5)
    axes.set_ylim(-1.25, 1.35)
    axes.set_yticks([-1, 0, 1], ["−1", "running\nscore  0", "+1"], color=INK, size=11)


def _draw_words(axes: Any, picture: Picture) -> None:
    """The phrases that moved the score most, under the moment they were said.

    The weightiest takes its place first: where there is no room for all, what decided is there.
    """
    axes.set_ylim(0, _ROWS + 0.2)
    axes.set_yticks([_ROWS / 2], ["words"], color=INK, size=11)
    terms: tuple[VerbalTerm, ...] = picture.call.verbal.terms if picture.call.verbal else ()
    if not terms:
        none = "no telling words" if picture.call.verbal else "nobody listened for words"
        axes.text(0.5, 0.5, none, transform=axes.transAxes, ha="center", va="center")
        return
    for row, begin, term in placed(terms, picture.call_at_s, max(picture.loudness.duration_s, 1.0)):
        axes.text(
            begin,
            _ROWS - 0.4 - row,
            term.text,
            size=10.5,
            color=BAD if term.valence < 0 else GOOD,
            va="center",
            parse_math=False,
        )


def placed(
    terms: Sequence[VerbalTerm], call_at_s: float, full_s: float
) -> list[tuple[int, float, VerbalTerm]]:
    """Row and left end, in seconds, of each phrase that finds room; none covers another."""
    taken: list[tuple[int, float, float]] = []
    out = []
    for term in sorted(terms, key=lambda term: -abs(term.share))[:_TERMS]:
        wide = (len(term.text) + 2) * 0.0078 * full_s
        begin = max(min(call_at_s + term.offset_s, full_s - wide), 0.0)
        for row in range(_ROWS):
            if all(r != row or end <= begin or begin + wide <= at for r, at, end in taken):
                taken.append((row, begin, begin + wide))
                out.append((row, begin, term))
                break
    return out


def _draw_moment(panels: tuple[Any, ...], picture: Picture) -> None:
    """The call's ends as thin lines, and a band at the stretch that decided."""
    for edge in (0.0, picture.call.duration_s):
        for axes in panels:
            axes.axvline(picture.call_at_s + edge, color=SOFT, linewidth=0.8, linestyle=(0, (1, 3)))
    moment = decisive(picture.call)
    if moment is None:
        return
    begin, end = feelings.span(picture, moment)
    for axes in panels:
        axes.axvspan(begin, end, color=_MOMENT, linewidth=0, zorder=0)
    full = max(picture.loudness.duration_s, 1.0)
    panels[1].annotate(
        "this decided",
        (feelings.inside((begin + end) / 2, 0.055 * full, full), 0.95),
        xycoords=("data", "axes fraction"),
        ha="center",
        va="top",
        size=10.5,
        weight="bold",
        color=INK,
    )


def _time_axis(panels: tuple[Any, ...], picture: Picture) -> None:
    for axes in panels:
        for name, spine in axes.spines.items():
            spine.set_visible(name == "bottom" and axes is panels[-1])
            spine.set_color(SOFT)
        axes.tick_params(axis="both", length=0, colors=INK)
        axes.tick_params(axis="x", labelbottom=axes is panels[-1])
    full = max(picture.loudness.duration_s, 1.0)
    step = next((s for s in (5, 10, 30, 60, 300, 600, 1800) if full / s <= 13), 3600)
    ticks = np.arange(0, full + 1e-6, step)
    panels[-1].set_xlim(0, full)
    panels[-1].set_xticks(ticks, [clock(tick) for tick in ticks])
    panels[-1].tick_params(axis="x", length=3, labelsize=10.5)


def _short(name: str) -> str:
    """A name that has room, its beginning and its end."""
    half = _NAME // 2
    return name if len(name) <= _NAME else f"{name[:half]}…{name[1 - half :]}"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
