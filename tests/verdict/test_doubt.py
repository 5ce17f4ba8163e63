"""A word that was hardly heard turns no verdict on its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sered.settings import VerdictSettings
from sered.verdict.decision import judge
from sered.verdict.doubt import HARDLY, steady
from utterance_makers import ANGRY, CALM, PLAIN, THANKS, ended, in_turn, polarity, said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sered.records import Transcript, UtteranceResult


def hardly(text: str, word: str, confidence: float, voice: tuple[float, ...]) -> UtteranceResult:
    """An utterance in which one word was heard with this confidence, the others for sure."""
    clear = said(text, voice)
    assert clear.transcript is not None
    words = tuple(
        replace(w, confidence=confidence) if w.text == word else w for w in clear.transcript.words
    )
    transcript = replace(clear.transcript, words=words)
    return replace(clear, transcript=transcript, polarity=polarity().score(transcript))


STREET = "i live in fuck street number twelve"
"""What a recogniser may hear of a street's name."""


@pytest.mark.parametrize("voice", [CALM, ANGRY])
@pytest.mark.parametrize("others", [PLAIN, THANKS])
def test_one_curse_hardly_heard_turns_no_verdict(
    voice: tuple[float, ...], others: tuple[str, ...]
) -> None:
    """Category, reason and escalation are those of the same call without the word."""
    around = [said(text, CALM) for text in others]
    curse = hardly(STREET, "fuck", HARDLY - 0.01, voice)
    plain = replace(curse, polarity=polarity().score(heard_without(curse)))
    verdicts = [
        judge(in_turn(*around, last), ended(), "both", VerdictSettings(), mixed=False).sentiment
        for last in (curse, plain)
    ]
    first, second = verdicts
    assert (first.category, first.undetermined, first.escalate) == (
        second.category,
        second.undetermined,
        second.escalate,
    )


def heard_without(result: UtteranceResult) -> Transcript:
    assert result.transcript is not None
    return replace(
        result.transcript, words=tuple(w for w in result.transcript.words if w.text != "fuck")
    )


def lowest(results: Sequence[UtteranceResult]) -> float:
    return min(r.polarity.score for r in results if r.polarity)


@pytest.mark.parametrize(("confidence", "kept"), [(HARDLY - 0.01, False), (HARDLY + 0.01, True)])
def test_only_what_was_hardly_heard_is_doubted(confidence: float, kept: bool) -> None:
    """Where all hangs on one word it goes if it was hardly heard, and stays if it was not."""
    results = [said(PLAIN[0], CALM), hardly("well fuck", "fuck", confidence, CALM)]
    found = steady(results, lambda part: lowest(part) <= -0.05)
    assert (lowest(found) <= -0.05) == kept


def test_where_nothing_hangs_on_it_the_word_stays() -> None:
    """The shares are then those of everything that was heard."""
    results = [said(PLAIN[0], CALM), hardly(STREET, "fuck", HARDLY - 0.01, CALM)]
    assert steady(results, lambda _: "the same") is results


def test_two_doubtful_words_bear_each_other_out() -> None:
    """A caller who curses twice is not doubted twice."""
    results = [
        hardly(STREET, "fuck", HARDLY - 0.01, CALM),
        hardly(STREET, "fuck", HARDLY - 0.01, CALM),
    ]
    assert steady(results, lowest) is results
