"""What must not move a verdict, through the whole line with the real Vosk and network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.real_calls import judged, loud, variants
from sered.cli.demo import CALL

pytestmark = pytest.mark.slow


VARIANTS = variants(Path(CALL))


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    """The demo call as it is."""
    return report("as it is")[0]


def report(name: str) -> list[dict[str, Any]]:
    make, options = VARIANTS[name]
    return judged(make(), options)


def opinion(call: dict[str, Any]) -> dict[str, Any]:
    return {key: call[key] for key in ("sentiment", "acoustic", "trend", "talk")} | {
        "words": [(term["text"], term["share"]) for term in call["verbal"]["terms"]]
    }


@pytest.mark.parametrize(
    "name", ["softer, so that 20 dB more clips nothing", "20 dB louder than that"]
)
def test_twenty_decibels_move_no_verdict(plain: dict[str, Any], name: str) -> None:
    """Category, alarm and causes are those of the call as it is, figures to two hundredths."""
    (call,) = report(name)
    ours, theirs = call["sentiment"], plain["sentiment"]
    figures = ("score", "confidence", "p_negative")
    assert ours | dict.fromkeys(figures) == theirs | dict.fromkeys(figures)
    for figure in figures:
        assert ours[figure] == pytest.approx(theirs[figure], abs=0.02)


def test_swapped_channels_swap_exactly(plain: dict[str, Any]) -> None:
    """With channels and sides both swapped every figure is the same."""
    (call,) = report("channels swapped, sides swapped")
    assert opinion(call) == opinion(plain)


def test_a_repeated_call_is_judged_the_same(plain: dict[str, Any]) -> None:
    """The same call twice in one recording gives twice the same verdict.

    The second one's first utterance counts as a recorded voice until the rest of the conversation
    shows that all of it is played again: that much of the score it may cost.
    """
    first, second = report("twice in one recording")
    score = plain["sentiment"]["score"]
    for call, off in ((first, 0.02), (second, 0.05)):
        assert call["sentiment"]["category"] == "negative"
        assert call["sentiment"]["score"] == pytest.approx(score, abs=off)


def test_twice_the_length_by_silence_moves_nothing(plain: dict[str, Any]) -> None:
    """Silence between what people say leaves category and alarm as they are."""
    (call,) = report("twice as long by silence")
    assert call["duration_s"] == pytest.approx(2 * plain["duration_s"], rel=0.1)
    assert call["sentiment"]["category"] == plain["sentiment"]["category"]
    assert call["sentiment"]["escalate"] == plain["sentiment"]["escalate"]
    # the voice detector's blocks lie elsewhere, so an utterance may begin a fifth of a second later
    assert call["sentiment"]["score"] == pytest.approx(plain["sentiment"]["score"], abs=0.02)


def test_clipping_costs_certainty_not_the_verdict() -> None:
    """20 dB too loud, a tenth of the samples clipped: still negative, still called back."""
    sound, clipped = loud(Path(CALL))
    assert clipped > 0.05
    (call,) = judged(sound, [])
    assert call["sentiment"]["category"] == "negative"
    assert call["sentiment"]["escalate"]
