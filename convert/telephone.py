"""A telephone in front of the network: handset, noise, G.711, lost packets; each can be heard."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from convert import line_codecs
from sered.records import RATE_HZ

if TYPE_CHECKING:
    from convert.line_codecs import Codec
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

PACKET = 160
"""Samples of a 20 ms packet on the line."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One way in which a call can sound."""

    name: str
    low_hz: float = 300.0
    high_hz: float = 3400.0
    tilt_db: float = 0.0
    """Handset response: from the band's lower end to its upper end."""
    ripple_db: float = 0.0
    """Handset response: how uneven."""
    codec: Codec = "ulaw"
    """`none` is a wide-band line: nothing is done at 8 kHz."""
    opus_step: float = 0.9
    """How hard Opus compresses, libsndfile's 0 to 1: 0.9 is 34 kbit/s at 8 kHz, 1.0 is 9."""
    level_db: float = -20.0
    """Speech level on the line, RMS of the loudest half, dBFS."""
    room_s: float = 0.0
    """Reverberation time of the caller's room; 0 is a handset at the mouth."""
    clip_db: float = 0.0
    """How far the handset overdrives before the line."""
    noise_snr_db: float | None = None
    babble_snr_db: float | None = None
    hum_snr_db: float | None = None
    hum_hz: float = 50.0
    near_end_db: float | None = None
    """The agent's voice in the customer's channel, below the customer's (a positive number)."""
    packet_loss: float = 0.0
    """Share of 20 ms packets, lost in bursts of one to three."""


WIDE = Condition("wide band", low_hz=50.0, high_hz=7000.0, codec="none")
TELEPHONE = Condition("telephone", noise_snr_db=35.0)
"""The evaluation's telephone column: 300-3400 Hz, G.711 mu-law, 35 dB of line noise."""
CONDITIONS = {
    condition.name: condition
    for condition in (
        WIDE,
        TELEPHONE,
        Condition("A-law", codec="alaw", noise_snr_db=35.0),
        Condition("GSM", codec="gsm", noise_snr_db=35.0),
        Condition("Opus 9 kbit", codec="opus", opus_step=1.0, noise_snr_db=35.0),
        Condition("Opus 34 kbit", codec="opus", opus_step=0.9, noise_snr_db=35.0),
        Condition("HD handset", low_hz=100.0, high_hz=6800.0, codec="none", tilt_db=4.0),
        Condition("dull handset", tilt_db=-8.0, ripple_db=3.0, noise_snr_db=35.0),
        Condition("shrill handset", low_hz=400.0, tilt_db=8.0, ripple_db=3.0, noise_snr_db=35.0),
        Condition("noise 10 dB", noise_snr_db=10.0),
        Condition("noise 15 dB", noise_snr_db=15.0),
        Condition("noise 20 dB", noise_snr_db=20.0),
        Condition("noise 30 dB", noise_snr_db=30.0),
        Condition("noise 40 dB", noise_snr_db=40.0),
        Condition("babble 15 dB", babble_snr_db=15.0),
        Condition("hum 50 Hz", hum_snr_db=10.0, hum_hz=50.0, low_hz=40.0),
        Condition("hum 60 Hz", hum_snr_db=10.0, hum_hz=60.0, low_hz=40.0),
        Condition("loss 3 %", packet_loss=0.03, noise_snr_db=35.0),
        Condition("loss 10 %", packet_loss=0.10, noise_snr_db=35.0),
        Condition("echoing room", room_s=0.4, noise_snr_db=35.0),
        Condition("quiet", level_db=-45.0),
        Condition("clipped", clip_db=12.0, level_db=-12.0),
        Condition("near end 15 dB", near_end_db=15.0, noise_snr_db=35.0),
    )
}
"""The fixed conditions of the evaluation."""


CODECS: tuple[Codec, ...] = ("ulaw", "alaw", "gsm", "opus")
CODEC_SHARES = (0.35, 0.3, 0.15, 0.2)
"""Of the narrow lines of the training."""


