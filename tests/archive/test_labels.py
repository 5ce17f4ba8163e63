"""`sered label`: which call comes next, and that no answer is lost."""

from __future__ import annotations

import io
import json
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from convert.corpora import read_manifest as read_corpus

from archive_stage import calls, table
from sered.archive.labels import DOUBT, RANDOM, Candidate, Labels, Results, drawn, order
from sered.archive.manifest import read_manifest
from sered.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from project import Ended

    Sered = Callable[..., Ended]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what was made of four recordings."""
    from sered.archive.judge import judge
    from sered.archive.outputs import JsonLines
    from sered.archive.task import Task
    from sered.box.build import load_judges
    from sered.settings import Settings

    folder = tmp_path_factory.mktemp("judged")
    settings = Settings.model_validate({"mode": "audio"})
    judges = load_judges(settings)
    with (folder / "calls.jsonl").open("w", encoding="utf-8") as file:
        sink = JsonLines(file)
        for path in calls(folder / "calls", 4):
            sink.take(judge(Task(str(path), external_id=f"T-{path.stem[-1]}"), settings, judges))
    return folder


@pytest.fixture
def answer(sered: Sered, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Runs `sered label` with these keys, a line each, and then the input's end."""

    def run(keys: str, *arguments: str | Path) -> Ended:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{key}\n" for key in keys)))
        return sered("label", *arguments)

    return run


def test_answers_are_a_manifest_and_a_second_run_goes_on(
    judged: Path, tmp_path: Path, answer: Callable[..., Ended]
) -> None:
    """Two answers, then the rest in a second run; analyze and the converter read the file."""
    labels = tmp_path / "labels.csv"
    first = answer("xnp", judged, "--labels", labels)
    assert first.status == 0
    assert "Wanted one of n o p s b q, found x." in first.out
    assert "1 negative, 0 neutral, 1 positive; 2 left" in first.out
    assert [row["label"] for row in table(labels)] == ["negative", "positive"]
    second = answer("oo", judged, "--labels", labels)
    assert "Call 1 of 2" in second.out
    assert "1 negative, 2 neutral, 1 positive; 0 left" in second.out
    rows = table(labels)
    assert len({row["call_id"] for row in rows}) == 4
    assert {task.external_id for task in read_manifest(labels)} == {"T-0", "T-1", "T-2", "T-3"}
    read = read_corpus(labels)
    assert not read.refused
    assert [clip.label for clip in read.clips] == [row["label"] for row in rows]


def test_back_mends_skip_leaves_and_quit_ends(
    judged: Path, tmp_path: Path, answer: Callable[..., Ended]
) -> None:
    """b takes the answer before once more, s leaves a call for the next run, q ends."""
    labels = tmp_path / "labels.csv"
    ended = answer("bnbpsoq", judged, "--labels", labels)
    assert "labelled negative before" in ended.out
    assert [row["label"] for row in table(labels)] == ["positive", "neutral"]
    assert "Call 1 of 2" in answer("q", judged, "--labels", labels).out


def test_what_is_shown_and_what_blind_hides(
    judged: Path, tmp_path: Path, answer: Callable[..., Ended]
) -> None:
    """Name, length and times are shown to everybody; score and verdict not where it is blind."""
    labels = tmp_path / "labels.csv"
    told, hidden = (
        answer("q", judged, "--labels", labels, *more).out for more in ([], ["--blind"])
    )
    for said in (told, hidden):
        assert "call-20260304-1000" in said
        assert "long, began 2026-03-04 10:00 UTC" in said
    assert "score" in told
    assert "score" not in hidden


def test_phrases_are_shown_with_their_times(
    judged: Path, tmp_path: Path, answer: Callable[..., Ended]
) -> None:
    """A phrase that moved the score stands with its time and its part."""
    (tmp_path / "calls.jsonl").write_text((judged / "calls.jsonl").read_text().splitlines()[0])
    known = json.loads((tmp_path / "calls.jsonl").read_text())
    known["calls"][0]["verbal"] = {
        "score": -0.5, "words": 9, "asr_confidence": 0.8, "share": -0.3,
        "terms": [{"text": "cancel it", "valence": -2, "offset_s": 65.2, "share": -0.3}],
    }  # fmt: skip
    known["file"] = str(next((judged / "calls").iterdir()))
    (tmp_path / "calls.jsonl").write_text(json.dumps(known) + "\n")
    assert "at 1:05  −0.30  cancel it" in answer("q", tmp_path).out


def test_the_doubtful_and_a_fair_draw_come_in_turns() -> None:
    """Each call once; the doubtful by doubt; the draw is half of all, whatever their doubt."""
    every = [Candidate(str(number), number % 101 / 100, 0, number) for number in range(4000)]
    ordered = order([*every, *every[:50]])
    assert sorted(each.number for each in ordered) == list(range(4000))
    assert [drawn(each.call_id) for each in ordered[:6]] == [DOUBT, RANDOM] * 3
    doubtful = [each.doubt for each in ordered if drawn(each.call_id) == DOUBT]
    assert all(one >= two for one, two in pairwise(doubtful))
    fair = [each.doubt for each in ordered if drawn(each.call_id) == RANDOM]
    assert len(fair) == pytest.approx(2000, abs=150)
    # a uniform draw of 400: its mean lies within four standard errors of all calls' mean
    assert sum(fair[:400]) / 400 == pytest.approx(0.5, abs=4 * 0.29 / 20)
    assert order(reversed(every)) == order(every)


def test_an_answer_that_cannot_be_written_costs_no_earlier_one(
    judged: Path, tmp_path: Path, answer: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is one sentence; the answers before it stand in the file."""
    labels = tmp_path / "labels.csv"
    answer("n", judged, "--labels", labels)
    before = labels.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    ended = answer("p", judged, "--labels", labels)
    assert ended.status == 2
    assert "No space left on device" in ended.err
    assert labels.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,label\na,b\n", "wanted labels"),
        ("", "wanted labels"),
        (
            "path,speaker,label,external_id,started_at,line,call_id,drawn\na,b\n",
            "line 2: wanted 8 columns",
        ),
    ],
)
def test_a_file_that_is_no_label_file_is_left_alone(tmp_path: Path, text: str, said: str) -> None:
    """One sentence, and not a byte of it changes."""
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        Labels(path)
    assert path.read_text() == text


def test_one_person_at_a_time(tmp_path: Path) -> None:
    """A second one is told; after the first has left the file is free."""
    first = Labels(tmp_path / "labels.csv")
    with pytest.raises(ConfigError, match="somebody is labelling there"):
        Labels(tmp_path / "labels.csv")
    first.close()
    Labels(tmp_path / "labels.csv").close()


def test_results_that_are_none_and_recordings_that_went_are_named(
    judged: Path, tmp_path: Path
) -> None:
    """No file, half a line, a recording that is not there: a sentence or a note, no traceback."""
    with pytest.raises(ConfigError, match="cannot be read"):
        Results(tmp_path).candidates()
    lines = (judged / "calls.jsonl").read_text().splitlines()
    gone = json.loads(lines[0]) | {"file": "gone.wav"}
    path = tmp_path / "calls.jsonl"
    path.write_text(f"{json.dumps(gone)}\n{lines[1]}\n")
    results = Results(path)
    assert len(results.candidates()) == 1
    assert results.missing == ["gone.wav"]
    path.write_text(f"{lines[0]}\n{lines[1][:300]}")
    with pytest.raises(ConfigError, match="line 2 is no recording's result"):
        Results(path).candidates()
