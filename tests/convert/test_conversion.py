"""Keras to int8 TFLite: a sound model passes the gate, anything else is refused and leaves no file.

Runs where TensorFlow is: `make test` does it in an environment of its own.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from convert.corpora import ORDINARY, SHELVES, Clip
from convert.keras_to_tflite import convert
from convert.parity import device_logits

from convert import network
from sered.errors import ModelError
from sered.records import LABELS
from sered.voice.recipe import Recipe
from sered.voice.sidecar import Odds, read_sidecar
from sered.voice.statistics import names

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(600)]

RECIPE = Recipe()
WIDTH = len(names(RECIPE))
SMALL = network.Plan(branches=2, hidden=(24,), epochs=6, batch=64, mix=0.0)
PLAN = {
    "labels": LABELS,
    "recipe": RECIPE.to_dict(),
    "normalisation": {"mean": [0.0] * WIDTH, "deviation": [1.0] * WIDTH, "limit": 5.0},
}


def rows(count: int = 300, seed: int = 0) -> NDArray[np.float32]:
    """Seven clouds, wide apart."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((7, WIDTH))
    near = 0.4 * rng.standard_normal((count, WIDTH))
    clouds: NDArray[np.float32] = (centres[np.arange(count) % 7] + near).astype(np.float32)
    return clouds


@pytest.fixture(scope="module")
def trained() -> Any:
    """A network that knows the clouds."""
    return network.train(few(700), SMALL)


def dense(width: int = WIDTH, *more: object) -> Any:
    import keras

    return keras.Sequential([keras.Input((width,)), *more, keras.layers.Dense(7)])


def test_a_sound_model_passes_and_the_device_agrees(trained: Any, tmp_path: Path) -> None:
    """int8 file and sidecar are written, and sered's own code gets the float model's labels."""
    target = tmp_path / "emotion.tflite"
    unseen = rows(350, seed=5)
    parity = convert(trained, PLAN, rows(), unseen, target, labels=np.arange(350) % 7)
    assert parity.agreement >= 0.99
    assert read_sidecar(target).labels == LABELS
    found = device_logits(target, unseen)[:, : len(LABELS)].argmax(axis=1)
    assert np.mean(found == np.arange(350) % 7) > 0.95
    assert sorted(path.name for path in tmp_path.iterdir()) == ["emotion.json", "emotion.tflite"]


def test_a_softmax_at_the_end_is_taken_off(tmp_path: Path) -> None:
    """The device cools the logits itself: a model with softmax converts to the same labels."""
    import keras

    keras.utils.set_random_seed(3)
    soft = keras.Sequential([
        keras.Input((WIDTH,)), keras.layers.Dense(7, activation="softmax")
    ])  # fmt: skip
    target = tmp_path / "emotion.tflite"
    convert(soft, PLAN, rows(), rows(100, 5), target, gate=False)
    logits = device_logits(target, rows(100, 5))
    assert logits.min() < 0, "still probabilities"


def test_the_gate_fails_a_model_that_int8_changes(tmp_path: Path) -> None:
    """Outputs that differ by less than an int8 step: refused, and the old file stays."""
    import keras

    target = tmp_path / "emotion.tflite"
    target.write_bytes(b"old")
    keras.utils.set_random_seed(1)
    model = dense()
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * 1e-3, bias + 5])
    with pytest.raises(ModelError, match="agreement of int8 and float"):
        convert(model, PLAN, rows(), rows(200, 5), target)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["emotion.tflite"]


def test_saturated_inputs_fail_the_gate(trained: Any, tmp_path: Path) -> None:
    """Unseen clips far outside the range are refused as such."""
    with pytest.raises(ModelError, match="saturated inputs"):
        convert(trained, PLAN, rows(), rows(200, 5) * 20, tmp_path / "emotion.tflite")
    assert not list(tmp_path.iterdir())


def broken_models() -> dict[str, Any]:
    import keras

    nan = dense()
    nan.layers[-1].set_weights([np.full((WIDTH, 7), np.nan), np.zeros(7)])
    convolved = dense(
        WIDTH, keras.layers.Reshape((WIDTH, 1)), keras.layers.Conv1D(2, 3), keras.layers.Flatten()
    )
    return {
        "wanted a model from": dense(WIDTH + 1),
        "wanted finite weights": nan,
        "feed-forward layers only; found Conv1D": convolved,
    }


