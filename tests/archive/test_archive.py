"""Many recordings: nothing lost, nothing twice, and the same result however a run ended."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from archive_stage import calls, table
from sered.archive import folder as result_folder
from sered.archive import run as archive_run
from sered.archive.folder import FullError, ResultFolder
from sered.archive.pool import Pool
from sered.archive.task import Result, Task
from sered.box.build import load_judges
from sered.errors import ConfigError
from sered.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from project import Ended

    Sered = Callable[..., Ended]

pytestmark = pytest.mark.slow

AUDIO = ("--mode", "audio")


def started(*arguments: str | Path) -> subprocess.Popen[str]:
    """`sered analyze` as a program of its own, in a process group of its own."""
    command = [sys.executable, "-m", "sered", "analyze", *map(str, arguments)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def kept(out: Path) -> int:
    """How many results a folder holds."""
    return sum(1 for _ in (out / "results").glob("*/*.json"))


def has(out: Path, at_least: int) -> bool:
    """Whether a folder holds so many results."""
    return kept(out) >= at_least


def until(true: Callable[[], bool], seconds: float = 90.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def test_a_run_that_was_killed_and_taken_up_is_the_same_to_the_byte(
    sered: Sered, tmp_path: Path
) -> None:
    """Killed twice in the middle and resumed: rows and lines equal those of one clean run."""
    source = tmp_path / "calls"
    calls(source, 10)
    clean, broken = tmp_path / "clean", tmp_path / "broken"
    assert sered("analyze", source, *AUDIO, "--out", clean, "--jobs", "1").status == 0
    for at_least in (2, 5):
        run = started(source, *AUDIO, "--out", broken, "--resume", "--jobs", "2")
        until(partial(has, broken, at_least))
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
    ended = sered("analyze", source, *AUDIO, "--out", broken, "--resume")
    assert ended.status == 0
    for name in ("calls.csv", "calls.jsonl"):
        assert (broken / name).read_bytes() == (clean / name).read_bytes()
    assert len(table(clean / "calls.csv")) == 10


def test_ctrl_c_says_how_far_it_came_and_keeps_what_was_done(tmp_path: Path) -> None:
    """An interrupted run ends at once with a sentence, exit status 1 and its results."""
    source, out = tmp_path / "calls", tmp_path / "out"
    calls(source, 30)
    run = started(source, *AUDIO, "--out", out, "--jobs", "1")
    until(lambda: kept(out) >= 2)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "Stopped after " in said
    assert "--resume" in said
    assert "Traceback" not in said
    assert kept(out) >= 2


def test_parts_make_the_whole(sered: Sered, tmp_path: Path) -> None:
    """Three shards into one folder, then all of them: the tables of one run."""
    source = tmp_path / "calls"
    calls(source, 7)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert sered("analyze", source, *AUDIO, "--out", whole, "--jobs", "1").status == 0
    for part in ("1/3", "2/3", "3/3"):
        ended = sered("analyze", source, *AUDIO, "--out", parts, "--shard", part, "--jobs", "1")
        assert ended.status == 0
    assert kept(parts) == 7
    assert not (parts / "calls.csv").exists()
    assert sered("analyze", source, *AUDIO, "--out", parts, "--resume").status == 0
    assert (parts / "calls.csv").read_bytes() == (whole / "calls.csv").read_bytes()


def test_a_renamed_recording_is_not_judged_again(sered: Sered, tmp_path: Path) -> None:
    """Results are found by content; the row has the name that the file has now."""
    source, out = tmp_path / "calls", tmp_path / "out"
    first, *_ = calls(source, 2)
    sered("analyze", source, *AUDIO, "--out", out, "--jobs", "1")
    before = kept(out)
    first.rename(first.with_name(f"renamed-{first.name}"))
    sered("analyze", source, *AUDIO, "--out", out, "--resume", "--jobs", "1")
    assert kept(out) == before
    assert any("renamed-" in row["file"] for row in table(out / "calls.csv"))


def test_what_is_kept_is_handed_over_as_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hundred kept results the first comes before half are read, and nothing is judged."""
    settings = Settings.model_validate({"mode": "audio"})
    out = ResultFolder(tmp_path, settings, load_judges(settings).versions, resume=False)
    tasks = []
    for number in range(100):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(bytes([number]))
        tasks.append(Task(str(path)))
        key = result_folder.key_of(tasks[-1])
        assert key is not None
        result_folder.keep(tmp_path, key, Result(path, length_s=float(number)))
    read: list[str] = []

    def noted(folder: Path, task: Task, key: str | None) -> Result | None:
        read.append(task.name)
        return result_folder.kept(folder, task, key)

    monkeypatch.setattr(archive_run, "kept", noted)
    with Pool(settings, 2, out) as pool:
        coming = archive_run.results(tasks, pool, out)
        first = next(coming)
        assert len(read) < 50
        lengths = [first.length_s, *(result.length_s for result in coming)]
        assert multiprocessing.active_children() == []
    assert lengths == [float(number) for number in range(100)]
    out.close()