def draw(rng: np.random.Generator) -> Condition:
    """A line for the training, at random."""
    narrow = rng.random() < 0.8
    some = rng.random(7)
    return Condition(
        "random",
        low_hz=rng.uniform(150, 420) if narrow else rng.uniform(40, 200),
        high_hz=rng.uniform(3200, 3700) if narrow else rng.uniform(5000, 7500),
        tilt_db=rng.normal(0, 4),
        ripple_db=rng.uniform(0, 3),
        codec=CODECS[rng.choice(len(CODECS), p=CODEC_SHARES)] if narrow else "none",
        opus_step=rng.uniform(0.85, 1.0),
        level_db=rng.uniform(-38, -12),
        room_s=rng.uniform(0.1, 0.5) if some[6] < 0.2 else 0.0,
        clip_db=rng.uniform(3, 12) if some[0] < 0.1 else 0.0,
        noise_snr_db=rng.uniform(10, 40) if some[1] < 0.8 else None,
        babble_snr_db=rng.uniform(12, 30) if some[2] < 0.15 else None,
        hum_snr_db=rng.uniform(5, 30) if some[3] < 0.15 else None,
        hum_hz=rng.choice([50.0, 60.0]),
        near_end_db=rng.uniform(12, 30) if some[4] < 0.1 else None,
        packet_loss=rng.uniform(0, 0.1) if some[5] < 0.2 else 0.0,
    )


def _response(bins: int, n: int, line: Condition, rng: np.random.Generator) -> Floats:
    """The handset's and the line's gain at every bin of an n-point transform."""
    hertz = np.arange(bins) * RATE_HZ / n
    safe = np.maximum(hertz, 1.0)
    gain = 1 / np.sqrt(1 + (line.low_hz / safe) ** 8) / np.sqrt(1 + (safe / line.high_hz) ** 24)
    octaves = np.log2(safe / line.low_hz) / np.log2(line.high_hz / line.low_hz)
    shape = line.tilt_db * (np.clip(octaves, 0, 1) - 0.5)
    if line.ripple_db:
        knots = rng.normal(0, line.ripple_db, 8)
        shape = shape + np.interp(np.clip(octaves, 0, 1), np.linspace(0, 1, 8), knots)
    return np.asarray(gain * 10 ** (shape / 20), np.float32)


def _room(n: int, seconds: float, rng: np.random.Generator) -> NDArray[np.complex64]:
    """A room's response at every bin: the voice itself, and 8 dB below it a fading tail."""
    time = np.arange(min(n, int(seconds * RATE_HZ))) / RATE_HZ
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / seconds)
    tail *= 10 ** (-8 / 20) / np.sqrt(np.sum(tail**2) + 1e-12)
    tail[0] = 1.0
    return np.asarray(rfft(tail.astype(np.float32), n))


