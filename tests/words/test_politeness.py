"""What callers say out of politeness is not taken for how they feel."""

from __future__ import annotations

import pytest

from bench.sentences import heard, label
from sered.records import Transcript
from sered.words.polarity import POLITE, CallPolarity
from utterance_makers import LEXICON, polarity


def score(text: str) -> float:
    return polarity().score(heard(text)).score


@pytest.mark.parametrize(
    "complaint",
    [
        "nobody called me back",
        "you sent the wrong one",
        "it still does not work",
        "i want my money back",
    ],
)
@pytest.mark.parametrize("politely", ["{} thank you", "{} thanks", "thank you but {}", "{} cheers"])
def test_thanks_soften_no_complaint(complaint: str, politely: str) -> None:
    """A complaint that is put politely is worth what it is worth without the thanks."""
    bluntly = politely.replace("thank you", "").replace("thanks", "").replace("cheers", "")
    assert label(score(complaint)) == "negative"
    assert score(politely.format(complaint)) == score(bluntly.format(complaint).strip())


@pytest.mark.parametrize(
    "text",
    [
        "thank you",
        "okay thanks",
        "my number is five five two thank you",
        "not at the moment thank you",
        "thanks i will wait",
    ],
)
def test_thanks_by_themselves_are_worth_little(text: str) -> None:
    """Thanks beside a plain statement never count as gladness, and are named as all there is."""
    found = polarity().score(heard(text))
    assert found.score <= POLITE
    assert {term.text for term in found.terms} <= {"thank you", "thanks"}
    assert sum(term.valence for term in found.terms) == pytest.approx(4 * found.score, abs=0.01)


@pytest.mark.parametrize(
    "text", ["thank you so much", "thank you for all your help", "that is great thank you"]
)
def test_gratitude_is_heard(text: str) -> None:
    """Who says more than thanks is glad as before."""
    assert score(text) > 2 * POLITE


def test_thanks_without_a_network_are_as_small() -> None:
    """By the lexicon alone thanks soften no complaint either."""
    alone = CallPolarity(LEXICON, network="none")
    assert alone.score(heard("i am very disappointed thank you")).score == pytest.approx(
        alone.score(heard("i am very disappointed")).score
    )
    assert alone.score(Transcript(())).score == 0.0
