"""Follows a line live, for meter and walk: by its card, or by the running service's word."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sered import config
from sered.box import snapshot
from sered.errors import AudioError, SeredError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sered.settings import LineSettings


@dataclass(frozen=True, slots=True)
class Look:
    """A line at one moment."""

    levels_db: Mapping[str, float | None] = field(default_factory=dict)
    """Side to RMS just now, dBFS."""
    blocks: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Side to blocks of each records.State since the start: two looks apart tell what came."""
    trouble: str = ""
    """Why there is no sound, in a sentence."""

    def since(self, before: Look) -> dict[str, Counter[str]]:
        """Side to blocks of each state that came after another look."""
        return {
            side: Counter(counts) - Counter(before.blocks.get(side, {}))
            for side, counts in self.blocks.items()
        }


class Overhearing(Protocol):
    """Something that follows a line."""

    def look(self) -> Look:
        """The line now; never waits."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class OwnEars:
    """Opens the line's card itself."""

    def __init__(self, line: LineSettings) -> None:
        from sered.hearing.ears import Ears
        from sered.tap.live import LiveTap

        self._ears = Ears(tuple(line.channels), line.tones)
        self._tap = LiveTap(line)
        self._blocks: dict[str, Counter[str]] = {str(side): Counter() for side in line.channels}
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with contextlib.suppress(RuntimeError):
            for frame in self._tap.frames():
                for heard in self._ears.feed(frame):
                    for side, state in heard.states.items():
                        self._blocks[str(side)][str(state)] += 1

    def look(self) -> Look:
        """The line now."""
        state = self._tap.state
        return Look(
            {str(side): level for side, level in state.levels_db.items()},
            {side: dict(counts) for side, counts in self._blocks.items()},
            "" if state.alive else state.sentence,
        )

    def close(self) -> None:
        """Let go of the card."""
        self._tap.close()


class ServicesWord:
    """Reads what the running service tells of the line, so that the card is left to it."""

    def __init__(self, line: LineSettings) -> None:
        self._name = line.name
        self._folder = config.runtime_dir()

    def look(self) -> Look:
        """The line as the service last told, at most a second ago."""
        told = snapshot.read(self._folder)
        if told is None or not told.fresh:
            return Look(trouble="the service has stopped: start this again.")
        sides = told.sides.get(self._name, {})
        status = next((one for one in told.status.lines if one.line == self._name), None)
        return Look(
            {side: state.level_db for side, state in sides.items()},
            {side: state.blocks for side, state in sides.items()},
            status.text if status and not sides else "",
        )

    def close(self) -> None:
        """Nothing to let go of."""


def wait_for_sound(ears: Overhearing, patience_s: float = 8.0) -> None:
    """Return when the line is heard; raises AudioError with why it is not."""
    end = time.monotonic() + patience_s
    while not any(counts for counts in ears.look().blocks.values()):
        trouble = ears.look().trouble
        if time.monotonic() > end:
            raise AudioError(trouble or "no sound comes from the line.")
        time.sleep(0.1)


def follow(line: LineSettings, *, service_runs: bool) -> Overhearing:
    """The line's card, or the running service's word for it."""
    return ServicesWord(line) if service_runs else OwnEars(line)


def choose(lines: tuple[LineSettings, ...], name: str | None) -> LineSettings:
    """The line of that name, else the only one; raises SeredError with a sentence."""
    known = ", ".join(line.name for line in lines)
    for line in lines:
        if line.name == name or (name is None and len(lines) == 1):
            return line
    wanted = f"no line {name}" if name else "there are several lines"
    msg = f"{wanted}: say which with --line NAME; known: {known}."
    raise SeredError(msg)
