"""Synthesises what a phone line carries besides speech: tones, dialling, hold music, noise."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from scipy import signal

from sered.hearing.tones import DTMF_COLUMNS_HZ, DTMF_KEYS, DTMF_ROWS_HZ, HOWLER_HZ, PLANS
from sered.records import RATE_HZ, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

SIT_SEGMENTS_HZ = (950.0, 1400.0, 1800.0)
_MEDIUM_WAVE = signal.butter(2, (80.0, 3000.0), "bandpass", fs=RATE_HZ, output="sos")
_PHONE_BAND = signal.butter(4, (300.0, 3400.0), "bandpass", fs=RATE_HZ, output="sos")


def silence(seconds: float) -> Sound:
    """Nothing at all."""
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def sines(hz: Sequence[float], seconds: float, gains: Sequence[float] = ()) -> Sound:
    """Sines that sound together at 0 dB RMS in all, with 2 ms ramps against clicks."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    weights = np.asarray(gains or [1.0] * len(hz))
    weights = weights / np.sqrt((weights**2).sum() / 2.0)
    out = sum(
        weight * np.sin(2.0 * np.pi * f * time) for f, weight in zip(hz, weights, strict=True)
    )
    ramp = np.minimum(1.0, np.minimum(time, time[::-1]) / 0.002) if len(time) else time
    return np.asarray(out * ramp, np.float32)


def progress_tone(
    plan: str, state: State, seconds: float, *, detune: float = 0.0, twist_db: float = 0.0
) -> Sound:
    """A call-progress tone with its cadence at 0 dB RMS while on.

    `detune` is the relative frequency error, `twist_db` how much louder the upper tone is.
    """
    if state is State.HOWLER:
        return _cadenced(HOWLER_HZ, (0.1, 0.1), seconds, detune, twist_db)
    if state is State.SIT:
        return np.concatenate([sines([f * (1 + detune)], 0.33) for f in SIT_SEGMENTS_HZ])
    tone = next(tone for tone in PLANS[plan] if tone.state is state)
    return _cadenced(tone.hz, tone.cadence_s, seconds, detune, twist_db)


def _cadenced(
    hz: Sequence[float],
    cadence_s: Sequence[float],
    seconds: float,
    detune: float,
    twist_db: float,
) -> Sound:
    gains = [10.0 ** (twist_db * i / 20.0 / max(len(hz) - 1, 1)) for i in range(len(hz))]
    detuned = [f * (1.0 + detune) for f in hz]
    if not cadence_s:
        return sines(detuned, seconds, gains)
    parts: list[Sound] = []
    left = seconds
    for index, span in enumerate(cycle(cadence_s)):
        length = min(span, left)
        parts.append(sines(detuned, length, gains) if index % 2 == 0 else silence(length))
        left -= span
        if left <= 0:
            break
    return np.concatenate(parts)


def dtmf(keys: str, *, on_s: float = 0.08, off_s: float = 0.08, twist_db: float = 2.0) -> Sound:
    """Keys dialled one after the other at 0 dB RMS."""
    parts: list[Sound] = []
    for key in keys:
        row = next(index for index, names in enumerate(DTMF_KEYS) if key in names)
        pair = (DTMF_ROWS_HZ[row], DTMF_COLUMNS_HZ[DTMF_KEYS[row].index(key)])
        parts += [sines(pair, on_s, (1.0, 10.0 ** (twist_db / 20.0))), silence(off_s)]
    return np.concatenate(parts)


def fax_calling(seconds: float) -> Sound:
    """A calling fax: 1100 Hz, half a second in every three and a half."""
    return _cadenced((1100.0,), (0.5, 3.0), seconds, 0.0, 0.0)


