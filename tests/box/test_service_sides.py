"""The running service watches the sides of its lines and says what is wrong within one call."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
import soxr

import sered
from broker import Listener
from pulse_lines import RATE_HZ, Desk
from service_stage import Theatre, talking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from broker import Broker


@pytest.fixture
def theatre(tmp_path: Path, start_broker: Callable[..., Broker]) -> Iterator[Theatre]:
    """Three lines on a private sound server, and a broker."""
    desk = Desk(tmp_path / "desk", ("mono", "swapped", "right"))
    broker = start_broker()
    stage = Theatre(tmp_path, desk, broker, Listener(broker))
    yield stage
    stage.close()
    desk.close()


def outgoing() -> NDArray[np.int16]:
    """The demo call from its dial tone to its first sentences, agent left, customer right."""
    path = Path(sered.__file__).parent / "demo" / "call.wav"
    sound, rate_hz = soundfile.read(path, dtype="float32", frames=24 * 44_100)
    return np.asarray(soxr.resample(sound, rate_hz, RATE_HZ)[: 22 * RATE_HZ] * 32_767, np.int16)


def test_a_live_line_tells_of_its_sides(theatre: Theatre) -> None:
    """A mono card and exchanged sides are in `status` during the call and marked in the report."""
    both = np.asarray(talking(22.0), np.int16)
    mono = np.repeat((both.astype(np.int32).sum(axis=1) // 2)[:, None], 2, axis=1)
    mono[:, 1] //= 2
    for line in ("mono", "swapped", "right"):
        theatre.desk.plug(line)
    run = theatre.start("box", ("mono", "swapped", "right"), sys.executable, "-m", "sered")
    run.wait("the lines to be heard", lambda: "READY=1" in run.notes)
    theatre.desk.play(np.asarray(mono, np.int16), "mono")
    theatre.desk.play(outgoing()[:, ::-1].copy(), "swapped")
    theatre.desk.play(outgoing(), "right")
    run.wait("mono to be known", lambda: "same_on_both" in run.reasons("mono"))
    run.wait("exchanged sides to be known", lambda: "sides_exchanged" in run.reasons("swapped"))
    text = next(line["text"] for line in run.status()["lines"] if line["line"] == "mono")
    assert "both channels carry the same sound" in text
    run.wait("the call's end to be near", lambda: run.health("right").get("in_call"))
    for player in theatre.desk.players:
        player.wait(40)
    assert not {"same_on_both", "sides_exchanged"} & run.ever("right")
    run.process.send_signal(signal.SIGTERM)
    run.wait("three reports", lambda: len(theatre.central.on("box/calls")) == 3)
    calls = {call["line"]: call for call in map(json.loads, theatre.central.on("box/calls"))}
    assert calls["mono"]["mixed"] is True
    assert calls["mono"]["quality"]["notes"] == ["same_on_both"]
    assert calls["swapped"]["sentiment"]["undetermined"] == "sides_exchanged"
    assert calls["swapped"]["acoustic"] is None
    assert calls["swapped"]["utterances"] == []
    assert calls["right"]["mixed"] is False
    assert calls["right"]["quality"]["notes"] == []