def _level(signal: Floats) -> float:
    """RMS of the louder half of 20 ms blocks: speech, not its pauses."""
    blocks = signal[: len(signal) // 320 * 320].reshape(-1, 320)
    if not len(blocks):
        return float(np.sqrt(np.mean(signal**2))) + 1e-9
    power = np.sort((blocks**2).mean(axis=1))
    return float(np.sqrt(power[len(power) // 2 :].mean())) + 1e-9


def _fit(other: NDArray[np.int16], n: int, rng: np.random.Generator) -> Floats:
    """`other`, from somewhere on and round and round, n samples at a level of 1."""
    start = int(rng.integers(len(other)))
    looped = np.resize(np.roll(other, -start), n).astype(np.float32)
    return looped / _level(looped)


def _added(
    speech: Floats, line: Condition, rng: np.random.Generator, others: list[NDArray[np.int16]]
) -> Floats:
    """Everything that is on the line beside the speech (whose level is 1)."""
    n = len(speech)
    extra = np.zeros(n, np.float32)
    if line.noise_snr_db is not None:
        colour = rng.uniform(0, 1)
        white = rfft(rng.standard_normal(n, np.float32))
        white *= (np.maximum(np.arange(len(white)), n // 160) ** (-colour / 2)).astype(np.float32)
        noise = irfft(white, n)
        extra += noise / (noise.std() + 1e-12) * 10 ** (-line.noise_snr_db / 20)
    if line.babble_snr_db is not None and others:
        crowd = sum((_fit(other, n, rng) for other in others[:6]), np.zeros(n, np.float32))
        extra += crowd / _level(crowd) * 10 ** (-line.babble_snr_db / 20)
    if line.near_end_db is not None and others:
        extra += _fit(others[-1], n, rng) * 10 ** (-line.near_end_db / 20)
    if line.hum_snr_db is not None:
        time = np.arange(n) / RATE_HZ
        hum = sum(
            (
                np.sin(2 * np.pi * line.hum_hz * order * time + rng.uniform(0, 6.28)) / order
                for order in (1, 2, 3, 5, 7, 9)
            ),
            np.zeros(n),
        )
        extra += (hum * 10 ** (-line.hum_snr_db / 20)).astype(np.float32)
    return extra


def _conceal(pcm: Floats, loss: float, rng: np.random.Generator) -> Floats:
    """Lose packets; each gap repeats the last good packet, fading away, as G.711 receivers do."""
    packets = pcm[: len(pcm) // PACKET * PACKET].reshape(-1, PACKET).copy()
    starts = np.flatnonzero(rng.random(len(packets)) < loss / 2)
    gone = np.zeros(len(packets), bool)
    for start, burst in zip(starts, rng.integers(1, 4, len(starts)), strict=True):
        gone[start : start + burst] = True
    gone[:1] = False
    index = np.arange(len(packets))
    last = np.maximum.accumulate(np.where(gone, 0, index))
    packets = packets[last] * (0.6 ** (index - last)).astype(np.float32)[:, None]
    return np.concatenate((packets.ravel(), pcm[packets.size :]))


def transmit(
    pcm: NDArray[np.int16],
    line: Condition,
    rng: np.random.Generator,
    others: list[NDArray[np.int16]] | None = None,
) -> NDArray[np.int16]:
    """The sound at the far end of the line: 16 kHz int16 in, as many samples out.

    `others` are voices for babble and the near end; without them neither is added.
    """
    n = next_fast_len(len(pcm) + 1600 + len(pcm) % 2, real=True)
    n += n % 2
    signal = np.zeros(n, np.float32)
    signal[: len(pcm)] = pcm
    signal /= _level(signal[: len(pcm)])
    if line.clip_db > 0:
        ceiling = np.abs(signal).max() * 10 ** (-line.clip_db / 20)
        signal = np.clip(signal, -ceiling, ceiling)
    if line.room_s:
        signal = irfft(rfft(signal) * _room(n, line.room_s, rng), n)
        signal /= _level(signal[: len(pcm)])
    spectrum = rfft(signal + _added(signal, line, rng, others or []))
    spectrum *= _response(len(spectrum), n, line, rng)
    scale = 32768 * 10 ** (line.level_db / 20)
    if line.codec == "none":
        heard = irfft(spectrum, n)
        heard *= scale / _level(heard[: len(pcm)])
        return _round(heard[: len(pcm)])
    # half the rate, exactly: the upper half of the spectrum is empty
    narrow = irfft(spectrum[: n // 4 + 1], n // 2) / 2
    narrow *= scale / _level(np.repeat(narrow[: len(pcm) // 2], 2))
    coded = line_codecs.through(_round(narrow), line.codec, line.opus_step).astype(np.float32)
    if line.packet_loss:
        coded = _conceal(coded, line.packet_loss, rng)
    back = np.zeros(n // 2 + 1, np.complex64)
    half = rfft(coded)
    back[: len(half)] = half * 2
    return _round(irfft(back, n)[: len(pcm)])


def _round(signal: Floats) -> NDArray[np.int16]:
    return np.clip(np.rint(signal), -32768, 32767).astype(np.int16)


def main() -> None:
    """`python -m convert.telephone preview IN.wav OUT.wav --condition NAME`."""
    import soundfile
    from convert.corpora import decode

    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    preview = commands.add_parser("preview", help="write a clip as it sounds through a line")
    preview.add_argument("source", type=Path)
    preview.add_argument("target", type=Path)
    preview.add_argument("--condition", choices=[*CONDITIONS, "random"], default="telephone")
    preview.add_argument("--other", type=Path, nargs="*", default=[], help="voices for babble")
    preview.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    line = draw(rng) if args.condition == "random" else CONDITIONS[args.condition]
    others = [decode(path) for path in args.other]
    if not others:
        line = replace(line, babble_snr_db=None, near_end_db=None)
    heard = transmit(decode(args.source), line, rng, others)
    soundfile.write(args.target, heard, RATE_HZ)
    print(f"{args.target}: {line}")


if __name__ == "__main__":
    main()
