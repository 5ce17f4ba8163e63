"""The MFCC recipe: the library's numbers, whatever the level, length and silence around."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import python_speech_features
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import sered
from sered.errors import ModelError
from sered.records import RATE_HZ
from sered.voice.emotion import tuning_signal
from sered.voice.mel import filter_bank
from sered.voice.recipe import Recipe
from sered.voice.statistics import mfcc, names, statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

RECIPE = Recipe()
DEMO = Path(sered.__file__).parent / "demo/call.wav"


def voice(seconds: float = 1.5, pitch_hz: float = 140.0, seed: int = 0) -> NDArray[np.int16]:
    """A buzz through two formants, syllable by syllable, over faint noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.15 * np.sin(2 * np.pi * 0.7 * time))) / RATE_HZ
    buzz = sum(
        np.sin(order * phase) / (1 + ((order * pitch_hz - 700) / 400) ** 2)
        for order in range(1, 22)
    )
    swell = np.maximum(np.sin(2 * np.pi * 2.3 * time), 0) ** 0.5
    sound = buzz * swell + 0.01 * rng.standard_normal(len(time))
    pcm: NDArray[np.int16] = np.rint(2700 * sound / np.abs(sound).max()).astype(np.int16)
    return pcm


def judged(pcm: NDArray[np.int16], recipe: Recipe = RECIPE) -> NDArray[np.float32]:
    """The statistics of sound that has some."""
    found = statistics(pcm, recipe)
    assert found is not None
    return found


def library_mfcc(pcm: NDArray[np.int16], recipe: Recipe) -> NDArray[np.float64]:
    theirs: NDArray[np.float64] = python_speech_features.mfcc(
        pcm.astype(float), recipe.rate_hz, recipe.frame / recipe.rate_hz,
        recipe.step / recipe.rate_hz, recipe.cepstra, recipe.filters, recipe.frame, recipe.low_hz,
        recipe.high_hz, recipe.preemphasis, recipe.lifter, appendEnergy=False, winfunc=np.hamming,
    )  # fmt: skip
    return theirs


@pytest.mark.parametrize("length", [512, 513, 768, 769, 16_000, 47_999])
def test_mfccs_are_those_of_python_speech_features(length: int) -> None:
    """The library's numbers to 1e-9, at every length, last padded frame included."""
    pcm = np.random.default_rng(length).integers(-20_000, 20_000, length).astype(np.int16)
    np.testing.assert_allclose(mfcc(pcm, RECIPE), library_mfcc(pcm, RECIPE), atol=1e-9, rtol=0)


def test_mfccs_of_silence_are_the_librarys() -> None:
    """Digital silence has the library's numbers, not minus infinity."""
    pcm = np.zeros(4000, np.int16)
    np.testing.assert_allclose(mfcc(pcm, RECIPE), library_mfcc(pcm, RECIPE), atol=1e-9, rtol=0)


def test_mfccs_of_speech_are_the_librarys() -> None:
    """On the demo call, silence, tones and all, every number is the library's to 1e-9."""
    for side in soundfile.read(DEMO, dtype="int16")[0].T:
        np.testing.assert_allclose(mfcc(side, RECIPE), library_mfcc(side, RECIPE), atol=1e-9)


@pytest.mark.parametrize("changed", [{"frame": 400}, {"step": 160}, {"preemphasis": 0.955}])
def test_mfccs_follow_the_recipe(changed: dict[str, Any]) -> None:
    """Another frame, step or emphasis gives the library's numbers, too."""
    recipe = dataclasses.replace(RECIPE, **changed)
    pcm = voice()
    np.testing.assert_allclose(mfcc(pcm, recipe), library_mfcc(pcm, recipe), atol=1e-9, rtol=0)


def test_filter_bank_is_the_librarys() -> None:
    """The triangles stand on the same bins."""
    theirs = python_speech_features.get_filterbanks(
        RECIPE.filters, RECIPE.frame, RECIPE.rate_hz, RECIPE.low_hz, RECIPE.high_hz
    )
    np.testing.assert_allclose(filter_bank(RECIPE), theirs, atol=1e-12)


def test_every_filter_passes_something() -> None:
    """No filter falls between two bins of the transform."""
    assert filter_bank(RECIPE).sum(axis=1).min() > 0


def test_ten_times_the_level_changes_nothing() -> None:
    """A gain of 20 dB leaves every statistic where it was, in deviations of the shipped model."""
    soft = voice()
    loud = (soft * 10).astype(np.int16)
    assert np.abs(soft.astype(int) * 10 - loud).max() == 0, "the test's own signal overflowed"
    np.testing.assert_allclose(judged(loud), judged(soft), atol=1e-4)


