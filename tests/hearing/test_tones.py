"""Call-progress tones, dialling and the howler, synthesised with the errors that lines have."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest

from sered.hearing.ears import Ears
from sered.hearing.tones import DTMF_KEYS, PLANS
from sered.records import RATE_HZ, Side, State
from sered.settings import PlanName
from sered.testing import sounds
from sered.testing.line import frames

if TYPE_CHECKING:
    from numpy.typing import NDArray


def states(
    sound: NDArray[np.float32],
    *,
    snr_db: float = 25.0,
    plan: PlanName = "auto",
    level_db: float = -20.0,
) -> str:
    """One letter a block for a sound in line noise, after half a second of noise alone."""
    rng = np.random.default_rng(4)
    quiet = sounds.silence(0.512)
    clean = np.concatenate((quiet, sound))
    noise = sounds.noise(rng, len(clean) / RATE_HZ)[: len(clean)] * 10.0 ** (-snr_db / 20.0)
    pcm = ((clean + noise) * 32767.0 * 10.0 ** (level_db / 20.0)).astype(np.int16)
    ears = Ears([Side.MIXED], plan)
    heard = [block for frame in frames({Side.MIXED: pcm}) for block in ears.feed(frame)]
    return "".join(block.states[Side.MIXED] for block in heard)


def test_every_plan_can_be_chosen() -> None:
    """A plan in tones.py has its name in the settings, and each name there but `auto` is a plan."""
    assert set(get_args(PlanName)) == {"auto", *PLANS}, (
        "settings.PlanName lists what tones.PLANS has"
    )


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("plan", sorted(PLANS))
@pytest.mark.parametrize("detune", [-0.018, 0.018])
@pytest.mark.parametrize("state", [State.DIAL, State.RINGBACK, State.BUSY, State.REORDER])
def test_every_tone_of_every_plan_is_named(
    plan: PlanName, state: State, detune: float, told: bool
) -> None:
    """With the exchange 1.8 % off, 3 dB of twist and noise, whether or not the plan is told."""
    length_s = {State.RINGBACK: 16.0, State.DIAL: 4.0}.get(state, 6.0)
    sound = sounds.progress_tone(plan, state, length_s, detune=detune, twist_db=3.0)
    heard = states(sound, snr_db=15.0, plan=plan if told else "auto")
    tail = heard[-round(3.2 * RATE_HZ / 512) :] if state is not State.RINGBACK else heard[300:]
    others = {State.DIAL, State.RINGBACK, State.BUSY, State.REORDER} - {state}
    congestion = {State.BUSY, State.REORDER}
    if state in congestion:
        others -= congestion  # one ends a call as well as the other
        assert any(kind in tail for kind in congestion)
    else:
        assert state in tail
    assert not any(kind in tail for kind in others)
    assert State.SPEECH * 5 not in heard


def test_a_hang_up_tone_is_certain_within_three_bursts() -> None:
    """Busy is known before two seconds have passed."""
    for plan in PLANS:
        heard = states(sounds.progress_tone(plan, State.BUSY, 4.0))
        first = min(heard.find(c) for c in (State.BUSY, State.REORDER) if c in heard)
        assert (first - 16) * 512 / RATE_HZ < 2.6, plan


@pytest.mark.parametrize("plan", ["auto", "na"])
def test_a_busy_tone_of_three_bursts_right_after_a_voice_is_named(plan: PlanName) -> None:
    """Though somebody speaks into the first burst; and what no dial tone sounds like is none."""
    rng = np.random.default_rng(11)
    time_s = np.arange(round(1.2 * RATE_HZ)) / RATE_HZ
    vowel = sum(np.sin(2 * np.pi * 130 * k * time_s) / k for k in range(2, 20)) * 0.7
    voice = vowel * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time_s)) + 0.05 * rng.standard_normal(
        len(time_s)
    )
    tone = sounds.progress_tone("na", State.BUSY, 2.5)
    overlap = round(0.3 * RATE_HZ)
    sound = np.concatenate((voice.astype(np.float32), tone[overlap:], sounds.silence(1.0)))
    sound[len(voice) - overlap : len(voice)] += tone[:overlap]
    heard = states(sound, plan=plan)
    assert State.BUSY in heard
    assert State.DIAL not in heard


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 142])
def test_hold_music_has_no_rhythm_of_a_hang_up_tone(seed: int) -> None:
    """Notes at the tones' frequencies come back at their pace; but their pauses are not empty."""
    heard = states(sounds.hold_music(np.random.default_rng(seed), 20.0))
    assert not {State.BUSY, State.REORDER, State.HOWLER, State.SIT} & set(heard)


