"""Rings in the store: whose calls count, since when, and what page and command say of them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert

from insight_stage import Calls
from sered.central.errors import InputError
from sered.central.insight import keeping
from sered.central.insight.boxes import boxes
from sered.central.insight.ring_advice import Fleet
from sered.central.insight.rings import members, ring
from sered.central.settings import CentralSettings
from sered.central.store.tables import device

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from central_stage import Clock
    from project import Ended
    from sered.central.context import Central

OLD, NEW = "1.3.0 ab vosk cd", "1.4.0 ab vosk cd"
RING = [{"name": "first", "boxes": ["berlin/*"]}]


def heard(central: Central, site: str, count: int, version: str, **over: Any) -> None:
    """So many boxes of a site, online a minute ago."""
    now = central.now()
    rows = [
        {
            "site": site, "device": f"desk{number}", "first_seen": now - timedelta(days=90),
            "last_seen": now - timedelta(minutes=1), "state": "online", "reasons": [],
            "versions": {"sered": version},
        } | over
        for number in range(count)
    ]  # fmt: skip
    with central.store.writing() as connection:
        connection.execute(insert(device), rows)


def fill(central: Central, alerts: int) -> None:
    """Two days on 1.3.0, one with berlin on 1.4.0: 240 calls a day and site, 24 alerts before."""
    calls = Calls(central)
    for days, site, version, bad in (
        (3, "berlin", OLD, 24), (2, "berlin", OLD, 24), (1, "berlin", NEW, alerts),
        (3, "hamburg", OLD, 24), (2, "hamburg", OLD, 24), (1, "hamburg", OLD, 24),
    ):  # fmt: skip
        at = central.now() - timedelta(days=days)
        calls.unhappy(at, bad, site=site, versions=version, escalate=True)
        calls.add(at, 240 - bad, site=site, versions=version)
    keeping.count(central)


def test_a_ring_is_counted_before_and_after(
    make_central: Callable[..., Central], clock: Clock
) -> None:
    """The upgrade is found by what calls say; berlin's and hamburg's calls stand apart, whole."""
    central = make_central(ring=RING)
    heard(central, "berlin", 6, "1.4.0")
    heard(central, "hamburg", 6, "1.3.0")
    fill(central, alerts=96)
    found, said = ring(central, "first")
    assert (found.version, found.boxes, found.went_back) == ("1.4.0", 6, 0)
    assert (found.mine, found.others) == (Fleet(6, 0), Fleet(6, 0))
    spans = (found.before, found.after, found.others_before, found.others_after)
    assert [(each.calls, each.alerts) for each in spans] == [
        (480, 48), (240, 96), (480, 48), (240, 24),
    ]  # fmt: skip
    assert [each.boxes for each in spans] == [6, 6, 6, 6]
    assert said.word == "stop"
    assert "the share of alerts moved by +30.0 percentage points" in str(said)
    assert clock()


def test_boxes_that_went_back_and_that_are_silent_are_seen(
    make_central: Callable[..., Central], clock: Clock
) -> None:
    """A box whose calls are of the old version again went back; a silent one is in trouble."""
    central = make_central(ring=RING)
    heard(central, "berlin", 6, "1.4.0", last_seen=central.now() - timedelta(hours=2))
    fill(central, alerts=24)
    later = clock() - timedelta(hours=3)
    Calls(central).add(later, 1, call_id="again", device="desk5", versions=OLD)
    found, said = ring(central, "first")
    assert (found.went_back, found.mine) == (1, Fleet(6, 6))
    assert said.word == "stop"


def test_a_version_without_calls_is_seen_all_the_same(
    make_central: Callable[..., Central],
) -> None:
    """Boxes that state the new version and have heard no call yet: wait, none since then."""
    central = make_central(ring=RING)
    heard(central, "berlin", 6, "1.4.0")
    heard(central, "hamburg", 6, "1.3.0")
    calls = Calls(central)
    for site in ("berlin", "hamburg"):
        calls.add(central.now() - timedelta(days=1), 200, site=site, versions=OLD)
    keeping.count(central)
    found, said = ring(central, "first")
    assert (found.version, found.after.calls, found.before.calls) == ("1.4.0", 0, 200)
    assert said.word == "wait"


def test_the_page_says_what_is_advised(make_central: Callable[..., Central]) -> None:
    """A row a reason under Boxes, none without rings; nothing there names a box's calls."""
    assert "Rings" not in boxes(make_central()).as_csv()
    central = make_central(ring=RING)
    heard(central, "berlin", 6, "1.4.0")
    heard(central, "hamburg", 6, "1.3.0")
    fill(central, alerts=96)
    (table,) = (one for one in boxes(central).tables if one.caption == "Rings")
    assert {row[:3] for row in table.rows} == {("first", "1.4.0", "stop")}
    assert all(len(str(row[3])) <= 160 for row in table.rows)
    assert "desk" not in str(table.rows)


def test_a_box_is_in_one_ring() -> None:
    """The first that names it, by pattern; a box that none names is in none."""
    patterns = [("one", ["berlin/desk1"]), ("two", ["berlin/*", "koeln/desk?"])]
    found = members(patterns, [("berlin", "desk1"), ("berlin", "desk2"), ("koeln", "desk10")])
    assert found == {("berlin", "desk1"): "one", ("berlin", "desk2"): "two"}


def test_a_ring_that_there_is_not_is_named(make_central: Callable[..., Central]) -> None:
    """Which are known is said, and how one is named where there is none."""
    with pytest.raises(InputError, match=r"no \[\[ring\]\] second in central.toml; known: first"):
        ring(make_central(ring=RING), "second")


@pytest.mark.parametrize("box", ["desk-12", "berlin/", "/desk", "a/b/c"])
def test_a_box_is_named_by_site_and_device(box: str) -> None:
    """Anything but SITE/DEVICE is refused with an example."""
    with pytest.raises(ValueError, match="must be SITE/DEVICE such as berlin-3/desk-12"):
        CentralSettings.model_validate({"ring": [{"name": "first", "boxes": [box]}]})


def test_the_command_ends_with_its_word(sered: Callable[..., Ended], tmp_path: Path) -> None:
    """`central ring` prints one sentence and ends with 1 where nobody should go on."""
    path = tmp_path / "central.toml"
    path.write_text(
        f'[store]\nurl = "sqlite:///{tmp_path}/central.db"\n'
        '[[ring]]\nname = "first"\nboxes = ["berlin/*"]\n'
    )
    assert sered("central", "init", "--config", path).status == 0
    done = sered("central", "ring", "first", "--config", path)
    assert (done.status, done.out) == (
        1, "wait: no version came into the ring of 0 boxes lately.\n",
    )  # fmt: skip
    told = json.loads(sered("central", "ring", "first", "--json", "--config", path).out)
    assert (told["word"], told["version"]) == ("wait", None)
    assert sered("central", "ring", "none", "--config", path).err.count("\n") == 1
