"""Whatever a card offers becomes 16 kHz mono int16 a side, unharmed."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sered.errors import AudioError
from sered.records import FRAME, RATE_HZ, Side
from sered.tap.resample import Format, Resampler, check_channels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sered.channels import Channel
    from sered.tap.resample import SampleFormat

RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000)
FORMATS = {"s16": "<i2", "s32": "<i4", "float": "<f4"}
SCALE = {"s16": 1.0, "s24": 256.0, "s32": 65_536.0, "float": 1 / 32_768}


def encode(samples: NDArray[np.float64], sample: SampleFormat) -> bytes:
    """(n, channels) on the scale of int16, as a card would hand it out."""
    scaled = samples * SCALE[sample]
    if sample == "s24":
        wide = np.rint(scaled).astype("<i4")
        return bytes(wide.reshape(-1, 1).view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
    if sample == "float":
        return scaled.astype("<f4").tobytes()
    return bytes(np.rint(scaled).astype(FORMATS[sample]).tobytes())


def convert(
    samples: NDArray[np.float64],
    rate_hz: int,
    sides: dict[Side, Channel],
    sample: SampleFormat = "s16",
) -> dict[Side, NDArray[np.int16]]:
    """Everything at once."""
    channels = samples.shape[1]
    resampler = Resampler(Format(rate_hz, channels, sample), sides)
    frames = [*resampler.feed(encode(samples, sample)), *resampler.flush()]
    return {side: np.concatenate([frame.pcm[side] for frame in frames]) for side in sides}


def tone(
    rate_hz: int, hz: float, seconds: float = 2.0, peak: float = 16_000.0
) -> NDArray[np.float64]:
    """(n, 1) of a sine."""
    sine: NDArray[np.float64] = np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)
    return peak * sine[:, None]


def spectrum(pcm: NDArray[np.int16]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies in Hz and amplitudes in int16 steps of the middle second."""
    middle = pcm[8_000:24_000].astype(float)
    window = np.blackman(len(middle))
    return np.fft.rfftfreq(len(middle), 1 / RATE_HZ), np.abs(
        np.fft.rfft(middle * window)
    ) * 2 / window.sum()


@pytest.mark.parametrize("rate_hz", RATES)
def test_voice_band_is_flat_and_alone(rate_hz: int) -> None:
    """From 100 Hz to 3.4 kHz the level stays within 0.5 dB with nothing else above -60 dB."""
    for hz in (100.0, 1_000.0, 2_500.0, 3_400.0):
        pcm = convert(tone(rate_hz, hz), rate_hz, {Side.CUSTOMER: 1})[Side.CUSTOMER]
        freqs, amplitude = spectrum(pcm)
        near = np.abs(freqs - hz) < 20
        ripple_db = 20 * np.log10(amplitude[near].max() / 16_000)
        image_db = 20 * np.log10(amplitude[~near].max() / 16_000)
        assert abs(ripple_db) <= 0.5, hz
        assert image_db <= -60, hz


@pytest.mark.parametrize("rate_hz", [rate for rate in RATES if rate > 22_050])
def test_what_the_band_cannot_hold_does_not_fold_back(rate_hz: int) -> None:
    """A tone above 9 kHz leaves nothing louder than -60 dB behind."""
    for hz in (9_000.0, 12_300.0, 15_000.0):
        _, amplitude = spectrum(convert(tone(rate_hz, hz), rate_hz, {Side.MIXED: 1})[Side.MIXED])
        assert 20 * np.log10(max(amplitude.max(), 1e-9) / 16_000) <= -60, hz


@pytest.mark.parametrize("sample", ["s16", "s24", "s32", "float"])
@pytest.mark.parametrize("channels", range(1, 9))
def test_every_width_and_channel_count_comes_through(sample: SampleFormat, channels: int) -> None:
    """Each channel arrives sample for sample where the rate needs no change."""
    rng = np.random.default_rng(channels)
    samples = rng.integers(-32_768, 32_768, (FRAME, channels)).astype(float)
    for channel in range(1, channels + 1):
        out = convert(samples, RATE_HZ, {Side.CUSTOMER: channel}, sample)[Side.CUSTOMER]
        assert np.array_equal(out, samples[:, channel - 1].astype(np.int16))


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_channel_choice_holds_at_every_rate(rate_hz: int) -> None:
    """Customer and agent are never exchanged, and mono is the mean of all channels."""
    left, right = tone(rate_hz, 500.0), tone(rate_hz, 1_500.0)
    stereo = np.hstack([left, right])
    out = convert(stereo, rate_hz, {Side.CUSTOMER: 2, Side.AGENT: 1})
    freqs, customer = spectrum(out[Side.CUSTOMER])
    _, agent = spectrum(out[Side.AGENT])
    assert freqs[customer.argmax()] == 1_500
    assert freqs[agent.argmax()] == 500
    _, mixed = spectrum(convert(stereo, rate_hz, {Side.MIXED: "mono"})[Side.MIXED])
    for hz in (500, 1_500):
        assert mixed[freqs == hz][0] == pytest.approx(8_000, rel=0.01)


