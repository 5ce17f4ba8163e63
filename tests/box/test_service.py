"""The service as a whole, on sources of a test's own: it ends in time whatever its parts do."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import sered.box.service
from chaos.box import report
from message_makers import alert
from sered.box.build import Feed, Judges
from sered.box.sd_notify import Notifier
from sered.box.service import Service
from sered.delivery.spool import Spool
from sered.records import FRAME, AudioFrame, Side, Transcript
from sered.settings import LineSettings, MqttSettings, Settings, SpoolSettings
from sered.tap.clock import LiveClock
from sered.testing.fakes import ListSource, ScriptedEmotion
from service_stage import talking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sered.contract.messages import Alert, CallReport, Live

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clock")]


def confirmed(number: int) -> Alert:
    """The alert that ends a call of the chaos box."""
    call = report(number)
    return alert(call.call_id).model_copy(update={"line": call.line})


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


class Talk:
    """A conversation that is heard as fast as it can be, and then goes on without a word.

    One that `dies_after` another dies when both were heard.
    """

    def __init__(self, dies_after: Talk | None = None) -> None:
        sound = talking(20.0).astype(np.int16)
        self._sound = ListSource({Side.CUSTOMER: sound[:, 0], Side.AGENT: sound[:, 1]})
        self._other = dies_after
        self.heard = threading.Event()
        self._closed = threading.Event()

    def frames(self) -> Iterator[AudioFrame]:
        """The conversation, then nothing until `close`."""
        yield from self._sound.frames()
        self.heard.set()
        if self._other is not None:
            assert self._other.heard.wait(60)
            msg = "the tap's thread died"
            raise RuntimeError(msg)
        self._closed.wait()

    def close(self) -> None:
        """End `frames`."""
        self._sound.close()
        self._closed.set()


class Slow:
    """A recogniser that finds no words until the test is over; a Vosk model of such, too."""

    name = "slow"

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.over = threading.Event()

    def transcriber(self) -> Slow:
        """Itself."""
        return self

    def transcribe(self, _pcm: object) -> Transcript:
        """Nothing, late."""
        self.asked.release()
        self.over.wait()
        return Transcript(())

    def reset(self) -> None:
        """There is nothing to forget."""


def served(folder: Path, sources: list[Any], mode: str = "audio") -> tuple[Service, Settings]:
    """A service on these sources, without a broker."""
    lines = tuple(
        LineSettings(name=f"line{n}", sides="customer=1, agent=2") for n in range(len(sources))
    )
    settings = Settings(
        mode=mode,
        line=lines,
        mqtt=MqttSettings(port=9),
        spool=SpoolSettings(path=folder / "spool.db"),
    )
    feeds = [Feed(line, source, LiveClock()) for line, source in zip(lines, sources, strict=True)]
    return Service(settings, feeds, Notifier(None)), settings


def kept(settings: Settings) -> list[dict[str, Any]]:
    """The reports in the spool, as the next start finds them."""
    spool = Spool(settings.spool)
    try:
        return [json.loads(each.payload) for each in spool.peek(100) if each.leaf == "calls"]
    finally:
        spool.close()


def test_words_that_take_long_cost_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight lines look for words without end: a stop takes less than 3 s, every call is kept."""
    slow = Slow()
    judges = Judges(ScriptedEmotion(), slow, None, ())
    monkeypatch.setattr(sered.box.service, "load_judges", lambda _: judges)
    service, settings = served(tmp_path, [Talk() for _ in range(8)], "both")
    asked: list[float] = []

    def stop() -> None:
        for _ in range(8):
            slow.asked.acquire(timeout=60)
        asked.append(time.monotonic())
        service.stop()

    threading.Thread(target=stop).start()
    try:
        assert service.run() == 0
        assert time.monotonic() - asked[0] < 3.0
    finally:
        slow.over.set()
    reports = kept(settings)
    assert {report["line"] for report in reports} == {f"line{n}" for n in range(8)}
    assert {report["end_reason"] for report in reports} == {"shutdown"}
    # lines that hear what another heard before take it for a recorded voice
    assert any(report["acoustic"] for report in reports)


def test_a_tap_that_dies_costs_no_report(tmp_path: Path) -> None:
    """A fault of ours ends the service; the calls that ran are kept, the dead line's too."""
    well = Talk()
    service, settings = served(tmp_path, [well, Talk(dies_after=well)])
    assert service.run() == 1
    ended = [(report["line"], report["end_reason"]) for report in kept(settings)]
    assert sorted(ended) == [("line0", "shutdown"), ("line1", "shutdown")]


def test_eight_cards_that_hang_do_not_delay_the_end(tmp_path: Path) -> None:
    """All are closed at the same time: a stop of the whole box takes less than 3 s."""
    service, _ = served(tmp_path, [Stuck() for _ in range(8)])
    asked: list[float] = []

    def stop() -> None:
        asked.append(time.monotonic())
        service.stop()

    threading.Timer(0.5, stop).start()
    assert service.run() == 0
    assert time.monotonic() - asked[0] < 3.0


def test_a_report_and_its_alert_are_put_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a call's end says reaches the spool in one piece."""
    service, _ = served(tmp_path, [Stuck()])
    said: list[CallReport | Alert | Live] = [report(1), confirmed(1)]
    puts: list[list[str]] = []
    monkeypatch.setattr(
        service._spool, "put_all", lambda drafts: puts.append([each.key for each in drafts])
    )
    service._deliver(said)
    assert puts == [["call-0000001", "call-0000001/confirmed"]]


def test_the_next_start_ends_an_alert_that_was_left_open(tmp_path: Path) -> None:
    """A box that was killed in mid-call confirms the early alert when it is back."""
    service, settings = served(tmp_path, [Stuck()])
    early = confirmed(1).model_copy(update={"state": "provisional"})
    service._deliver([early])
    service._spool.close()
    again, _ = served(tmp_path, [Stuck()])
    again.stop()
    again.run()
    spool = Spool(settings.spool)
    states = [json.loads(each.payload)["state"] for each in spool.peek(9)]
    spool.close()
    assert states == ["provisional", "confirmed"]
