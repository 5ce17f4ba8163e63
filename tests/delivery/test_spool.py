"""What the spool promises, on real SQLite files that are cut, flipped, deleted and filled."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sered.delivery import spool_file
from sered.delivery.spool import Spool
from sered.settings import SpoolSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sered.delivery.spool_row import Message

pytestmark = pytest.mark.slow


@pytest.fixture
def open_spool(tmp_path: Path) -> Iterator[Callable[..., Spool]]:
    """Opens the same spool again and again; closes all at the end."""
    opened: list[Spool] = []

    def start(**limits: float) -> Spool:
        spool = Spool(SpoolSettings(path=tmp_path / "spool.db", **limits))
        opened.append(spool)
        return spool

    yield start
    for spool in opened:
        spool.close()


def body(number: int, size: int = 600) -> bytes:
    return b"%d:" % number + random.Random(number).randbytes(size)


def put(spool: Spool, number: int, size: int = 600) -> bool:
    return spool.put("calls", body(number, size), key=f"c{number}", line="line1")


def everything(spool: Spool) -> list[Message]:
    """All that waits, in order, read as the publisher reads it."""
    found: list[Message] = []
    after = 0
    while page := spool.peek(50, after=after, skip={m.key for m in found}):
        found += page
        after = page[-1].id
    return found


def test_order_and_acknowledgement(open_spool: Callable[..., Spool]) -> None:
    """Messages come out as they went in, stay until they are done, and are then gone for good."""
    spool = open_spool()
    assert all(put(spool, number) for number in range(120))
    assert [m.payload for m in everything(spool)] == [body(n) for n in range(120)]
    spool.done([f"c{n}" for n in range(0, 120, 2)])
    spool.close()
    again = open_spool()
    assert [m.key for m in everything(again)] == [f"c{n}" for n in range(1, 120, 2)]
    assert again.depth == 60


def test_first_content_stays(open_spool: Callable[..., Spool]) -> None:
    """A key that waits keeps its content: a second delivery can only be identical."""
    spool = open_spool()
    spool.put("calls", b"first", key="c", line="l")
    spool.put("calls", b"second", key="c", line="l")
    assert [m.payload for m in spool.peek(5)] == [b"first"]
    assert spool.depth == 1


def test_peek_skips(open_spool: Callable[..., Spool]) -> None:
    """What is on its way and what is refused is left out, and the rest keeps its order."""
    spool = open_spool()
    for number in range(6):
        leaf = "alerts" if number % 2 else "calls"
        spool.put(leaf, b"x", key=f"c{number}", line="l")
    assert [m.key for m in spool.peek(2, skip={"c0", "c1"})] == ["c2", "c3"]
    assert [m.key for m in spool.peek(9, without=["alerts"])] == ["c0", "c2", "c4"]


def test_one_process(open_spool: Callable[..., Spool], tmp_path: Path) -> None:
    """A second sered on the same spool is refused with a sentence."""
    open_spool()
    code = (
        "import sys; from pathlib import Path; from sered.delivery.spool import Spool;"
        "from sered.settings import SpoolSettings; from sered.errors import SpoolError\n"
        "try: Spool(SpoolSettings(path=Path(sys.argv[1])))\n"
        "except SpoolError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "spool.db")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "in use by another sered" in done.stdout


def test_many_threads(open_spool: Callable[..., Spool]) -> None:
    """Eight lines put while the publisher takes; nothing is lost, each line's order is kept."""
    spool = open_spool()
    seen: list[Message] = []

    def line(name: str) -> None:
        for number in range(25):
            spool.put("calls", b"x", key=f"{name}-{number}", line=name)

    threads = [threading.Thread(target=line, args=(f"line{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    while len(seen) < 200:
        page = spool.peek(10)
        seen += page
        spool.done([m.key for m in page])
    for n in range(8):
        keys = [m.key for m in seen if m.line == f"line{n}"]
        assert keys == [f"line{n}-{number}" for number in range(25)]


def test_idle_writes_nothing(open_spool: Callable[..., Spool], tmp_path: Path) -> None:
    """An idle box does not wear its card: looking into the spool writes not one byte."""
    spool = open_spool()
    put(spool, 0)
    spool.done(["c0"])

    def written() -> int:
        lines = Path("/proc/self/io").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("wchar")).split()[1])

    files = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    before = written()
    for _ in range(1000):
        spool.peek(100)
    assert written() == before
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == files


def test_shrinks(open_spool: Callable[..., Spool], tmp_path: Path) -> None:
    """After a long outage is over, the disk space is given back."""
    spool = open_spool()
    for number in range(300):
        put(spool, number, 9000)
    assert (tmp_path / "spool.db").stat().st_size > 2_000_000
    while page := spool.peek(50):
        spool.done([m.key for m in page])
    assert (tmp_path / "spool.db").stat().st_size < 600_000


def test_size_limit(open_spool: Callable[..., Spool], tmp_path: Path) -> None:
    """At the limit, alerts whose report waits too go first, then the oldest; counted and said."""
    spool = open_spool(max_mb=1.0)
    spool.put("alerts", bytes(9000), key="c1/confirmed", line="l")
    spool.put("alerts", bytes(9000), key="other/provisional", line="l")
    for number in range(70):
        put(spool, number, 9000)
    assert spool.dropped == 0
    for number in range(70, 160):
        put(spool, number, 9000)
    keys = [m.key for m in everything(spool)]
    assert "c1/confirmed" not in keys
    assert keys[-1] == "c159"
    assert spool.dropped == 162 - len(keys) > 0
    assert "spool_dropped" in dict(spool.state.faults)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 3_500_000
    spool.close()
    assert open_spool().dropped == 162 - len(keys), "the count outlives a restart"


def damaged(tmp_path: Path) -> list[Path]:
    return sorted(path for path in tmp_path.iterdir() if "damaged" in path.name)


def test_row_damaged(open_spool: Callable[..., Spool], tmp_path: Path) -> None:
    """One flipped bit in one row costs that row at most; the file is set aside, whole, and said."""
    spool = open_spool()
    for number in range(50):
        put(spool, number)
    spool.close()
    path = tmp_path / "spool.db"
    content = bytearray(path.read_bytes())
    content[content.index(body(20)) + 300] ^= 4
    path.write_bytes(content)
    again = open_spool()
    assert [m.key for m in everything(again)] == [f"c{n}" for n in range(50) if n != 20]
    assert again.state.name == "set_aside"
    (old,) = damaged(tmp_path)
    assert content[content.index(body(20)[:300]) :][:600] in old.read_bytes()
    assert put(again, 99)


@pytest.mark.parametrize("seed", range(8))
def test_flipped_bits(open_spool: Callable[..., Spool], tmp_path: Path, seed: int) -> None:
    """Flipped bits anywhere never deliver anything that was not put, nor stop what comes next."""
    die = random.Random(seed)
    spool = open_spool()
    for number in range(60):
        put(spool, number)
    spool.close()
    path = tmp_path / "spool.db"
    content = bytearray(path.read_bytes())
    for _ in range(1 + 4 * seed):
        content[die.randrange(len(content))] ^= 1 << die.randrange(8)
    path.write_bytes(content)
    again = open_spool()
    assert put(again, 60)
    found = {m.key: m.payload for m in everything(again)}
    assert found["c60"] == body(60)
    assert all(payload == body(int(key[1:])) for key, payload in found.items())


@pytest.mark.parametrize("part", [0.0, 0.001, 0.3, 0.7, 0.99])
def test_cut_while_closed(open_spool: Callable[..., Spool], tmp_path: Path, part: float) -> None:
    """A file cut short is set aside, what is left of it is delivered, and the spool goes on."""
    spool = open_spool()
    for number in range(60):
        put(spool, number)
    spool.close()
    path = tmp_path / "spool.db"
    os.truncate(path, int(path.stat().st_size * part))
    again = open_spool()
    assert put(again, 60)
    found = everything(again)
    assert found[-1].payload == body(60)
    assert all(m.payload == body(int(m.key[1:])) for m in found)
    if part == 0.99:
        assert len(found) > 40


@pytest.mark.parametrize("how", ["deleted", "wal deleted", "replaced", "cut"])
def test_under_us(open_spool: Callable[..., Spool], tmp_path: Path, how: str) -> None:
    """A spool that is deleted, replaced or cut while it is open loses nothing and says so."""
    spool = open_spool()
    for number in range(300):
        put(spool, number)
    path = tmp_path / "spool.db"
    if how == "deleted":
        path.unlink()
    elif how == "wal deleted":
        (tmp_path / "spool.db-wal").unlink()
    elif how == "replaced":
        (tmp_path / "other").write_bytes(b"nonsense")
        (tmp_path / "other").replace(path)
    else:
        os.truncate(path, 4096)
    assert put(spool, 300)
    assert spool.state.name == "set_aside"
    spool.close()
    found = everything(open_spool())
    assert {m.key for m in found} == {f"c{n}" for n in range(301)}


def test_foreign_file(open_spool: Callable[..., Spool], tmp_path: Path) -> None:
    """A file that never was a spool is set aside, not overwritten."""
    (tmp_path / "spool.db").write_bytes(b"the shopping list " * 1000)
    spool = open_spool()
    assert put(spool, 0)
    assert damaged(tmp_path)[0].read_bytes().startswith(b"the shopping list")
    assert str(damaged(tmp_path)[0]) in spool.state.sentence


def test_disk_full(open_spool: Callable[..., Spool]) -> None:
    """With a full disk messages wait in memory, go out from there, and reach the disk later."""
    spool = open_spool()
    put(spool, 0)
    assert spool._file
    spool._file._db.execute("PRAGMA max_page_count=1")  # what SQLite says when the disk is full
    kept = [put(spool, number, 20_000) for number in range(1, 6)]
    assert kept == [False] * 5
    before = spool.state
    assert before.name == "full"
    assert [m.key for m in spool.peek(10)] == [f"c{n}" for n in range(6)]
    spool.done(["c0", "c1"])
    assert [m.key for m in spool.peek(10)] == ["c2", "c3", "c4", "c5"]
    spool._file._db.execute("PRAGMA max_page_count=1000000")
    assert put(spool, 6)
    after = spool.state
    assert after.name == "ok"
    spool.close()
    assert [m.key for m in everything(open_spool())] == ["c2", "c3", "c4", "c5", "c6"]


def test_no_disk_at_all(tmp_path: Path) -> None:
    """Without a place for its file the spool works from memory, and from disk once there is one."""
    (tmp_path / "blocked").write_text("a file where a folder should be")
    spool = Spool(SpoolSettings(path=tmp_path / "blocked" / "spool.db"))
    assert not spool.put("calls", b"x", key="c0", line="l")
    assert spool.state.faults
    assert [m.key for m in spool.peek(5)] == ["c0"]
    (tmp_path / "blocked").unlink()
    assert spool.put("calls", b"x", key="c1", line="l")
    assert spool.state.name == "ok"
    assert [m.key for m in spool.peek(5)] == ["c0", "c1"]
    spool.close()


def test_migration(open_spool: Callable[..., Spool], monkeypatch: pytest.MonkeyPatch) -> None:
    """A spool of the first schema is brought up to the next one with everything in it."""
    spool = open_spool()
    put(spool, 0)
    spool.close()
    more = (*spool_file.MIGRATIONS, "ALTER TABLE tally ADD COLUMN note TEXT;")
    monkeypatch.setattr(spool_file, "MIGRATIONS", more)
    again = open_spool()
    assert [m.payload for m in again.peek(5)] == [body(0)]
    assert again.state.name == "ok"
    assert put(again, 1)


def test_newer_schema(open_spool: Callable[..., Spool], tmp_path: Path) -> None:
    """After a downgrade the newer sered's file is set aside and its verdicts are delivered."""
    spool = open_spool()
    put(spool, 0)
    spool.close()
    with sqlite3.connect(tmp_path / "spool.db") as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    again = open_spool()
    assert [m.payload for m in again.peek(5)] == [body(0)]
    assert "newer sered" in again.state.sentence


def test_half_mended(open_spool: Callable[..., Spool], tmp_path: Path) -> None:
    """A mending that a power cut interrupted is finished at the next start."""
    spool = open_spool()
    for number in range(5):
        put(spool, number)
    spool.close()
    (tmp_path / "spool.db").rename(tmp_path / "spool.db.new")
    again = open_spool()
    assert len(everything(again)) == 5
    again.close()
    half = Spool(SpoolSettings(path=tmp_path / "spool.db.new"))
    half.put("calls", b"x", key="only here", line="l")
    half.close()
    assert {m.key for m in everything(open_spool())} >= {"c0", "c4", "only here"}


def test_mending_was_damaged(open_spool: Callable[..., Spool], tmp_path: Path) -> None:
    """Even when both the spool and a half-made new one are damaged, nothing is deleted."""
    (tmp_path / "spool.db").write_bytes(b"nonsense " * 500)
    (tmp_path / "spool.db.new").write_bytes(b"more nonsense " * 500)
    spool = open_spool()
    assert put(spool, 0)
    assert {old.read_bytes()[:4] for old in damaged(tmp_path)} == {b"nons", b"more"}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(["put", "done", "restart", "crash", "delete", "flip"]), max_size=15)
)
def test_any_order(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    """In whatever order things happen, what was put and not done is there, and nothing else."""
    path = tmp_path_factory.mktemp("any") / "spool.db"
    spool = Spool(SpoolSettings(path=path))
    model: dict[str, bytes] = {}
    forgiven: set[str] = set()
    count = 0
    for step in steps:
        if step == "put":
            count += 1
            assert put(spool, count)
            model[f"c{count}"] = body(count)
        elif step == "done" and model:
            key = next(iter(model))
            spool.done([key])
            del model[key]
        elif step == "restart":
            spool.close()
            spool = Spool(SpoolSettings(path=path))
        elif step == "crash":
            copy = path.with_name(f"crash{len(list(path.parent.iterdir()))}.db")
            for suffix in ("", "-wal"):
                source = path.with_name(path.name + suffix)
                copy.with_name(copy.name + suffix).write_bytes(source.read_bytes())
            spool.close()
            path = copy
            spool = Spool(SpoolSettings(path=path))
        elif step == "delete":
            path.unlink(missing_ok=True)
            assert spool.state.name == "set_aside"
        elif step == "flip" and set(model) - forgiven:
            spool.close()
            content = bytearray(path.read_bytes())
            key = min(set(model) - forgiven)
            content[content.index(model[key]) + 100] ^= 1
            path.write_bytes(content)
            forgiven.add(key)
            spool = Spool(SpoolSettings(path=path))
    found = {m.key: m.payload for m in everything(spool)}
    spool.close()
    assert {k: v for k, v in found.items() if k not in forgiven} == {
        k: v for k, v in model.items() if k not in forgiven
    }
    assert not set(found) - set(model)