@pytest.mark.parametrize(
    "reason",
    ["wanted a model from", "wanted finite weights", "feed-forward layers only; found Conv1D"],
)
def test_a_model_that_cannot_be_is_refused(tmp_path: Path, reason: str) -> None:
    """Wrong width, NaN weights, layers that are not feed-forward: a sentence and no file."""
    with pytest.raises(ModelError, match=reason):
        convert(broken_models()[reason], PLAN, rows(), rows(100, 5), tmp_path / "emotion.tflite")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("calibration", "reason"),
    [
        (np.zeros((0, WIDTH), np.float32), "at least 50 rows"),
        (np.ones((100, WIDTH), np.float32), "one and the same row"),
        (np.full((100, WIDTH), np.nan, np.float32), "finite numbers"),
        (np.ones((100, 3), np.float32), "at least 50 rows"),
    ],
)
def test_a_poor_calibration_set_is_refused(
    trained: Any, tmp_path: Path, calibration: NDArray[np.float32], reason: str
) -> None:
    """Empty, constant, NaN, wrong width."""
    with pytest.raises(ModelError, match=reason):
        convert(trained, PLAN, calibration, rows(100, 5), tmp_path / "emotion.tflite")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"recipe": None}, "found no recipe"),
        ({"normalisation": None, "labels": None}, "found no labels and no normalisation"),
        ({"labels": ["angry"]}, "wanted the labels"),
        ({"recipe": {"version": 0}}, "belong together"),
        ({"normalisation": {"mean": [0.0], "deviation": [1.0], "limit": 5.0}}, "finite means"),
    ],
)
def test_a_sidecar_that_does_not_say_how_is_refused(
    trained: Any, tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    """Missing recipe, labels, normalisation: each is named."""
    with pytest.raises(ModelError, match=reason):
        convert(trained, PLAN | change, rows(), rows(100, 5), tmp_path / "emotion.tflite")
    assert not list(tmp_path.iterdir())


def few(count: int = 300) -> network.Heard:
    """Two voices of a corpus each, of seven labels."""
    voices, numbers = np.array(["a", "b"] * (count // 2)), np.arange(count) % 7
    targets = np.eye(7, dtype=np.float32)[numbers]
    return network.Heard(rows(count), targets, numbers, voices, voices)


def test_the_same_seed_trains_the_same_network() -> None:
    """To the last bit, so that two runs give the same figures."""
    plan = replace(SMALL, epochs=2)
    runs = [network.train(few(), plan).get_weights() for _ in range(2)]
    for a, b in zip(*runs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_branches_differ_and_their_mean_is_the_answer(trained: Any) -> None:
    """Each branch starts and hears noise of its own; the network says what they say on average."""
    import keras

    last = trained.layers[-1]
    assert isinstance(last, keras.layers.Average)
    each = keras.Model(trained.input, last.input).predict(rows(50, 5), verbose=0)
    assert len(each) == SMALL.branches
    assert np.abs(each[0] - each[1]).max() > 0.1
    np.testing.assert_allclose(
        trained.predict(rows(50, 5), verbose=0), np.mean(each, axis=0), rtol=1e-4, atol=1e-4
    )


def test_labels_count_the_same_within_each_corpus() -> None:
    """A corpus that has one label only says as much of it as of any other."""
    corpora = np.array(["all"] * 70 + ["sad"] * 70)
    labels = np.r_[np.arange(70) % 7, np.full(70, LABELS.index("sad"))]
    targets = np.eye(7, dtype=np.float32)[labels]
    heard = network.Heard(rows(140), targets, labels, corpora, corpora)
    total = np.bincount(labels[:70], network.weights(heard, 1.0)[:70], 7)
    np.testing.assert_allclose(total, total[0], rtol=1e-6)


def test_ordinary_speech_counts_as_one_label_more() -> None:
    """However much of it there is, a network is not drowned in plain answers."""
    shelves = np.r_[np.arange(70) % 7, np.full(700, SHELVES.index(ORDINARY))]
    corpora = np.array(["acted"] * 70 + ["calls"] * 700)
    targets = np.full((770, 7), 1 / 7, np.float32)
    heard = network.Heard(rows(770), targets, shelves, corpora, corpora)
    weight = network.weights(heard, 1.0)
    assert weight[70:].sum() == pytest.approx(weight.sum() / 9, rel=1e-3)


def test_what_listeners_heard_counts_beside_what_was_meant() -> None:
    """Half of a sad clip that passed for neutral is neutral; a coarse label is shared out."""
    sad = Clip(Path("a"), "crema-d", "a", "sad", ("neutral",))
    found = dict(zip(LABELS, network.target(sad, 0.5), strict=True))
    assert found["sad"] == found["neutral"] == 0.5
    plain = Clip(Path("b"), "own", "b", "negative")
    assert network.target(plain, 0.5).sum() == pytest.approx(1)
    assert network.target(plain, 0.5)[LABELS.index("happy")] == 0


def test_the_command_converts_a_saved_model(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m convert.keras_to_tflite` on anybody's .keras file with a sidecar beside it."""
    import sys

    from convert import keras_to_tflite

    trained.save(tmp_path / "mine.keras")
    (tmp_path / "mine.json").write_text(json.dumps(PLAN))
    np.save(tmp_path / "calibration.npy", rows())
    np.save(tmp_path / "unseen.npy", rows(200, 5))
    arguments = [str(tmp_path / name) for name in ("mine.keras", "calibration.npy", "unseen.npy")]
    monkeypatch.setattr(sys, "argv", ["", *arguments, "--out", str(tmp_path / "new.tflite")])
    keras_to_tflite.main()
    assert read_sidecar(tmp_path / "new.tflite").odds == Odds()