@given(gain=st.floats(0.5, 12.0))
@settings(max_examples=15, deadline=None)
def test_any_gain_moves_nothing_but_rounding(gain: float) -> None:
    """Between soft and loud the statistics move by what rounding to int16 moves, no more."""
    pcm = voice()
    scaled = np.rint(pcm * gain).astype(np.int16)
    a, b = judged(pcm), judged(scaled)
    assert np.median(np.abs(a - b)) < 0.01


def test_silence_around_the_speech_changes_nothing() -> None:
    """Half a second of line noise before and after leaves the statistics where they were."""
    rng = np.random.default_rng(1)
    hush = np.rint(8 * rng.standard_normal(32 * 256)).astype(np.int16)
    bare = voice()
    padded = np.concatenate((hush, bare, hush))
    a, b = judged(bare), judged(padded)
    assert np.median(np.abs(a - b)) < 0.05


def test_where_the_frames_begin_hardly_matters() -> None:
    """Frames that begin elsewhere move the statistics far less than half as many frames would."""
    coarse = dataclasses.replace(RECIPE, step=2 * RECIPE.step, min_voiced=RECIPE.min_voiced // 2)
    voices = [voice(pitch_hz=hertz, seed=int(hertz)) for hertz in (110, 140, 180, 220, 260)]
    spread = np.std([judged(pcm) for pcm in voices], axis=0) + 1e-3
    moved = {
        recipe.step: np.mean(
            [
                np.abs(judged(pcm[later:], recipe) - judged(pcm, recipe)) / spread
                for pcm in voices
                for later in (32, 64, 128, 192)
            ]
        )
        for recipe in (RECIPE, coarse)
    }
    assert moved[RECIPE.step] < 0.75 * moved[coarse.step], moved


def test_length_is_free() -> None:
    """The same speech twice over gives nearly the same cepstral means as once: no padding leaks."""
    once = judged(voice(1.3))
    twice = judged(np.concatenate((voice(1.3), voice(1.3))))
    means = RECIPE.cepstra - 1
    np.testing.assert_allclose(once[:means], twice[:means], atol=0.6)


@pytest.mark.parametrize(
    "pcm",
    [
        np.zeros(0, np.int16),
        np.ones(511, np.int16),
        np.zeros(16_000, np.int16),
        np.full(16_000, 1, np.int16)[:600],
    ],
)
def test_too_little_sound_is_nothing_to_judge(pcm: NDArray[np.int16]) -> None:
    """Empty, shorter than a frame, digitally silent: None, never a number."""
    assert statistics(pcm, RECIPE) is None


@given(
    st.integers(512, 9000),
    st.sampled_from(["noise", "constant", "click", "square"]),
    st.integers(0, 2**31),
)
@settings(max_examples=40, deadline=None)
def test_whatever_comes_in_finite_numbers_come_out(length: int, kind: str, seed: int) -> None:
    """Noise, direct current, a click, full-scale clipping: finite statistics or None."""
    rng = np.random.default_rng(seed)
    kinds: dict[str, Callable[[], NDArray[Any]]] = {
        "noise": lambda: rng.integers(-32768, 32768, length),
        "constant": lambda: np.full(length, rng.integers(-32768, 32768)),
        "click": lambda: np.eye(1, length, int(rng.integers(length)))[0] * 32767,
        "square": lambda: np.where(np.arange(length) // 40 % 2, 32767, -32768),
    }
    pcm = kinds[kind]().astype(np.int16)
    found = statistics(pcm, RECIPE)
    assert found is None or (np.isfinite(found).all() and len(found) == len(names(RECIPE)))


def test_every_number_has_a_name() -> None:
    """One name a number, none twice."""
    found = statistics(tuning_signal(), RECIPE)
    assert found is not None
    assert len(found) == len(names(RECIPE)) == len(set(names(RECIPE)))


def test_pitch_of_a_buzz_is_heard_without_its_fundamental() -> None:
    """A telephone cuts 140 Hz off; the harmonics still tell it."""
    time = np.arange(RATE_HZ) / RATE_HZ
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * time)
    buzz = sum(np.sin(2 * np.pi * 140 * order * time) for order in range(3, 20)) * swell
    found = judged(np.rint(1500 * buzz).astype(np.int16))
    octaves = found[names(RECIPE).index("pitch p50")]
    assert 100 * 2**octaves == pytest.approx(140, rel=0.03)


def test_recipe_survives_its_sidecar() -> None:
    """To JSON and back is the same recipe."""
    assert Recipe.from_dict(json.loads(json.dumps(RECIPE.to_dict()))) == RECIPE


@pytest.mark.parametrize(
    "change", [{"version": 99}, {"filters": None, "bands": 40}, {"unheard_of": 1}]
)
def test_a_recipe_that_cannot_be_reproduced_is_refused(change: dict[str, Any]) -> None:
    """Another version, a missing or an unknown parameter: one sentence that says what to do."""
    table = {k: v for k, v in (RECIPE.to_dict() | change).items() if v is not None}
    with pytest.raises(ModelError, match="belong together"):
        Recipe.from_dict(table)
