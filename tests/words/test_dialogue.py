"""What only the course of a call tells is a term like others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sered.words.dialogue import NAMES, heed
from utterance_makers import said

if TYPE_CHECKING:
    from sered.records import UtteranceResult


def course(*texts: str, gap_s: float = 3.0) -> list[UtteranceResult]:
    results = []
    clock = 0.0
    for text in texts:
        one = said(text, at=clock)
        results.append(one)
        clock = one.utterance.end_s + gap_s
    return heed(results)


def marks(result: UtteranceResult) -> set[str]:
    assert result.polarity is not None
    return {term.text for term in result.polarity.terms} & set(NAMES.values())


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("corrected", "no i said tuesday", "as i said it is for tuesday"),
        ("asked", "are you sure about that", "what do you mean"),
        ("refused", "no i do not want that one", "none of those please"),
        (
            "said",
            "the heating engineer never came on friday",
            "friday the heating engineer never came",
        ),
    ],
)
def test_the_second_time_counts(name: str, first: str, second: str) -> None:
    """A correction, a question, a refusal or a complaint counts when it comes again, not before."""
    one, two = course(first, second)
    assert marks(one) == set()
    assert NAMES[name] in marks(two)
    alone = said(second)
    assert two.polarity is not None
    assert alone.polarity is not None
    assert two.polarity.score < alone.polarity.score


def test_calling_out_after_a_silence_counts() -> None:
    """`are you still there` after a long pause is a customer kept waiting; a greeting is none."""
    _, waited = course("i need a copy of my bill", "hello are you there", gap_s=30.0)
    assert marks(waited) == {NAMES["waited"]}
    _, prompt = course("i need a copy of my bill", "hello are you there", gap_s=2.0)
    assert marks(prompt) == set()


def test_praise_that_is_repeated_is_no_complaint() -> None:
    """Thanks said twice are thanks."""
    for result in course("thank you that was very helpful", "very helpful thank you"):
        assert marks(result) == set()


def test_words_heard_unsurely_mark_nothing() -> None:
    """What was hardly understood was hardly said again."""
    first, second = (said("no i said tuesday", at=at, sure=0.4) for at in (0.0, 5.0))
    assert heed([first, second]) == [first, second]


def test_utterances_without_words_pass_untouched() -> None:
    """A half that is missing stays missing."""
    dumb = said(None)
    assert heed([dumb, replace(dumb)]) == [dumb, dumb]


def test_marks_name_no_word_of_the_customer() -> None:
    """Terms of the dialogue are in brackets, and are ours."""
    assert all(name.startswith("(") and name.endswith(")") for name in NAMES.values())
