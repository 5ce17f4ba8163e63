"""Odds: as likely as they say, few ordinary callers called negative, nobody judged by his own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from convert.measures import BAD, calibrate
from convert.network import target

from convert import odds
from pretended_corpora import with_callers
from sered.voice.sidecar import probabilities

if TYPE_CHECKING:
    from pathlib import Path


def test_odds_cool_what_is_too_sure_and_move_what_leans() -> None:
    """Logits three times too large that favour one label are cooled and moved back."""
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((4000, 7))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(7, p=share) for share in shares])
    leaning = (logits + np.eye(7)[2]) * 3
    heat, offsets = calibrate(leaning, np.eye(7)[truth], np.ones(4000))
    assert heat == pytest.approx(3.0, rel=0.15)
    assert offsets[2] - np.mean(offsets) == pytest.approx(-6 / 7, abs=0.25)


def test_odds_call_few_ordinary_callers_negative(tmp_path: Path) -> None:
    """Where the likeliest odds would call more of them so, the negative labels are lowered."""
    data = with_callers(tmp_path)
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((len(data.clips), 7)) + 0.5 * np.eye(7)[np.maximum(data.labels, 0)]
    targets = np.array([target(clip, 0.5) for clip in data.clips])
    part = odds.Unseen(np.arange(len(data.clips)), logits, np.full(len(data.clips), "a"))
    plain = odds.ordinary_of(data, part)
    heat, offsets = odds.odds(data, targets, part, [plain])
    callers = probabilities(logits[data.corpora == "callers"], heat, offsets)
    assert np.mean(callers[:, BAD].sum(axis=1) > 0.5) <= odds.ALARMS


def test_odds_heed_the_callers_of_every_sort_of_fold(tmp_path: Path) -> None:
    """Callers whom one sort of network takes for unhappier than the other lower the labels, too."""
    data = with_callers(tmp_path)
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((len(data.clips), 7)) + 0.5 * np.eye(7)[np.maximum(data.labels, 0)]
    targets = np.array([target(clip, 0.5) for clip in data.clips])
    part = odds.Unseen(np.arange(len(data.clips)), logits, np.full(len(data.clips), "a"))
    calmer = odds.ordinary_of(data, part)
    other = odds.Unseen(calmer.rows, calmer.logits + 0.7 * BAD, calmer.fold)
    heat, offsets = odds.odds(data, targets, part, [calmer, other])
    shares = probabilities(other.logits, heat, offsets)
    assert np.mean(shares[:, BAD].sum(axis=1) > 0.5) <= odds.ALARMS
    assert odds.odds(data, targets, part, [calmer])[1][0] > offsets[0]


def test_a_caller_is_left_out_of_the_odds_that_judge_him(tmp_path: Path) -> None:
    """Of the callers those go whose rows are named."""
    data = with_callers(tmp_path)
    rows = np.arange(len(data.clips))
    part = odds.Unseen(rows, np.zeros((len(rows), 7)), np.full(len(rows), "a"))
    callers = odds.ordinary_of(data, part)
    assert set(data.corpora[callers.rows]) == {"callers"}
    left = odds.ordinary_of(data, part, callers.rows[:5])
    assert left.rows.tolist() == callers.rows[5:].tolist()
