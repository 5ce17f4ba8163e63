"""The telephone simulator: G.711 by the book, and each fault does what its name says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from convert.borrowed import borrow_line
from convert.line_codecs import Codec, Law, g711
from convert.telephone import CONDITIONS, TELEPHONE, Condition, draw, transmit

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIME = np.arange(32_000) / 16_000
BARE = Condition("bare", low_hz=300, high_hz=3400, level_db=-20.0)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def tone(hertz: float, level: float = 5000.0) -> NDArray[np.int16]:
    sine: NDArray[np.int16] = np.rint(level * np.sin(2 * np.pi * hertz * TIME)).astype(np.int16)
    return sine


def share_at(pcm: NDArray[np.int16], low: float, high: float) -> float:
    power = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    hertz = np.fft.rfftfreq(len(pcm), 1 / 16_000)
    return float(power[(hertz >= low) & (hertz < high)].sum() / power.sum())


@pytest.mark.parametrize(
    ("law", "pcm", "decoded"),
    [
        # the ends and the first steps of the tables in ITU-T G.711
        ("ulaw", 0, 0), ("ulaw", 32767, 32124), ("ulaw", -32768, -32124), ("ulaw", 1000, 988),
        ("alaw", 0, 8), ("alaw", -1, -8), ("alaw", 32767, 32256), ("alaw", -32768, -32256),
        ("alaw", 1000, 1008),
    ],
)  # fmt: skip
def test_g711_decodes_as_the_standard_says(law: Law, pcm: int, decoded: int) -> None:
    """Known values of both laws."""
    assert g711(np.array([pcm], np.int16), law)[0] == decoded


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_g711_has_no_more_than_256_values_and_is_stable(law: Law) -> None:
    """Eight bits, growing with the sound, and a second pass changes nothing."""
    every = np.arange(-32768, 32768).astype(np.int16)
    once = g711(every, law)
    assert len(np.unique(once)) <= 256
    assert (np.diff(once.astype(int)) >= 0).all()
    np.testing.assert_array_equal(g711(once, law), once)


@pytest.mark.parametrize("length", [512, 4001, 16_000, 48_001])
@pytest.mark.parametrize("name", sorted(CONDITIONS))
def test_as_many_samples_come_out_as_go_in(name: str, length: int) -> None:
    """No condition changes the length, and none gives silence."""
    speech = np.random.default_rng(1).integers(-3000, 3000, length).astype(np.int16)
    heard = transmit(speech, CONDITIONS[name], rng(), [speech[::-1], speech[: length // 2]])
    assert heard.dtype == np.int16
    assert len(heard) == length
    assert heard.any()


def test_the_same_seed_gives_the_same_line() -> None:
    """Bit for bit."""
    line = draw(rng())
    np.testing.assert_array_equal(
        transmit(tone(700), line, rng()), transmit(tone(700), line, rng())
    )


def test_the_telephone_passes_its_band_only() -> None:
    """A deep and a high tone lose 20 dB and more against one in the middle."""
    chord = (tone(100) + tone(1000) + tone(5000)) // 3
    heard = transmit(chord, BARE, rng())
    assert share_at(heard, 900, 1100) > 0.98
    assert share_at(heard, 50, 150) < 0.01
    assert share_at(heard, 4000, 8000) < 0.001


def test_wide_band_passes_more() -> None:
    """An HD line keeps 5 kHz."""
    heard = transmit((tone(1000) + tone(5000)) // 2, CONDITIONS["HD handset"], rng())
    assert share_at(heard, 4900, 5100) > 0.3


@pytest.mark.parametrize("level_db", [-45.0, -30.0, -15.0])
def test_level_is_what_was_asked_for(level_db: float) -> None:
    """RMS in dBFS to a decibel."""
    heard = transmit(tone(800, 300.0), replace(BARE, level_db=level_db), rng())
    rms = np.sqrt(np.mean((heard[2000:-2000] / 32768) ** 2))
    assert 20 * np.log10(rms) == pytest.approx(level_db, abs=1.0)


@pytest.mark.parametrize("snr_db", [10.0, 20.0])
def test_noise_is_as_loud_as_its_name(snr_db: float) -> None:
    """Through a line that passes everything, speech over noise is what was asked for."""
    line = Condition("open", 20.0, 7900.0, codec="none", noise_snr_db=snr_db)
    heard = transmit(tone(1000), line, rng())
    speech = share_at(heard, 990, 1010)
    assert 10 * np.log10(speech / (1 - speech)) == pytest.approx(snr_db, abs=2.0)


@pytest.mark.parametrize("hertz", [50.0, 60.0])
def test_hum_is_at_the_mains(hertz: float) -> None:
    """50 or 60 Hz, with its third harmonic."""
    line = Condition("hum", 20.0, 3400.0, hum_hz=hertz, hum_snr_db=6.0)
    heard = transmit(tone(1000), line, rng())
    assert share_at(heard, hertz - 3, hertz + 3) > 0.05
    assert share_at(heard, 3 * hertz - 3, 3 * hertz + 3) > 0.005


def test_lost_packets_are_concealed_and_counted_about_right() -> None:
    """A tenth of the packets differs from the unharmed line, and no gap is digital silence."""
    clean = transmit(tone(440), BARE, rng())
    heard = transmit(tone(440), replace(BARE, packet_loss=0.1), rng())
    blocks = np.abs(clean.astype(int) - heard)[: 320 * 99].reshape(-1, 320).max(axis=1) > 1500
    assert 0.02 < blocks.mean() < 0.3
    assert np.abs(heard[: 320 * 99].reshape(-1, 320).astype(int)).max(axis=1).min() > 100


def test_babble_and_near_end_are_other_voices() -> None:
    """The other voice is heard at its distance below the customer's."""
    line = replace(TELEPHONE, noise_snr_db=None, near_end_db=15.0)
    heard = transmit(tone(1000), line, rng(), [tone(2000)])
    below = 10 * np.log10(share_at(heard, 900, 1100) / share_at(heard, 1900, 2100))
    assert below == pytest.approx(15.0, abs=2.0)


