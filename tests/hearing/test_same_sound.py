"""One sound on both channels is known by what is common to them, two people by what is not."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
import soxr

import sered
from sered.hearing.same_sound import SameSound
from sered.records import FRAME, RATE_HZ

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Sound = NDArray[np.float64]

PATH = next(iter(sered.__path__)) + "/demo/call.wav"


@pytest.fixture(scope="module")
def demo() -> tuple[Sound, Sound]:
    """Thirty seconds of the demo call: agent and customer, each on a channel of its own."""
    samples, rate_hz = soundfile.read(PATH, frames=44 * 44_100)
    both = soxr.resample(samples, rate_hz, RATE_HZ)[14 * RATE_HZ :]
    return both[:, 0], both[:, 1]


def spoken(first: Sound, second: Sound) -> NDArray[np.bool_]:
    """The frames in which half of the blocks of a channel are well over its quietest tenth."""
    out = np.zeros(len(first) // FRAME, bool)
    for sound in (first, second):
        blocks = sound[: len(out) * FRAME].reshape(-1, FRAME // 8).std(axis=1)
        loud = blocks > max(3.0 * np.percentile(blocks, 10), 1e-3)
        out |= loud.reshape(-1, 8).sum(axis=1) >= 4
    return out


def compare(first: Sound, second: Sound, seconds: float | None = None) -> SameSound:
    """What is known of two channels after so many seconds."""
    compared = SameSound()
    until = len(first) if seconds is None else round(seconds * RATE_HZ)
    one, two = (
        np.asarray(np.clip(sound, -1.0, 1.0) * 32_767, np.int16) for sound in (first, second)
    )
    for number, talk in enumerate(spoken(first[:until], second[:until])):
        part = slice(number * FRAME, (number + 1) * FRAME)
        compared.feed(one[part], two[part], spoken=bool(talk))
    return compared


def noisy(sound: Sound, snr_db: float, seed: int) -> Sound:
    """The sound in white noise that is so far under it."""
    noise = np.random.default_rng(seed).standard_normal(len(sound))
    return np.asarray(sound + noise * sound.std() * 10.0 ** (-snr_db / 20.0))


COPIES = list(
    itertools.product((0.0, 0.005, 0.02, 0.05), (1.0, 0.5, -0.316, 0.18), (30.0, 10.0, 5.0))
)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("late_s", "gain", "snr_db"), COPIES[::5])
def test_a_copy_is_known(
    demo: tuple[Sound, Sound], late_s: float, gain: float, snr_db: float, *, turned: bool
) -> None:
    """Eleven seconds tell: late, fainter, turned over, in noise of each channel's own."""
    mono = (demo[0] + demo[1])[: 11 * RATE_HZ] / 2.0
    copy = noisy(gain * np.roll(mono, round(late_s * RATE_HZ)), snr_db, 1)
    pair = (noisy(mono, 30.0, 2), copy)
    assert compare(*(pair[::-1] if turned else pair)).found(over=True)


def test_a_faint_copy_is_known_in_mid_call(demo: tuple[Sound, Sound]) -> None:
    """One as faint as a leak takes a quarter of a minute's speech; a louder one a few seconds."""
    mono = (demo[0] + demo[1]) / 2.0
    late = np.roll(mono, round(0.02 * RATE_HZ))
    assert compare(mono, noisy(0.5 * late, 10.0, 1), 8.0).found(over=False)
    assert not compare(mono, noisy(0.316 * late, 10.0, 1), 8.0).found(over=False)
    assert compare(mono, noisy(0.316 * late, 10.0, 1)).found(over=False)


@pytest.mark.parametrize("to_agent", [0.0, 0.1, 0.25, 0.4])
@pytest.mark.parametrize("to_customer", [0.0, 0.1, 0.25, 0.4])
def test_two_people_are_never_one(
    demo: tuple[Sound, Sound], to_agent: float, to_customer: float
) -> None:
    """Whatever leaks either way, words that one channel alone has are two people's."""
    agent, customer = demo
    near = agent + to_agent * np.roll(customer, 40)
    far = customer + to_customer * np.roll(agent, 8)
    assert not compare(noisy(near, 20.0, 1), noisy(far, 20.0, 2)).found(over=True)
    assert not compare(near, far).found(over=True)


@pytest.mark.shared
@pytest.mark.parametrize("leak", [0.0, 0.3])
@pytest.mark.slow
def test_real_calls_are_two_people(shared: Path, leak: float) -> None:
    """Neither two real calls on two channels nor pairs of real callers are taken for one sound."""
    for path in sorted((shared / "data/speech/calls").glob("*L-agent*.flac")):
        samples, rate_hz = soundfile.read(path, always_2d=True)
        both = soxr.resample(samples[: 60 * rate_hz], rate_hz, RATE_HZ)
        assert not compare(both[:, 0] + leak * both[:, 1], both[:, 1]).found(over=True)
        assert not compare(both[:, 0], both[:, 1] + leak * both[:, 0]).found(over=True)
    voices = []
    for path in sorted((shared / "data/callers").glob("*.opus"))[::16]:
        samples, rate_hz = soundfile.read(path, always_2d=True, frames=20 * 48_000)
        voice = soxr.resample(samples.mean(axis=1), rate_hz, RATE_HZ)
        voices.append(np.resize(voice, 20 * RATE_HZ))
    turns = (np.arange(20 * RATE_HZ) // (3 * RATE_HZ)) % 2
    for first, second in itertools.pairwise(voices):
        near, far = first * turns, second * (1 - turns)
        assert not compare(near + leak * far, far).found(over=True)
        assert not compare(near, far + leak * near).found(over=True)