def fax_answering(rng: Generator, seconds: float) -> Sound:
    """An answering modem: 2100 Hz, then V.21 frequency-shift keying."""
    bits = np.repeat(rng.integers(0, 2, int(seconds * 300) + 1), RATE_HZ // 300 + 1)
    hz = np.where(bits[: round(max(seconds - 2.6, 0.0) * RATE_HZ)], 1650.0, 1850.0)
    keyed = np.sqrt(2.0) * np.sin(2.0 * np.pi * np.cumsum(hz) / RATE_HZ)
    return np.concatenate((sines((2100.0,), min(seconds, 2.6)), keyed.astype(np.float32)))


def hold_music(rng: Generator, seconds: float) -> Sound:
    """Chords with a melody, as a music box or a small organ plays them; 0 dB RMS on the phone."""
    out = silence(seconds)
    scale, key = (0, 2, 4, 5, 7, 9, 11), int(rng.integers(0, 12))
    beat_s, decay = rng.uniform(0.2, 0.6), rng.uniform(0.3, 3.0)
    bright = rng.uniform(0.8, 2.0)
    for bar in range(int(seconds / (4.0 * beat_s)) + 1):
        chord = int(rng.integers(0, 7))
        start_s = 4.0 * beat_s * bar
        notes = [(48 + key, chord + third, start_s, 4.0 * beat_s, 0.3) for third in (0, 2, 4)]
        notes += [
            (60 + key, int(rng.integers(0, 10)), start_s + beat * beat_s, 1.1 * beat_s, 0.5)
            for beat in range(4)
        ]
        for base, degree, at_s, lasts_s, gain in notes:
            note = base + 12 * (degree // 7) + scale[degree % 7]
            tone = _note(440.0 * 2.0 ** ((note - 69) / 12), lasts_s, decay, bright)
            piece = out[round(at_s * RATE_HZ) :][: len(tone)]
            piece += np.float32(gain) * tone[: len(piece)]
    heard = signal.sosfilt(_PHONE_BAND, out)
    return np.asarray(heard / (heard.std() + 1e-9), np.float32)


def _note(hz: float, lasts_s: float, decay: float, bright: float) -> Sound:
    time = np.arange(round(lasts_s * RATE_HZ)) / RATE_HZ
    envelope = np.minimum(1.0, time / 0.01) * np.exp(-time / (lasts_s * decay))
    tone = sum(
        np.sin(2.0 * np.pi * hz * k * time) / k**bright for k in range(1, 9) if hz * k < 3600.0
    )
    return np.asarray(envelope * tone, np.float32)


def noise(rng: Generator, seconds: float) -> Sound:
    """Line noise in the telephone band, 0 dB RMS."""
    white = rng.standard_normal(round(seconds * RATE_HZ), np.float32)
    out = signal.sosfilt(_PHONE_BAND, white)
    return np.asarray(out / (out.std() + 1e-9), np.float32)


def hum(seconds: float, mains_hz: float = 50.0) -> Sound:
    """Mains hum with its odd harmonics, 0 dB RMS."""
    return sines([mains_hz * k for k in (1, 3, 5, 7, 9)], seconds, (1.0, 0.6, 0.4, 0.2, 0.1))


def vacuum_cleaner(rng: Generator, seconds: float) -> Sound:
    """Rush of air and a motor that whines, 0 dB RMS."""
    motor = sines((100.0, 310.0, 620.0, 1240.0), seconds, (1.0, 0.7, 0.7, 0.4))
    out = noise(rng, seconds) + 0.7 * motor
    return np.asarray(out / (out.std() + 1e-9), np.float32)


def clicks(rng: Generator, seconds: float, per_minute: float = 6.0) -> Sound:
    """Switching clicks, each a few milliseconds long, peaks near 1."""
    out = silence(seconds)
    for _ in range(rng.poisson(per_minute * seconds / 60.0)):
        length = int(rng.integers(16, 160))
        if len(out) <= length:
            break
        at = int(rng.integers(0, len(out) - length))
        decay = np.exp(-np.arange(length) / (length / 4.0))
        out[at : at + length] += (rng.standard_normal(length) * decay).astype(np.float32)
    return out


def radio(rng: Generator, programme: Sound) -> Sound:
    """A medium-wave station that wires pick up: squeezed, dull, fading; 0 dB while it sounds."""
    loud = np.abs(programme) / (np.sqrt(np.mean(programme**2)) + 1e-9)
    squeezed = np.sign(programme) * np.tanh(2.0 * loud)
    dull = signal.sosfilt(_MEDIUM_WAVE, squeezed)
    time = np.arange(len(programme)) / RATE_HZ
    fading = 1.0 + 0.4 * np.sin(2.0 * np.pi * rng.uniform(0.05, 0.3) * time + rng.uniform(0, 6))
    out = dull * fading + 0.05 * rng.standard_normal(len(programme))
    blocks = out[: len(out) // 512 * 512].reshape(-1, 512).std(axis=1)
    return np.asarray(out / (np.percentile(blocks, 90) + 1e-9), np.float32)


def comfort_noise(rng: Generator, seconds: float) -> Sound:
    """What an idle exchange sends in place of silence: dull noise in steps, at times none at all.

    0 dB RMS before the steps of -6 to 3 dB.
    """
    out = signal.lfilter([1.0], [1.0, -0.6], noise(rng, seconds))
    out = np.asarray(out / (out.std() + 1e-9), np.float32)
    at = 0
    while at < len(out):
        until = at + round(rng.uniform(0.1, 8.0) * RATE_HZ)
        out[at:until] *= 0.0 if rng.random() < 0.2 else 10.0 ** (rng.uniform(-6.0, 3.0) / 20.0)
        at = until
    return out


def bell(seconds: float, hz: float = 25.0) -> Sound:
    """The ringing current of an incoming call as a tap picks it up: 2 s on, 4 s off."""
    on = signal.square(2.0 * np.pi * hz * np.arange(2 * RATE_HZ) / RATE_HZ) * 0.5
    cycle_ = np.concatenate((signal.sosfilt(_PHONE_BAND, on) + 0.3 * on, silence(4.0)))
    return np.asarray(np.resize(cycle_, round(seconds * RATE_HZ)), np.float32)


def telephone(sound: Sound, *, codec: bool = True) -> Sound:
    """Through the telephone band and, at 8 kHz, through µ-law."""
    band = signal.sosfilt(_PHONE_BAND, sound)
    if not codec:
        return np.asarray(band, np.float32)
    narrow = np.clip(signal.resample_poly(band, 1, 2), -1.0, 1.0)
    pressed = np.sign(narrow) * np.log1p(255.0 * np.abs(narrow)) / np.log(256.0)
    steps = np.round(pressed * 127.0) / 127.0
    wide = np.sign(steps) * np.expm1(np.abs(steps) * np.log(256.0)) / 255.0
    return np.asarray(signal.resample_poly(wide, 2, 1)[: len(sound)], np.float32)
