"""What a user should know of a recording is said: levels, channels, numbers that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from sered.channels import parse_sides
from sered.errors import AudioError
from sered.records import RATE_HZ, Side
from sered.tap.recording import Recording

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PAIR, MONO = "agent=left,customer=right", "customer=mono"


def noise(seed: int = 1, level: float = 0.1, seconds: float = 4.0) -> NDArray[np.float64]:
    """White noise of an RMS of `level`."""
    return level * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))


def recorded(path: Path, *channels: Any, sides: str = PAIR, subtype: str = "FLOAT") -> Recording:
    """A WAV with these channels, opened."""
    soundfile.write(path / "a.wav", np.stack(channels, axis=1), RATE_HZ, subtype=subtype)
    return Recording(path / "a.wav", parse_sides(sides))


def heard_db(recording: Recording, side: Side) -> float:
    """Level of one side, dBFS."""
    pcm = np.concatenate([frame.pcm[side] for frame in recording.frames()]).astype(float)
    return float(20.0 * np.log10(pcm.std() / 32_768.0 + 1e-9))


def test_a_sound_recording_has_no_notes(tmp_path: Path) -> None:
    """Two people at usual levels: nothing is said, nothing is turned up."""
    recording = recorded(tmp_path, noise(1), noise(2))
    assert recording.notes == ()
    assert recording.gain_db == 0.0


@pytest.mark.parametrize("times", [0.5, 1.0])
def test_channels_that_cancel_are_turned_over(tmp_path: Path, times: float) -> None:
    """A pair wired in opposite ways is mixed so that what is said stays."""
    recording = recorded(tmp_path, noise(), -times * noise(), sides="mixed=mono")
    assert heard_db(recording, Side.MIXED) > -24.0
    assert any("cancel each other" in note for note in recording.notes)


def test_an_empty_channel_takes_nothing_from_the_mix(tmp_path: Path) -> None:
    """Silence on three of four channels does not make the fourth one faint."""
    empty = np.zeros(4 * RATE_HZ)
    recording = recorded(tmp_path, empty, noise(), empty, empty, sides="mixed=mono")
    assert heard_db(recording, Side.MIXED) == pytest.approx(-20.0, abs=0.5)


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_floats_on_an_integers_scale_are_scaled_back(tmp_path: Path, bits: int) -> None:
    """Numbers of 16, 24 or 32 bits written as floats sound as loud as they were."""
    recording = recorded(tmp_path, noise() * 2 ** (bits - 1), sides=MONO)
    assert heard_db(recording, Side.CUSTOMER) == pytest.approx(-20.0, abs=0.5)
    assert any(f"taken for {bits}-bit numbers" in note for note in recording.notes)


def test_a_float_too_loud_is_turned_down(tmp_path: Path) -> None:
    """What lies a little over full scale is not clipped."""
    recording = recorded(tmp_path, noise(level=0.5), sides=MONO)
    assert any("turned down by" in note for note in recording.notes)
    peak = max(int(np.abs(f.pcm[Side.CUSTOMER].astype(int)).max()) for f in recording.frames())
    assert 32_000 < peak <= 32_767


@pytest.mark.parametrize(("db", "turned_up"), [(-50.0, True), (-65.0, True), (-30.0, False)])
def test_faint_recordings_are_turned_up(tmp_path: Path, db: float, *, turned_up: bool) -> None:
    """All sides by the same, until the loudest is as loud as talk; a usual level stays."""
    level = 10.0 ** (db / 20.0)
    recording = recorded(tmp_path, noise(1, level), noise(2, level / 4), subtype="PCM_24")
    assert (recording.gain_db > 0.0) is turned_up
    difference = heard_db(recording, Side.AGENT) - heard_db(recording, Side.CUSTOMER)
    assert difference == pytest.approx(12.0, abs=0.5)
    if turned_up:
        assert heard_db(recording, Side.AGENT) == pytest.approx(-22.0, abs=1.5)
        assert any("it is faint" in note for note in recording.notes)


def test_what_is_too_faint_to_hear_is_said(tmp_path: Path) -> None:
    """A line that carries next to nothing is named with its level, not turned up to a roar."""
    recording = recorded(tmp_path, noise(1, 1e-4), noise(2, 1e-4), subtype="PCM_24")
    assert recording.gain_db == 0.0
    assert any("too faint to hear anybody" in note for note in recording.notes)


def test_numbers_that_are_none_are_lost_sound(tmp_path: Path, recwarn: Any) -> None:
    """A quarter of a second of NaN is lost, in its place; what follows keeps its time."""
    sound = noise()
    sound[RATE_HZ : RATE_HZ + 4_000] = np.nan
    sound[2 * RATE_HZ] = np.inf
    recording = recorded(tmp_path, sound, sides=MONO)
    frames = list(recording.frames())
    assert sum(frame.lost for frame in frames) == 4_001
    assert frames[-1].start + len(frames[-1].pcm[Side.CUSTOMER]) >= 4 * RATE_HZ
    assert any("4001 of its samples (0.25 s) are no numbers" in note for note in recording.notes)
    assert not recwarn.list


def test_sound_on_a_scale_nobody_knows_is_refused(tmp_path: Path) -> None:
    """Floats beyond every integer's range are named with their size."""
    with pytest.raises(AudioError, match=r"wanted samples of -1 to 1, found some of 3\.\d+e\+09"):
        recorded(tmp_path, np.full(RATE_HZ, 3.5e9), sides=MONO)


def test_channels_not_listened_to_are_named(tmp_path: Path) -> None:
    """Sound on channels that nobody asked for is told with their numbers and how to ask."""
    empty = np.zeros(4 * RATE_HZ)
    (note,) = [
        each
        for each in recorded(tmp_path, noise(1), noise(2), empty, noise(3)).notes
        if "not listened to" in each
    ]
    assert note.startswith("4 channels, of which 4 carry sound") or "of which 4 " in note


def test_an_empty_side_is_told(tmp_path: Path) -> None:
    """A customer's channel without anything, beside an agent's that speaks, may be exchanged."""
    empty = np.zeros(4 * RATE_HZ)
    (note,) = recorded(tmp_path, noise(), empty).notes
    assert "the customer's channel carries nothing at all" in note
    assert "--sides customer=left,agent=right" in note


def test_a_side_that_only_hums_is_told(tmp_path: Path) -> None:
    """A customer's channel with hum or hiss alone is told of beside a voice's ups and downs."""
    at = np.arange(4 * RATE_HZ)
    voice = noise(level=0.2) * np.sin(at / RATE_HZ * 4.0) ** 4
    hum = 0.01 * np.sin(2.0 * np.pi * 50.0 * at / RATE_HZ)
    for steady in (hum, noise(2, 0.005), hum + noise(2, 0.003)):
        (note,) = recorded(tmp_path, voice, steady).notes
        assert "the customer's channel carries nothing but a hum or a hiss of -4" in note
    assert recorded(tmp_path, voice, voice[::-1]).notes == ()


def test_clipping_is_told(tmp_path: Path) -> None:
    """A channel at full scale for more than a hundredth of its samples is named."""
    loud = np.clip(noise(level=0.6), -1.0, 1.0)
    (note,) = recorded(tmp_path, noise(2), loud, subtype="PCM_16").notes
    assert "the customer's channel is clipped" in note
