"""Promises of `sered analyze`: recordings in, verdicts out."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from jsonschema import Draft202012Validator
from numpy.typing import NDArray
from rich.console import Console

from project import Ended
from sered.archive.task import Task
from sered.cli.demo import CALL
from sered.cli.progress import Bar, Total
from sered.cli.tables import show_call
from sered.contract.messages import CallReport

pytestmark = pytest.mark.slow


Sered = Callable[..., Ended]


def demo() -> tuple[NDArray[np.float64], int]:
    samples, rate = soundfile.read(CALL, dtype="float64")
    return samples, rate


def save(path: Path, samples: NDArray[np.float64], rate: int, to_hz: int | None = None) -> Path:
    if to_hz:
        samples, rate = soxr.resample(samples, rate, to_hz), to_hz
    soundfile.write(path, samples, rate)
    return path


def calls(ended: Ended) -> list[dict[str, Any]]:
    return [call for file in json.loads(ended.out) for call in file["calls"]]


def words(call: Mapping[str, Any]) -> list[str]:
    return [term["text"] for term in call["verbal"]["terms"]]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Path]:
    """`sered analyze` of the demo call with a picture, once, in a process of its own."""
    picture = tmp_path_factory.mktemp("judged") / "call.png"
    done = subprocess.run(
        [sys.executable, "-m", "sered", "analyze", CALL, "--json", "--plot", picture],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={"PATH": os.environ["PATH"], "SERED_CONFIG": os.devnull},
    )
    return Ended(done.returncode, done.stdout, done.stderr), picture


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unhappy end of the demo call, agent left, customer right, with the hang-up."""
    samples, rate = demo()
    return save(tmp_path_factory.mktemp("pair") / "pair.wav", samples[round(36.5 * rate) :], rate)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sentences of the unhappy customer alone, on one channel."""
    samples, rate = demo()
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    return save(path, samples[round(36.5 * rate) : round(51.4 * rate), 1], rate)


def test_demo_call(judged: tuple[Ended, Path]) -> None:
    """The demo call is negative and to be called back, for words that the customer said."""
    ended, _ = judged
    assert ended.status == 0, ended.err
    (call,) = calls(ended)
    assert call["sentiment"]["category"] == "negative"
    assert call["sentiment"]["escalate"] is True
    assert any("money back" in text for text in words(call))
    assert any("thank you" in text for text in words(call))
    assert call["end_reason"] == "hang_up_tone"
    assert 45 < call["duration_s"] < 55
    assert call["trend"]["change"] < -0.2
    assert call["worst"]["offset_s"] > 25
    assert call["talk"]["agent_s"] > 8
    assert len(call["utterances"]) == 7
    assert all(utterance["emotion"] for utterance in call["utterances"])


def test_json_is_the_contract(judged: tuple[Ended, Path]) -> None:
    """What --json prints of a call is exactly the `calls` payload, and nothing else is there."""
    (call,) = calls(judged[0])
    Draft202012Validator(CallReport.model_json_schema(by_alias=True)).validate(call)


def test_picture(judged: tuple[Ended, Path]) -> None:
    """--plot draws the call and says where, without a word on stdout."""
    ended, picture = judged
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture) in ended.err


def test_twice_the_same(judged: tuple[Ended, Path], sered: Sered) -> None:
    """The same file gives the same bytes, ids included, in another process too."""
    assert sered("analyze", CALL, "--json").out == judged[0].out


def table(judged: tuple[Ended, Path], width: int) -> str:
    (call,) = calls(judged[0])
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False, markup=False)
    show_call(console, CallReport.model_validate(call), "call.wav", at_s=1.0)
    return out.getvalue()


def test_table_tells_who_when_why(judged: tuple[Ended, Path]) -> None:
    """The table has the verdict, what to do, when what was felt, the words and what decided."""
    text = table(judged, 110)
    for piece in ("NEGATIVE", "Call the customer back", "money back", "what decided", "agent 1"):
        assert piece in text
    rows = [line.split() for line in text.splitlines() if line.strip()[:1] in "0123456789>"]
    assert len(rows) == 7
    assert sum(row[0] == ">" for row in rows) >= 1
    assert "\x1b" not in text


def test_narrow_terminal(judged: tuple[Ended, Path]) -> None:
    """On 48 columns nothing runs over the edge and nothing that matters is missing."""
    text = table(judged, 48)
    assert max(map(len, text.splitlines())) <= 48
    assert "NEGATIVE" in text
    assert "Call the customer back" in text


def test_explained(sered: Sered, clip: Path) -> None:
    """The report is followed by sentences on how the score came about when they are asked for."""
    ended = sered("analyze", clip, "--explain")
    assert "NEGATIVE" in ended.out
    assert "Somebody should call the customer back." in ended.out
    assert "of the score" in " ".join(ended.out.split())


@pytest.mark.parametrize(
    ("name", "rate"), [("a.flac", 44_100), ("a.ogg", 16_000), ("a.mp3", 48_000)]
)
def test_formats_and_rates(sered: Sered, tmp_path: Path, clip: Path, name: str, rate: int) -> None:
    """FLAC, OGG and MP3 at usual rates come to the verdict of the WAV."""
    sound, from_hz = soundfile.read(clip)
    path = save(tmp_path / name, sound, from_hz, to_hz=rate)
    (call,) = calls(sered("analyze", path, "--json"))
    assert call["sentiment"]["category"] == "negative"
    assert call["sentiment"]["escalate"] is True
    assert any("money back" in text for text in words(call))


def test_pair_is_said(judged: tuple[Ended, Path], sered: Sered, pair: Path) -> None:
    """Without --sides a pair is agent left, customer right, and stderr says so."""
    assert "agent=left,customer=right" in judged[0].err
    assert "note" not in sered("analyze", pair, "--sides", "customer=right", "--json").err


def test_single_channel_is_the_customers(sered: Sered, clip: Path) -> None:
    """Without --sides one channel is the customer's, and stderr tells of mixed=mono."""
    ended = sered("analyze", clip, "--json")
    assert "--sides mixed=mono" in ended.err
    (call,) = calls(ended)
    assert call["mixed"] is False
    assert call["sentiment"]["category"] == "negative"


