"""The evaluation: no speaker on both sides, and figures that are what their names say."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from convert.card_tables import reach
from convert.corpora import Clip
from convert.dataset import Dataset, digest
from convert.folds import by_chance, folds
from convert.measures import auc, calibration, halves, interval, measures
from convert.odds import Said

from convert import evaluate, stretches
from pretended_corpora import pretend, with_callers
from sered.errors import SeredError
from sered.voice.sidecar import BAD, HEATED

if TYPE_CHECKING:
    from convert.workshop import Workshop
    from numpy.typing import NDArray


def test_no_speaker_is_on_both_sides(tmp_path: Path) -> None:
    """In every fold but the one that is named random."""
    data = pretend(tmp_path)
    for fold in (*folds(data), by_chance(data)):
        both = set(data.speakers[fold.test]) & set(data.speakers[fold.train])
        assert bool(both) == (fold.name == "random tess"), fold.name
        assert not (fold.test & fold.train).any()


def test_every_speaker_is_held_out_once(tmp_path: Path) -> None:
    """The speaker folds cover everybody, and each trains on the other actress of TESS."""
    data = pretend(tmp_path)
    parts = [fold for fold in folds(data) if fold.name.startswith("speakers")]
    assert (np.sum([fold.test.astype(int) for fold in parts], axis=0) == 1).all()
    for name in ("tess/OAF", "tess/YAF"):
        (mine,) = [fold for fold in parts if fold.test[data.speakers == name].all()]
        other = "tess/YAF" if name == "tess/OAF" else "tess/OAF"
        assert mine.train[data.speakers == other].all()


def test_an_actress_of_tess_is_held_out_alone(tmp_path: Path) -> None:
    """Everybody else is trained on, as TESS' protocol has it."""
    data = pretend(tmp_path)
    for name in ("tess/OAF", "tess/YAF"):
        (mine,) = [
            fold
            for fold in folds(data)
            if fold.name.startswith("speakers") and fold.test[data.speakers == name].any()
        ]
        assert set(data.speakers[mine.test]) == {name}
        assert set(data.speakers[mine.train]) == set(data.speakers) - {name}


def test_no_random_split_without_tess(tmp_path: Path) -> None:
    """It says what is missing."""
    everybody = pretend(tmp_path)
    others = [clip for clip in everybody.clips if clip.corpus != "tess"]
    shop = cast("Workshop", SimpleNamespace(data=Dataset(others, tmp_path)))
    with pytest.raises(SeredError, match="wanted TESS"):
        evaluate.worth_of_random(shop)


def test_a_corpus_left_out_is_left_out(tmp_path: Path) -> None:
    """Nothing of it is trained on, all of it is judged, and some callers besides."""
    data = with_callers(tmp_path)
    left_out = [fold for fold in folds(data) if fold.name.startswith("corpus ")]
    for fold in left_out:
        corpus = fold.name.removeprefix("corpus ")
        assert set(data.corpora[fold.test]) == {corpus, "callers"}
        assert corpus not in set(data.corpora[fold.train])
    callers = [set(data.speakers[fold.test & (data.corpora == "callers")]) for fold in left_out]
    assert sum(map(len, callers)) == len(set.union(*callers)) == 12


def test_what_may_not_be_trained_on_is_judged_all_the_same(tmp_path: Path) -> None:
    """The open network hears its own corpora alone; the others are judged as one fold."""
    data = with_callers(tmp_path)
    allowed = np.isin(data.corpora, ("emodb", "nemo", "callers"))
    found = {fold.name: fold for fold in folds(data, allowed=allowed)}
    assert {name for name in found if name.startswith("corpus")} == {
        "corpus emodb", "corpus nemo", "corpus others",
    }  # fmt: skip
    assert {"ravdess", "tess"} < set(data.corpora[found["corpus others"].test])
    for fold in found.values():
        assert not (fold.train & ~allowed).any()


def sure(found: NDArray[np.int64], share: float = 0.9) -> NDArray[np.float64]:
    shares = np.full((len(found), 7), (1 - share) / 6)
    shares[np.arange(len(found)), found] = share
    return shares


def heat(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(shares[:, HEATED].sum(axis=1))


def said(shares: NDArray[np.float64]) -> Said:
    return Said(shares, heat(shares))


def test_uar_counts_each_class_the_same() -> None:
    """Nine right of a frequent class and none of a rare one: accuracy 90 %, UAR 50 %."""
    truth = np.array([0] * 9 + [3])
    shares = sure(np.zeros(10, int))
    found = measures(truth, BAD[truth].astype(float), shares, heat(shares))
    assert found["accuracy"] == pytest.approx(0.9)
    assert found["uar"] == pytest.approx(0.5)
    assert found["negative_uar"] == pytest.approx(0.5)


def test_negative_is_the_sum_of_its_four() -> None:
    """Four negative classes at 0.14 outweigh a happy 0.44."""
    shares = np.array([[0.14, 0.14, 0.14, 0.44, 0.0, 0.0, 0.14]])
    both = np.repeat(shares, 2, axis=0)
    found = measures(np.array([0, 3]), np.array([1.0, 0.0]), both, heat(both))
    assert found["negative_accuracy"] == 0.5
    assert found["negative_uar"] == 0.5


def test_agitation_parts_angry_from_neutral_alone() -> None:
    """Other labels do not count in it, and where one of the two is missing there is no figure."""
    truth = np.array([0, 0, 4, 4, 6])
    shares = sure(np.array([0, 3, 4, 6, 0]))
    bad = BAD[truth].astype(float)
    assert measures(truth, bad, shares, heat(shares))["agitation_auc"] == 1.0
    happy = measures(truth[2:], bad[2:], shares[2:], heat(shares[2:]))
    assert np.isnan(happy["agitation_auc"])


def test_auc_counts_ties_half() -> None:
    """By hand: of four pairs two are right, one tied, one wrong."""
    scores, truth = np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, False, True, False])
    assert auc(scores, truth) == pytest.approx(0.875)
    assert np.isnan(auc(scores, np.ones(4, bool)))