def test_clipping_is_before_the_line() -> None:
    """An overdriven tone has odd harmonics."""
    heard = transmit(tone(500), replace(BARE, clip_db=12.0), rng())
    assert share_at(heard, 1450, 1550) > 0.03


def test_a_room_goes_on_after_the_voice() -> None:
    """After the tone stops, an echoing room is still heard."""
    stopped = tone(900) * (TIME < 1)
    dry, wet = (transmit(stopped, replace(BARE, room_s=s), rng()) for s in (0.0, 0.5))
    after = slice(16_600, 19_000)
    assert np.abs(wet[after].astype(int)).mean() > 5 * np.abs(dry[after].astype(int)).mean() + 5


def test_random_lines_differ_and_stay_in_their_bounds() -> None:
    """A hundred draws: narrow and wide, with and without each fault."""
    generator = rng()
    lines = [draw(generator) for _ in range(100)]
    assert {line.codec for line in lines} == {"ulaw", "alaw", "gsm", "opus", "none"}
    assert all(10 <= (line.noise_snr_db or 10) <= 40 for line in lines)
    for fault in ("noise_snr_db", "babble_snr_db", "hum_snr_db", "near_end_db"):
        assert {getattr(line, fault) is None for line in lines} == {True, False}


@pytest.mark.parametrize("codec", ["gsm", "opus"])
def test_a_mobile_codec_is_heard_and_keeps_the_speech(codec: Codec) -> None:
    """GSM and Opus change the sound, keep its length and stay in step with it."""
    swell = 1 + np.sin(2 * np.pi * 3 * np.arange(24_000) / 16_000)
    pcm = (3000 * swell * np.sin(2 * np.pi * 400 * np.arange(24_000) / 16_000)).astype(np.int16)
    plain = transmit(pcm, Condition("plain", codec="ulaw"), rng())
    coded = transmit(pcm, Condition(codec, codec=codec, opus_step=1.0), rng())
    assert len(coded) == len(pcm)
    assert np.abs(coded.astype(int) - plain).max() > 50
    loudness = [
        np.abs(x[2000:22_000].astype(float)).reshape(-1, 200).mean(1) for x in (plain, coded)
    ]
    assert np.corrcoef(*loudness)[0, 1] > 0.9


def test_a_borrowed_line_is_the_other_recordings_spectrum() -> None:
    """A clip down another recording's line has its long-term spectrum, as far as that is bent."""
    luck = rng()
    pcm = (3000 * luck.standard_normal(32_000)).astype(np.int16)
    low = np.convolve(luck.standard_normal(32_000), np.ones(12) / 12, "same")
    donor = (6000 * low).astype(np.int16)

    def tilt(sound: NDArray[np.int16]) -> float:
        power = np.abs(np.fft.rfft(sound.astype(float))) ** 2
        return float(10 * np.log10(power[400:1600].mean() / power[4000:6000].mean()))

    assert tilt(donor) - tilt(pcm) > 8
    assert tilt(borrow_line(pcm, donor)) - tilt(pcm) > 6
