"""Alerts while a call runs: rarer and later than final ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sered.settings import VerdictSettings
from sered.verdict.decision import judge, running
from utterance_makers import (
    ANGRY,
    CALM,
    COMPLAINTS,
    HAPPY,
    PLAIN,
    THANKS,
    ended,
    in_turn,
    said,
    unhappy,
)

if TYPE_CHECKING:
    from sered.records import UtteranceResult

SETTINGS = VerdictSettings()


def test_a_running_call_alarms_later_than_a_finished_one() -> None:
    """An alert while the call runs wants more speech and a lower score than the final verdict."""
    results = in_turn(*unhappy(), *unhappy(), *unhappy(), *unhappy())
    first = next(n for n in range(len(results) + 1) if running(results[:n], "both", SETTINGS).alert)
    spoken = sum(result.utterance.voiced_s for result in results[:first])
    before = spoken - results[first - 1].utterance.voiced_s
    assert before < SETTINGS.provisional_speech_s <= spoken
    sooner = judge(results[: first - 1], ended(), "both", SETTINGS, mixed=False).sentiment
    assert sooner.escalate
    assert sooner.score <= SETTINGS.provisional_below
    assert SETTINGS.provisional_below < SETTINGS.escalate_below


def test_a_running_call_stands_where_it_would_end() -> None:
    """The running score of a whole call is the final one, and an alert names causes."""
    results = in_turn(*unhappy(), *unhappy(), *unhappy(), *unhappy())
    last = running(results, "both", SETTINGS)
    assert last.alert
    assert last.causes
    assert last.score == judge(results, ended(), "both", SETTINGS, mixed=False).sentiment.score


@pytest.mark.parametrize(
    "results",
    [
        [said("this is a complete disgrace and i hate it", ANGRY, seconds=30.0)],
        [said(PLAIN[1], CALM, seconds=9.0) for _ in range(4)],
        [said(COMPLAINTS[1], CALM, seconds=6.0), *(said(t, HAPPY, seconds=6.0) for t in THANKS)],
    ],
)
def test_one_outburst_a_calm_call_or_a_soothed_one_alarms_nobody_early(
    results: list[UtteranceResult],
) -> None:
    """Neither a single utterance nor much neutral or friendly speech is a reason to interrupt."""
    assert not running(in_turn(*results), "both", SETTINGS).alert


def test_nothing_said_yet_is_no_alarm() -> None:
    """A call in which nobody spoke yet has a score of 0."""
    found = running([], "both", SETTINGS)
    assert (found.score, found.alert) == (0.0, False)
