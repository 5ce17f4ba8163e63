"""The simulated line: what is composed on it is what the truth beside it says."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import signal

from sered.calls.segmenter import Segmenter
from sered.hearing.ears import Ears
from sered.records import RATE_HZ, CallEnded, CallStarted, EndReason, Side, State, Utterance
from sered.settings import CallSettings
from sered.testing import sounds
from sered.testing.line import LineRecipe, Truth, compose, frames, write_wav
from sered.testing.score import score

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Samples = dict[Side, NDArray[np.int16]]

pytestmark = pytest.mark.slow


def voice(seed: int, seconds: float = 2.0) -> NDArray[np.int16]:
    """A voice of our own: formants over a gliding pitch, syllable by syllable."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    pitch = 120.0 * (1.0 + 0.1 * np.sin(2 * np.pi * 0.7 * time + seed))
    pulses = signal.sawtooth(2 * np.pi * np.cumsum(pitch) / RATE_HZ)
    out = np.zeros_like(time)
    for start in np.arange(0.0, seconds, 0.25):
        part = slice(round(start * RATE_HZ), round((start + 0.22) * RATE_HZ))
        said = pulses[part] + 0.05 * rng.standard_normal(len(pulses[part]))
        for formant in (rng.uniform(300, 800), rng.uniform(1000, 2200), 2600.0):
            b, a = signal.iirpeak(formant, 6.0, RATE_HZ)
            said = said + 4.0 * signal.lfilter(b, a, said)
        out[part] = said * np.hanning(len(said))
    return np.asarray(out / np.abs(out).max() * 20000, np.int16)


VOICES = [voice(seed) for seed in range(4)]


def find(samples: Samples) -> list[CallStarted | Utterance | CallEnded]:
    """What a line makes of this sound."""
    ears, segmenter = Ears(list(samples)), Segmenter(CallSettings())
    events = [e for f in frames(samples) for heard in ears.feed(f) for e in segmenter.feed(heard)]
    return events + segmenter.finish(EndReason.END_OF_RECORDING)


def level_db(sound: NDArray[np.int16], spans: list[tuple[float, float]]) -> float:
    parts = [sound[round(a * RATE_HZ) : round(b * RATE_HZ)] for a, b in spans]
    return float(20 * np.log10(np.concatenate(parts).astype(float).std() / 32768.0))


def test_the_same_seed_gives_the_same_samples_and_another_does_not() -> None:
    """A fault found in a composed call can be found again."""
    recipe = LineRecipe(talk_s=4.0)
    one, two = (compose(3, VOICES, recipe=recipe, calls=1) for _ in range(2))
    other, _ = compose(4, VOICES, recipe=recipe, calls=1)
    assert one[1] == two[1]
    assert all((one[0][side] == two[0][side]).all() for side in one[0])
    assert not np.array_equal(one[0][Side.CUSTOMER], other[Side.CUSTOMER])


@pytest.mark.parametrize("speech_db", [-45.0, -22.0, -6.0])
def test_speech_is_as_loud_as_the_recipe_says(speech_db: float) -> None:
    """From a faint tap to one that clips; the telephone's band takes a little."""
    recipe = LineRecipe(speech_db=speech_db, talk_s=8.0, leak_db=None, codec=False)
    samples, truth = compose(5, VOICES, recipe=recipe, kinds=("incoming",), calls=1)
    spans = truth.spoken(Side.CUSTOMER)
    assert level_db(samples[Side.CUSTOMER], spans) == pytest.approx(speech_db, abs=5.0)


def test_tones_have_the_error_and_the_twist_that_were_asked_for() -> None:
    """The upper of two lines 3 dB louder, both 1 % too high."""
    sound = sounds.progress_tone("na", State.DIAL, 2.0, detune=0.01, twist_db=3.0)
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hz = np.fft.rfftfreq(len(sound), 1.0 / RATE_HZ)
    low, high = (np.flatnonzero(np.abs(hz - f) < 20.0) for f in (353.5, 444.4))
    assert hz[low[power[low].argmax()]] == pytest.approx(353.5, abs=0.6)
    assert hz[high[power[high].argmax()]] == pytest.approx(444.4, abs=0.6)
    assert 10 * np.log10(power[high].sum() / power[low].sum()) == pytest.approx(3.0, abs=0.3)


def test_the_truth_is_where_the_sound_is() -> None:
    """Where somebody speaks there is sound, and on-hook there is what the recipe leaves."""
    recipe = LineRecipe(talk_s=6.0, leak_db=None, on_hook_drop_db=None)
    samples, truth = compose(2, VOICES, recipe=recipe, calls=2)
    for side in (Side.CUSTOMER, Side.AGENT):
        for first, last in truth.spoken(side):
            assert level_db(samples[side], [(first, last)]) > -40.0
    gap = (truth.calls[0].end_s + 12.0, truth.calls[1].start_s - 0.1)
    if gap[1] > gap[0]:
        assert not samples[Side.CUSTOMER][slice(*(round(s * RATE_HZ) for s in gap))].any()


