"""The emotion network: the shipped file judges, and a file that is not right is refused."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from sered.errors import ModelError
from sered.records import LABELS
from sered.voice.emotion import TfliteEmotion, tuning_signal
from sered.voice.recipe import Recipe
from sered.voice.sidecar import (
    BAD,
    HEATED,
    Bend,
    Normalisation,
    Odds,
    Sidecar,
    Tensor,
    agitation,
    log_odds,
    normalise,
    probabilities,
    quantise,
    read_sidecar,
)
from sered.voice.statistics import names, statistics, windows

SHIPPED = Path(__file__).parent.parent.parent / "models" / "emotion.tflite"


@pytest.fixture(scope="module")
def network() -> TfliteEmotion:
    return TfliteEmotion(SHIPPED)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for suffix in (".tflite", ".json"):
        shutil.copy(SHIPPED.with_suffix(suffix), tmp_path / f"emotion{suffix}")
    return tmp_path / "emotion.tflite"


def change(model: Path, **parts: object) -> None:
    sidecar = model.with_suffix(".json")
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | parts))


@pytest.mark.parametrize("schema", [None, "sered.emotion/3", ""])
def test_a_sidecar_of_no_or_another_schema_is_refused(copy: Path, schema: str | None) -> None:
    """A sidecar says what it is, or it is none."""
    sidecar = copy.with_suffix(".json")
    told = json.loads(sidecar.read_text())
    del told["schema"]
    sidecar.write_text(json.dumps(told if schema is None else {**told, "schema": schema}))
    with pytest.raises(ModelError, match=r"emotion\.json; found at schema"):
        TfliteEmotion(copy)


def test_probabilities_are_seven_and_add_up(network: TfliteEmotion) -> None:
    """One share a label, none negative, together 1."""
    found = network.judge(tuning_signal())
    assert found is not None
    assert len(found.probabilities) == len(LABELS)
    assert min(found.probabilities) >= 0
    assert sum(found.probabilities) == pytest.approx(1)
    assert found.label in LABELS


def test_twenty_decibels_change_nothing(network: TfliteEmotion) -> None:
    """Ten times as loud is felt the same."""
    soft = tuning_signal() // 10
    a, b = network.judge(soft), network.judge((soft * 10).astype(np.int16))
    assert a is not None
    assert a == b


@pytest.mark.parametrize("samples", [0, 100, 511, 1000, 16_000])
def test_silence_is_nothing_to_judge(network: TfliteEmotion, samples: int) -> None:
    """None, not a guess."""
    assert network.judge(np.zeros(samples, np.int16)) is None


def test_threads_do_not_mix_their_sounds(network: TfliteEmotion) -> None:
    """Lines that share the network get what each would get alone."""
    sounds = [np.roll(tuning_signal(), 2000 * n)[: 9000 + 500 * n] for n in range(4)]
    alone = [network.judge(sound) for sound in sounds]
    wrong: list[int] = []

    def worker(number: int) -> None:
        wrong.extend(number for _ in range(30) if network.judge(sounds[number]) != alone[number])

    threads = [threading.Thread(target=worker, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(set(alone)) > 1


def test_a_long_utterance_is_heard_in_windows(network: TfliteEmotion) -> None:
    """Nine seconds are two windows: the mean of their outputs, as if each were heard alone."""
    recipe = Recipe()
    assert [len(part) for part in windows(np.zeros(96_000, np.int16), recipe)] == [96_000]
    pcm = np.concatenate(
        [np.tile(tuning_signal(), 5)[:72_000], np.repeat(tuning_signal(), 5)[:72_000]]
    )
    parts = windows(pcm, recipe)
    assert [len(part) for part in parts] == [72_000, 72_000]
    rows = [statistics(part, recipe) for part in parts]
    sidecar = read_sidecar(SHIPPED)
    heard = [
        network.logits(normalise(row, sidecar.normalisation)) for row in rows if row is not None
    ]
    assert len(heard) == 2
    whole = network.judge(pcm)
    assert whole is not None
    shares = probabilities(np.mean(heard, axis=0), sidecar.odds)
    np.testing.assert_allclose(whole.probabilities, shares, atol=1e-6)


def test_offsets_move_what_is_likely() -> None:
    """An offset of log 2 doubles a label's odds."""
    plain = probabilities(np.zeros(7), Odds())
    moved = probabilities(np.zeros(7), Odds(offsets=(float(np.log(2)), *[0.0] * 6)))
    assert plain[0] == pytest.approx(1 / 7)
    assert moved[0] == pytest.approx(2 / 8)