def test_an_interval_is_over_speakers() -> None:
    """A speaker who is always right and one who is always wrong: anything is possible."""
    truth = np.tile(np.arange(7), 20)
    found = np.where(np.arange(140) < 70, truth, (truth + 1) % 7)
    speakers = np.array(["a"] * 70 + ["b"] * 70)
    shares = sure(found)
    parts = interval(
        speakers, truth, BAD[truth].astype(float), shares, heat(shares), measure=measures
    )
    part = parts["accuracy"]
    assert part == {"value": 0.5, "low": 0.0, "high": 1.0}


def test_calibration_error_is_zero_when_as_sure_as_right() -> None:
    """90 % sure and right nine times of ten."""
    right = np.arange(1000) % 10 != 0
    assert calibration(np.full(1000, 0.9), right)["error"] < 0.002
    assert calibration(np.full(1000, 0.6), right)["error"] == pytest.approx(0.3, abs=0.01)


def test_the_surest_come_first(tmp_path: Path) -> None:
    """Where the sure ones are right, fewer verdicts are better ones."""
    data = pretend(tmp_path)
    rows = np.flatnonzero(data.labels == 0)[:100]
    half = len(rows) // 2
    shares = np.concatenate((sure(np.zeros(half, int), 0.9), sure(np.ones(half, int), 0.3)))
    found = evaluate.coverage(data, rows[: 2 * half], shares)
    assert found["seven"][found["coverage"].index(0.5)] == 1.0
    assert found["seven"][-1] == 0.5


def test_ordinary_callers_are_counted_by_utterance_and_by_call(tmp_path: Path) -> None:
    """One caller of twelve who sounds furious: so many utterances, and one call of twelve."""
    data = with_callers(tmp_path)
    rows = np.flatnonzero(data.corpora == "callers")
    calm = np.where(data.speakers[rows] == "callers/3", 0, 4)
    found = stretches.ordinary(data, rows, said(sure(calm, 0.97)))
    assert found["utterances"] == 48
    assert found["over half"] == found["over 0.8"] == pytest.approx(1 / 12)
    assert found["calls"] == 12
    assert found["negative"] == pytest.approx(1 / 12)


def test_stretches_of_one_mood_are_judged_as_a_call(tmp_path: Path) -> None:
    """Five sure utterances of one mood come to that mood, and never mix two speakers."""
    many = [
        Clip(Path(f"{who}{label}{take}"), "own", f"own/{who}", label)
        for who in "ab"
        for label in ("angry", "happy")
        for take in range(6)
    ]
    data = Dataset(many, tmp_path)
    np.save(tmp_path / "ends.npy", np.arange(len(many) + 1) * 32_000)
    found = stretches.moods(data, np.arange(24), said(sure(data.labels, 0.97)))["own"]
    assert found["stretches"] == 4
    assert found["auc of five"] == 1.0
    assert found["bad called negative"] == 1.0
    assert found["bad called positive"] == found["other called negative"] == 0.0


def test_a_crowd_is_measured_as_the_network_is(tmp_path: Path) -> None:
    """Against what was meant, on the clips that were played to it."""
    meant = ("angry", "sad", "happy", "neutral")
    heard = (("angry",), ("neutral",), ("happy",), ())
    clips = [
        Clip(Path(label), "crema-d", "crema-d/1", label, votes)
        for label, votes in zip(meant, heard, strict=True)
    ]
    data = Dataset(clips, tmp_path)
    found = evaluate.crowd(data, np.arange(4), sure(data.labels))
    assert found["clips"] == 3
    assert found["people_uar"] == 0.75
    assert found["uar"] == 1.0


def test_half_of_them_negative_takes_the_share_out_of_a_calibration_error() -> None:
    """0.5 for everybody is right where half are negative, and 0.3 off where four in five are."""
    truth = np.array([True] * 80 + [False] * 20)
    said = np.full(100, 0.5)
    assert calibration(said, truth)["error"] == pytest.approx(0.3)
    assert calibration(said, truth, halves(truth))["error"] == pytest.approx(0.0)


def test_a_digest_changes_with_its_parts() -> None:
    """A stage whose input changed is run again."""
    assert digest("a", 1) == digest("a", 1)
    assert digest("a", 1) != digest("a", 2)


def test_the_card_says_what_was_missed() -> None:
    """An aim that is not reached is in the table as missed, with both figures."""
    part = {
        "uar": {"value": 0.702},
        "negative_uar": {"value": 0.66},
        "negative_auc": {"value": 0.8},
        "negative_error": {"value": 0.12},
        "even_error": {"value": 0.05},
    }
    figures = {
        "protocols": {"unseen ravdess": {"telephone": part}, "corpus tess": {"telephone": part}},
        "int8": {"speakers 0": [0.995, 0.0, 0.0, 100], "speakers 1": [0.984, 0.0, 0.0, 300]},
        "ordinary": {"over half": 0.09, "over 0.8": 0.0, "negative": 0.01},
    }
    lines = reach(figures).splitlines()[2:]
    assert [line.split("|")[3:5] for line in lines] == [
        [" 0.090 ", " **missed** "], [" 0.000 ", " reached "], [" 0.010 ", " reached "],
        [" 0.660 ", " **missed** "], [" 0.800 ", " reached "], [" 0.120 ", " **missed** "],
        [" 0.050 ", " reached "], [" 0.702 ", " reached "], [" 0.987 ", " **missed** "],
    ]  # fmt: skip
