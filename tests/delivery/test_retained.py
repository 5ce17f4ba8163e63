"""Two threads share what a broker is to keep: one changes it while the other tells it."""

import threading

from sered.delivery.retained import Retained


def test_only_news_is_told() -> None:
    """A body that was told is not told again until it changes or a new connection asks for all."""
    kept = Retained()
    assert kept.set("status", b"a")
    assert not kept.set("status", b"a")
    assert kept.untold() == ["status"]
    assert kept.take("status") == b"a"
    assert kept.untold() == []
    assert kept.set("health", b"h")
    kept.tell_again()
    assert kept.untold() == ["status", "health"]


def test_a_leaf_that_was_never_set_is_not_told_again() -> None:
    """Repeating `status` before there is one tells nothing."""
    kept = Retained()
    kept.tell_again("status")
    assert kept.untold() == []


def test_leaves_may_come_while_others_are_told() -> None:
    """The publisher's walk through the leaves survives the service that adds to them."""
    kept = Retained()
    told: set[str] = set()
    over = threading.Event()

    def tell() -> None:
        while not over.is_set() or kept.untold():
            told.update(leaf for leaf in kept.untold() if kept.take(leaf))

    teller = threading.Thread(target=tell)
    teller.start()
    for number in range(5_000):
        kept.set(f"leaf{number}", b"x")
    over.set()
    teller.join(30)
    assert not teller.is_alive()
    assert len(told) == 5_000
