"""Steady sound is found and left out; what moves is not touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from sered.records import RATE_HZ
from sered.words.still import moving

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Pcm = NDArray[np.int16]


def chord(hz: tuple[float, ...], seconds: float) -> Pcm:
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    waves = [np.sin(2 * np.pi * each * time) for each in hz]
    return np.asarray(np.sum(waves, axis=0) / len(hz) * 8000, np.int16)


@pytest.mark.parametrize("hz", [(440.0,), (480.0, 620.0), (440.0, 480.0), (350.0, 900.0, 1400.0)])
def test_a_steady_tone_is_left_out_whole(hz: tuple[float, ...]) -> None:
    """One line or a chord, detuned or beating, for fifteen seconds: nothing is left."""
    assert moving(chord(hz, 15.0)) == []
    assert moving(chord(tuple(1.013 * each for each in hz), 15.0)) == []


def test_digital_silence_is_left_out() -> None:
    """Zeros for seconds hold no word either."""
    assert moving(np.zeros(10 * RATE_HZ, np.int16)) == []


def test_a_voice_and_noise_are_not_touched(shared: Path) -> None:
    """A read sentence, also over a hum, and noise are given whole."""
    voice, _ = soundfile.read(shared / "data/speech/read/vosk_test.flac", dtype="int16")
    hummed = voice[: 8 * RATE_HZ] // 2 + chord((50.0, 100.0, 150.0), 8.0) // 4
    noise = np.random.default_rng(5).normal(0, 2000, 15 * RATE_HZ).astype(np.int16)
    for pcm in (voice[: 15 * RATE_HZ], hummed, noise):
        assert moving(pcm) == [(0, len(pcm))]


def test_what_is_said_before_and_after_a_tone_is_kept(shared: Path) -> None:
    """Of voice, eight seconds of tone, voice, both voices are left, to a tenth of a second."""
    voice, _ = soundfile.read(shared / "data/speech/read/vosk_test.flac", dtype="int16")
    said = np.asarray(voice[: 4 * RATE_HZ])
    whole = np.concatenate((said, chord((480.0, 620.0), 8.0), said))
    (_, first_end), (second_begin, end) = moving(whole)
    assert first_end == pytest.approx(4 * RATE_HZ, abs=RATE_HZ / 10)
    assert second_begin == pytest.approx(12 * RATE_HZ, abs=RATE_HZ / 10)
    assert end == len(whole)


def test_a_short_sound_is_not_even_looked_at() -> None:
    """Two seconds of a tone may be a word that somebody holds."""
    assert moving(chord((440.0,), 2.0)) == [(0, 2 * RATE_HZ)]