def test_the_howler_is_named() -> None:
    """Four tones, ten times in two seconds."""
    assert states(sounds.progress_tone("na", State.HOWLER, 4.0)).count(State.HOWLER) > 30


@pytest.mark.slow
def test_a_howler_in_loud_noise_is_nobody_speaking() -> None:
    """Once it is sure it is followed through noise that swallows a third of it."""
    howler = sounds.progress_tone("na", State.HOWLER, 20.0)
    for snr_db in (5.0, 6.0, 7.0, 8.0):
        heard = states(howler, snr_db=snr_db)
        assert heard.count(State.HOWLER) > 150
        assert heard.count(State.SPEECH) == 0


@pytest.mark.parametrize("detune", [-0.015, 0.0, 0.015])
def test_special_information_tones_are_named(detune: float) -> None:
    """The three rising tones before "no such number" are known by the last of them."""
    heard = states(sounds.progress_tone("na", State.SIT, 1.0, detune=detune))
    assert heard.count(State.SIT) >= 3
    assert State.SPEECH not in heard
    assert State.FAX not in heard


@pytest.mark.parametrize(("hz", "seconds"), [(1100.0, 0.5), (2100.0, 3.0)])
def test_a_fax_is_named_and_never_a_voice(hz: float, seconds: float) -> None:
    """A calling and an answering machine are known before their tone is over."""
    once = np.concatenate((sounds.sines([hz], seconds), sounds.silence(1.5)))
    heard = states(np.concatenate((once, once)))
    assert heard.count(State.FAX) >= 3
    assert State.SPEECH not in heard


@pytest.mark.parametrize("key", "".join(DTMF_KEYS))
def test_every_dialled_key_is_heard(key: str) -> None:
    """60 ms on, with twist, 20 dB above the noise."""
    heard = states(sounds.dtmf(key * 3, on_s=0.06, off_s=0.06, twist_db=4.0), snr_db=20.0)
    assert heard.count(State.DTMF) >= 3
    assert State.SPEECH not in heard


@pytest.mark.parametrize("level_db", [-45.0, -6.0])
def test_tones_are_named_at_every_level_a_line_may_have(level_db: float) -> None:
    """From a faint tap to one at full scale."""
    heard = states(sounds.progress_tone("etsi", State.BUSY, 5.0), level_db=level_db, snr_db=30.0)
    assert heard.count(State.BUSY) > 20


@pytest.mark.parametrize("name", ["noise", "hum", "vacuum cleaner", "clicks"])
def test_noise_is_no_tone_and_no_speech(name: str) -> None:
    """Hum, rush and clicks are nobody."""
    rng = np.random.default_rng(7)
    sound = {
        "noise": sounds.noise(rng, 8.0),
        "hum": sounds.hum(8.0),
        "vacuum cleaner": sounds.vacuum_cleaner(rng, 8.0),
        "clicks": sounds.clicks(rng, 8.0, per_minute=60.0),
    }[name]
    assert set(states(sound, snr_db=40.0)) <= {State.SILENCE, State.NOISE}


@pytest.mark.slow
def test_hold_music_is_music_and_never_speech() -> None:
    """Found within four seconds, and kept."""
    for seed in range(4):
        heard = states(sounds.hold_music(np.random.default_rng(seed), 15.0))
        assert heard[140:].count(State.MUSIC) > 0.8 * len(heard[140:]), seed
        assert State.SPEECH * 8 not in heard
