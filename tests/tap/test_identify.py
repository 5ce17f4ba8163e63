"""Lengths come from decoding: what a header has wrong, what is joined and what is cut is known."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from sered.errors import AudioError
from sered.records import RATE_HZ, Side
from sered.tap import ffmpeg
from sered.tap.recording import Recording

if TYPE_CHECKING:
    from pathlib import Path

PAIR = {Side.CUSTOMER: 2, Side.AGENT: 1}
SECONDS = 6.0


@pytest.fixture
def call(tmp_path: Path) -> Path:
    """Six seconds of noise that comes and goes, on two channels, as WAV at 16 kHz."""
    rng = np.random.default_rng(3)
    at = np.arange(round(SECONDS * RATE_HZ))
    swell = (0.2 + 0.8 * np.sin(at / 9_000.0) ** 2)[:, None]
    path = tmp_path / "call.wav"
    soundfile.write(path, 0.2 * swell * rng.standard_normal((len(at), 2)), RATE_HZ)
    return path


def converted(call: Path, name: str, *options: str) -> Path:
    """The call as ffmpeg writes it through a pipe, where it cannot go back to the header."""
    kind = [
        "-f",
        {"mp3": "mp3", "flac": "flac", "ogg": "ogg", "wav": "wav"}[
            name.rsplit(".", maxsplit=1)[-1]
        ],
    ]
    made = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", call, *options, *kind, "-"], capture_output=True, check=True
    )
    path = call.with_name(name)
    path.write_bytes(made.stdout)
    return path


def heard_s(path: Path) -> float:
    """Seconds of sound that come out of a file, as read."""
    recording = Recording(path, PAIR)
    frames = list(recording.frames())
    out = np.concatenate([frame.pcm[Side.CUSTOMER] for frame in frames])
    assert len(out) / RATE_HZ == pytest.approx(recording.duration_s, abs=0.3)
    return float(np.flatnonzero(out).max() / RATE_HZ)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("vbr.mp3", ("-q:a", "2")),
        ("cbr.mp3", ("-b:a", "64k")),
        ("bare.mp3", ("-q:a", "9", "-write_xing", "0", "-id3v2_version", "0")),
        ("low.mp3", ("-ar", "8000", "-b:a", "16k")),
        ("piped.flac", ()),
        ("opus.ogg", ("-c:a", "libopus")),
        ("vorbis.ogg", ("-c:a", "libvorbis")),
        ("piped.wav", ()),
        ("wrapped.wav", ("-c:a", "libmp3lame")),
    ],
)
def test_what_was_written_through_a_pipe_is_read_to_its_end(
    call: Path, name: str, options: tuple[str, ...]
) -> None:
    """All of a file whose writer could not tell its length is heard, and no more."""
    assert heard_s(converted(call, name, *options)) == pytest.approx(SECONDS, abs=0.15)


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.ogg", "a.wav"])
def test_joined_files_are_read_to_the_last(call: Path, name: str) -> None:
    """Three recordings in one file are as long as all of them, and said to be three."""
    path = call
    if name == "a.mp3":
        # an encoder that can go back writes a length in front, by which the three are told apart
        path = call.with_name(name)
        subprocess.run(["ffmpeg", "-v", "error", "-i", call, path], check=True)
    elif name != "a.wav":
        path = converted(call, name)
    path.write_bytes(path.read_bytes() * 3)
    assert heard_s(path) == pytest.approx(3 * SECONDS, abs=0.3)
    assert any("3 recordings are joined" in note for note in Recording(path, PAIR).notes)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.wma", "wmav2"), ("a.tta", "tta"), ("a.flv", "mp3"), ("a.wav", "mp3")]
)
@pytest.mark.slow
def test_what_is_joined_and_not_read_is_told(call: Path, name: str, codec: str) -> None:
    """Of containers that a decoder reads the first of, a second one is named."""
    path = call.with_name(name)
    rate = ("-ar", "44100") if name == "a.flv" else ()
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-i", call.rename(call.with_name("first.wav")), *rate,
         "-c:a", codec, path],
        check=True,
    )  # fmt: skip
    assert Recording(path, PAIR).notes == ()
    path.write_bytes(path.read_bytes() * 2)
    assert any("which was not read" in note for note in Recording(path, PAIR).notes)


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.wav"])
def test_where_the_next_recording_begins_is_known(call: Path, name: str) -> None:
    """One frame, and no other, tells that another recording begins in it."""
    path = call.with_name(name)
    subprocess.run(["ffmpeg", "-v", "error", "-i", call, path], check=True)
    assert [f.joined for f in Recording(path, PAIR).frames() if f.joined is not None] == []
    path.write_bytes(path.read_bytes() * 2)
    joins = [f.joined for f in Recording(path, PAIR).frames() if f.joined is not None]
    assert [at / RATE_HZ for at in joins] == [pytest.approx(SECONDS, abs=0.25)]


def test_joined_files_of_two_kinds_are_read_with_ffmpeg(call: Path) -> None:
    """MP3s of two rates in one file are read to the end of the second."""
    one = converted(call, "one.mp3")
    two = converted(call, "two.mp3", "-ar", "44100")
    both = call.with_name("both.mp3")
    both.write_bytes(one.read_bytes() + two.read_bytes())
    assert heard_s(both) == pytest.approx(2 * SECONDS, abs=0.3)


@pytest.mark.parametrize(
    ("name", "options"), [("a.mp3", ()), ("a.flac", ()), ("a.ogg", ("-c:a", "libopus"))]
)
def test_a_broken_last_frame_is_a_cut(call: Path, name: str, options: tuple[str, ...]) -> None:
    """A compressed file that breaks off in a frame is refused with the seconds that are there."""
    path = converted(call, name, *options)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(AudioError, match=r"cut off after [234]\.\d s .*ffmpeg -i"):
        Recording(path, PAIR)


def test_damage_within_is_told_and_quiet(call: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Bytes overwritten in an MP3's middle cost what they held; no library chatters of it."""
    path = converted(call, "a.mp3")
    whole = bytearray(path.read_bytes())
    whole[20_000:24_000] = np.random.default_rng(1).bytes(4_000)
    path.write_bytes(whole)
    assert heard_s(path) == pytest.approx(SECONDS, abs=0.8)
    assert any("damaged" in note for note in Recording(path, PAIR).notes)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("share", [0.0, 0.25, 0.9])
