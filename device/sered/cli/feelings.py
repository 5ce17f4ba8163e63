"""What was felt, in colours: one by one in a short call, by density in a long one."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sered.cli.plot import Picture
    from sered.contract.call import UtteranceShare

    Floats = NDArray[np.float64]

# 37 and more apart (CIE 1976), for normal, deuteranopic and protanopic eyes alike, from each other
# and from the sound that nobody felt anything in; a test reckons it
FEELINGS = {
    "angry": "#9F4000",
    "disgust": "#742480",
    "fear": "#FFEC25",
    "happy": "#4CDC77",
    "neutral": "#808080",
    "surprise": "#82B3FA",
    "sad": "#002AC6",
}
INK, SOFT, PALE = "#222222", "#5C5C5C", "#E6E6E6"
BAD, GOOD = "#9F4000", "#0B4A8F"
"""Of what is written: 4.5 : 1 on white and more."""
FENCE = 40
"""Utterances that are drawn one by one at most."""
_BINS = 120


def colour(axes: Any, picture: Picture, t: Floats, tops: Floats) -> None:
    """The customer's sound in the colours of what was felt.

    Of a long call every column is divided by how long each feeling was heard in it: so many narrow
    utterances side by side would be a fence.
    """
    utterances = picture.call.utterances
    if len(utterances) <= FENCE:
        for utterance in utterances:
            begin, end = span(picture, utterance)
            mine = FEELINGS.get(utterance.emotion or "", SOFT)
            axes.fill_between(
                t, 0, tops, where=(t >= begin) & (t <= end), step="mid", color=mine, linewidth=0
            )
        return
    edges = np.linspace(0.0, max(picture.loudness.duration_s, 1.0), _BINS + 1)
    felt = densities(picture, edges)
    middles = (edges[:-1] + edges[1:]) / 2
    height = np.asarray(
        [tops[(t >= begin) & (t < end)].max(initial=0.0) for begin, end in pairwise(edges)]
    )
    below = np.zeros(_BINS)
    for name, share in felt.items():
        axes.bar(
            middles, share * height, edges[1] - edges[0], bottom=below,
            color=FEELINGS[name], linewidth=0,
        )  # fmt: skip
        below = below + share * height


def densities(picture: Picture, edges: Floats) -> dict[str, Floats]:
    """Share of each stretch between edges in which each feeling was heard, the commonest first."""
    felt = {name: np.zeros(len(edges) - 1) for name in FEELINGS}
    for utterance in picture.call.utterances:
        if utterance.emotion is not None:
            begin, end = span(picture, utterance)
            overlap = np.minimum(edges[1:], end) - np.maximum(edges[:-1], begin)
            felt[utterance.emotion] += np.maximum(overlap, 0.0)
    wide = np.diff(edges)
    ranked = sorted(felt, key=lambda name: -float(felt[name].sum()))
    # a stretch is no fuller than full, or its column would stand in the legend
    whole = np.maximum(sum(felt.values()), wide)
    return {name: felt[name] / whole for name in ranked if felt[name].any()}


def legend(axes: Any, picture: Picture) -> None:
    """Which colour is which, the commonest first: names have no room over narrow stretches."""
    shares = densities(picture, np.asarray([0.0, max(picture.loudness.duration_s, 1.0)]))
    for number, name in enumerate(shares):
        place = {"transform": axes.transAxes}
        at = 0.01 + 0.13 * number
        axes.plot([at, at + 0.02], [0.955, 0.955], color=FEELINGS[name], linewidth=6, **place)
        axes.text(at + 0.027, 0.955, name, va="center", color=INK, size=10.5, **place)


def name_each(axes: Any, picture: Picture) -> None:
    """The feeling's name over the utterances, as far as there is room."""
    room = _room(picture)
    for middle, name in named(picture):
        axes.text(middle, 1.13, name, ha="center", color=INK, size=10.5)
        axes.plot(
            [middle - 0.3 * room, middle + 0.3 * room], [1.06, 1.06],
            color=FEELINGS[name], linewidth=3, solid_capstyle="butt",
        )  # fmt: skip


def named(picture: Picture) -> list[tuple[float, str]]:
    """Where which feeling is written, in seconds: none covers another.

    One of each comes first, then the rarest: a colour that is not written stands for nothing.
    """
    full, room = max(picture.loudness.duration_s, 1.0), _room(picture)
    felt: dict[str, list[float]] = {}
    for utterance in sorted(picture.call.utterances, key=lambda each: -each.duration_s):
        if utterance.emotion is not None:
            middle = inside(sum(span(picture, utterance)) / 2, 0.03 * full, full)
            felt.setdefault(utterance.emotion, []).append(middle)
    ranked = sorted(felt.items(), key=lambda each: len(each[1]))
    wanted = [(middles[0], name) for name, middles in ranked]
    wanted += [(middle, name) for name, middles in ranked for middle in middles[1:]]
    out: list[tuple[float, str]] = []
    for middle, name in wanted:
        if all(abs(middle - other) >= room for other, _ in out):
            out.append((middle, name))
    return sorted(out)


def _room(picture: Picture) -> float:
    """Seconds that a feeling's name takes."""
    return 0.055 * max(picture.loudness.duration_s, 1.0)


def inside(middle: float, half: float, full: float) -> float:
    """Where a label of this half width is whole between 0 and the sound's end."""
    return max(half, min(middle, full - half)) if full > 2 * half else full / 2


def span(picture: Picture, utterance: UtteranceShare) -> tuple[float, float]:
    """Where in the recording an utterance begins and ends, in seconds."""
    begin = picture.call_at_s + utterance.offset_s
    return begin, begin + utterance.duration_s
