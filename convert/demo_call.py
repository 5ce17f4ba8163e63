"""Makes the demo call: two synthetic voices on a telephone line, from ringback to busy tone.

Run it as `python convert/demo_call.py`; it needs Debian's espeak-ng and writes
device/sered/demo/call.wav (left: agent, right: customer, 8 kHz, 16 bit). The same espeak-ng
gives the same bytes every time.
"""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

RATE_HZ = 8_000
OUT = Path(__file__).parent.parent / "device" / "sered" / "demo" / "call.wav"
Sound = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """One sentence of the script."""

    who: str
    pause_s: float
    """Before it; negative: it cuts into the sentence before."""
    text: str
    words_per_minute: int = 155
    pitch: int = 45
    level_db: float = -24.0
    """RMS of the sentence in dBFS."""


VOICES = {"agent": "en-us+m3", "customer": "en-us+f3"}

SCRIPT = (
    Line("customer", 0.8, "hello good morning thank you for your help", 155, 45, -26.0),
    Line("agent", 0.5, "hello this is customer service i am calling about your order"),
    Line("agent", 0.4, "can i have your account number please"),
    Line("customer", 0.6, "my account number is five one two zero nine", 155, 45, -26.0),
    Line("agent", 0.7, "one moment please"),
    Line("customer", 0.4, "that is perfect thank you", 155, 45, -26.0),
    Line("agent", 1.2, "i am sorry the parcel is delayed"),
    Line(
        "customer",
        0.6,
        "i have been waiting for three weeks and nobody called me back",
        165,
        55,
        -23.0,
    ),
    Line("agent", 0.6, "i am sorry for the inconvenience"),
    Line(
        "customer",
        0.4,
        "that is not good enough i want to speak to your supervisor",
        165,
        60,
        -21.0,
    ),
    Line("agent", 0.6, "the supervisor is not available today"),
    Line("customer", 0.4, "this is terrible i am very upset", 170, 65, -20.0),
    Line("agent", 0.5, "please hold the line"),
    Line(
        "customer",
        -0.5,
        "i am going to cancel my contract and i want my money back",
        170,
        65,
        -19.5,
    ),
)

RINGBACK = ((440.0, 480.0), 2.0, 4.0)
BUSY = ((480.0, 620.0), 0.5, 0.5)
"""North American: the two frequencies in Hz, seconds on, seconds off."""
TONE_DB = -19.0
NOISE_DB = -58.0


def say(line: Line) -> Sound:
    """The sentence at RATE_HZ, through a telephone's 300-3400 Hz, at its level."""
    voice = ["-v", VOICES[line.who], "-s", str(line.words_per_minute), "-p", str(line.pitch)]
    spoken = subprocess.run(
        ["espeak-ng", *voice, "--stdout", line.text], capture_output=True, check=True
    ).stdout
    pcm, rate = soundfile.read(io.BytesIO(spoken), dtype="float64")
    pcm = soxr.resample(pcm, rate, RATE_HZ, quality="VHQ")
    pcm = sosfiltfilt(butter(4, (300.0, 3400.0), "bandpass", fs=RATE_HZ, output="sos"), pcm)
    return at_level(np.trim_zeros(np.round(pcm, 5)), line.level_db)


def at_level(sound: Sound, level_db: float) -> Sound:
    """The sound with that RMS in dBFS."""
    return np.asarray(sound * (10.0 ** (level_db / 20.0) / np.sqrt(np.mean(np.square(sound)))))


def tone(plan: tuple[tuple[float, float], float, float], times: int) -> Sound:
    """A call-progress tone: `times` periods of on and off."""
    frequencies, on_s, off_s = plan
    t = np.arange(round(on_s * RATE_HZ)) / RATE_HZ
    ramp = np.minimum(1.0, np.minimum(t, t[::-1]) / 0.004)
    beep = at_level(sum(np.sin(2 * np.pi * f * t) for f in frequencies) * ramp, TONE_DB)
    return np.tile(np.concatenate([beep, np.zeros(round(off_s * RATE_HZ))]), times)


def render() -> NDArray[np.int16]:
    """The whole call, (samples, 2)."""
    ringing = tone(RINGBACK, 2)[: round(8.2 * RATE_HZ)]
    placed: list[tuple[str, int, Sound]] = [("customer", round(0.5 * RATE_HZ), ringing)]
    at = placed[0][1] + len(ringing)
    for line in SCRIPT:
        voice = say(line)
        at += round(line.pause_s * RATE_HZ)
        placed.append((line.who, at, voice))
        at += len(voice)
    hang_up = tone(BUSY, 5)
    placed.append(("customer", at + round(0.9 * RATE_HZ), hang_up))
    length = placed[-1][1] + len(hang_up)

    noise = np.random.default_rng(2026).standard_normal((length, 2))
    call = noise * 10.0 ** (NOISE_DB / 20.0)
    for who, start, sound in placed:
        call[start : start + len(sound), 0 if who == "agent" else 1] += sound
    return np.asarray(np.clip(np.round(call * 32_768.0), -32_768, 32_767), np.int16)


def main() -> None:
    """Write the call and say how long it is."""
    call = render()
    soundfile.write(OUT, call, RATE_HZ, subtype="PCM_16")
    sys.stdout.write(f"{OUT.name}: {len(call) / RATE_HZ:.1f} s\n")


if __name__ == "__main__":
    main()
