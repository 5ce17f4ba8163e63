"""Recordings of every kind are read piece by piece; what is none is refused with a sentence."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from sered.errors import AudioError
from sered.records import FRAME, RATE_HZ, Side
from sered.tap.recording import Recording

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sered.tap.source import AudioSource

STEREO = {Side.CUSTOMER: 2, Side.AGENT: 1}


def sound(
    path: Path, seconds: float = 1.0, rate_hz: int = RATE_HZ, **kind: str
) -> NDArray[np.int16]:
    """Two tones in a file: 400 Hz left, 900 Hz right."""
    at = np.arange(int(seconds * rate_hz)) / rate_hz
    both = 9_000 * np.sin(2 * np.pi * np.outer(at, (400, 900)))
    pcm: NDArray[np.int16] = both.astype(np.int16)
    soundfile.write(path, pcm / 32_768, rate_hz, **kind)
    return pcm


def loudest_hz(pcm: NDArray[np.int16]) -> float:
    """Frequency of the strongest line."""
    return float(np.abs(np.fft.rfft(pcm)).argmax() * RATE_HZ / len(pcm))


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_every_kind_plays(tmp_path: Path, name: str, rate_hz: int) -> None:
    """WAV, FLAC, OGG and MP3 give whole frames with each person on the right side."""
    sound(tmp_path / name, 2.0, rate_hz)
    recording: AudioSource = Recording(tmp_path / name, STEREO)
    frames = list(recording.frames())
    assert [f.start for f in frames] == [i * FRAME for i in range(len(frames))]
    assert all(len(f.pcm[side]) == FRAME for f in frames for side in STEREO)
    assert len(frames) == pytest.approx(2.0 * RATE_HZ / FRAME, abs=1)
    heard = {side: np.concatenate([f.pcm[side] for f in frames])[:RATE_HZ] for side in STEREO}
    assert loudest_hz(heard[Side.CUSTOMER]) == pytest.approx(900, abs=2)
    assert loudest_hz(heard[Side.AGENT]) == pytest.approx(400, abs=2)


def test_16_khz_is_exact_to_the_last_sample(tmp_path: Path) -> None:
    """A recording at the house rate comes through bit for bit, the last frame padded."""
    pcm = sound(tmp_path / "a.wav", 0.5)
    frames = list(Recording(tmp_path / "a.wav", STEREO).frames())
    out = np.concatenate([f.pcm[Side.CUSTOMER] for f in frames])
    assert np.array_equal(out[: len(pcm)], pcm[:, 1])
    assert not out[len(pcm) :].any()


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "ULAW", "ALAW"])
def test_every_width_plays(tmp_path: Path, subtype: str) -> None:
    """Eight to 32 bit, float and both telephone laws."""
    sound(tmp_path / "a.wav", 1.0, subtype=subtype)
    frames = list(Recording(tmp_path / "a.wav", STEREO).frames())
    out = np.concatenate([f.pcm[Side.AGENT] for f in frames])[:RATE_HZ]
    assert loudest_hz(out) == pytest.approx(400, abs=2)
    assert np.abs(out).max() == pytest.approx(9_000, rel=0.05)


def test_a_streamed_header_is_no_lie(tmp_path: Path) -> None:
    """A WAV whose writer could not seek back says 'until the end' and plays to its end."""
    path = tmp_path / "a.wav"
    sound(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + b"\xff\xff\xff\xff" + whole[44:])
    assert len(list(Recording(path, STEREO).frames())) == 4


def wav(channels: int = 2, rate_hz: int = RATE_HZ, promised: int = 0, data: bytes = b"") -> bytes:
    """A WAV file by hand."""
    form = struct.pack(
        "<IHHIIHH", 16, 1, channels, rate_hz, rate_hz * 2 * channels, channels * 2, 16
    )
    head = b"RIFF" + struct.pack("<I", 36 + promised) + b"WAVEfmt " + form
    return head + b"data" + struct.pack("<I", promised) + data


BROKEN = {
    "empty": (b"", "found an empty file"),
    "words": (b"Dear customer, this is no sound at all. " * 20, "found something else"),
    "zeros": (bytes(4096), "found something else"),
    "no samples": (wav(), r"found 0 sample\(s\)"),
    "one sample": (wav(promised=4, data=b"abcd"), r"found 1 sample\(s\)"),
    "cut off": (wav(promised=64_000, data=bytes(6_400)), r"cut off after 0\.1 s"),
    "no rate": (wav(rate_hz=0, promised=400, data=bytes(400)), "found something else"),
    "no channel": (wav(channels=0, promised=400, data=bytes(400)), "found something else"),
    "slow": (wav(rate_hz=4_000, promised=400, data=bytes(400)), "found 4000 Hz"),
    "header only": (wav()[:30], "found something else"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_no_recording_is_refused(tmp_path: Path, what: str) -> None:
    """Each kind of broken file has a sentence that names the file and what was found."""
    content, sentence = BROKEN[what]
    path = tmp_path / "call.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=sentence) as caught:
        Recording(path, STEREO)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("name", ["a.flac", "a.mp3", "a.ogg"])
def test_a_cut_file_is_never_taken_for_whole(tmp_path: Path, name: str) -> None:
    """A compressed file that ends early is an error, not a short call."""
    sound(tmp_path / name, 5.0)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AudioError, match=r"cut off after|found 0 sample"):
        list(Recording(tmp_path / name, STEREO).frames())


def test_a_length_left_open_is_the_files_end(tmp_path: Path) -> None:
    """A WAV whose writer died before its header was finished plays to its end."""
    path = tmp_path / "a.wav"
    path.write_bytes(wav(promised=0, data=bytes(64_000)))
    assert Recording(path, STEREO).duration_s == 1.0


def test_folders_missing_and_forbidden_files_have_their_sentences(tmp_path: Path) -> None:
    """No traceback for a slip of the keyboard."""
    with pytest.raises(AudioError, match="no such file"):
        Recording(tmp_path / "none.wav", STEREO)
    with pytest.raises(AudioError, match="found a folder"):
        Recording(tmp_path, STEREO)
    with pytest.raises(AudioError, match="cannot be read"):
        Recording(Path("/proc/self/mem"), STEREO)


def test_a_missing_channel_is_named(tmp_path: Path) -> None:
    """A mono file cannot give the right-hand channel."""
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE_HZ, np.int16), RATE_HZ)
    with pytest.raises(AudioError, match=r"wanted the customer on channel 2, found 1 channel"):
        Recording(tmp_path / "a.wav", STEREO)


def test_close_ends_the_frames(tmp_path: Path) -> None:
    """A recording that is closed stops early."""
    sound(tmp_path / "a.wav", 30.0)
    recording = Recording(tmp_path / "a.wav", STEREO)
    frames = recording.frames()
    next(frames)
    recording.close()
    assert len(list(frames)) <= RATE_HZ // FRAME + 1


def test_a_short_recording_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is short is heard as it was surveyed; a long one, decoded again, sounds the same."""
    noise = np.random.default_rng(1).integers(-9_000, 9_000, (8_000 * 4, 2)).astype(np.int16)
    soundfile.write(tmp_path / "a.flac", noise, 8_000)
    short = Recording(tmp_path / "a.flac", STEREO)
    monkeypatch.setattr("sered.tap.survey.KEPT_BYTES", noise.nbytes)
    long = Recording(tmp_path / "a.flac", STEREO)
    assert (len(short.survey.kept), len(long.survey.kept)) == (5, 0)
    for once, twice in zip(short.frames(), long.frames(), strict=True):
        assert once.start == twice.start
        assert all(np.array_equal(once.pcm[side], twice.pcm[side]) for side in STEREO)


@pytest.mark.slow
def test_memory_is_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too long to be kept is read in the same memory, ten minutes as one."""
    monkeypatch.setattr("sered.tap.survey.KEPT_BYTES", 1 << 20)
    peaks = []
    for seconds in (60.0, 600.0):
        soundfile.write(tmp_path / "a.wav", np.zeros((int(seconds) * 8_000, 2), np.int16), 8_000)
        tracemalloc.start()
        for _ in Recording(tmp_path / "a.wav", STEREO).frames():
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # threads of other tests are counted, too; memory that grew with the length would be tenfold
    assert peaks[1] < peaks[0] * 1.5
