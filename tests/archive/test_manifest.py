"""Manifests and names that tell when a call began: what they say, and every fault by its line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from sered.archive.manifest import read_manifest
from sered.archive.run import shard
from sered.archive.task import Task
from sered.archive.times import NamedTime
from sered.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, text: str, *names: str, encoding: str = "utf-8") -> Path:
    """A manifest, and empty recordings beside it."""
    for name in names:
        (folder / name).write_bytes(b"")
    path = folder / "calls.csv"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_what_is_known_of_each_recording(tmp_path: Path, mark: str, encoding: str) -> None:
    """Every column reaches its task, whatever program wrote the table; others are passed over."""
    text = (
        "path,started_at,line,sides,external_id,colour\n"
        "a.wav,2026-03-04T10:15:00+01:00,front,customer=left,T-1,red\n"
        "b.wav,,,,,\n"
    ).replace(",", mark)
    one, two = read_manifest(written(tmp_path, text, "a.wav", "b.wav", encoding=encoding))
    began = datetime(2026, 3, 4, 9, 15, tzinfo=UTC)
    assert one == Task(str(tmp_path / "a.wav"), "customer=left", began, "front", "T-1")
    assert two == Task(str(tmp_path / "b.wav"))


def test_every_fault_is_named_with_its_line_before_the_work_begins(tmp_path: Path) -> None:
    """Missing, doubled and contradictory rows: one error, all lines."""
    text = (
        "path,started_at,sides\n"
        "a.wav,,\n"
        "a.wav,,customer=left\n"
        "gone.wav,,\n"
        "b.wav,yesterday,\n"
        "b2.wav,,boss=left\n"
        ",,\n"
        "c.wav,x\n"
        ",2026-01-01T00:00:00Z,\n"
    )
    path = written(tmp_path, text, "a.wav", "b.wav", "b2.wav", "c.wav")
    with pytest.raises(ConfigError) as said:
        read_manifest(path)
    lines = str(said.value).splitlines()
    assert "6 faults; nothing was judged" in lines[0]
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "line 3", "line 4", "line 5", "line 6", "line 8", "line 9",
    ]  # fmt: skip
    assert "stands in line 2 already" in lines[1]


def test_two_calls_of_one_recording_are_one_recording(tmp_path: Path) -> None:
    """Lines whose call_id differ are judged once, from the earliest time that they name."""
    text = (
        "path,call_id,started_at,external_id\n"
        "a.wav,x1,2026-03-04T10:20:00Z,T-1\n"
        "a.wav,x2,2026-03-04T10:15:00Z,T-1\n"
        "b.wav,x3,,\n"
    )
    one, two = read_manifest(written(tmp_path, text, "a.wav", "b.wav"))
    began = datetime(2026, 3, 4, 10, 15, tzinfo=UTC)
    assert one == Task(str(tmp_path / "a.wav"), None, began, None, "T-1")
    assert two == Task(str(tmp_path / "b.wav"))


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("a.wav,x1,", "line 3: .*a.wav stands in line 2 already"),
        ("a.wav,,", "line 3: .*a.wav stands in line 2 already"),
        ("a.wav,x2,customer=left", "line 3: another line, sides or external_id than in line 2"),
    ],
)
def test_lines_that_contradict_each_other_are_named(tmp_path: Path, second: str, said: str) -> None:
    """The same call twice, a recording twice without calls, or heard in two ways: a fault."""
    text = f"path,call_id,sides\na.wav,x1,\n{second}\n"
    with pytest.raises(ConfigError, match=said):
        read_manifest(written(tmp_path, text, "a.wav"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,speaker\na,b\n", "no column path"),
        ("path,path\na,b\n", "a column twice"),
        ("path\n", "found none"),
        ("", "no column path"),
    ],
)
def test_what_is_no_manifest_is_said(tmp_path: Path, text: str, said: str) -> None:
    """One sentence that says what was wanted."""
    with pytest.raises(ConfigError, match=said):
        read_manifest(written(tmp_path, text))


@pytest.mark.parametrize(
    ("pattern", "name", "moment"),
    [
        ("rec-%Y%m%d-%H%M%S", "rec-20260304-101500.wav", "2026-03-04T10:15:00"),
        ("%d.%m.%Y %H-%M", "line 3, 04.03.2026 10-15.mp3", "2026-03-04T10:15:00"),
        ("*_%Y%m%dT%H%M%S%z", "b_x_20260304T101500+0200.wav", "2026-03-04T08:15:00+00:00"),
        ("%s", "1772619300-3.wav", "2026-03-04T10:15:00+00:00"),
        ("%b %d %Y %I.%M%p", "Mar 04 2026 10.15PM.wav", "2026-03-04T22:15:00"),
    ],
)
def test_names_tell_when_a_call_began(pattern: str, name: str, moment: str) -> None:
    """Patterns are strftime's; a time without a zone is this machine's own."""
    assert NamedTime(pattern).began(name) == datetime.fromisoformat(moment).astimezone(UTC)


@pytest.mark.parametrize("name", ["other.wav", "rec-20261304-101500.wav", "rec-2026.wav"])
def test_a_name_of_another_form_tells_nothing(name: str) -> None:
    """No guess: None."""
    assert NamedTime("rec-%Y%m%d-%H%M%S").began(name) is None


@pytest.mark.parametrize("pattern", ["%Y", "%q", "plain", "%H%M%S"])
def test_a_pattern_that_cannot_tell_a_moment_is_refused(pattern: str) -> None:
    """A sentence with an example."""
    with pytest.raises(ConfigError, match="wanted a pattern such as"):
        NamedTime(pattern)


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", ""])
def test_a_part_that_is_none_is_refused(text: str) -> None:
    """i/n with i from 1 to n."""
    with pytest.raises(ConfigError, match="--shard: wanted i/n"):
        shard([], text)


def test_parts_share_every_recording_between_them(tmp_path: Path) -> None:
    """Each recording is in exactly one part."""
    tasks = [Task(str(tmp_path / str(number))) for number in range(23)]
    parts = [shard(tasks, f"{part}/5") for part in range(1, 6)]
    assert sorted(task.path for part in parts for task in part) == sorted(t.path for t in tasks)
