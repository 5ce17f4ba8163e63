"""Promises of the wheel: what a box installs, tried with the source out of the way."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

import pytest

from project import ROOT

pytestmark = pytest.mark.slow


QUICK = (
    "tap/test_clock.py",
    "test_config.py",
    "words/test_fetch.py",
    "test_imports.py",
    "box/test_line.py",
)
"""Suites that are run against the wheel once more; all others have tried the same code."""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built once, without a network."""
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT],
        check=True,
        capture_output=True,
        timeout=100,
    )
    (path,) = out.glob("sered-*.whl")
    return path


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing in it but the wheel, unpacked by pip."""
    target = tmp_path_factory.mktemp("site")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            "--target",
            target,
            wheel,
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return target


def python(installed: Path, cwd: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Python with the wheel before everything else, away from the source."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(installed),
            "SERED_CONFIG": os.devnull,
        },
    )


def test_only_sered_is_importable(wheel: Path) -> None:
    """The wheel brings one import name and its metadata, and nothing else."""
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"sered"}
    assert len(tops) == 2


def test_what_a_box_needs_is_inside(wheel: Path) -> None:
    """Models, lexicon, demo call, type marker and licences are in the wheel."""
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "py.typed",
        "demo/call.wav",
        "demo/README.md",
        "models/emotion.tflite",
        "models/emotion.json",
        "models/emotion-open.tflite",
        "models/emotion-open.json",
        "models/call-lexicon.tsv",
        "models/context.tflite",
        "models/context.json",
        "models/context.words",
        "models/sentence.tflite",
        "models/sentence.json",
        "models/sentence.words",
        "models/pairs.bin",
        "models/vosk-mini/README.md",
        "models/vosk-mini/LICENSE.txt",
    ):
        assert f"sered/{name}" in names
    assert any(name.startswith("sered/models/vosk-mini/model/am/") for name in names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if "test" in Path(name).name and "testing" not in name]


def test_one_console_script(wheel: Path) -> None:
    """`sered` is the one command."""
    with zipfile.ZipFile(wheel) as packed:
        (name,) = [n for n in packed.namelist() if n.endswith("entry_points.txt")]
        lines = packed.read(name).decode().split("\n")
    assert [line for line in lines if "=" in line] == ["sered = sered.cli:main"]


def test_source_is_out_of_the_way(installed: Path, tmp_path: Path) -> None:
    """With the wheel installed it is the wheel that is imported, with its own models."""
    code = "import sered, sered.config as c; print(sered.__file__, c.models_dir())"
    done = python(installed, tmp_path, "-c", code)
    module, models = done.stdout.split()
    assert Path(module).is_relative_to(installed)
    assert Path(models).is_relative_to(installed)


def test_wheel_judges_its_demo_call(installed: Path, tmp_path: Path) -> None:
    """The installed wheel judges the call that lies in it."""
    call = installed / "sered" / "demo" / "call.wav"
    done = python(installed, tmp_path, "-m", "sered", "analyze", call)
    assert done.returncode == 0, done.stderr
    assert "NEGATIVE" in done.stdout
    assert "money back" in " ".join(done.stdout.split())


def test_suites_against_the_wheel(installed: Path, tmp_path: Path) -> None:
    """The quick suites hold for the wheel as they do for the source."""
    tests = tmp_path / "tests"
    tests.mkdir()
    for name in ("conftest.py", "project.py", "broker.py", *QUICK):
        (tests / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "tests" / name, tests / name)
    shutil.copytree(ROOT / "tests" / "data", tests / "data")
    done = python(installed, tests, "-m", "pytest", "-q", "-p", "no:cacheprovider", *QUICK)
    assert done.returncode == 0, done.stdout[-3000:]


def test_an_installation_of_hard_links_judges(wheel: Path, tmp_path: Path) -> None:
    """uv and pipx lay out libraries as hard links of a cache: sered judges a call all the same."""
    theirs = Path(sysconfig.get_paths()["purelib"])
    # links do not reach from one file system to another
    folder = Path(tempfile.mkdtemp(prefix=".hard-links-", dir=theirs.parent))
    try:
        program = folder / "bin/python"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        (ours,) = folder.glob("lib/python*/site-packages")
        shutil.copytree(
            theirs, ours, copy_function=os.link, dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("*sered*", "__pycache__", "tensorflow*"),
        )  # fmt: skip
        assert (ours / "numpy/__init__.py").stat().st_nlink > 1
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(ours)
        call = ours / "sered/demo/call.wav"
        done = subprocess.run(
            [program, "-I", "-m", "sered", "analyze", call, "--json"],
            cwd=tmp_path, env={"PATH": os.environ["PATH"], "SERED_CONFIG": os.devnull},
            capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert '"category": "negative"' in done.stdout
        assert "money back" in done.stdout
    finally:
        shutil.rmtree(folder)
