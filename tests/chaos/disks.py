"""Faults of the disk, and of the power that it needs."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from broker import Broker, Listener, wait_until
from chaos import box, powercut
from chaos.tally import Row, Tally, publisher
from sered.delivery.spool import Spool
from sered.settings import SpoolSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A tmpfs of its own; needs root."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def full_disk(folder: Path, count: int) -> Row:
    """The spool's disk is full, then it is not."""
    broker = Broker(folder / "broker").start()
    listener = Listener(broker)
    with small_disk(folder / "disk", "1m") as disk:
        spool = Spool(SpoolSettings(path=disk / "spool.db"))
        carrier = publisher(broker, spool)
        wait_until(lambda: carrier.state.connected)
        with (disk / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(1024))
            except OSError:
                pass
        kept = [box.put(spool, number) for number in range(count)]
        assert not all(kept), "the disk was not full"
        said = spool.state
        carrier.wake()
        tally = Tally(listener)
        wait_until(lambda: not tally.check(set(range(count)))[0], 20, "delivery from memory")
        (disk / "filler").unlink()
        recovered = [box.put(spool, number) for number in range(count, 2 * count)]
        carrier.wake()
        assert recovered[-1]
        assert said.name == "full"
        assert spool.state.name == "ok", spool.state
        wait_until(lambda: not spool.depth, 20)
        missing, _ = tally.wait(set(range(2 * count)))
        carrier.stop(5)
        spool.close()
    listener.close()
    broker.stop()
    sentence = said.sentence.replace(str(folder), "…")
    notes = f"{kept.count(False)} went out from memory; said: “{sentence}”"
    return Row("disk full", "once", 2 * count, missing, notes)


def read_only(folder: Path, count: int) -> Row:
    """The spool's disk turns read-only, as worn SD cards do."""
    broker = Broker(folder / "broker").start()
    listener = Listener(broker)
    with small_disk(folder / "disk", "4m") as disk:
        spool = Spool(SpoolSettings(path=disk / "spool.db"))
        box.put(spool, 0)
        spool.close()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        spool = Spool(SpoolSettings(path=disk / "spool.db"))
        carrier = publisher(broker, spool)
        kept = [box.put(spool, number) for number in range(1, count)]
        said = spool.state
        carrier.wake()
        tally = Tally(listener)
        wait_until(lambda: not tally.check(set(range(1, count)))[0], 20, "delivery from memory")
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert box.put(spool, count)
        carrier.wake()
        assert not any(kept)
        assert said.name == "read_only", said
        assert spool.state.name == "ok", spool.state
        wait_until(lambda: not spool.depth, 20)
        # the first was put before the others and comes after them: no order to keep
        expected = {f"call-{n:07d}" for n in range(count + 1)}
        wait_until(lambda: expected <= set(tally.seen()), 10)
        missing = len(expected - set(tally.seen()))
        carrier.stop(5)
        spool.close()
    listener.close()
    broker.stop()
    return Row(
        "disk read-only",
        "once",
        count + 1,
        missing,
        "what was on it follows when it is writable again",
    )


def power_cuts(folder: Path, cuts: int) -> Row:
    """Power cuts between and amid the box's writes."""
    events = powercut.record(folder, 80)
    promised, missing, _ = powercut.cut_everywhere(events, folder, cuts)
    unsynced = [event for event in events if event[0] != "sync"]
    _, control, _ = powercut.cut_everywhere(unsynced, folder, 20)
    assert control, "the check cannot fail"
    syncs = len(events) - len(unsynced)
    return Row(
        "power cut",
        f"{cuts} cuts",
        promised,
        missing,
        f"{syncs} syncs recorded; control with all of them ignored: {control} missing in 20 cuts",
    )


def half_calls(folder: Path, cuts: int) -> Row:
    """Power cuts between a call's report and its alert: both are there, or neither."""
    events = powercut.record(folder, 40)
    promised, _, halves = powercut.cut_everywhere(events, folder, cuts, seed=2)
    apart = powercut.record(folder, 40, "--apart")
    _, _, control = powercut.cut_everywhere(apart, folder, cuts, seed=2)
    assert control, "the check cannot fail"
    return Row(
        "power cut between report and alert",
        f"{cuts} cuts",
        promised,
        halves,
        f"control that puts one after the other: {control} calls by half",
    )
