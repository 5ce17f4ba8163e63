"""What machines say on the phone, spoken by synthetic voices of several kinds."""

from __future__ import annotations

import io
import subprocess
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

from sered.records import RATE_HZ
from sered.testing.machines import Prompts

if TYPE_CHECKING:
    from numpy.typing import NDArray

VOICES = (
    "en-us", "en-gb", "en-us+f3", "en-gb+f4", "en-us+m3", "en-gb-scotland+f2", "en-us+f5",
    "en-gb+m7",
)  # fmt: skip
"""Of espeak-ng; those of flite are added."""
FLITE = ("slt", "rms", "awb", "kal16")
GREETINGS = (
    ("Hello, you have reached the office of Martin Hayes.", "I cannot come to the phone right now.",
     "Please leave your name and number after the tone, and I will call you back."),
    ("The person you are calling is not available.", "Please record your message after the beep."),
    ("Hi, this is Dana.", "I am away from my desk, so leave me a message and have a good day."),
    ("You have reached the mailbox of four one seven.",
     "To leave a message, wait for the tone. When you have finished, hang up or press hash."),
)  # fmt: skip
ANNOUNCEMENTS = (
    "We are sorry. Your call cannot be completed as dialed. Please check the number and try again.",
    "The number you have called is not in service.",
    "All circuits are busy now. Please try your call again later.",
    "The subscriber cannot be reached at the moment. Please call again in a few minutes.",
)
WELCOMES = (
    "Thank you for calling Northern Gas and Light. This call may be recorded.",
    "Welcome to the city clinic.",
    "You are through to the parts counter of Weaver and Sons.",
)
QUEUES = (
    ("Your call is important to us. Please stay on the line.",
     "All of our advisers are busy at the moment. You are caller number three."),
    ("We are sorry to keep you waiting. The next free colleague will take your call.",),
    ("Did you know that you can find answers to most questions on our web site?",
     "Thank you for your patience. Your estimated waiting time is four minutes."),
)  # fmt: skip
MENUS = (
    ("For sales, press one.", "For service and repairs, press two.",
     "For all other matters, press zero."),
    ("If you know the extension of your party, you may dial it at any time.",
     "To hear our opening hours, press four.", "To speak to somebody, stay on the line."),
)  # fmt: skip
TRANSFERS = (
    "Please hold while I connect you.",
    "One moment please. You are being transferred.",
)


@cache
def spoken(voice: str, text: str) -> NDArray[np.int16]:
    """A sentence by a synthetic voice, 16 kHz; needs espeak-ng and flite."""
    if voice in FLITE:
        command = ["flite", "-voice", voice, "-t", text, "-o", "/dev/stdout"]
    else:
        speed = 140 + 10 * (VOICES.index(voice) % 4)
        command = ["espeak-ng", "-v", voice, "-s", str(speed), "--stdout", text]
    raw = bytearray(subprocess.run(command, capture_output=True, check=True).stdout)
    # a pipe leaves no length in the header
    at = raw.find(b"data") + 4
    raw[at : at + 4] = (len(raw) - at - 4).to_bytes(4, "little")
    sound, rate_hz = soundfile.read(io.BytesIO(bytes(raw)), dtype="float32")
    sound = soxr.resample(sound, rate_hz, RATE_HZ)
    return np.asarray(np.clip(sound, -1.0, 1.0) * 32_767.0, np.int16)


def prompts(seed: int) -> Prompts:
    """A machine of its own voice and texts."""
    rng = np.random.default_rng(7_000 + seed)
    voice = str(rng.choice([*VOICES, *FLITE]))

    def one(of: tuple[str, ...]) -> NDArray[np.int16]:
        return spoken(voice, of[int(rng.integers(len(of)))])

    def several(of: tuple[tuple[str, ...], ...]) -> list[NDArray[np.int16]]:
        return [spoken(voice, text) for text in of[int(rng.integers(len(of)))]]

    return Prompts(
        greeting=several(GREETINGS),
        announcement=one(ANNOUNCEMENTS),
        welcome=one(WELCOMES),
        queue=several(QUEUES),
        menu=several(MENUS),
        transfer=one(TRANSFERS),
    )
