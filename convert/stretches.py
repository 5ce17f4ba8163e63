"""What voices alone come to over more than one utterance: ordinary callers, and one mood held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from convert.corpora import ORDINARY
from convert.measures import auc

from sered.records import CallEnded, Emotion, EndReason, Side, Talk, Utterance, UtteranceResult
from sered.settings import VerdictSettings
from sered.verdict import decision

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convert.dataset import Dataset
    from convert.odds import Said
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.int64]

LONG = 5
"""Utterances of a stretch."""
SPOKEN = 0.85
"""Share of a clip that is speech, taken for all alike: clips begin and end with it."""


def judged(said: Said, lengths_s: Floats) -> decision.Verdict:
    """The verdict on a call of these utterances, seconds long, by voice alone."""
    ends = np.cumsum(lengths_s + 1.0)
    results = [
        UtteranceResult(
            Utterance(Side.CUSTOMER, float(end - 1.0 - length), float(end - 1.0), SPOKEN * length),
            emotion=Emotion(tuple(float(p) for p in row), float(heat)),
        )
        for row, heat, end, length in zip(
            said.seven, said.heat, ends, lengths_s.tolist(), strict=True
        )
    ]
    ended = CallEnded(0.0, float(ends[-1]), EndReason.HANG_UP_TONE, Talk())
    return decision.judge(results, ended, "audio", VerdictSettings(), mixed=False)


def ordinary(data: Dataset, rows: Rows, said: Said) -> dict[str, float]:
    """How often ordinary callers, none of whom the judging network heard, seem unhappy."""
    plain = np.array([data.clips[row].label == ORDINARY for row in rows], bool)
    if not plain.any():
        return {}
    rows, said = rows[plain], said.of(plain)
    p_bad = said.bad
    found = [
        judged(said.of(mine), data.lengths_s[rows[mine]]).sentiment
        for mine in _groups(data.calls[rows])
    ]
    enough = [s for s in found if s.undetermined != "too_little_speech"]
    return {
        "utterances": len(rows),
        "callers": len(set(data.speakers[rows])),
        "over half": float(np.mean(p_bad > 0.5)),
        "over 0.8": float(np.mean(p_bad > 0.8)),
        "agitation": float(np.mean(said.heat)),
        "calls": len(enough),
        "negative": float(np.mean([s.category == "negative" for s in enough])),
        "positive": float(np.mean([s.category == "positive" for s in enough])),
        "escalated": float(np.mean([s.escalate for s in enough])),
    }


def moods(data: Dataset, rows: Rows, said: Said) -> dict[str, Any]:
    """Stretches of utterances in which one speaker holds one mood, by corpus."""
    rng = np.random.default_rng(0)
    out: dict[str, Any] = {}
    for corpus in sorted(set(data.corpora[rows])):
        mine = np.flatnonzero(data.corpora[rows] == corpus)
        moods_of = np.char.add(
            data.speakers[rows[mine]].astype(str), data.shelves[rows[mine]].astype(str)
        )
        stretches = []
        for group in _groups(moods_of):
            clips = mine[rng.permutation(group)]
            stretches += [clips[at : at + LONG] for at in range(0, len(clips) - LONG + 1, LONG)]
        if stretches:
            out[corpus] = _figures(data, rows, said, stretches)
    return out


def _figures(data: Dataset, rows: Rows, said: Said, stretches: list[Rows]) -> dict[str, float]:
    found = [judged(said.of(part), data.lengths_s[rows[part]]).sentiment for part in stretches]
    bad = np.array([data.bad[rows[part[0]]] > 0.5 for part in stretches])
    p_bad = said.bad
    alone = np.concatenate(stretches)
    out: dict[str, float] = {
        "stretches": len(stretches),
        "auc of one": auc(p_bad[alone], data.bad[rows[alone]] > 0.5),
        "auc of five": auc(-np.array([s.score for s in found]), bad),
    }
    for name, which in (("bad", bad), ("other", ~bad)):
        for category in ("negative", "positive"):
            hits = [s.category == category for s, mine in zip(found, which, strict=True) if mine]
            out[f"{name} called {category}"] = float(np.mean(hits)) if hits else float("nan")
    return out


def _groups(names: NDArray[np.str_]) -> Iterable[Rows]:
    """Indices of each name's, in order."""
    return [np.flatnonzero(names == name) for name in np.unique(names)]
