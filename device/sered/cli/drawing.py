"""Draws every call of a run: one picture, or several that are named after their recordings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import typer

from sered.channels import parse_sides
from sered.cli.loudness import loudness
from sered.cli.plot import Picture, draw
from sered.errors import SeredError
from sered.tap.paths import shown
from sered.tap.recording import Recording

if TYPE_CHECKING:
    from pathlib import Path

    from sered.archive.task import Judged, Result
    from sered.settings import Settings


class Pictures:
    """Draws as results come; the first call goes to `out` itself when it stays the only one."""

    def __init__(self, out: Path, settings: Settings) -> None:
        self._out = out
        self._threshold = settings.verdict.escalate_below
        self._held: Judged | None = None
        self._drawn = 0
        self._names: Counter[str] = Counter()

    def take(self, result: Result) -> None:
        """Draw the calls of one recording."""
        for call in result.calls:
            if self._held is None and not self._drawn:
                self._held = call
                continue
            if self._held is not None:
                self._draw(self._held, self._named(self._held))
                self._held = None
            self._draw(call, self._named(call))

    def close(self) -> None:
        """Draw the only call; raises SeredError where there was none."""
        if self._held is not None:
            self._draw(self._held, self._out)
        elif not self._drawn:
            msg = f"{shown(self._out)}: not drawn, there is no call."
            raise SeredError(msg)

    def _named(self, call: Judged) -> Path:
        """After its recording; the second of one name is numbered."""
        name = f"{self._out.stem}-{call.path.stem}"
        self._names[name] += 1
        mark = f"-{self._names[name]}" if self._names[name] > 1 else ""
        return self._out.with_name(f"{name}{mark}{self._out.suffix}")

    def _draw(self, call: Judged, target: Path) -> None:
        levels = loudness(Recording(call.path, parse_sides(call.sides)).frames())
        name = shown(call.path.name)
        draw(Picture(call.report, call.running, levels, call.at_s, self._threshold, name), target)
        self._drawn += 1
        typer.echo(f"Picture: {shown(target)}", err=True)
