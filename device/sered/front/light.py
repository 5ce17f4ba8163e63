"""Writes the status light, a file below /sys/class/leds."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from sered.front import lamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sered.box.snapshot import Snapshot

_READ_EVERY = 5
"""Steps between two looks at the service."""


class Light:
    """One LED; raises OSError where it is not ours to write."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "brightness"
        self._brightest = (folder / "max_brightness").read_text(encoding="ascii").strip()
        # whatever the kernel showed with it, such as access to the card
        (folder / "trigger").write_text("none", encoding="ascii")
        self._lit: bool | None = None

    def show(self, *, lit: bool) -> None:
        """Write only what changes."""
        if lit != self._lit:
            self._file.write_text(self._brightest if lit else "0", encoding="ascii")
            self._lit = lit

    def follow(self, read: Callable[[], Snapshot | None], stopped: Callable[[], bool]) -> None:
        """Show how the service is, until it is told to stop; dark in the end."""
        shown, step = lamp.Pattern.OFF, 0
        while not stopped():
            if step % _READ_EVERY == 0:
                shown = lamp.pattern(read())
            self.show(lit=lamp.lit(shown, step))
            step += 1
            time.sleep(lamp.STEP_S)
        with contextlib.suppress(OSError):
            self.show(lit=False)
