"""What callers say out of politeness is not taken for how they feel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.sentences import heard, label
from sered.records import Transcript
from sered.words.courtesy import NOD, THANKS
from sered.words.polarity import CallPolarity
from utterance_makers import LEXICON, network, polarity

if TYPE_CHECKING:
    from pathlib import Path


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
    assert found.score <= THANKS
    assert {term.text for term in found.terms} <= {"thank you", "thanks"}
    told = 0.0 if label(found.score) == "neutral" else 4 * found.score
    assert sum(term.valence for term in found.terms) == pytest.approx(told, abs=0.01)


@pytest.mark.parametrize(
    "text", ["thank you so much", "thanks to you we can go on holiday", "great service thank you"]
)
def test_gratitude_is_heard(text: str) -> None:
    """Who says more than thanks is glad as before."""
    assert score(text) > 2 * THANKS


def test_a_site_may_weigh_thanks_itself(tmp_path: Path) -> None:
    """A site's own valence of a thanks or a nod is not cut."""
    own = tmp_path / "own.tsv"
    own.write_text("thank you\t3\tours\nlovely\t3\tours\n")
    theirs = CallPolarity(LEXICON, own, network=network())
    for text in ("okay thank you", "lovely"):
        assert theirs.score(heard(text)).score > 0.5


def test_thanks_without_a_network_are_as_small() -> None:
    """By the lexicon alone thanks soften no complaint either."""
    alone = CallPolarity(LEXICON, network="none")
    assert alone.score(heard("i am very disappointed thank you")).score == pytest.approx(
        alone.score(heard("i am very disappointed")).score
    )
    assert alone.score(Transcript(())).score == 0.0


@pytest.mark.parametrize("text", ["lovely", "okay perfect", "that is great thank you", "wonderful"])
def test_a_nod_is_worth_little(text: str) -> None:
    """One word of praise that is all somebody says is positive, and no more than a nod."""
    found = polarity().score(heard(text))
    assert label(found.score) == "positive"
    assert found.score <= NOD
    assert sum(term.valence for term in found.terms) == pytest.approx(4 * found.score, abs=0.01)


@pytest.mark.parametrize("text", ["lovely service", "it works brilliant", "perfect you are a star"])
def test_praise_of_something_is_heard(text: str) -> None:
    """Praise that says of what is worth what it was."""
    assert score(text) > 2 * NOD
