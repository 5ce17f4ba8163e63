"""Taps that are listened to, and a real line, for the tests of the tap."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from pulse_lines import Desk
from sered.settings import LineSettings
from sered.tap.live import LiveTap
from sered.tap.waits import Waits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
from ears import FAKE, Ear, begin, captures


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Any]:
    """Opens taps on fake capture processes (`code` after FAKE) or real ones; closes them.

    They wait a tenth of the time before they try again.
    """
    begin()
    ears: list[Ear] = []

    def start(code: str = "", card: str = "pcm:x", **options: Any) -> Ear:
        sides = options.pop("sides", "customer=right,agent=left")
        options.setdefault("waits", Waits(first_s=0.1))
        if code:
            mark = str(tmp_path / f"mark{len(ears)}")
            options["command"] = (sys.executable, "-c", FAKE + code, mark)
        ears.append(Ear(LiveTap(LineSettings(card=card, sides=sides), **options)))
        return ears[-1]

    yield start
    for ear in ears:
        ear.may_go_on.set()
        ear.tap.close()
        ear.thread.join(5)
        assert not ear.thread.is_alive()
    assert captures() == []


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A real PulseAudio with a line that is plugged in."""
    desk = Desk(tmp_path / "desk")
    desk.plug()
    for name, value in desk.environment.items():
        monkeypatch.setenv(name, value)
    yield desk
    desk.close()
