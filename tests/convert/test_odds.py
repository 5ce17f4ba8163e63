"""Odds: as likely as they say, few ordinary callers called negative, nobody judged by his own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from convert.measures import ANGRY, bend, calibrate
from convert.network import target

from convert import odds
from pretended_corpora import with_callers
from sered.voice.sidecar import BAD, probabilities

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
    found = odds.odds(data, targets, part, [plain])
    callers = probabilities(logits[data.corpora == "callers"], found)[:, BAD].sum(axis=1)
    assert np.mean(callers > 0.5) <= odds.ALARMS
    assert np.mean(callers > odds.SURE + 1e-4) <= odds.SURELY


def test_odds_heed_the_callers_of_every_sort_of_fold(tmp_path: Path) -> None:
    """Callers whom one sort of network takes for unhappier than the other lower the labels, too."""
    data = with_callers(tmp_path)
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((len(data.clips), 7)) + 0.5 * np.eye(7)[np.maximum(data.labels, 0)]
    targets = np.array([target(clip, 0.5) for clip in data.clips])
    part = odds.Unseen(np.arange(len(data.clips)), logits, np.full(len(data.clips), "a"))
    calmer = odds.ordinary_of(data, part)
    other = odds.Unseen(calmer.rows, calmer.logits + 0.7 * BAD, calmer.fold)
    found = odds.odds(data, targets, part, [calmer, other])
    shares = probabilities(other.logits, found)
    assert np.mean(shares[:, BAD].sum(axis=1) > 0.5) <= odds.ALARMS
    assert odds.odds(data, targets, part, [calmer]).negative.at < found.negative.at


def test_odds_are_bent_where_they_are_too_sure_on_one_side_alone() -> None:
    """Log-odds twice too large over 0 and right below it get two slopes, and stay even at 0."""
    rng = np.random.default_rng(0)
    drive = rng.normal(0, 2, 20_000)
    truth = rng.random(20_000) < 1 / (1 + np.exp(-drive))
    found = bend(np.where(drive > 0, 2 * drive, drive), truth, np.ones(20_000))
    assert found.at == pytest.approx(0, abs=0.1)
    assert found.below == pytest.approx(1, abs=0.1)
    assert found.above == pytest.approx(0.5, abs=0.05)
    assert bend(drive, truth, np.ones(20_000), lowest=1.5).at == 1.5


def test_agitation_has_odds_of_its_own(tmp_path: Path) -> None:
    """Anger is heat, neutral is none, and ordinary callers count as calm."""
    data = with_callers(tmp_path)
    rows = np.arange(len(data.clips))
    hot = np.isin(data.labels, odds.HOT)
    logits = np.zeros((len(rows), 7))
    logits[:, ANGRY] = np.where(hot, 9.0, 5.0)
    targets = np.array([target(clip, 0.5) for clip in data.clips])
    part = odds.Unseen(rows, logits, np.full(len(rows), "a"))
    found = odds.odds(data, targets, part, [])
    assert found.heat[ANGRY] == pytest.approx(1)
    assert sum(found.heat) == pytest.approx(0, abs=1e-3)
    heat = odds.say(logits, found).heat
    assert heat[hot].min() > 0.8
    assert heat[~hot].max() < 0.2


def test_a_caller_is_left_out_of_the_odds_that_judge_him(tmp_path: Path) -> None:
    """Of the callers those go whose rows are named."""
    data = with_callers(tmp_path)
    rows = np.arange(len(data.clips))
    part = odds.Unseen(rows, np.zeros((len(rows), 7)), np.full(len(rows), "a"))
    callers = odds.ordinary_of(data, part)
    assert set(data.corpora[callers.rows]) == {"callers"}
    left = odds.ordinary_of(data, part, callers.rows[:5])
    assert left.rows.tolist() == callers.rows[5:].tolist()
