"""Faults of the box itself: it is killed."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from broker import Broker, Listener, wait_until
from chaos.tally import Row, Tally, start_box
from project import ROOT
from sered.delivery.spool import Spool
from sered.settings import SpoolSettings

if TYPE_CHECKING:
    from pathlib import Path


def kills(folder: Path, times: int) -> Row:
    """kill -9 of the box while calls end."""
    broker = Broker(folder / "broker").start()
    listener = Listener(broker)
    spool, promised, first = folder / "spool.db", set[int](), 0
    die = random.Random(6)
    for turn in range(times):
        process = start_box(spool, broker.port, first, 100_000, "--incarnation", str(turn))
        assert process.stdout
        kill_at = None
        while line := process.stdout.readline():
            if kill_at is None:
                kill_at = threading.Timer(die.uniform(0.0, 0.5), process.kill)
                kill_at.start()
            promised.add(int(line))
        assert process.wait() == -9
        # the number after the last may be in the spool without having been said
        first = max(promised, default=-1) + 2
    start_box(spool, broker.port, first, 0).communicate(timeout=60)
    tally = Tally(listener)
    missing, twice = tally.wait(promised)
    listener.close()
    broker.stop()
    return Row(
        "`kill -9` of the box",
        f"{times} kills",
        len(promised),
        missing,
        f"{twice} came twice, same content",
    )


def service(folder: Path, times: int) -> Row:
    """kill -9 of the whole appliance, `sered run`, around the end of a call."""
    broker = Broker(folder / "broker").start()
    listener = Listener(broker)
    path, promised, die = folder / "spool.db", set[str](), random.Random(6)
    spooled = 0
    config = folder / "sered.toml"
    call = ROOT / "device" / "sered" / "demo" / "call.wav"
    for turn in range(times + 1):
        # a recording's call has the same id on the same box
        config.write_text(
            f'site = "site"\ndevice = "box{turn}"\n[mqtt]\nhost = "{broker.host}"\n'
            f'port = {broker.port}\n[spool]\npath = "{path}"\n'
        )
        command = [sys.executable, "-m", "sered", "run", "-c", str(config), "--replay", str(call)]
        process = subprocess.Popen([*command, "--speed", "max"], stderr=subprocess.PIPE)
        assert process.stderr
        said = []
        for line in process.stderr:
            said.append(line)
            if found := re.search(rb"call.ended .*call=(\S+)", line):
                promised.add(found[1].decode())
            # from a little before a verdict is reached to when it is acknowledged
            if (b"service.ready" in line or found) and turn < times and die.random() < 0.5:
                time.sleep(die.uniform(0.0, 0.05 if found else 5.0))
                process.kill()
        process.wait()
        if turn < times:
            spool = Spool(SpoolSettings(path=path))
            waiting = {message.key for message in spool.peek(1000)}
            spooled, promised = spooled + len(waiting), promised | waiting
            spool.close()
    assert process.returncode == 0, b"".join(said).decode()
    tally = Tally(listener)
    calls = {key for key in promised if "/" not in key}
    wait_until(lambda: calls <= set(tally.seen()), 20)
    alerts = {
        json.loads(a)["call_id"] + "/" + json.loads(a)["state"] for a in listener.on("alerts")
    }
    missing = len(promised - alerts - set(tally.seen()))
    seen = len(tally.seen())
    listener.close()
    broker.stop()
    notes = f"{spooled} messages were in the spool at a kill, {seen} calls arrived in all"
    return Row("`kill -9` of `sered run`", f"{times} runs", len(promised), missing, notes)
