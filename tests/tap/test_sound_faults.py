"""Sick sound is named within 30 s, and healthy sound is left alone."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sered.levels import level_db
from sered.records import FRAME, FRAME_S, RATE_HZ, AudioFrame, Side
from sered.tap.sound_faults import SoundCheck

if TYPE_CHECKING:
    from numpy.typing import NDArray

CUSTOMER, AGENT = Side.CUSTOMER, Side.AGENT
RNG = np.random.default_rng(5)


def noise(seconds: float, db: float = -70.0) -> NDArray[np.float64]:
    """A connected line at rest."""
    return RNG.normal(0, 32_768 * 10 ** (db / 20), int(seconds * RATE_HZ))


def talk(seconds: float, db: float = -22.0) -> NDArray[np.float64]:
    """Syllables and pauses of a voice at 120 Hz; `db` is its RMS while it sounds."""
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    voice: NDArray[np.float64] = np.sum(
        [np.sin(2 * np.pi * 120 * n * at) / n for n in range(1, 20)], axis=0
    )
    voice *= 32_768 * 10 ** (db / 20) / np.sqrt(np.mean(voice**2))
    swell: NDArray[np.float64] = np.where(np.sin(2 * np.pi * 0.7 * at) > -0.3, voice, 0.0)
    return swell + noise(seconds)[: len(at)]


def tone(seconds: float, hz: float, db: float) -> NDArray[np.float64]:
    """A sine of this RMS."""
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    sine: NDArray[np.float64] = np.sin(2 * np.pi * hz * at)
    return math.sqrt(2) * 32_768 * 10 ** (db / 20) * sine


def hear(check: SoundCheck, **sides: NDArray[np.float64]) -> list[set[str]]:
    """The reasons with their sides, once a second as the tap asks."""
    after: list[set[str]] = []
    for begin in range(0, len(next(iter(sides.values()))) - FRAME + 1, FRAME):
        pcm = {
            Side(side): np.clip(sound[begin : begin + FRAME], -32_768, 32_767).astype(np.int16)
            for side, sound in sides.items()
        }
        check.feed(AudioFrame(begin, pcm))
        if begin // FRAME % 4 == 3:
            after.append({f"{f.side} {f.reason}" for f in check.findings()})
    return after


SICK = {
    "customer digital_silence": (np.zeros(30 * RATE_HZ), noise(30)),
    "agent digital_silence": (noise(30), np.zeros(30 * RATE_HZ)),
    "customer silent_line": (noise(30, -80), talk(30)),
    "agent silent_line": (talk(30), noise(30, -80)),
    "customer clipping": (talk(30) * 14, noise(30)),
    "customer dc_offset": (noise(30) + 2_000, noise(30)),
    "agent hum": (noise(30), noise(30) + tone(30, 50, -42)),
    "customer hum": (noise(30) + tone(30, 60, -42), noise(30)),
    "customer low_level": (talk(30, -50), talk(30)),
}


@pytest.mark.parametrize("what", SICK)
def test_sick_sound_is_named_within_30_s(what: str) -> None:
    """Each fault alone is found, on its side, and nothing else with it."""
    customer, agent = SICK[what]
    after = hear(SoundCheck((CUSTOMER, AGENT)), customer=customer, agent=agent)
    assert after[-1] == {what}


@pytest.mark.parametrize("what", SICK)
def test_a_fault_that_is_over_is_cleared(what: str) -> None:
    """30 s of healthy sound later nothing is said any more."""
    customer, agent = SICK[what]
    check = SoundCheck((CUSTOMER, AGENT))
    hear(check, customer=customer, agent=agent)
    after = hear(
        check,
        customer=np.concatenate([talk(15), noise(15)]),
        agent=np.concatenate([noise(15), talk(15)]),
    )
    assert after[-1] == set()


HEALTHY = {
    "rest": (noise(40), noise(40)),
    "talk": (talk(40), noise(40)),
    "both": (talk(40), talk(40, -30)),
    "quiet line, loud talk": (noise(40, -73), talk(40)),
    "dial tone": (tone(40, 350, -18) + tone(40, 440, -18) + noise(40), noise(40)),
    "425 Hz": (tone(40, 425, -15) + noise(40), noise(40)),
    "one shout": (np.concatenate([noise(20), talk(0.3) * 14, noise(19.7)]), noise(40)),
    "a pause of zeros": (np.concatenate([noise(20), np.zeros(10 * RATE_HZ), noise(10)]), noise(40)),
}


@pytest.mark.parametrize("what", HEALTHY)
def test_healthy_sound_is_left_alone(what: str) -> None:
    """No finding at any moment of forty seconds."""
    customer, agent = HEALTHY[what]
    after = hear(SoundCheck((CUSTOMER, AGENT)), customer=customer, agent=agent)
    assert set().union(*after) == set()


def test_hum_says_which_mains() -> None:
    """The technician reads 50 or 60 Hz and how loud."""
    check = SoundCheck((CUSTOMER,))
    hear(check, customer=noise(30) + tone(30, 50, -40) + tone(30, 150, -46))
    assert [str(f) for f in check.findings()] == [
        "the customer hums with the mains: use a tap with a transformer, or another power supply "
        "(50 Hz at -40 dBFS)."
    ]


def test_every_finding_is_a_sentence() -> None:
    """It ends with one full stop or question mark, whatever it advises."""
    check = SoundCheck((CUSTOMER,))
    hear(check, customer=np.zeros(30 * RATE_HZ))
    assert [str(f)[-8:] for f in check.findings()] == ["unmuted?"]


def test_level_is_rms_without_the_offset() -> None:
    """A sine of -20 dBFS reads -20, with an offset too; nothing reads the lowest."""
    pcm = (tone(1, 500, -20) + 1_000).astype(np.int16)
    assert level_db(pcm) == pytest.approx(-20, abs=0.1)
    assert level_db(np.zeros(FRAME, np.int16)) == -99


def test_an_hour_costs_less_than_two_seconds() -> None:
    """Checking both sides of an idle line is cheap enough to do always."""
    check = SoundCheck((CUSTOMER, AGENT))
    pcm = {side: noise(FRAME_S).astype(np.int16) for side in (CUSTOMER, AGENT)}
    frames = 2_000
    began = time.process_time()
    for n in range(frames):
        check.feed(AudioFrame(n * FRAME, pcm))
        if n % 4 == 0:
            check.findings()
    assert (time.process_time() - began) / frames * (3600 / FRAME_S) < 2.0
