"""The gate, the voice detector's steadiness, music, and whose voice it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import soundfile

from sered.hearing.crosstalk import Ownership
from sered.hearing.hold_music import MusicDetector
from sered.hearing.voice_activity import Gate, VoiceDetector
from sered.levels import FULL_SCALE
from sered.records import BLOCK, State

if TYPE_CHECKING:
    from pathlib import Path


def test_the_gate_is_open_for_speech_in_the_very_first_frame() -> None:
    """A recording may begin in the middle of a word."""
    assert Gate().open(-30.0)


def test_the_gate_learns_a_steady_noise_within_five_seconds() -> None:
    """Then it costs nothing."""
    gate = Gate()
    opened = []
    for _ in range(24):
        opened.append(gate.open(-39.0))
        gate.learn(-40.0, busy=False)
    assert opened[0]
    assert not opened[-1]


def test_the_floor_does_not_rise_while_somebody_is_heard() -> None:
    """However long a tone or a speaker goes on, it does not become noise."""
    gate = Gate()
    for _ in range(400):
        gate.learn(-30.0, busy=True)
    assert gate.open(-30.0)


def test_a_voice_is_heard_in_the_same_blocks_at_every_gain(shared: Path) -> None:
    """20 dB down or 6 dB up, speech is found where it was, but for a block in a hundred."""
    pcm, _ = soundfile.read(shared / "data/speech/read/vosk_test.flac", dtype="float32")
    frames = np.resize(pcm, 60 * 8 * BLOCK).reshape(60, 8, BLOCK) / np.abs(pcm).max() / 2
    heard = []
    for gain in (2.0, 1.0, 0.1):
        detector, spoken = VoiceDetector(), []
        for blocks in frames:
            detector.take(blocks[None] * np.float32(gain * FULL_SCALE))
            spoken += [detector.hear(index) for index in range(8)]
        heard.append(spoken)
    loud, plain, soft = (np.array(spoken) for spoken in heard)
    assert np.mean(loud != plain) < 0.01
    assert np.mean(soft != plain) < 0.01
    assert 0.4 < np.mean(plain) < 1.0


def test_a_hum_is_no_music_and_a_tune_is() -> None:
    """Both have lines; only one plays different notes."""
    hum, tune = MusicDetector(), MusicDetector()
    for block in range(150):
        hums = hum.feed(-20.0, 250.0, note=True, voiced=False)
        plays = tune.feed(-20.0, 250.0 * 1.06 ** (block // 8 % 7), note=True, voiced=False)
    assert not hums
    assert plays


def test_somebody_who_speaks_after_music_is_heard_within_a_fifth_of_a_second() -> None:
    """Coming back from hold, the first word counts."""
    music = MusicDetector()
    for block in range(150):
        music.feed(-20.0 - block % 12, 440.0, note=True, voiced=False)
    heard = [music.feed(-20.0 - block % 12, 440.0, note=True, voiced=True) for block in range(6)]
    assert heard[0]
    assert not heard[-1]


def own(customer_db: float, agent_db: float, blocks: int = 96) -> tuple[list[State], list[State]]:
    """Both voice detectors fire at these levels over a floor of -70 dBFS."""
    ownership = Ownership()
    for _ in range(blocks // 8):
        customer, agent = [State.SPEECH] * 8, [State.SPEECH] * 8
        levels = ([customer_db] * 8, [agent_db] * 8)
        ownership.settle((customer, agent), levels, (-70.0, -70.0))
    return customer, agent


def test_the_louder_side_owns_a_voice_that_leaks() -> None:
    """25 dB down on the other channel, it is nobody's there."""
    assert own(-45.0, -20.0) == ([State.SILENCE] * 8, [State.SPEECH] * 8)
    assert own(-20.0, -45.0) == ([State.SPEECH] * 8, [State.SILENCE] * 8)


def test_two_who_speak_at_once_are_both_heard() -> None:
    """A customer a little fainter than the agent is no leak."""
    assert own(-25.0, -20.0) == ([State.SPEECH] * 8, [State.SPEECH] * 8)


def test_hold_music_that_leaks_into_the_agents_channel_stays_the_customers_for_minutes() -> None:
    """What arrives there teaches nothing about how loud the agent is elsewhere."""
    ownership = Ownership()
    for _ in range(1000):
        customer, agent = [State.MUSIC] * 8, [State.MUSIC] * 8
        levels = ([-10.0] * 8, [-28.0] * 8)
        ownership.settle((customer, agent), levels, (-47.0, -47.0))
    assert customer == [State.MUSIC] * 8
