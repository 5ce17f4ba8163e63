"""Cards that come late, go, change place or lack a channel: the tap says so and comes back."""

from __future__ import annotations

import time
from typing import Any

import pytest

from broker import wait_until
from ears import captures
from sered.records import RATE_HZ, Side
from sered.tap.cards import Card
from sered.tap.waits import Waits

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clock")]


def test_a_missing_channel_is_said_and_tried_again(listen: Any) -> None:
    """A mono card cannot give two sides; the sentence says what to configure."""
    ear = listen("opened(channels=1); sound(1.0, bytes=2); time.sleep(60)")
    ear.wait_reason("failed")
    assert "wanted the customer on channel 2, found 1 channel" in ear.tap.state.sentence
    assert ear.tap.state.settled
    wait_until(lambda: ear.tap.state.attempts >= 2, what="another attempt")


def card(number: int = 1, serial: str = "A") -> Card:
    return Card(number, "Device", "USB Audio Device", "1-1.3", (0,), "0d8c:0014", serial)


def test_a_card_that_comes_late_is_opened_at_once(listen: Any) -> None:
    """The kernel's list is watched while waiting, so that a long back-off delays nothing."""
    there: list[Card] = []
    ear = listen(
        "opened()\nwhile True: time.sleep(0.1); sound(0.1)",
        card="usb:0d8c:0014:A",
        read_cards=lambda: list(there),
    )
    ear.wait_reason("no_device")
    assert "No card usb:0d8c:0014:A" in ear.tap.state.sentence
    wait_until(lambda: ear.tap.state.attempts >= 2, what="the second attempt")
    there.append(card())
    began = time.monotonic()
    ear.wait_for(1)
    assert time.monotonic() - began < 5.0, "a back-off would end much later"
    assert ear.tap.state.reasons == ()
    # what passed before the card came is lost sound of this line
    assert ear.frames[0].lost / RATE_HZ > 0.07
    there.clear()
    captures()[0].kill()
    ear.wait_reason("unplugged")


def test_a_card_that_is_not_ready_when_it_comes_is_tried_again_soon(listen: Any) -> None:
    """However long it was away: udev may hand it over a moment after the kernel lists it."""
    lists: list[Card] = []
    ear = listen("sys.exit(1)", card="card:Device", read_cards=lambda: list(lists))
    wait_until(lambda: ear.tap.state.attempts >= 4, what="a back-off of seconds")
    lists.append(card())
    wait_until(lambda: ear.tap.state.reasons == ("not_ready",), what="not ready")
    before, began = ear.tap.state.attempts, time.monotonic()
    wait_until(lambda: ear.tap.state.attempts > before + 1, what="two more attempts")
    assert time.monotonic() - began < 5.0, "a long back-off would go on for half a minute"


def test_of_two_cards_named_by_port_the_missing_one_is_unplugged(listen: Any) -> None:
    """The other line's card is no sign that this one sits in a wrong port; no level is claimed."""
    twin = Card(2, "Device_1", "USB Audio Device", "1-1.4", (0,), "0d8c:0014")
    there = [card(), twin]
    ear = listen(
        "opened()\nfor n in range(8): time.sleep(0.1); sound(0.1)",
        card="path:1-1.3",
        others=["path:1-1.4"],
        read_cards=lambda: list(there),
    )
    ear.wait_for(2)
    there.remove(card())
    assert set(ear.tap.state.levels_db) == {Side.CUSTOMER, Side.AGENT}
    ear.wait_reason("unplugged")
    assert ear.tap.state.level_db is None
    assert "1-1.4" not in ear.tap.state.sentence


def test_an_absent_card_is_progress_and_a_stuck_analysis_is_none(listen: Any) -> None:
    """`steps` moves with every look for the card, far into the longest back-off; not while sound
    waits that nobody analyses."""
    there: list[Card] = []
    ear = listen(
        "opened(); sound(1.0); sys.exit()",
        card="card:Device",
        read_cards=lambda: list(there),
        waits=Waits(first_s=60.0, look_s=0.05),
    )
    wait_until(lambda: ear.tap.state.steps >= 5, what="five looks")
    assert ear.tap.state.attempts == 1
    ear.may_go_on.clear()
    there.append(card())
    ear.wait_for(1)
    ear.wait_reason("failed")
    stuck = ear.tap.state.steps
    time.sleep(0.3)
    assert ear.tap.state.steps == stuck
    ear.may_go_on.set()
    wait_until(lambda: ear.tap.state.steps > stuck, what="the analysis to go on")


def test_a_card_that_changes_place_while_it_is_opened_is_not_heard(listen: Any) -> None:
    """Between lookup and opening the number may become another card's: that one is not used."""
    lists = iter([[card(1)], [card(2)]])
    now: list[Card] = [card(2)]
    ear = listen(
        "opened()\nwhile True: time.sleep(0.1); sound(0.1)",
        card="card:Device",
        read_cards=lambda: next(lists, now),
    )
    ear.wait_reason("failed")
    assert "moved while it was being opened" in ear.tap.state.sentence
    assert not ear.frames
    ear.wait_for(1)
