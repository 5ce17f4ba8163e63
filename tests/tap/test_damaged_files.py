"""A recording of any kind is heard to its end, or what is missing of it is said."""

from __future__ import annotations

import struct
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from sered.errors import AudioError
from sered.records import RATE_HZ, Side
from sered.tap.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAIR = {Side.CUSTOMER: 2, Side.AGENT: 1}
SECONDS = 4.0
HOW = {
    "a.w64": (), "a.caf": (), "a.aiff": (), "a.m4a": ("-c:a", "aac"), "a.mka": ("-c:a", "flac"),
    "a.webm": ("-c:a", "libopus"), "a.spx": ("-c:a", "libspeex", "-ar", "16000"),
    "a.wma": ("-c:a", "wmav2"), "a.aac": ("-c:a", "aac"), "a.wav": ("-rf64", "always"),
    "a.voc": (), "a.sox": ("-f", "sox"),
}  # fmt: skip
"""Kind of file to how ffmpeg is told to write it."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """Four seconds of noise that swells, on two channels, in any kind of file, as bytes."""
    folder = tmp_path_factory.mktemp("made")
    at = np.arange(round(SECONDS * RATE_HZ))
    noise = np.random.default_rng(5).standard_normal((len(at), 2))
    soundfile.write(
        folder / "call.wav", 0.1 * (0.3 + np.sin(at / 9_000.0) ** 2)[:, None] * noise, RATE_HZ
    )

    def make(name: str) -> bytes:
        path = folder / name
        if not path.exists():
            source = str(folder / "call.wav")
            command = ["ffmpeg", "-v", "error", "-i", source, *HOW[name], str(path)]
            subprocess.run(command, check=True)
        return path.read_bytes()

    return make


def heard(path: Path) -> tuple[float, str]:
    """Seconds that come out of a file, and what is said of it."""
    recording = Recording(path, PAIR)
    blocks = [frame.pcm[Side.CUSTOMER] for frame in recording.frames()]
    loud = np.flatnonzero(np.abs(np.concatenate(blocks)) > 300)
    return float(loud.max()) / RATE_HZ, " ".join(recording.notes)


@pytest.mark.parametrize("name", HOW)
@pytest.mark.slow
def test_every_kind_is_heard_to_its_end(
    made: Callable[[str], bytes], tmp_path: Path, name: str
) -> None:
    """Kinds that libsndfile reads and kinds that ffmpeg reads are heard whole, without a word."""
    path = tmp_path / name
    path.write_bytes(made(name))
    seconds, said = heard(path)
    assert seconds == pytest.approx(SECONDS, abs=0.2)
    assert not said


@pytest.mark.parametrize("name", ["a.w64", "a.caf", "a.aiff", "a.mka", "a.webm", "a.spx", "a.wav"])
def test_a_cut_is_never_taken_for_the_end(
    made: Callable[[str], bytes], tmp_path: Path, name: str
) -> None:
    """A file of any kind that knows its length is refused where the end is missing."""
    whole = made(name)
    path = tmp_path / name
    path.write_bytes(whole[: len(whole) * 6 // 10])
    with pytest.raises(AudioError, match=r"cut off after \d"):
        Recording(path, PAIR)


@pytest.mark.parametrize("name", ["a.wma", "a.aac", "a.m4a"])
def test_what_a_decoder_complains_of_is_told(
    made: Callable[[str], bytes], tmp_path: Path, name: str
) -> None:
    """Bytes that were overwritten in what ffmpeg decodes are no silent gap."""
    whole = made(name)
    middle = len(whole) // 2
    path = tmp_path / name
    path.write_bytes(whole[:middle] + bytes(900) + whole[middle + 900 :])
    try:
        _, said = heard(path)
    except AudioError as error:
        said = str(error)
    assert "damaged" in said or "cut off" in said


def _sized(whole: bytes, name: str, size: int) -> bytes:
    """The same with another size of its sound in the header."""
    place, form = {
        "a.caf": (whole.find(b"data") + 4, ">q"),
        "a.w64": (whole.find(b"data\xf3\xac") + 16, "<q"),
        "a.wav": (whole.find(b"ds64") + 16, "<q"),
    }[name]
    return whole[:place] + struct.pack(form, size) + whole[place + 8 :]


@pytest.mark.parametrize("name", ["a.caf", "a.w64", "a.wav"])
@pytest.mark.parametrize("size", [0, 20_000, -1])
def test_a_long_header_that_lies_hides_nothing(
    made: Callable[[str], bytes], tmp_path: Path, name: str, size: int
) -> None:
    """Sizes of 64 bits that are stale, nothing or left open do not end the sound."""
    path = tmp_path / name
    path.write_bytes(_sized(made(name), name, size))
    seconds, said = heard(path)
    assert seconds == pytest.approx(SECONDS, abs=0.1)
    assert ("header tells of" in said) == (size >= 0 and name != "a.w64")


@pytest.mark.parametrize("name", ["a.aiff", "a.caf", "a.m4a", "a.wav", "a.w64"])
def test_a_second_recording_in_a_file_is_read_or_told(
    made: Callable[[str], bytes], tmp_path: Path, name: str
) -> None:
    """What is joined to a recording is heard, or it is said that it was not."""
    path = tmp_path / name
    path.write_bytes(made(name) * 2)
    seconds, said = heard(path)
    assert seconds == pytest.approx(2 * SECONDS, abs=0.3) or "was not read" in said


def test_sound_in_two_chunks_is_heard_whole(tmp_path: Path) -> None:
    """A WAV whose writer began a second chunk of sound is read through both."""
    path = tmp_path / "a.wav"
    soundfile.write(path, 0.1 * np.ones((RATE_HZ, 2)), RATE_HZ, subtype="PCM_16")
    whole = path.read_bytes()
    start = whole.find(b"data") + 8
    head, sound = whole[: start - 4], whole[start:]
    half = len(sound) // 2
    parts = [
        len(part).to_bytes(4, "little") + part for part in (sound[:half], sound[half:])
    ]  # fmt: skip
    path.write_bytes(head + parts[0] + b"data" + parts[1])
    assert heard(path)[0] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("name", "head", "wanted"),
    [
        ("a.wav", b"\x1f\x8b\x08", "a gzip archive: unpack it"),
        ("a.mp3", b"PK\x03\x04", "a zip archive: unpack it"),
        ("a.wav", b"<!DOCTYPE html><title>Log in</title>", "a text, as a server sends one"),
        ("a.wav", b'{"error": "gone"}', "a text, as a server sends one"),
        ("a.raw", b"\1\0\2\0", "no header, and its name does not say"),
        ("a.pcm", b"\1\0\2\0", "no header, and its name does not say"),
        ("a.au", bytes(64), "something else"),
    ],
)
def test_what_is_no_recording_is_named(tmp_path: Path, name: str, head: bytes, wanted: str) -> None:
    """A name that ends like sound makes none of an archive, a web page or bare numbers."""
    path = tmp_path / name
    path.write_bytes(head * 400)
    with pytest.raises(AudioError, match=wanted):
        Recording(path, PAIR)
