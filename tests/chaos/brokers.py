"""Faults of the broker and of the way to it."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import psutil

from broker import Authority, Broker, Listener, wait_until
from chaos import box
from chaos.tally import Row, Tally, publisher, shipped, start_box, through
from proxy import Proxy, Weather
from sered.delivery.spool import Spool
from sered.settings import SpoolSettings

if TYPE_CHECKING:
    from pathlib import Path


_DRAINED = 500
"""Messages a second that a box which has its broker again must reach at least."""


def outage(folder: Path, count: int) -> Row:
    """The broker is away while verdicts pile up."""
    broker = Broker(folder / "broker").start()
    listener = Listener(broker)
    broker.stop()
    spool = Spool(SpoolSettings(path=folder / "spool.db"))
    carrier = publisher(broker, spool)
    began = time.monotonic()
    for number in range(count):
        assert box.put(spool, number)
    put_ms = (time.monotonic() - began) / count * 1000
    waiting, rss = spool.depth, [psutil.Process().memory_info().rss]
    listener.close()
    broker.start()
    wait_until(lambda: carrier.state.connected, 120)
    began, top = time.monotonic(), rss[0]
    while spool.depth:
        top = max(top, psutil.Process().memory_info().rss)
        assert time.monotonic() - began < 120, carrier.state
        time.sleep(0.01)
    rate = waiting / (time.monotonic() - began)
    carrier.stop(5)
    spool.close()
    # the subscriber was away as well: its session at the broker kept everything for it
    listener = Listener(broker)
    tally = Tally(listener)
    missing, _ = tally.wait(set(range(count)), 400)
    listener.close()
    broker.stop()
    grown = (top - rss[0]) / 1e6
    notes = f"{put_ms:.1f} ms a put, drained {rate:.0f}/s, memory +{grown:.1f} MB while draining"
    slow = rate < _DRAINED
    notes += f" ({_DRAINED}/s wanted)" * slow
    return Row("broker away, verdicts pile up", f"{waiting} messages", count, missing, notes, slow)


def restarts(folder: Path, times: int) -> Row:
    """The broker as we hand it out is killed and started again, under a slow subscriber."""
    broker, listener, _ = shipped(folder)
    spool = folder / "spool.db"
    process = start_box(
        spool, broker.port, 0, times * 40, "--pause", "0.01", "--certificates", str(broker.shipped)
    )
    die = random.Random(6)
    for _ in range(times):
        time.sleep(die.uniform(0.1, 0.6))
        broker.restart()
    said = {int(line) for line in process.communicate(timeout=300)[0].splitlines()}
    tally = Tally(listener)
    missing, twice = tally.wait(said, 120)
    listener.close()
    broker.stop()
    return Row(
        "broker killed and restarted",
        f"{times} times",
        len(said),
        missing,
        f"{twice} came twice, same content",
    )


def network(folder: Path, count: int) -> Row:
    """Before the broker as we hand it out, a proxy that cuts in mid-PUBACK, stalls and delays."""
    broker, listener, secure = shipped(folder)
    proxy = Proxy(broker.host, broker.port, Weather(cut=0.05, stall=0.0005, delay_s=0.004), seed=6)
    spool = Spool(SpoolSettings(path=folder / "spool.db"))
    carrier = publisher(broker, spool, port=proxy.port, **secure)
    missing, twice = through(spool, carrier, listener, count)
    notes = f"{proxy.cuts} cuts, {proxy.stalls} stalls, {twice} came twice, same content"
    proxy.close()
    broker.stop()
    return Row(
        "network cuts mid-PUBACK, stalls, delays",
        f"{proxy.connections} connections",
        count,
        missing,
        notes,
    )


def corruption(folder: Path, count: int) -> Row:
    """A proxy that flips bits in both directions, under TLS."""
    authority = Authority(folder / "ca")
    server = authority.issue("127.0.0.1")
    broker = Broker(folder / "broker", tls=(authority.certificate, *server)).start()
    listener = Listener(broker)
    proxy = Proxy(broker.host, broker.port, Weather(corrupt=0.02), seed=6)
    spool = Spool(SpoolSettings(path=folder / "spool.db"))
    carrier = publisher(broker, spool, port=proxy.port, tls=True, ca=authority.certificate)
    missing, twice = through(spool, carrier, listener, count)
    flips = proxy.flips
    proxy.close()
    broker.stop()
    return Row(
        "bits flipped on the wire, TLS",
        f"{flips} flips",
        count,
        missing,
        f"{twice} came twice, same content",
    )
