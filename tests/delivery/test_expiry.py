"""What may expire and when: clocks that are wrong, put right and set back lose no verdict."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker import Broker, Listener, wait_until
from sered.delivery.age import Stamp, age_s, from_text, settled
from sered.delivery.mqtt_publisher import MqttPublisher
from sered.delivery.spool import Spool
from sered.settings import MqttSettings, SpoolSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = 1_790_000_000.0
DAY = 86_400.0
YEARS = 10 * 365 * DAY


class Box:
    """A box with a spool: its clocks move by hand, and it can be booted anew."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.truth = NOW
        """What a right clock would show."""
        self.off_by = 0.0
        """How far wall time is from it."""
        self.synced = True
        self._booted_at = self.truth
        self._boots = 0
        self.boot()

    def open(self) -> None:
        self.spool = Spool(
            SpoolSettings(path=self.path, max_days=30),
            now=lambda: self.truth + self.off_by,
            uptime=lambda: self.truth - self._booted_at,
            synced=lambda: self.synced,
            boot=f"boot-{self._boots}",
        )

    def boot(self, off_s: float = 60.0) -> None:
        """Switch off and on again."""
        if self._boots:
            self.spool.close()
        self.truth += off_s
        self._boots += 1
        self._booted_at = self.truth - 10.0
        self.open()

    def restart(self) -> None:
        """Only the program ends and starts."""
        self.spool.close()
        self.open()

    def put(self, key: str) -> None:
        assert self.spool.put("calls", key.encode(), key=key, line="l")

    def kept(self) -> list[str]:
        """What waits after a look for what is too old."""
        self.truth += 601.0
        self.spool.expire()
        return [message.key for message in self.spool.peek(100)]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "spool.db")
    yield box
    box.spool.close()


def test_too_old(box: Box) -> None:
    """What has waited longer than the limit is given up and counted, what is younger stays."""
    box.put("first")
    box.truth += 20 * DAY
    box.put("second")
    assert box.kept() == ["first", "second"]
    box.truth += 11 * DAY
    assert box.kept() == ["second"]
    assert box.spool.dropped == 1


def test_off_for_a_month(box: Box) -> None:
    """Across boots wall time tells the age, where it was right at both ends."""
    box.put("old")
    box.boot(off_s=31 * DAY)
    box.put("new")
    assert box.kept() == ["new"]


@pytest.mark.parametrize("step", [-YEARS, -40 * DAY, -31 * DAY, 31 * DAY, YEARS])
@pytest.mark.parametrize("synced", [True, False])
@pytest.mark.parametrize("when", ["running", "restart"])
def test_clock_steps(box: Box, step: float, synced: bool, when: str) -> None:
    """A clock that steps while the box is up ages nothing, and nothing is made young by it."""
    box.synced = synced
    box.put("before")
    box.off_by = step
    if when == "restart":
        box.restart()
    box.put("after")
    for _ in range(3):
        assert box.kept() == ["before", "after"]
    box.off_by = 0.0
    assert box.kept() == ["before", "after"]
    box.truth += 29 * DAY
    assert box.kept() == ["before", "after"]
    box.truth += 2 * DAY
    assert box.kept() == []


@pytest.mark.parametrize("off_by", [-YEARS, -300 * DAY, YEARS])
def test_stamped_before_the_time_was_known(box: Box, off_by: float) -> None:
    """What an unsynchronised clock stamped begins to age when a later boot knows the time."""
    box.synced, box.off_by = False, off_by
    box.put("c")
    box.boot()
    assert box.kept() == ["c"], "nothing expires while the time is not known"
    box.truth += 40 * DAY
    assert box.kept() == ["c"], "still not known"
    box.synced, box.off_by = True, 0.0
    assert box.kept() == ["c"]
    box.boot(off_s=29 * DAY)
    assert box.kept() == ["c"]
    box.boot(off_s=2 * DAY)
    assert box.kept() == []


def test_put_right_in_the_same_boot(box: Box) -> None:
    """A stamp that is put right keeps the age that up time knows, over later boots."""
    box.synced, box.off_by = False, -300 * DAY
    box.put("c")
    box.truth += 20 * DAY
    box.synced, box.off_by = True, 0.0
    assert box.kept() == ["c"]
    box.boot(off_s=9 * DAY)
    assert box.kept() == ["c"]
    box.boot(off_s=2 * DAY)
    assert box.kept() == []


