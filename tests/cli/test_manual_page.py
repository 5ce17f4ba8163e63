"""The man page and the completions say what the commands are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from sered.cli import app, manual_page


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """A share folder as `make install` fills it."""
    manual_page.write(tmp_path)
    return tmp_path


def test_the_page_has_every_command_and_option(share: Path) -> None:
    """No command is hidden from who reads the manual."""
    text = (share / manual_page.MAN).read_text().replace("\\-", "-")
    commands = getattr(typer.main.get_command(app), "commands", {})
    for name in commands:
        assert f".SS sered {name}" in text
    for part in ("sered models fetch", "--lift-handset", "--dry-run", "SERED_CONFIG", "2 wrong"):
        assert part in text


def test_the_page_is_roff_without_a_mistake(share: Path) -> None:
    """groff formats it and has nothing to warn of."""
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("needs groff")
    done = subprocess.run(
        [groff, "-man", "-Tutf8", "-ww", share / manual_page.MAN],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert "sered diagnose" in done.stdout


def test_a_shell_completes_commands(share: Path) -> None:
    """bash with our completion makes `diagnose` of `sered di`."""
    script = (
        f"source {share / manual_page.COMPLETIONS['bash']}; COMP_WORDS=(sered di); COMP_CWORD=1; "
        "_sered_completion sered; echo ${COMPREPLY[@]}"
    )
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], env={"PATH": programs}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["diagnose"]
    for shell in ("zsh", "fish"):
        assert "_SERED_COMPLETE" in (share / manual_page.COMPLETIONS[shell]).read_text()


def test_install_links_what_is_written() -> None:
    """The installer knows each file by the same place."""
    lib = Path(__file__).parent.parent.parent / "systemd/lib.sh"
    done = subprocess.run(
        ["bash", "-c", f". {lib}; echo $share_files"], capture_output=True, text=True, check=True
    )
    wanted = {str(place) for place in (manual_page.MAN, *manual_page.COMPLETIONS.values())}
    assert set(done.stdout.split()) == wanted
