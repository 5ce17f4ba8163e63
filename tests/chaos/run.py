"""`make chaos`: every fault in full numbers against a real Mosquitto; prints the table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from broker import Authority, Broker, Listener, wait_until
from chaos import box, powercut
from proxy import Proxy, Weather
from sered.delivery.mqtt_publisher import MqttPublisher
from sered.delivery.spool import Spool
from sered.settings import MqttSettings, SpoolSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent.parent
TABLE = ROOT / "docs" / "chaos.md"


@dataclass
class Row:
    """One line of the table."""

    fault: str
    tried: str
    verdicts: int
    lost: int
    notes: str = ""


class Tally:
    """What a subscriber saw, by call_id."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def seen(self) -> dict[str, bytes]:
        """Payload by call_id; fails if one call came with two contents."""
        found: dict[str, bytes] = {}
        for payload in self._listener.on("calls"):
            call_id = json.loads(payload)["call_id"]
            assert found.setdefault(call_id, payload) == payload, f"{call_id}: two contents"
        return found

    def wait(self, expected: set[int], within_s: float = 30.0) -> tuple[int, int]:
        """check() as soon as nothing is missing, or when time is up."""
        end = time.monotonic() + within_s
        while self.check(expected)[0] and time.monotonic() < end:
            time.sleep(0.1)
        return self.check(expected)

    def check(self, expected: set[int]) -> tuple[int, int]:
        """(missing, duplicates); fails where a line's verdicts first came out of order."""
        seen = self.seen()
        for line in box.LINES:
            order = [k for k, v in seen.items() if json.loads(v)["line"] == line]
            assert order == sorted(order), f"{line}: out of order"
        missing = {f"call-{n:07d}" for n in expected} - set(seen)
        return len(missing), len(self._listener.on("calls")) - len(seen)


