"""Promises of the benchmarks that a change is judged by."""

from dataclasses import replace

from bench.bench_calls import FIRST_PLANS, NEXT_PLAN, plan_of, seeds_of
from bench.bench_quick import worse
from sered.hearing.tones import PLANS
from sered.testing.score import Score

WELL = Score(true_calls=40, matched=40, customer_s=300.0, found_s=290.0, utterance_s=310.0)


def test_a_call_that_is_cut_in_two_is_worse() -> None:
    """One call fewer that matches, one that is found twice: the bench ends with a sentence."""
    assert worse(WELL, replace(WELL)) == []
    cut = replace(WELL, matched=39, false_calls=1)
    assert worse(WELL, cut) == [
        "1 calls fewer are found as they were",
        "1 more calls are found where none is",
    ]
    assert worse(cut, WELL) == []


def test_speech_that_is_missed_or_foreign_is_worse() -> None:
    """A hundredth less of the customers' speech counts, and so does somebody else's in it."""
    assert worse(WELL, replace(WELL, found_s=286.0))
    assert worse(WELL, replace(WELL, foreign_s=2.0))
    assert worse(WELL, replace(WELL, machine_utterances=1))
    assert worse(WELL, replace(WELL, found_s=289.0, foreign_s=1.0)) == []


def test_one_more_tone_plan_deals_no_line_anew() -> None:
    """The first five plans keep their seeds whatever is added; a later plan has its own."""
    assert set(FIRST_PLANS) <= set(PLANS)
    assert [plan_of(seed) for seed in range(7)] == [*FIRST_PLANS, *FIRST_PLANS[:2]]
    assert seeds_of(3, 10)[:10] == list(range(3, 13))
    later = [seed for seed in seeds_of(0, 10) if seed >= NEXT_PLAN]
    assert {plan_of(seed) for seed in later} == set(PLANS) - set(FIRST_PLANS)
