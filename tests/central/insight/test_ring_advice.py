"""What central advises on a ring: figures of known answer in, a word and its reasons out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sered.central.insight.figures import difference, share
from sered.central.insight.ring_advice import Fleet, RingFigures, Span, advise, moved


def span(
    calls: int, alerts: int, undetermined: int | None = None, lost_s: float = 0.0, boxes: int = 10
) -> Span:
    """Calls of three minutes each; without a verdict is a fifth of them unless said."""
    without = calls // 5 if undetermined is None else undetermined
    return Span(boxes, calls, alerts, without, lost_s, 180.0 * calls)


WELL = RingFigures(
    "ring-2", 12, "1.4.0", 0, Fleet(12, 0), Fleet(100, 3),
    span(4000, 240), span(4000, 244), span(40_000, 2400), span(40_000, 2360),
)  # fmt: skip


def test_a_ring_that_changed_nothing_may_go_on() -> None:
    """Boxes well, nothing lost, both shares as they were within what matters: go, and why."""
    found = advise(WELL)
    assert found.word == "go"
    assert str(found) == (
        "go: 0 of 12 boxes with 1.4.0 are degraded or away, 3 of 100 of the others; 0.0 s of sound "
        "an hour were lost, 0.0 s before and 0.0 s by the others; the share of alerts moved by "
        "+0.2 percentage points against the others (95 %: -0.9 to +1.3); the share of calls "
        "without a verdict moved by +0.0 percentage points against the others (95 %: -1.8 to +1.8)."
    )


@pytest.mark.parametrize("alerts", [80, 440])
def test_alerts_that_move_either_way_stop_a_ring(alerts: int) -> None:
    """Four to five points more alerts are a fault, and so are as many fewer: the box is deaf."""
    found = advise(replace(WELL, after=span(4000, alerts)))
    assert found.word == "stop"
    assert found.reasons[0].startswith("the share of alerts moved by ")


def test_what_moved_everywhere_is_not_the_upgrade() -> None:
    """A bad week doubles alerts in the ring and outside alike: go."""
    found = advise(replace(WELL, after=span(4000, 480), others_after=span(40_000, 4800)))
    assert found.word == "go"


def test_verdicts_that_are_missing_stop_a_ring() -> None:
    """A network that says nothing any more shows in the calls without a verdict."""
    found = advise(replace(WELL, after=span(4000, 240, undetermined=1600)))
    assert found.word == "stop"
    assert "without a verdict moved by +20.0 percentage points" in found.reasons[0]


def test_wide_intervals_wait() -> None:
    """Two hundred calls that look alike may hide a move that matters: wait for more."""
    found = advise(replace(WELL, before=span(200, 12), after=span(200, 12)))
    assert found.word == "wait"
    assert "(95 %: -4.8 to +5.0), and up to 3 would do no harm" in found.reasons[0]


def instead(few: Span) -> list[RingFigures]:
    """The ring that is well with this in place of each of its four spans."""
    return [
        replace(WELL, before=few), replace(WELL, after=few),
        replace(WELL, others_before=few), replace(WELL, others_after=few),
    ]  # fmt: skip


@pytest.mark.parametrize("ring", instead(span(99, 50)))
def test_too_few_calls_are_not_compared(ring: RingFigures) -> None:
    """Under a hundred calls in any of the four no share is said, only how many there are."""
    found = advise(ring)
    assert found.word == "wait"
    assert found.reasons[0].endswith("wanted 100 of each")
    assert "share" not in str(found)


@pytest.mark.parametrize("ring", instead(span(4000, 2000, boxes=4)))
def test_nothing_is_said_of_the_calls_of_few_desks(ring: RingFigures) -> None:
    """Calls of four boxes are those of four people, however many there are."""
    found = advise(ring)
    assert found.word == "wait"
    assert found.reasons == ("nothing is said of the calls of fewer than five desks",)


def test_a_ring_of_few_boxes_is_never_let_go_on() -> None:
    """Four boxes that are well are too few, and central says how many it wants."""
    found = advise(replace(WELL, mine=Fleet(4, 0)))
    assert found.word == "wait"
    assert found.reasons[0].startswith("4 of 12 boxes run 1.4.0, wanted at least 5")


@pytest.mark.parametrize(
    ("mine", "word"),
    [(Fleet(12, 0), "go"), (Fleet(12, 1), "go"), (Fleet(12, 2), "stop"), (Fleet(2, 2), "stop"),
     (Fleet(1, 1), "stop")],
)  # fmt: skip
def test_boxes_in_trouble_stop_a_ring_beyond_chance(mine: Fleet, word: str) -> None:
    """Against 3 of 100 elsewhere one of twelve may be chance, two are not, nor are all of few."""
    assert advise(replace(WELL, mine=mine)).word == word


def test_a_box_that_went_back_stops_a_ring() -> None:
    """One that runs the older version again is enough, whatever the figures are."""
    found = advise(replace(WELL, went_back=1))
    assert str(found) == "stop: 1 of 12 boxes went back from 1.4.0."


def test_lost_sound_stops_a_ring() -> None:
    """A minute an hour where nothing was lost before and elsewhere; not where all lose as much."""
    bad = span(4000, 240, lost_s=12_000.0)
    found = advise(replace(WELL, after=bad))
    assert found.word == "stop"
    assert found.reasons[0].startswith("60.0 s of sound an hour were lost, 0.0 s before")
    assert advise(replace(WELL, after=bad, before=bad)).word == "go"


def test_without_an_upgrade_there_is_nothing_to_say() -> None:
    """A ring whose boxes run what they ran is told so."""
    found = advise(replace(WELL, version=None))
    assert str(found) == "wait: no version came into the ring of 12 boxes lately."


def test_the_difference_of_rises_is_exact() -> None:
    """Where the others stand still without error it is the ring's own rise with its interval."""
    value, low, high = moved([(60, 1000), (90, 1000), (10**8, 10**9), (10**8, 10**9)])
    alone = difference(share(90, 1000), share(60, 1000))
    assert alone is not None
    assert (value, low, high) == pytest.approx(alone, abs=1e-5)
    assert (value, low, high) == pytest.approx((0.03, 0.0069, 0.0532), abs=2e-4)
