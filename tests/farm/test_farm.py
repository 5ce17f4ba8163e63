"""The recipes for many machines, run as docs/analyst.md has them: `make test-archive-farm`."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from archive_stage import calls, table
from farm.slurm import Slurm, until
from project import ROOT

pytestmark = [pytest.mark.farm, pytest.mark.slow, pytest.mark.timeout(900)]
PAGE = (ROOT / "docs/analyst.md").read_text(encoding="utf-8")
RECORDINGS, PARTS = 12, 4


def recipe(mark: str) -> str:
    """The block of the page that holds this."""
    found = [
        text for text in re.findall(r"^```text\n(.*?)^```$", PAGE, re.M | re.S) if mark in text
    ]
    assert len(found) == 1
    return str(found[0])


def analyze(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sered", "analyze", *arguments, "--jobs", "1"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def results(folder: Path) -> dict[str, int]:
    """Every kept result and when it was written, in nanoseconds."""
    found = (folder / "results/results").glob("*/*.json")
    return {path.name: path.stat().st_mtime_ns for path in found}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A dozen recordings, their manifest, what one plain run makes of them, and `bench`."""
    made = calls(tmp_path / "calls", RECORDINGS)
    rows = [f"calls/{path.name},x{number}" for number, path in enumerate(made)]
    (tmp_path / "calls.csv").write_text("\n".join(["path,external_id", *rows]) + "\n")
    (tmp_path / "bench").symlink_to(Path(sys.executable).parent.parent)
    analyze(tmp_path, "--manifest", "calls.csv", "--out", "plain")
    return tmp_path


def check_whole(folder: Path) -> None:
    """Tables as a plain run's to the byte, made of what the farm judged, nothing judged again."""
    before = results(folder)
    assert len(before) == RECORDINGS
    analyze(folder, "--manifest", "calls.csv", "--out", "results", "--resume")
    assert results(folder) == before
    for name in ("calls.csv", "calls.jsonl"):
        assert (folder / "results" / name).read_bytes() == (folder / "plain" / name).read_bytes()
    ids = [row["external_id"] for row in table(folder / "results/calls.csv")]
    assert ids == [f"x{number}" for number in range(RECORDINGS)]


def test_a_slurm_array_loses_nothing_when_a_job_is_killed_and_queued_again(archive: Path) -> None:
    """Four parts on two nodes, one killed half-way and queued again: the tables of one run."""
    (archive / "judge.sbatch").write_text(recipe("#SBATCH"))
    with tempfile.TemporaryDirectory(prefix="slurm") as place, Slurm(Path(place)) as slurm:
        job = slurm.ask(
            "sbatch", "--parsable", f"--array=1-{PARTS}", "--cpus-per-task=1", "--mem=300",
            "--time=20", "judge.sbatch", cwd=archive,
        )  # fmt: skip
        until(lambda: len(results(archive)) > 0)
        running = slurm.ask("squeue", "-h", "-r", "-t", "R", "-o", "%i").split()
        assert running, "too quick: more recordings"
        slurm.ask("scontrol", "requeue", running[0])
        until(lambda: slurm.ask("squeue", "-h", "-j", job) == "", 600.0)
        said = [path.read_text() for path in sorted(archive.glob("slurm-*.out"))]
        restarts = slurm.ask("scontrol", "show", "job", running[0])
    assert "Restarts=1" in restarts
    assert len(said) == PARTS
    check_whole(archive)


def test_dask_loses_nothing_when_a_worker_is_killed(archive: Path) -> None:
    """Two workers, one killed by SIGKILL half-way: nothing is lost and nothing stands twice."""
    script = recipe("dask.distributed")
    (archive / "farm.py").write_text(script)
    from dask.distributed import LocalCluster

    with LocalCluster(  # type: ignore[no-untyped-call, unused-ignore]  # untyped, where it is there
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        host="127.0.0.1", local_directory=str(archive),
    ) as cluster:  # fmt: skip
        run = subprocess.Popen(
            [sys.executable, "farm.py", cluster.scheduler_address],
            cwd=archive, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        until(lambda: len(results(archive)) > 0 or run.poll() is not None)
        assert run.poll() is None, run.communicate()[0]
        victim = next(iter(cluster.workers.values()))
        victim.process.process.kill()
        told, _ = run.communicate(timeout=600.0)
        assert run.returncode == 0, told
    assert f"{RECORDINGS} recordings, 0 with a fault" in told
    check_whole(archive)
