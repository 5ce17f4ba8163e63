"""The whole chain on this machine: boxes, broker, central, exchange, board and a scripted team."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.mark.timeout(300)
def test_every_unhappy_call_is_called_back(tmp_path: Path) -> None:
    """What boxes publish becomes cases, each is claimed once, told, called and closed."""
    done = subprocess.run(
        [
            sys.executable, "-m", "sered", "central", "demo", "--once", "--minutes", "0.1",
            "--out", tmp_path, "--json",
        ],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told == json.loads((tmp_path / "central.json").read_text())
    wanted = told["published"]["to_call_back"]
    assert told["published"]["calls"] == told["came_in"]["calls"] > 1
    assert [
        told["came_in"]["cases"], told["claimed"], told["called"], told["closed"],
        told["notifications"],
    ] == [wanted] * 5  # fmt: skip
    assert sum(told["numbers"].values()) == wanted
    assert told["numbers"]["sure"] + told["numbers"]["chosen"] > wanted / 2
    steps = told["seconds_from_hang_up"]
    assert set(steps) == {"opened", "told", "claimed", "called", "closed"}
