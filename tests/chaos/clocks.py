"""Faults of the clock: wrong at start, stepped while calls end, put right between restarts."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from broker import Broker, Listener, wait_until
from chaos import box
from chaos.tally import Row, Tally, publisher, shipped
from project import ROOT
from sered.delivery.spool import Spool
from sered.settings import SpoolSettings

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400.0
YEARS = 10 * 365 * DAY
NOW = 1_795_000_000.0
_CALLS = 20


class Clocks:
    """The clocks of a box, set by a die."""

    def __init__(self, seed: int) -> None:
        self._die = random.Random(seed)
        self.truth, self.off_by = NOW, 0.0
        self._booted_at, self._boots = NOW - 100.0, 0
        self.synced = False
        self.steps = 0

    def step(self) -> None:
        """A wrong clock is set anew, or a time server puts it right, in most cases."""
        self.synced = self._die.random() < 0.3
        self.off_by = 0.0 if self.synced else self._die.choice((-YEARS, YEARS, -40 * DAY, 40 * DAY))
        self.steps += 1

    def boot(self) -> None:
        """Off and on: the time is not known at first."""
        self._boots += 1
        self._booted_at = self.truth - 10.0
        self.step()
        self.synced = False

    def open(self, path: Path) -> Spool:
        """The spool as a box with these clocks opens it."""
        return Spool(
            SpoolSettings(path=path),
            now=lambda: self.truth + self.off_by,
            uptime=lambda: self.truth - self._booted_at,
            synced=lambda: self.synced,
            boot=f"boot{self._boots}",
        )


def drained(spool: Spool) -> None:
    """Wait until the broker has everything."""
    wait_until(lambda: not spool.depth, 30)


def steps(folder: Path, boxes: int) -> Row:
    """Clocks ten years off either way at start, in mid-call and between restarts."""
    broker, listener, secure = shipped(folder)
    stepped = 0
    for number in range(boxes):
        path, clocks = folder / f"spool{number}.db", Clocks(number)
        clocks.boot()
        spool = clocks.open(path)
        for call in range(_CALLS):
            box.put(spool, number * _CALLS + call)
            # the look for what is too old comes every ten minutes
            clocks.truth += 601.0
            spool.expire()
            if call % 5 == 2:
                clocks.step()
            if call % 5 == 4:
                spool.close()
                if call % 2:
                    clocks.boot()
                spool = clocks.open(path)
        clocks.step()
        carrier = publisher(broker, spool, **secure)
        drained(spool)
        carrier.stop(5)
        assert not spool.dropped, spool.state
        spool.close()
        stepped += clocks.steps
    missing, _ = Tally(listener).wait(set(range(boxes * _CALLS)))
    listener.close()
    broker.stop()
    return Row(
        "clock ± 10 years at start, in mid-call, between restarts",
        f"{stepped} steps on {boxes} boxes",
        boxes * _CALLS,
        missing,
        "a look for what is too old after each call",
    )


def service(folder: Path, times: int) -> Row:
    """`sered run` with a stale clock and no broker, then with the right one: all arrives."""
    broker = Broker(folder / "broker").start()
    listener = Listener(broker)
    config = folder / "sered.toml"
    promised = set[str]()
    call = ROOT / "device" / "sered" / "demo" / "call.wav"
    for turn in range(times):
        offset = ("-10y", "+10y", "-300d", "+300d")[turn % 4]
        stale = ["faketime", "--exclude-monotonic", "-f", offset]
        broker.kill()
        for name, clock in ((f"stale{turn}", stale), (f"right{turn}", [])):
            # a recording's call has the same id on the same box
            config.write_text(
                f'site = "site"\ndevice = "{name}"\n[mqtt]\nhost = "{broker.host}"\n'
                f'port = {broker.port}\n[spool]\npath = "{folder / f"spool{turn}.db"}"\n'
            )
            if not clock:
                broker.start()
            command = [sys.executable, "-m", "sered", "run", "-c", str(config), "--speed", "max"]
            ended = subprocess.run(
                [*clock, *command, "--replay", str(call)],
                capture_output=True,
                text=True,
                check=False,
            )
            promised |= set(re.findall(r"call.ended .*call=(\S+)", ended.stderr))
    assert len(promised) == 2 * times, promised
    tally = Tally(listener)
    wait_until(lambda: promised <= set(tally.seen()), 20)
    missing = len(promised - set(tally.seen()))
    listener.close()
    broker.stop()
    return Row(
        "stale clock, no broker, then the right time (`sered run`)",
        f"{times} boxes",
        len(promised),
        missing,
        "off by 10 years and 300 days, ahead and behind",
    )