def test_negative_is_what_its_odds_make_of_it() -> None:
    """The negative shares sum to it, and among themselves stand as they stood; so do the others."""
    outputs = 4 * np.random.default_rng(0).standard_normal((5000, 7))
    odds = Odds(negative=Bend(at=0.5, below=0.4, above=1.2))
    shares, plain = probabilities(outputs, odds), probabilities(outputs, Odds())
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-9)
    wanted = odds.negative(log_odds(outputs, odds))
    np.testing.assert_allclose(shares[:, BAD].sum(axis=1), wanted, atol=1e-9)
    for side in (BAD, ~BAD):
        were, are = plain[:, side], shares[:, side]
        np.testing.assert_allclose(are / are.sum(1)[:, None], were / were.sum(1)[:, None])


def test_agitation_is_a_line_through_the_outputs() -> None:
    """It goes by the weights of heat, bent; what all outputs share says nothing of it."""
    outputs = np.random.default_rng(0).standard_normal((500, 7))
    bend = Bend(at=0.1, below=0.7)
    own = Odds(heat=(1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0), agitated=bend)
    np.testing.assert_allclose(agitation(outputs, own), bend(outputs[:, 0] - outputs[:, 4]))
    np.testing.assert_allclose(agitation(outputs + 3, Odds()), agitation(outputs, Odds()))
    heated, calm = (np.where(side == HEATED, 2.0, 0.0) for side in (True, False))
    assert agitation(heated, Odds()) > 0.8
    assert agitation(calm, Odds()) < 0.2


def test_odds_are_even_where_they_are_bent() -> None:
    """At the bend a half; a slope of its own on either side."""
    bend = Bend(at=1.0, below=0.5, above=2.0)
    found = bend(np.array([-1.0, 1.0, 3.0]))
    np.testing.assert_allclose(np.log(found / (1 - found)), [-1.0, 0.0, 4.0], atol=1e-9)


def test_quantising_rounds_and_clips_before_it_casts() -> None:
    """129 becomes 127, not -127; 1.6 becomes 2, not 1."""
    tensor = Tensor(scale=1.0, zero_point=0)
    found = quantise(np.array([129.0, -200.0, 1.6, -1.6, 0.4]), tensor)
    assert found.dtype == np.int8
    assert found.tolist() == [127, -128, 2, -2, 0]


def test_quantising_uses_the_tensors_own_numbers() -> None:
    """Scale and zero point are the tensor's."""
    found = quantise(np.array([0.0, 0.5, -0.5]), Tensor(scale=0.25, zero_point=-10))
    assert found.tolist() == [-10, -8, -12]


def test_normalising_clips_wild_numbers() -> None:
    """A statistic a thousand deviations out is at the limit, and the others are where they were."""
    rule = Normalisation(mean=(1.0, 1.0), deviation=(2.0, 2.0), limit=5.0)
    assert normalise(np.array([2001.0, 3.0]), rule).tolist() == [5.0, 1.0]


def test_temperature_cools_without_changing_the_order() -> None:
    """Hotter is less sure; the likeliest stays the likeliest."""
    logits = np.array([1.0, 4.0, 2.0, 0.0, 0.0, 0.0, 0.0])
    cold, hot = (probabilities(logits, Odds(temperature=heat)) for heat in (1.0, 3.0))
    assert cold.argmax() == hot.argmax() == 1
    assert cold.max() > hot.max()
    assert hot.sum() == pytest.approx(1)


def test_the_shipped_sidecar_tells_its_whole_story() -> None:
    """Recipe, normalisation, training facts and held-out figures travel with the file."""
    sidecar = read_sidecar(SHIPPED)
    width = len(names(Recipe.from_dict(sidecar.recipe)))
    assert len(sidecar.normalisation.mean) == len(sidecar.normalisation.deviation) == width
    assert sidecar.labels == LABELS
    assert sidecar.training["corpora"]
    assert sidecar.figures["unseen ravdess"]["negative_uar"] > 0.5
    assert SHIPPED.stat().st_size <= 400_000
    assert "commercial" in sidecar.terms


def test_the_tuning_signal_is_the_goldens() -> None:
    """The statistics here are those of the machine that made the model."""
    sidecar = read_sidecar(SHIPPED)
    found = statistics(tuning_signal(), Recipe.from_dict(sidecar.recipe))
    assert found is not None
    np.testing.assert_allclose(
        normalise(found, sidecar.normalisation), sidecar.golden.statistics, atol=1e-3
    )


def test_missing_model_is_one_sentence(tmp_path: Path) -> None:
    """Says which file is missing and what to do."""
    with pytest.raises(ModelError, match="put both files of one model there"):
        TfliteEmotion(tmp_path / "emotion.tflite")


