"""Full scale, decibels and clipping mean the same to everybody who measures."""

import numpy as np
import pytest

from sered.levels import CLIPPED, FULL_SCALE, LOWEST_DB, clipped_share, level_db, powers_db


def test_a_sine_at_full_scale_is_three_decibels_under_it() -> None:
    """RMS, not peak: -3 dBFS; half the amplitude is 6 dB less, an offset changes nothing."""
    sine = 32_767 * np.sin(np.arange(16_000) * 0.3)
    assert level_db(sine.astype(np.int16)) == pytest.approx(-3.01, abs=0.01)
    assert level_db((sine / 2 + 9_000).astype(np.int16)) == pytest.approx(-9.03, abs=0.01)


def test_blocks_and_whole_sounds_are_measured_alike() -> None:
    """The powers of blocks come to the decibels of level_db, and nothing to the lowest there is."""
    noise = np.random.default_rng(1).normal(0, 900, (4, 512))
    noise = (noise - noise.mean(axis=1, keepdims=True)).astype(np.int16)
    powers = np.mean(noise.astype(np.float32) ** 2, axis=1)
    assert powers_db(powers) == pytest.approx([level_db(row) for row in noise], abs=0.02)
    assert powers_db(np.zeros(1, np.float32))[0] == pytest.approx(-110.3, abs=0.1)
    assert level_db(np.zeros(512, np.int16)) == LOWEST_DB


def test_only_what_reaches_full_scale_is_clipped() -> None:
    """The share of samples at either rail; a loud sound that keeps clear of them has none."""
    pcm = np.array([0, CLIPPED, -CLIPPED, -int(FULL_SCALE), CLIPPED - 1, 1, 2, 3], np.int16)
    assert clipped_share(pcm) == 3 / 8
    assert clipped_share(np.full(10, CLIPPED - 1, np.int16)) == 0.0
    assert clipped_share(np.zeros(0, np.int16)) == 0.0