def test_a_mixed_line_is_one_channel_with_both_voices() -> None:
    """As a mono tap has it."""
    recipe = LineRecipe(talk_s=6.0, mixed=True)
    samples, truth = compose(1, VOICES, recipe=recipe, kinds=("incoming",), calls=1)
    assert set(samples) == {Side.MIXED}
    for side in (Side.CUSTOMER, Side.AGENT):
        assert level_db(samples[Side.MIXED], truth.spoken(side)) > -35.0


def test_a_line_can_be_listened_to(tmp_path: Path) -> None:
    """A WAV file with the agent left and the customer right."""
    samples, _ = compose(6, VOICES, recipe=LineRecipe(talk_s=2.0, gap_s=1.0), calls=1)
    write_wav(tmp_path / "line.wav", samples)
    with wave.open(str(tmp_path / "line.wav"), "rb") as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE_HZ)
        sound = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
    assert (sound[:, 0] == samples[Side.AGENT]).all()
    assert (sound[:, 1] == samples[Side.CUSTOMER]).all()


def matched(events: list[CallStarted | Utterance | CallEnded], truth: Truth) -> None:
    found = score(truth, events)
    assert found.matched == found.true_calls, found.faults
    assert found.false_calls == 0, found.faults
    assert found.machine_utterances == 0


def test_calls_dialled_seconds_after_one_another_are_calls_of_their_own() -> None:
    """Hang-up tone, handset down and up again, dial tone, the next one."""
    recipe = LineRecipe(talk_s=5.0, back_to_back=1.0, on_hook_drop_db=0.0)
    samples, truth = compose(9, VOICES, recipe=recipe, kinds=("incoming",), endings=("busy",))
    gaps = [b.start_s - a.end_s for a, b in zip(truth.calls, truth.calls[1:], strict=False)]
    assert len(gaps) == 2
    assert max(gaps) < 15.0
    matched(find(samples), truth)


def test_a_fax_that_answers_is_nobody() -> None:
    """No verdict and no utterance comes of a modem."""
    samples, truth = compose(3, VOICES, recipe=LineRecipe(), kinds=("fax",), calls=1)
    events = find(samples)
    assert [e.reason for e in events if isinstance(e, CallEnded)] == [EndReason.UNANSWERED]
    assert not [e for e in events if isinstance(e, Utterance)]
    matched(events, truth)


@pytest.mark.untraced
def test_ten_minutes_on_hold_are_one_call() -> None:
    """Music keeps it open, and the voice after it is heard."""
    recipe = LineRecipe(talk_s=6.0, mixed=True)
    samples, truth = compose(4, VOICES, recipe=recipe, kinds=("long_hold",), calls=1)
    events = find(samples)
    (call,) = [event for event in events if isinstance(event, CallEnded)]
    assert call.end_s - call.start_s > 600.0
    assert call.talk.hold_s > 500.0
    matched(events, truth)


@pytest.mark.parametrize(("music_db", "plays"), [(-25.0, True), (-60.0, False)])
def test_a_lines_own_murmur_between_words_is_no_hold_music(music_db: float, plays: bool) -> None:
    """Music on hold is about as loud as a voice."""
    music = sounds.hold_music(np.random.default_rng(2), 10.0) * 10 ** (music_db / 20) * 32768.0
    pcm = np.concatenate((VOICES[0], music.astype(np.int16)))
    ears = Ears([Side.CUSTOMER])
    heard = [h for f in frames({Side.CUSTOMER: pcm}) for h in ears.feed(f)]
    assert (State.MUSIC in {block.states[Side.CUSTOMER] for block in heard}) == plays


@pytest.mark.parametrize("name", ["a station with news", "a station with music", "comfort noise"])
def test_what_an_idle_line_picks_up_is_no_call(name: str) -> None:
    """As faint as long wires pick it up, on both sides; the exchange's noise as loud as it may."""
    rng = np.random.default_rng(12)
    news = np.concatenate([*VOICES, *VOICES, *VOICES]).astype(np.float32)
    heard = {
        "a station with news": lambda: sounds.radio(rng, news) * 10 ** (-58 / 20),
        "a station with music": lambda: sounds.radio(rng, sounds.hold_music(rng, 30.0)) * 10**-2.9,
        "comfort noise": lambda: sounds.comfort_noise(rng, 60.0) * 10 ** (-40 / 20),
    }[name]()
    noise = sounds.noise(rng, len(heard) / RATE_HZ) * 10 ** (-75 / 20)
    pcm = np.asarray((heard + noise) * 32767.0, np.int16)
    assert find({Side.CUSTOMER: pcm, Side.AGENT: pcm}) == []
    if name == "a station with news":
        loud = {side: pcm * np.int16(10) for side in (Side.CUSTOMER, Side.AGENT)}
        assert [event for event in find(loud) if isinstance(event, CallEnded)]