def test_mixed_is_flagged(sered: Sered, tmp_path: Path, pair: Path) -> None:
    """--sides mixed=mono marks the report, and all talk counts as both people's."""
    samples, rate = soundfile.read(pair)
    path = save(tmp_path / "mixed.wav", samples.mean(axis=1), rate)
    (call,) = calls(sered("analyze", path, "--sides", "mixed=mono", "--json"))
    assert call["mixed"] is True
    assert call["talk"]["mixed_s"] > 8
    assert call["talk"]["customer_s"] == 0


def test_sides_swapped(sered: Sered, pair: Path) -> None:
    """With the sides swapped the other person is judged: no money back, no call back."""
    (call,) = calls(sered("analyze", pair, "--sides", "customer=left", "--json"))
    assert not any("money back" in text for text in words(call))


@pytest.mark.parametrize(("mode", "there", "missing"), [
    ("audio", "acoustic", "verbal"),
    ("text", "verbal", "acoustic"),
])  # fmt: skip
def test_modes(sered: Sered, clip: Path, mode: str, there: str, missing: str) -> None:
    """--mode judges by voice alone or by words alone."""
    (call,) = calls(sered("analyze", clip, "--mode", mode, "--json"))
    assert call["mode"] == mode
    assert call[there] is not None
    assert call[missing] is None


def test_short_clip_still_shows_the_emotion(sered: Sered, tmp_path: Path) -> None:
    """Two seconds are too little for a verdict, but what they sounded like is shown."""
    samples, rate = demo()
    path = save(tmp_path / "short.wav", samples[round(43.4 * rate) : round(46.0 * rate), 1], rate)
    ended = sered("analyze", path)
    assert ended.status == 0
    assert "UNDETERMINED" in ended.out
    assert "the customer spoke too little" in ended.out
    (call,) = calls(sered("analyze", path, "--json"))
    assert call["sentiment"]["undetermined"] == "too_little_speech"
    assert call["utterances"][0]["emotion"]
    assert call["utterances"][0]["emotion"] in ended.out


def test_two_calls_in_a_file(sered: Sered, tmp_path: Path, pair: Path) -> None:
    """A recording that goes on after the hang-up gives a report for each of its calls."""
    samples, rate = soundfile.read(pair)
    path = save(tmp_path / "two.wav", np.concatenate([samples, samples]), rate)
    first, second = calls(sered("analyze", path, "--json", "--mode", "text"))
    assert first["sentiment"]["category"] == second["sentiment"]["category"] == "negative"
    assert first["call_id"] != second["call_id"]
    assert first["ended_at"] <= second["started_at"]


def test_nobody_speaks(sered: Sered, tmp_path: Path) -> None:
    """A recording of silence has no call in it, which is no error."""
    path = save(tmp_path / "quiet.wav", np.zeros(16_000), 8_000)
    ended = sered("analyze", path)
    assert ended.status == 0
    assert "quiet.wav: no call in it" in ended.out
    assert calls(sered("analyze", path, "--json")) == []


