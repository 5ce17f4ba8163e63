"""The evaluation: no speaker on both sides, and figures that are what their names say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from convert.corpora import Clip
from convert.dataset import Dataset, digest
from convert.folds import folds
from convert.measures import interval, measures, temperature

from convert import card, evaluate
from sered.errors import SeredError
from sered.records import LABELS

if TYPE_CHECKING:
    from convert.workshop import Workshop
    from numpy.typing import NDArray


def pretend(folder: Path) -> Dataset:
    """A few corpora in names only."""
    speakers = [f"ravdess/{n:02}" for n in range(1, 19)] + ["tess/OAF", "tess/YAF"]
    speakers += [f"emodb/{n:02}" for n in range(10)] + [f"nemo/{n}" for n in range(9)]
    return Dataset(
        [
            Clip(Path(f"{who}-{label}-{take}"), who.split("/")[0], who, label)
            for who in speakers
            for label in LABELS
            for take in range(3)
        ],
        folder,
    )


def test_no_speaker_is_on_both_sides(tmp_path: Path) -> None:
    """In every fold but the one that is named random."""
    data = pretend(tmp_path)
    for fold in folds(data):
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
    with pytest.raises(SeredError, match="wanted TESS"):
        evaluate.worth_of_random(Dataset(others, tmp_path), cast("Workshop", None))


def test_a_corpus_left_out_is_left_out(tmp_path: Path) -> None:
    """Nothing of it is trained on, and everything of it is judged."""
    data = pretend(tmp_path)
    for fold in folds(data):
        if fold.name.startswith("corpus "):
            assert set(data.corpora[fold.test]) == {fold.name.removeprefix("corpus ")}
            assert fold.name.removeprefix("corpus ") not in set(data.corpora[fold.train])


def sure(found: NDArray[np.int64], share: float = 0.9) -> NDArray[np.float64]:
    shares = np.full((len(found), 7), (1 - share) / 6)
    shares[np.arange(len(found)), found] = share
    return shares


def test_uar_counts_each_class_the_same() -> None:
    """Nine right of a frequent class and none of a rare one: accuracy 90 %, UAR 50 %."""
    truth = np.array([0] * 9 + [3])
    found = measures(truth, sure(np.zeros(10, int)))
    assert found["accuracy"] == pytest.approx(0.9)
    assert found["uar"] == pytest.approx(0.5)
    assert found["negative_uar"] == pytest.approx(0.5)


def test_negative_is_the_sum_of_its_four() -> None:
    """Four negative classes at 0.14 outweigh a happy 0.44."""
    shares = np.array([[0.14, 0.14, 0.14, 0.44, 0.0, 0.0, 0.14]])
    assert measures(np.array([0]), shares)["negative_accuracy"] == 1.0


def test_an_interval_is_over_speakers() -> None:
    """A speaker who is always right and one who is always wrong: anything is possible."""
    truth = np.tile(np.arange(7), 20)
    found = np.where(np.arange(140) < 70, truth, (truth + 1) % 7)
    speakers = np.array(["a"] * 70 + ["b"] * 70)
    part = interval(truth, sure(found), speakers)["accuracy"]
    assert part == {"value": 0.5, "low": 0.0, "high": 1.0}


def test_calibration_error_is_zero_when_as_sure_as_right() -> None:
    """90 % sure and right nine times of ten."""
    truth = np.zeros(1000, int)
    found = np.where(np.arange(1000) % 10 == 0, 1, 0)
    assert evaluate.calibration(truth, sure(found))["error"] < 0.002
    assert evaluate.calibration(truth, sure(found, 0.6))["error"] == pytest.approx(0.3, abs=0.01)


def test_temperature_cools_what_is_too_sure() -> None:
    """Logits three times too large are divided by about three."""
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((4000, 7))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(7, p=share) for share in shares])
    assert temperature(truth, logits * 3) == pytest.approx(3.0, rel=0.1)


def test_the_surest_come_first() -> None:
    """Where the sure ones are right, fewer verdicts are better ones."""
    truth = np.zeros(100, int)
    shares = np.concatenate((sure(np.zeros(50, int), 0.9), sure(np.ones(50, int), 0.3)))
    found = evaluate.coverage(truth, shares)
    assert found["seven"][found["coverage"].index(0.5)] == 1.0
    assert found["seven"][-1] == 0.5


def test_a_digest_changes_with_its_parts() -> None:
    """A stage whose input changed is run again."""
    assert digest("a", 1) == digest("a", 1)
    assert digest("a", 1) != digest("a", 2)


def test_the_card_says_what_was_missed() -> None:
    """An aim that is not reached is in the table as missed, with both figures."""
    part = {"uar": {"value": 0.702}, "negative_uar": {"value": 0.93}}
    figures = {
        "protocols": {"unseen tess": {"telephone": part}, "corpus tess": {"telephone": part}},
        "parity of folds": {
            "speakers 0": [0.995, 0.0, 0.0, 100],
            "speakers 1": [0.984, 0.0, 0.0, 300],
        },
        "calibration": {"error": 0.06},
    }
    lines = card.reach(figures).splitlines()[2:]
    assert [line.split("|")[3:5] for line in lines] == [
        [" 70.2 % ", " **missed** "], [" 93.0 % ", " reached "], [" 93.0 % ", " reached "],
        [" 98.7 % ", " **missed** "], [" 0.060 ", " **missed** "],
    ]  # fmt: skip
