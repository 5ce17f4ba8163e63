"""What the plan for a card does on a disk, and that power may fail at any line of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sered.boot import takeover
from sered.boot.takeover import take_over

CONFIGURATION = 'site = "berlin"\n'


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written need not outlive this machine's power."""
    monkeypatch.setattr("sered.boot.takeover.os.fsync", lambda _: None)


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A boot partition with a configuration, a password and a network file."""
    folder = tmp_path / "card"
    folder.mkdir()
    (folder / "sered.toml").write_text(CONFIGURATION)
    (folder / "sered-mqtt-password").write_text("dahlia-91\n")
    (folder / "network.toml").write_text('hostname = "desk-12"\ntime_zone = "Europe/Berlin"\n')
    (folder / "kernel8.img").write_bytes(b"\0" * 100)
    return folder


def _state(card: Path, root: Path) -> dict[str, str]:
    texts = {}
    for base in (card, root):
        for path in base.rglob("*"):
            if path.is_symlink():
                texts[path.name] = str(path.readlink())
            elif path.is_file():
                texts[path.name] = path.read_text()
    return texts


def test_a_card_is_taken_over(card: Path, tmp_path: Path) -> None:
    """Files are there with their modes, secrets off the card, the rest of it untouched."""
    root = tmp_path / "root"
    root.mkdir()
    take_over(card, root, whole=True)
    assert (root / "etc/sered/sered.toml").read_text() == CONFIGURATION
    password = root / "etc/sered/mqtt-password"
    assert password.read_text() == "dahlia-91\n"
    assert password.stat().st_mode & 0o777 == 0o600
    assert (root / "etc/localtime").readlink() == Path("/usr/share/zoneinfo/Europe/Berlin")
    assert (root / "etc/hostname").read_text() == "desk-12\n"
    assert sorted(path.name for path in card.iterdir()) == [
        "kernel8.img",
        "sered-says.txt",
        "sered.toml",
    ]
    assert "gone from this card" in (card / "sered-says.txt").read_text()


def test_a_second_start_writes_nothing(card: Path, tmp_path: Path) -> None:
    """Neither to the box nor to the card: cards wear out."""
    root = tmp_path / "root"
    root.mkdir()
    take_over(card, root, whole=True)
    take_over(card, root, whole=True)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    take_over(card, root, whole=True)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


class _PowerCut(BaseException):
    """Nothing after this line happens."""


def test_power_may_fail_at_any_step(
    card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut before every single change and started again, it comes to the same, no secret lost."""
    whole = tmp_path / "whole"
    whole.mkdir()
    reference = tmp_path / "reference"
    shutil.copytree(card, reference)
    take_over(reference, whole, whole=True)
    take_over(reference, whole, whole=True)
    wanted = _state(reference, whole)
    steps = ("_replace", "_erase", "_set_zone", "_sync")
    for cut_at in range(100):
        run = tmp_path / f"run{cut_at}"
        (run / "root").mkdir(parents=True)
        shutil.copytree(card, run / "card")
        left = [cut_at]
        with monkeypatch.context() as patched:
            for step in steps:
                patched.setattr(takeover, step, _cutting(getattr(takeover, step), left))
            try:
                take_over(run / "card", run / "root", whole=True)
            except _PowerCut:
                pass
            else:
                break
        take_over(run / "card", run / "root", whole=True)
        take_over(run / "card", run / "root", whole=True)
        assert _state(run / "card", run / "root") == wanted, f"cut before step {cut_at}"
    else:
        raise AssertionError("it never got through")
    assert cut_at > 10


def _cutting(step: object, left: list[int]) -> object:
    def cut(*args: object, **kwargs: object) -> object:
        if left[0] == 0:
            raise _PowerCut
        left[0] -= 1
        return step(*args, **kwargs)  # type: ignore[operator]  # whichever function it stands for

    return cut


def test_a_mistake_leaves_the_box_as_it_was(card: Path, tmp_path: Path) -> None:
    """What ran before runs on, and the card says what to mend."""
    root = tmp_path / "root"
    root.mkdir()
    take_over(card, root, whole=False)
    (card / "sered.toml").write_text("sight = 3\n")
    take_over(card, root, whole=False)
    assert (root / "etc/sered/sered.toml").read_text() == CONFIGURATION
    assert "did you mean 'site'?" in (card / "sered-says.txt").read_text()