def test_a_worker_that_dies_costs_its_recording_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recording that kills its process is named; the others are judged, in order."""
    paths = calls(tmp_path / "calls", 5)
    deadly = paths[2]
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "sitecustomize.py").write_text(
        "import multiprocessing, os, pathlib\n"
        "real = pathlib.Path.stat\n"
        "def deadly(self, **k):\n"
        f"    if str(self) == {str(deadly)!r} and multiprocessing.parent_process():\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return real(self, **k)\n"
        "pathlib.Path.stat = deadly\n"
    )
    settings = Settings.model_validate({"mode": "audio"})
    with Pool(settings, 2) as pool:
        found = list(pool.results((Task(str(path)), None) for path in paths))
    assert [result.path for result in found] == paths
    assert [result.fault is None for result in found] == [True, True, False, True, True]
    assert "the process that judged it died" in (found[2].fault or "")


def test_a_folder_is_for_one_run_of_one_kind(tmp_path: Path) -> None:
    """In use, made otherwise, or holding results nobody asked to go on with: one sentence each."""
    settings = Settings.model_validate({"mode": "audio"})
    versions = load_judges(settings).versions
    out = tmp_path / "out"
    running = ResultFolder(out, settings, versions, resume=False)
    with pytest.raises(ConfigError, match="another run is writing there"):
        ResultFolder(out, settings, versions, resume=True)
    running.close()
    with pytest.raises(ConfigError, match="holds results already"):
        ResultFolder(out, settings, versions, resume=False)
    other = Settings.model_validate({"mode": "audio", "site": "elsewhere"})
    with pytest.raises(ConfigError, match="made with other settings"):
        ResultFolder(out, other, versions, resume=True)


def test_a_full_disk_loses_nothing_that_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says so, and no half result is left."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "results").mkdir()
    result_folder.keep(tmp_path, "a" * 64, Result(tmp_path / "a.wav"))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FullError, match="the disk is full"):
        result_folder.keep(tmp_path, "b" * 64, Result(tmp_path / "b.wav"))
    names = [path.name for path in (tmp_path / "results").rglob("*") if path.is_file()]
    assert names == ["a" * 62 + ".json"]


@pytest.mark.parametrize("output", ["--csv", "--jsonl"])
def test_an_output_on_a_full_disk_is_a_sentence(sered: Sered, tmp_path: Path, output: str) -> None:
    """A table that takes no more is named with the reason, and what --out holds is kept."""
    source, out = tmp_path / "calls", tmp_path / "out"
    calls(source, 2)
    full = tmp_path / "full.txt"
    full.symlink_to("/dev/full")
    ended = sered("analyze", source, *AUDIO, "--out", out, output, full, "--jobs", "1")
    assert ended.status == 1
    assert "full.txt" in ended.err
    assert "No space left on device" in ended.err
    assert "Traceback" not in ended.err
    assert sered("analyze", source, *AUDIO, "--out", out, "--resume").status == 0
    assert len(table(out / "calls.csv")) == 2


def test_names_in_every_encoding_have_their_rows(sered: Sered, tmp_path: Path) -> None:
    """Latin bytes, line ends, escapes, quotes, dashes, 244 bytes: a row and a line each."""
    (made,) = calls(tmp_path / "one", 1)
    source = tmp_path / "calls"
    source.mkdir()
    names = [
        b"latin-\xe4\xf6.wav", "emoji-\U0001f600.wav".encode(), "turn-\u202egpj.wav".encode(),
        b"new\nline.wav", b'semi;comma,quote".wav', b"-dash.wav", b" blank .wav",
        "two-signs-a\u0308.wav".encode(), b"esc-\x1b[31m.wav", b"x" * 240 + b".wav",
    ]  # fmt: skip
    for name in names:
        shutil.copy(made, source / os.fsdecode(name))
    out = tmp_path / "out"
    ended = sered("analyze", source, *AUDIO, "--out", out, "--html", tmp_path / "a.html")
    assert ended.status == 0
    rows = table(out / "calls.csv")
    assert len({row["file"] for row in rows}) == len(rows) == len(names)
    assert not any(row["error"] for row in rows)
    lines = (out / "calls.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(names)
    assert "\x1b" not in ended.out + ended.err + "".join(lines)


def test_a_recording_that_vanishes_costs_its_row_alone(tmp_path: Path) -> None:
    """Gone after the list was made: it is named, and the others are judged."""
    settings = Settings.model_validate({"mode": "audio"})
    paths = calls(tmp_path / "calls", 3)
    paths[1].unlink()
    with Pool(settings, 1) as pool:
        found = list(pool.results((Task(str(path)), None) for path in paths))
    assert [result.fault is None for result in found] == [True, False, True]
    assert "no such file" in (found[1].fault or "")


def test_a_file_that_grows_while_it_is_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its verdict would be of another sound: it is a fault, and not kept."""
    from sered.archive import judge as judging

    (path,) = calls(tmp_path / "calls", 1)
    settings = Settings.model_validate({"mode": "audio"})
    judges = load_judges(settings)
    real = judging.open_recording

    def grows(*arguments: object) -> object:
        found = real(*arguments)  # type: ignore[arg-type]  # handed on as they come
        with path.open("ab") as file:
            file.write(b"more")
        return found

    monkeypatch.setattr(judging, "open_recording", grows)
    result = judging.judge(Task(str(path)), settings, judges)
    assert "changed while it was read" in (result.fault or "")


