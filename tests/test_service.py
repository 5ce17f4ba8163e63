"""The service as a whole, on sources of a test's own: it ends in time whatever its parts do."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from sered.clock import LiveClock
from sered.notify import Notifier
from sered.parts import Feed
from sered.records import FRAME, AudioFrame, Side
from sered.service import Service
from sered.settings import LineSettings, MqttSettings, Settings, SpoolSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Stuck:
    """A source whose card hangs in the kernel: to close it takes its time."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def frames(self) -> Iterator[AudioFrame]:
        """One frame, then nothing until it is closed."""
        yield AudioFrame(
            0, {side: np.zeros(FRAME, np.int16) for side in (Side.CUSTOMER, Side.AGENT)}
        )
        self.closed.wait()

    def close(self) -> None:
        """End `frames` at once, and return long afterwards."""
        self.closed.set()
        time.sleep(1.2)


def test_eight_cards_that_hang_do_not_delay_the_end(tmp_path: Path) -> None:
    """All are closed at the same time: a stop of the whole box takes less than 3 s."""
    lines = tuple(LineSettings(name=f"line{n}", sides="customer=1") for n in range(8))
    settings = Settings(
        mode="audio",
        line=lines,
        mqtt=MqttSettings(port=9),
        spool=SpoolSettings(path=tmp_path / "spool.db"),
    )
    feeds = [Feed(line, Stuck(), LiveClock()) for line in lines]
    service = Service(settings, feeds, Notifier(None))
    asked: list[float] = []

    def stop() -> None:
        asked.append(time.monotonic())
        service.stop()

    threading.Timer(0.5, stop).start()
    assert service.run() == 0
    assert time.monotonic() - asked[0] < 3.0
