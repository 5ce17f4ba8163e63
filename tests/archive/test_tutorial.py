"""The analyst's tutorial does what it says: its blocks are run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from archive_stage import calls, table
from project import ROOT

TUTORIAL = ROOT / "docs/analyst.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UNTRIED = re.compile(r"not (run by the tests|tried here)", re.IGNORECASE)


def blocks() -> list[tuple[str, str, str]]:
    """Kind, text, and the paragraph before it, in the page's order."""
    page = TUTORIAL.read_text(encoding="utf-8")
    return [
        (found[1], found[2], page[: found.start()].rstrip().rpartition("\n\n")[2])
        for found in BLOCK.finditer(page)
    ]


def test_what_is_not_run_says_so() -> None:
    """Each block is run (`sh`, `python`), or is `text` and the paragraph before it says why."""
    kinds = [kind for kind, _, _ in blocks()]
    assert set(kinds) == {"sh", "python", "text"}
    assert kinds.count("sh") >= 4
    assert kinds.count("python") >= 2
    silent = [
        text for kind, text, before in blocks() if kind == "text" and not UNTRIED.search(before)
    ]
    assert silent == []
    assert len(blocks()) * 2 == TUTORIAL.read_text(encoding="utf-8").count("\n```")


def test_what_it_installs_is_an_extra() -> None:
    """`sered[analyst]` exists and brings what the blocks import and write."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
        "optional-dependencies"
    ]
    named = " ".join(extras["analyst"])
    assert all(each in named for each in ("pandas", "sered[parquet]", "sered[plot]"))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_block_does_what_it_says(tmp_path: Path) -> None:
    """From three recordings and two without a call to figures: every block ends with 0."""
    calls(tmp_path / "calls", 3)
    for number in (1, 2):
        silence = np.zeros((16_000, 2), np.int16)
        silence[number] = 1
        soundfile.write(tmp_path / f"calls/nobody-{number}.wav", silence, 16_000)
    (tmp_path / "home").mkdir()
    known = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
    }
    known.pop("SERED_CONFIG", None)
    said = []
    for kind, text, _ in blocks():
        if kind == "text":
            continue
        command = ["bash", "-eu", "-c", text] if kind == "sh" else [sys.executable, "-c", text]
        done = subprocess.run(
            command, cwd=tmp_path, env=known, input="n\no\np\n", capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        said.append(done.stdout)
    assert sorted(row["label"] for row in table(tmp_path / "results/labels.csv")) == [
        "negative", "neutral", "positive",
    ]  # fmt: skip
    whole = "\n".join(said)
    assert re.search(r"^precision: ", whole, re.MULTILINE)
    assert re.search(r"^recall: ", whole, re.MULTILINE)
    ids = {row["call_id"] for row in table(tmp_path / "again.csv")}
    rows = table(tmp_path / "results/calls.csv")
    assert len(rows) == 5
    assert ids == {row["call_id"] for row in rows if row["call_id"]}
    assert len(ids) == 3