def test_another_models_sidecar_is_refused(copy: Path) -> None:
    """The sidecar names the file's SHA-256; another file is refused."""
    change(copy, sha256="0" * 64)
    with pytest.raises(ModelError, match="SHA-256 000000000000"):
        TfliteEmotion(copy)


def test_broken_sidecar_is_refused(copy: Path) -> None:
    """Half a JSON file is refused with the place."""
    sidecar = copy.with_suffix(".json")
    sidecar.write_text(sidecar.read_text()[:500])
    with pytest.raises(ModelError, match="wanted a sidecar"):
        TfliteEmotion(copy)


def test_a_sidecar_of_an_older_sered_is_refused(copy: Path) -> None:
    """A network made before the recipe changed is named as one, and what to do is said."""
    table = json.loads(copy.with_suffix(".json").read_text())
    table["schema"] = "sered.emotion/1"
    copy.with_suffix(".json").write_text(json.dumps(table))
    with pytest.raises(ModelError, match=r"one of another \(sered.emotion/1\).*`make model`"):
        TfliteEmotion(copy)


def test_sidecar_without_a_recipe_is_refused(copy: Path) -> None:
    """What is missing is named."""
    table = json.loads(copy.with_suffix(".json").read_text())
    del table["recipe"]
    copy.with_suffix(".json").write_text(json.dumps(table))
    with pytest.raises(ModelError, match="recipe"):
        TfliteEmotion(copy)


def test_recipe_of_another_version_is_refused(copy: Path) -> None:
    """A recipe that this sered cannot reproduce is refused, not approximated."""
    recipe = read_sidecar(copy).recipe
    change(copy, recipe=recipe | {"version": recipe["version"] + 1})
    with pytest.raises(ModelError, match="belong together"):
        TfliteEmotion(copy)


def test_recipe_that_computes_otherwise_is_caught_by_the_golden_vector(copy: Path) -> None:
    """The same names, other numbers: the tuning signal tells."""
    change(copy, recipe=read_sidecar(copy).recipe | {"preemphasis": 0.9})
    with pytest.raises(ModelError, match="tuning signal"):
        TfliteEmotion(copy)


def test_golden_probabilities_are_checked(copy: Path) -> None:
    """A runtime that computes otherwise is caught."""
    golden = read_sidecar(copy).golden
    change(
        copy,
        golden={
            "statistics": golden.statistics,
            "probabilities": golden.probabilities[::-1],
        },
    )
    with pytest.raises(ModelError, match="tuning signal"):
        TfliteEmotion(copy)


def test_tensor_numbers_that_are_not_the_files_are_refused(copy: Path) -> None:
    """Scale and zero point in the sidecar are the file's own, or the file is refused."""
    numbers = read_sidecar(copy).input
    change(copy, input={"scale": numbers.scale * 2, "zero_point": numbers.zero_point})
    with pytest.raises(ModelError, match="input numbers"):
        TfliteEmotion(copy)


def test_labels_in_another_order_are_refused(copy: Path) -> None:
    """The order of the outputs is the contract."""
    change(copy, labels=sorted(LABELS, reverse=True))
    with pytest.raises(ModelError, match="labels"):
        TfliteEmotion(copy)


def test_a_file_that_is_no_network_is_refused(copy: Path) -> None:
    """Any bytes with the right checksum are still no network."""
    import hashlib

    copy.write_bytes(b"no network" * 100)
    change(copy, sha256=hashlib.sha256(copy.read_bytes()).hexdigest())
    with pytest.raises(ModelError, match="wanted a TFLite network"):
        TfliteEmotion(copy)


def test_sidecar_survives_json() -> None:
    """Out and in again is the same sidecar."""
    sidecar = read_sidecar(SHIPPED)
    text = json.dumps(sidecar.model_dump(by_alias=True))
    assert Sidecar.model_validate_json(text) == sidecar


def test_known_voices_are_named_through_the_device_path(
    network: TfliteEmotion, shared: Path
) -> None:
    """Clips of the training corpora, untouched, are mostly named right: the whole path is sound."""
    import soundfile

    folder = shared / "data" / "ser" / "tess"
    right = 0
    emotions = ("angry", "disgust", "fear", "happy", "neutral", "sad")
    for emotion in emotions:
        path = sorted((folder / f"YAF_{emotion}").glob("*.opus"))[7]
        pcm, _ = soundfile.read(path, dtype="int16")
        found = network.judge(pcm)
        right += found is not None and found.label == emotion
    assert right >= 5