def test_every_output_tells_the_same(sered: Sered, tmp_path: Path) -> None:
    """CSV, JSON lines, Parquet and HTML of one run agree on files, calls and verdicts."""
    import pyarrow.parquet

    source = tmp_path / "calls"
    calls(source, 3)
    soundfile.write(source / "nobody.wav", np.eye(16_000, 2, dtype=np.int16), 16_000)
    (source / "broken.wav").write_bytes(b"no sound at all, only words " * 40)
    csv, jsonl, parquet, html = (
        tmp_path / f"out.{kind}" for kind in ("csv", "jsonl", "parquet", "html")
    )
    ended = sered(
        "analyze", source, *AUDIO, "--csv", csv, "--jsonl", jsonl, "--parquet", parquet,
        "--html", html, "--jobs", "2",
    )  # fmt: skip
    assert ended.status == 1
    assert "5 recordings, 3 calls: " in ended.out
    rows = table(csv)
    lines = [json.loads(line) for line in jsonl.read_text().splitlines()]
    typed = pyarrow.parquet.read_table(parquet).to_pylist()
    assert [row["file"] for row in rows] == [line["file"] for line in lines]
    assert [row["file"] for row in rows] == [row["file"] for row in typed]
    scores = [line["calls"][0]["sentiment"]["score"] for line in lines if line["calls"]]
    assert [float(row["score"]) for row in rows if row["score"]] == scores
    assert [row["score"] for row in typed if row["score"] is not None] == scores
    page = html.read_text()
    # a call each, and a list of each kind of the others
    assert page.count("<details>") == 3 + 2
    assert page.count(f"<li>{source}/broken.wav: wanted a recording") == 1
    assert f"Without a call: 1</h2></summary><ul><li>{source}/nobody.wav</li>" in page
    assert "http" not in page.replace("http-equiv", "")


def test_machines_get_their_output_and_nothing_else(sered: Sered, tmp_path: Path) -> None:
    """`--csv -` and `--json` leave stdout to the machine; sentences go to stderr."""
    source = tmp_path / "calls"
    calls(source, 2)
    ended = sered("analyze", source, *AUDIO, "--csv", "-", "--jobs", "1")
    assert ended.out.splitlines()[0].startswith("file,external_id,")
    assert len(ended.out.splitlines()) == 3
    ended = sered("analyze", source, *AUDIO, "--json", "--jobs", "1")
    assert [len(each["calls"]) for each in json.loads(ended.out)] == [1, 1]


def test_one_row_a_call_and_totals(sered: Sered, tmp_path: Path) -> None:
    """Several recordings are rows; one, or --long, is the whole story."""
    source = tmp_path / "calls"
    first, _ = calls(source, 2)
    rows = sered("analyze", source, *AUDIO, "--jobs", "1").out.splitlines()
    assert rows[0].split()[:2] == ["recording", "verdict"]
    assert len(rows) == 4
    assert rows[-1].startswith("2 recordings, 2 calls: ")
    assert "spoke:" in sered("analyze", first, *AUDIO).out
    assert sered("analyze", source, *AUDIO, "--long", "--jobs", "1").out.count("spoke:") == 2