def start_box(
    spool: Path, port: int, first: int, count: int, *more: str
) -> subprocess.Popen[bytes]:
    """A box in a process of its own; its standard output tells what is in its spool."""
    command = [sys.executable, "-m", "tests.chaos.box", str(spool), str(port)]
    return subprocess.Popen(
        [*command, str(first), str(count), *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


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
    config.write_text(
        f'site = "site"\ndevice = "box"\n[mqtt]\nhost = "{broker.host}"\nport = {broker.port}\n'
        f'[spool]\npath = "{path}"\n'
    )
    for turn in range(times + 1):
        call = folder / f"call{turn}.wav"
        shutil.copy(ROOT / "device" / "sered" / "demo" / "call.wav", call)
        # another time of recording is another call
        os.utime(call, (1_700_000_000 + 3600 * turn,) * 2)
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


def outage(folder: Path, count: int) -> Row:
    """The broker is away while verdicts pile up."""
    broker = Broker(folder / "broker").start()
    listener = Listener(broker)
    broker.stop()
    spool = Spool(SpoolSettings(path=folder / "spool.db"))
    publisher = _publisher(broker, spool)
    began = time.monotonic()
    for number in range(count):
        assert box.put(spool, number)
    put_ms = (time.monotonic() - began) / count * 1000
    waiting, rss = spool.depth, [psutil.Process().memory_info().rss]
    listener.close()
    broker.start()
    wait_until(lambda: publisher.state.connected, 120)
    began, top = time.monotonic(), rss[0]
    while spool.depth:
        top = max(top, psutil.Process().memory_info().rss)
        assert time.monotonic() - began < 120, publisher.state
        time.sleep(0.01)
    rate = waiting / (time.monotonic() - began)
    publisher.stop(5)
    spool.close()
    # the subscriber was away as well: its session at the broker kept everything for it
    listener = Listener(broker)
    tally = Tally(listener)
    missing, _ = tally.wait(set(range(count)), 60)
    listener.close()
    broker.stop()
    assert rate >= 500, f"drained at {rate:.0f}/s"
    grown = (top - rss[0]) / 1e6
    notes = f"{put_ms:.1f} ms a put, drained {rate:.0f}/s, memory +{grown:.1f} MB while draining"
    return Row("broker away, verdicts pile up", f"{waiting} messages", count, missing, notes)


def restarts(folder: Path, times: int) -> Row:
    """The broker is killed and started again while calls end."""
    broker = Broker(folder / "broker").start()
    listener = Listener(broker)
    process = start_box(
        folder / "spool.db", broker.port, 0, times * 40, "--pause", "0.01", "--await-subscriber"
    )
    die = random.Random(6)
    for _ in range(times):
        time.sleep(die.uniform(0.1, 0.6))
        broker.restart()
    said = {int(line) for line in process.communicate(timeout=180)[0].splitlines()}
    tally = Tally(listener)
    missing, twice = tally.wait(said)
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
    """A proxy that cuts in the middle of a PUBACK, stalls and delays."""
    broker = Broker(folder / "broker").start()
    listener = Listener(broker)
    proxy = Proxy(broker.host, broker.port, Weather(cut=0.05, stall=0.0005, delay_s=0.004), seed=6)
    spool = Spool(SpoolSettings(path=folder / "spool.db"))
    publisher = _publisher(broker, spool, port=proxy.port)
    missing, twice = _through(spool, publisher, listener, count)
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
    publisher = _publisher(broker, spool, port=proxy.port, tls=True, ca=authority.certificate)
    missing, twice = _through(spool, publisher, listener, count)
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


def _publisher(broker: Broker, spool: Spool, **more: object) -> MqttPublisher:
    mqtt = MqttSettings(**{"host": broker.host, "port": broker.port, **more})
    publisher = MqttPublisher(mqtt, box.SITE, box.DEVICE, spool, delays_s=box.DELAYS_S)
    publisher.start()
    return publisher


def _through(
    spool: Spool, publisher: MqttPublisher, listener: Listener, count: int
) -> tuple[int, int]:
    """Put `count` calls while the publisher works; (missing, came twice)."""
    for number in range(count):
        box.put(spool, number)
        publisher.wake()
    wait_until(lambda: not spool.depth, 300)
    publisher.stop(5)
    spool.close()
    tally = Tally(listener)
    found = tally.wait(set(range(count)))
    listener.close()
    return found


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
        publisher = _publisher(broker, spool)
        wait_until(lambda: publisher.state.connected)
        with (disk / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(1024))
            except OSError:
                pass
        kept = [box.put(spool, number) for number in range(count)]
        assert not all(kept), "the disk was not full"
        said = spool.state
        publisher.wake()
        tally = Tally(listener)
        wait_until(lambda: not tally.check(set(range(count)))[0], 20, "delivery from memory")
        (disk / "filler").unlink()
        recovered = [box.put(spool, number) for number in range(count, 2 * count)]
        publisher.wake()
        assert recovered[-1]
        assert said.name == "full"
        assert spool.state.name == "ok", spool.state
        wait_until(lambda: not spool.depth, 20)
        missing, _ = tally.wait(set(range(2 * count)))
        publisher.stop(5)
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
        publisher = _publisher(broker, spool)
        kept = [box.put(spool, number) for number in range(1, count)]
        said = spool.state
        publisher.wake()
        tally = Tally(listener)
        wait_until(lambda: not tally.check(set(range(1, count)))[0], 20, "delivery from memory")
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert box.put(spool, count)
        publisher.wake()
        assert not any(kept)
        assert said.name == "read_only", said
        assert spool.state.name == "ok", spool.state
        wait_until(lambda: not spool.depth, 20)
        # the first was put before the others and comes after them: no order to keep
        expected = {f"call-{n:07d}" for n in range(count + 1)}
        wait_until(lambda: expected <= set(tally.seen()), 10)
        missing = len(expected - set(tally.seen()))
        publisher.stop(5)
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
    (folder / "with").mkdir()
    promised, missing = powercut.cut_everywhere(events, folder / "with", cuts)
    (folder / "without").mkdir()
    unsynced = [event for event in events if event[0] != "sync"]
    _, control = powercut.cut_everywhere(unsynced, folder / "without", 20)
    assert control, "the check cannot fail"
    syncs = len(events) - len(unsynced)
    return Row(
        "power cut",
        f"{cuts} cuts",
        promised,
        missing,
        f"{syncs} syncs recorded; control with all of them ignored: {control} missing in 20 cuts",
    )


def main() -> None:
    """Try everything; exit 1 if a verdict was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="A tenth of everything.")
    parser.add_argument("--only", default="", help="Names of faults, separated by commas.")
    parser.add_argument("--keep", action="store_true", help="Write docs/chaos.md.")
    given = parser.parse_args()
    for program in ("mosquitto", "strace", "mount"):
        if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin"):
            parser.error(f"needs {program}: apt-get install {program}")
    if os.geteuid() != 0:
        parser.error("needs root: a disk that fills up is a tmpfs of its own")
    less = 10 if given.quick else 1
    faults: dict[str, Callable[[Path], Row]] = {
        "kills": lambda folder: kills(folder, 200 // less),
        "service": lambda folder: service(folder, 20 // less),
        "outage": lambda folder: outage(folder, 10_000 // less),
        "restarts": lambda folder: restarts(folder, 50 // less),
        "network": lambda folder: network(folder, 4_000 // less),
        "corruption": lambda folder: corruption(folder, 2_000 // less),
        "power_cuts": lambda folder: power_cuts(folder, 500 // less),
        "full_disk": lambda folder: full_disk(folder, 40),
        "read_only": lambda folder: read_only(folder, 40),
    }
    rows = [
        _try(name, fault)
        for name, fault in faults.items()
        if not given.only or name in given.only.split(",")
    ]
    table = "\n".join(
        f"| {r.fault} | {r.tried} | {r.verdicts} | {r.lost} | {r.notes} |" for r in rows
    )
    table = f"| fault | tried | verdicts | lost | |\n|---|---|---|---|---|\n{table}\n"
    verdicts, lost = sum(row.verdicts for row in rows), sum(row.lost for row in rows)
    total = f"Faults: {len(rows)}. Verdicts: {verdicts}. Lost: {lost}."
    print(f"\n{table}\n{total}")
    if given.keep:
        _keep(table, total)
    sys.exit(any(row.lost for row in rows))


def _try(name: str, fault: Callable[[Path], Row]) -> Row:
    folder = Path(tempfile.mkdtemp(prefix=f"sered-chaos-{name}-"))
    began = time.monotonic()
    try:
        row = fault(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(
        f"{name}: {row.verdicts} verdicts, {row.lost} lost, {time.monotonic() - began:.0f} s",
        flush=True,
    )
    return row


def _keep(table: str, total: str) -> None:
    head, _, rest = TABLE.read_text().partition("<!-- figures -->")
    _, _, tail = rest.partition("<!-- end -->")
    machine = f"{os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}"
    TABLE.write_text(
        f"{head}<!-- figures -->\n{table}\n{total}\nMeasured on {machine}.\n<!-- end -->{tail}"
    )


if __name__ == "__main__":
    main()
