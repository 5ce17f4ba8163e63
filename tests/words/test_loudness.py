"""Utterances come to the recogniser at one loudness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sered.records import RATE_HZ
from sered.words.loudness import CEILING, TARGET_DB, levelled

if TYPE_CHECKING:
    from numpy.typing import NDArray


def level_db(pcm: NDArray[np.int16]) -> float:
    return float(10 * np.log10(np.mean(np.square(pcm / 32_768.0))))


def tone(peak: float, seconds: float = 1.0) -> NDArray[np.float64]:
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.asarray(peak * np.sin(2 * np.pi * 300 * time))


@pytest.mark.parametrize("peak", [40, 700, 12_000, 32_767])
def test_whatever_its_gain_speech_comes_at_one_level(peak: int) -> None:
    """Loud and soft sound leave at the same level."""
    assert level_db(levelled(tone(peak).astype(np.int16))) == pytest.approx(TARGET_DB, abs=0.1)


def test_pauses_do_not_count() -> None:
    """Silence around speech does not make it louder."""
    said = tone(3_000)
    among = np.concatenate([np.zeros(RATE_HZ), said, np.zeros(2 * RATE_HZ)])
    got = levelled(among.astype(np.int16))
    assert np.abs(got[RATE_HZ : 2 * RATE_HZ] - levelled(said.astype(np.int16))).max() <= 1


def test_nothing_is_raised_into_clipping() -> None:
    """A click above soft speech holds the gain down: no sample passes the ceiling."""
    soft = tone(100)
    soft[5_000] = 20_000
    got = levelled(soft.astype(np.int16))
    assert np.abs(got.astype(int)).max() <= CEILING


@pytest.mark.parametrize("samples", [0, 1, 319, 320, RATE_HZ])
def test_silence_stays_silence(samples: int) -> None:
    """Nothing, less than a block and digital silence come back as they are."""
    silence = np.zeros(samples, np.int16)
    assert np.array_equal(levelled(silence), silence)


def test_the_softest_sound_is_no_division_by_zero() -> None:
    """One bit of noise is raised by no more than the most."""
    bit = np.ones(RATE_HZ, np.int16)
    assert levelled(bit).max() == 100
    assert levelled(np.full(RATE_HZ, -32_768, np.int16)).dtype == np.int16