@pytest.mark.parametrize("name", ["a.wav", "a.au", "a.aiff"])
def test_a_stale_size_hides_nothing(call: Path, name: str, share: float) -> None:
    """A recorder that died left an old size in the header: the sound behind it is heard, too."""
    path = call.with_name(name)
    samples, rate = soundfile.read(call)
    soundfile.write(path, samples, rate, subtype="PCM_16")
    raw = bytearray(path.read_bytes())
    sound = len(samples) * 4
    big = name != "a.wav"
    at = {"a.wav": raw.find(b"data") + 4, "a.au": 8, "a.aiff": raw.find(b"SSND") + 4}[name]
    extra = 8 if name == "a.aiff" else 0
    size = round(sound * share) // 4 * 4 + extra
    raw[at : at + 4] = size.to_bytes(4, "big" if big else "little")
    path.write_bytes(raw)
    assert heard_s(path) == pytest.approx(SECONDS, abs=0.01)
    assert any("header tells of" in note for note in Recording(path, PAIR).notes)


def test_chunks_behind_the_sound_are_no_sound(call: Path) -> None:
    """A list of names behind a WAV's data is not read as sound, and is no stale size."""
    whole = call.read_bytes() + b"LIST" + (26).to_bytes(4, "little") + b"INFOISFT" + b"\x0e\0\0\0"
    call.write_bytes(whole + b"Lavf59.27.100\0")
    recording = Recording(call, PAIR)
    assert recording.duration_s == SECONDS
    assert recording.notes == ()


@pytest.mark.parametrize(
    ("name", "subtype"), [("a.ulaw", "ULAW"), ("a.alaw", "ALAW"), ("a.sln", "PCM_16")]
)
def test_sound_without_a_header_is_what_its_name_says(call: Path, name: str, subtype: str) -> None:
    """What an exchange writes without a header is read at 8 kHz, one channel."""
    samples, _ = soundfile.read(call)
    path = call.with_name(name)
    soundfile.write(path, samples[::2, 0], 8_000, format="RAW", subtype=subtype)
    recording = Recording(path, {Side.CUSTOMER: "mono"})
    assert recording.duration_s == pytest.approx(SECONDS, abs=0.01)
    assert recording.survey.channels[0].loudest_db == pytest.approx(-14.0, abs=2.0)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.m4a", "aac"), ("a.webm", "libopus"), ("a.wma", "wmav2"), ("a.mka", "ac3")],
)
@pytest.mark.slow
def test_what_phones_write_goes_through_ffmpeg(call: Path, name: str, codec: str) -> None:
    """What libsndfile cannot read is read with ffmpeg, to its end."""
    path = call.with_name(name)
    subprocess.run(["ffmpeg", "-v", "error", "-i", call, "-c:a", codec, path], check=True)
    assert heard_s(path) == pytest.approx(SECONDS, abs=0.15)


def test_without_ffmpeg_the_line_is_said(call: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ffmpeg is missing its command line is in the sentence, with the kind that was found."""
    path = call.with_name("a.m4a")
    subprocess.run(["ffmpeg", "-v", "error", "-i", call, "-c:a", "aac", path], check=True)
    monkeypatch.setattr(ffmpeg, "installed", lambda: None)
    with pytest.raises(AudioError, match=r"found \.m4a, .*ffmpeg -i '.*a\.m4a' call\.wav"):
        Recording(path, PAIR)


def test_a_playlist_reads_no_other_file(call: Path) -> None:
    """A file that names another one gives nothing of it away."""
    path = call.with_name("list.m4a")
    path.write_text(f"ffconcat version 1.0\nfile '{call}'\n")
    with pytest.raises(AudioError, match="wanted a recording"):
        Recording(path, PAIR)


def test_a_child_that_says_nothing_is_given_up(
    call: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A decoder that hangs ends in a sentence, and is gone."""
    fake = tmp_path / "bin/ffmpeg"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexec sleep 100\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=":")
    monkeypatch.setattr(ffmpeg, "_STALL_S", 0.5)
    path = call.with_name("a.m4a")
    path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(64))
    with pytest.raises(AudioError, match="gave nothing"):
        Recording(path, PAIR)