def test_full_scale_does_not_wrap() -> None:
    """A square wave at full scale overshoots in the filter and is clipped, not wrapped."""
    square = np.where(np.arange(96_000) // 50 % 2, 32_767.0, -32_768.0)[:, None]
    out = convert(square, 48_000, {Side.CUSTOMER: 1})[Side.CUSTOMER]
    wanted = convert(square / 2, 48_000, {Side.CUSTOMER: 1})[Side.CUSTOMER].astype(int) * 2
    assert np.abs(out - np.clip(wanted, -32_768, 32_767)).max() <= 2


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 60_000), max_size=8), rate_hz=st.sampled_from([16_000, 44_100]))
def test_cuts_do_not_show(cuts: list[int], rate_hz: int) -> None:
    """The same bytes in any pieces, even in mid-sample, give the same frames."""
    samples = np.random.default_rng(7).integers(-9_000, 9_000, (20_000, 2)).astype(float)
    raw = encode(samples, "s24")
    found = Format(rate_hz, 2, "s24")
    sides = {Side.CUSTOMER: 2, Side.AGENT: 1}
    whole = Resampler(found, sides)
    wanted = [*whole.feed(raw), *whole.flush()]
    pieces = Resampler(found, sides)
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    frames = [f for a, b in pairwise(edges) for f in pieces.feed(raw[a:b])]
    frames += pieces.flush()
    assert [f.start for f in frames] == [f.start for f in wanted]
    for got, want in zip(frames, wanted, strict=True):
        for side in sides:
            assert np.array_equal(got.pcm[side], want.pcm[side])


@pytest.mark.parametrize("rate_hz", RATES)
def test_an_hour_stays_an_hour(rate_hz: int) -> None:
    """As many seconds come out as went in, to the millisecond."""
    out = convert(np.zeros((rate_hz * 7, 1)), rate_hz, {Side.CUSTOMER: 1})[Side.CUSTOMER]
    assert 7 * RATE_HZ - 16 <= len(out) < 7 * RATE_HZ + FRAME


def test_lost_sound_moves_the_next_frame() -> None:
    """A gap shows in the next frame's start and count, and only there."""
    resampler = Resampler(Format(RATE_HZ, 1, "s16"), {Side.CUSTOMER: 1}, start=1_000)
    first = resampler.feed(bytes(2 * FRAME))
    resampler.lose(3_200)
    later = resampler.feed(bytes(4 * FRAME))
    assert [(f.start, f.lost) for f in first + later] == [
        (1_000, 0),
        (1_000 + FRAME + 3_200, 3_200),
        (1_000 + 2 * FRAME + 3_200, 0),
    ]


def test_pending_tells_what_no_frame_holds_yet() -> None:
    """What a dying stream leaves unfinished is known, so that it can be counted as lost."""
    resampler = Resampler(Format(48_000, 1, "s16"), {Side.CUSTOMER: 1})
    resampler.feed(bytes(2 * 48_000))
    assert 0 < resampler.pending < 2 * FRAME
    resampler = Resampler(Format(RATE_HZ, 1, "s16"), {Side.CUSTOMER: 1})
    resampler.feed(bytes(2 * (FRAME + 100)))
    assert resampler.pending == 100


def test_a_missing_channel_is_one_sentence() -> None:
    """Who was wanted where, what is there, and what to do."""
    with pytest.raises(AudioError, match=r"customer on channel 2, found 1 channel\. Say where"):
        check_channels(Format(16_000, 1, "s16"), {Side.CUSTOMER: 2}, "call.wav")
    with pytest.raises(AudioError, match="found 4000 Hz"):
        check_channels(Format(4_000, 1, "s16"), {Side.CUSTOMER: 1}, "call.wav")