def test_folder(sered: Sered, tmp_path: Path, clip: Path) -> None:
    """A folder is searched through and through; a broken file is named and the rest go on."""
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "a-broken.wav").write_bytes(b"RIFF nothing of the kind")
    (tmp_path / "deep" / "notes.txt").write_text("no sound")
    (tmp_path / "deep" / "deeper" / "call.WAV").write_bytes(clip.read_bytes())
    ended = sered("analyze", tmp_path, "--json", "--mode", "text")
    assert ended.status == 1
    assert "a-broken.wav: wanted a recording" in ended.err
    broken, whole, notes = json.loads(ended.out)
    assert broken["calls"] == []
    assert "a-broken.wav" in broken["error"]
    assert whole["error"] is None
    assert len(whole["calls"]) == 1
    assert notes["passed_over"] == "no recording by its name or beginning"
    assert "passed over 1 file" in ended.err
    assert "notes.txt" in ended.err
    assert "Traceback" not in ended.err


def test_names_of_any_bytes(sered: Sered, tmp_path: Path, clip: Path) -> None:
    """A name that is not UTF-8 or cannot be seen is judged, shown by its bytes; nothing ends."""
    for name in (b"bad\xff.wav", "right\u202eleft.wav".encode(), b"whole.wav"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(clip.read_bytes())
    ended = sered("analyze", tmp_path, "--json", "--mode", "text")
    assert ended.status == 0, ended.err
    files = {file["file"].rsplit("/", 1)[1]: len(file["calls"]) for file in json.loads(ended.out)}
    assert files == {"bad\\xff.wav": 1, "right\\u202eleft.wav": 1, "whole.wav": 1}
    named = sered("analyze", os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.wav"))
    assert "bad\\xff.wav" in named.out


def test_the_same_sound_is_the_same_call(sered: Sered, tmp_path: Path, clip: Path) -> None:
    """A copy under another name with another date has the id of the first, another mode not."""
    copy = tmp_path / "20260105-091500Z.wav"
    copy.write_bytes(clip.read_bytes())
    first, again, other = (
        calls(sered("analyze", path, "--json", "--mode", mode))[0]
        for path, mode in ((clip, "text"), (copy, "text"), (clip, "audio"))
    )
    assert first["call_id"] == again["call_id"] != other["call_id"]
    assert again["started_at"].startswith("2026-01-05T09:15:0")


def test_folder_without_recordings(sered: Sered, tmp_path: Path) -> None:
    """An empty folder is a sentence and exit status 1."""
    ended = sered("analyze", tmp_path)
    assert ended.status == 1
    assert "no recordings in this folder" in ended.err


def test_several_pictures(sered: Sered, tmp_path: Path, clip: Path) -> None:
    """With several calls the pictures are named after their recordings, none over another."""
    ended = sered("analyze", clip, clip, "--mode", "text", "--plot", tmp_path / "call.png")
    assert ended.status == 0
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        "call-clip-2.png",
        "call-clip.png",
    ]


def test_progress_on_a_terminal() -> None:
    """On a terminal a bar follows each file and is gone afterwards."""
    out = io.StringIO()
    bar = Bar(Console(file=out, force_terminal=True, width=60))
    for name in ("a[b].wav", "c.wav"):
        with bar:
            for share in (0.0, 0.5, 0.505, 1.0):
                bar(name, share)
    assert "a[b].wav" in out.getvalue()
    assert "c.wav" in out.getvalue()
    assert "100%" in out.getvalue()


def test_progress_of_many(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Over many recordings a terminal has a bar by size; elsewhere a line a minute says how far."""
    tasks = []
    for name in "abcd":
        path = tmp_path / f"{name}.wav"
        path.write_bytes(b"x" * 1000)
        tasks.append(Task(str(path)))
    moment = iter(range(0, 4000, 45))
    monkeypatch.setattr("sered.cli.progress.time.monotonic", lambda: float(next(moment)))
    plain = io.StringIO()
    with Total(Console(file=plain, width=80), tasks) as total:
        for task in tasks:
            total.done(task.path)
    assert plain.getvalue().startswith("2 of 4 recordings, about ")
    assert plain.getvalue().count("\n") < len(tasks)
    monkeypatch.undo()
    out = io.StringIO()
    with Total(Console(file=out, force_terminal=True, width=80), tasks) as total:
        for task in tasks:
            total.done(task.path)
    assert "4 of 4 recordings" in out.getvalue()


def test_wrong_sides(sered: Sered, clip: Path) -> None:
    """--sides that make no sense are a sentence and exit status 2."""
    ended = sered("analyze", clip, "--sides", "boss=left")
    assert ended.status == 2
    assert "wanted SIDE=CHANNEL" in ended.err
    ended = sered("analyze", clip, "--sides", "customer=right")
    assert ended.status == 1
    assert "wanted the customer on channel 2" in ended.err


def test_wrong_mode(sered: Sered, clip: Path) -> None:
    """An unknown mode is a sentence and exit status 2."""
    ended = sered("analyze", clip, "--mode", "smell")
    assert ended.status == 2
    assert "smell" in ended.err
    assert "Traceback" not in ended.err