def test_a_lying_time_server(box: Box) -> None:
    """A time server that was ten years off while it was believed ages nothing afterwards."""
    for off_by, key in ((YEARS, "ahead"), (-YEARS, "behind")):
        box.off_by = off_by
        box.put(key)
    box.off_by = 0.0
    assert box.kept() == ["ahead", "behind"]
    box.boot()
    assert box.kept() == ["ahead", "behind"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["step", "boot", "restart", "sync", "wait", "put"]),
            st.floats(-YEARS, YEARS),
        ),
        max_size=12,
    )
)
def test_any_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, float]]
) -> None:
    """Whatever unsynchronised clocks do, nothing younger than the limit is ever given up."""
    box = Box(tmp_path_factory.mktemp("box") / "spool.db")
    count, began = 0, box.truth
    box.synced = False
    for what, size in steps:
        if what == "step" and not box.synced:
            box.off_by = size
        elif what == "boot":
            box.boot()
            box.synced = False
        elif what == "restart":
            box.restart()
        elif what == "sync":
            box.synced, box.off_by = True, 0.0
        elif what == "wait":
            box.truth += random.Random(size).uniform(0, 2 * DAY)
        else:
            box.put(f"c{count}")
            count += 1
        assert len(box.kept()) == count
    assert box.truth - began < 30 * DAY
    box.spool.close()


def test_stamps_read_back() -> None:
    """A stamp is read as it was written; nonsense is a moment that no clock vouches for."""
    stamp = Stamp(NOW, True, "boot", 12.25)
    assert from_text(NOW, str(stamp)) == stamp
    for nonsense in ("", "a b", "boot x 1", "boot 1 1 1"):
        assert from_text(NOW, nonsense) == Stamp(NOW)
    assert age_s(Stamp(NOW), Stamp(NOW + YEARS, True, "boot", 1.0)) is None


def test_settling_twice_changes_nothing() -> None:
    """A stamp that was put right once stays as it is."""
    now = Stamp(NOW, True, "b", 1000.0)
    for put in (
        Stamp(NOW + YEARS, True, "b", 10.0),
        Stamp(5.0, False, "a", 10.0),
        Stamp(NOW - DAY, True, "a", 9.0),
    ):
        once = settled(put, now)
        later = Stamp(NOW + DAY, True, "b", 1000.0 + DAY)
        assert settled(once, now) == once == settled(once, later)


def test_first_schema(tmp_path: Path) -> None:
    """Rows of a sered from before the stamps are kept until the time is known, then for 30 days."""
    path = tmp_path / "spool.db"
    box = Box(path)
    box.put("c")
    box.spool.close()
    with sqlite3.connect(path) as db:
        db.executescript(
            "ALTER TABLE outbox DROP COLUMN stamp; DROP TABLE left_open; PRAGMA user_version=1"
        )
    db.close()
    box.off_by, box.synced = YEARS, False
    box.open()
    assert box.spool.state.name == "ok"
    assert box.kept() == ["c"]
    box.off_by, box.synced = 0.0, True
    assert box.kept() == ["c"]
    box.truth += 31 * DAY
    assert box.kept() == []
    box.spool.close()


def test_first_schema_damaged(tmp_path: Path) -> None:
    """A damaged file of the first schema gives up what can be read of it, as one of ours does."""
    path = tmp_path / "spool.db"
    box = Box(path)
    for number in range(40):
        box.put(f"c{number}")
    box.spool.close()
    with sqlite3.connect(path) as db:
        db.executescript(
            "ALTER TABLE outbox DROP COLUMN stamp; DROP TABLE left_open; PRAGMA user_version=1"
        )
    db.close()
    content = bytearray(path.read_bytes())
    content[content.index(b"c20") + 60] ^= 8
    content[-4096:] = bytes(4096)
    path.write_bytes(content)
    box.open()
    assert box.spool.state.name == "set_aside"
    assert box.spool.depth > 20
    box.spool.close()


@pytest.mark.parametrize("reachable", [True, False])
def test_tried_before_it_is_too_old(
    reachable: bool, box: Box, start_broker: Callable[..., Broker]
) -> None:
    """What a clock calls a year old at start is delivered all the same: it was never tried."""
    for number in range(150):
        box.put(f"c{number}")
    box.boot(off_s=365 * DAY)
    broker = start_broker()
    listener = Listener(broker)
    if not reachable:
        broker.stop()
    mqtt = MqttSettings(host=broker.host, port=broker.port)
    publisher = MqttPublisher(mqtt, "site", "box", box.spool, delays_s=(0.05, 0.1))
    publisher.start()
    if not reachable:
        wait_until(lambda: "not running" in publisher.state.sentence)
        box.truth += 700.0
        publisher.wake()
        broker.start()
    wait_until(lambda: box.spool.depth == 0)
    assert len(listener.wait("calls", 150)) == 150
    assert box.spool.dropped == 0
    publisher.stop(1.0)
    listener.close()


def test_refused_for_a_month(box: Box, start_broker: Callable[..., Broker]) -> None:
    """What the broker has refused since more than the limit is given up, counted and said."""
    broker = start_broker(acl="topic write sered/site/box/status\n")
    mqtt = MqttSettings(host=broker.host, port=broker.port)
    publisher = MqttPublisher(mqtt, "site", "box", box.spool, delays_s=(0.05, 0.1))
    box.put("c")
    box.truth += 31 * DAY
    publisher.start()
    wait_until(lambda: publisher.state.refused)
    wait_until(lambda: box.spool.depth == 0)
    assert "spool_dropped" in dict(box.spool.state.faults)
    publisher.stop(1.0)
