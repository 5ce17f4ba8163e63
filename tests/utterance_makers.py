"""Customer utterances and calls for tests of the verdict, written in one line each."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bench.sentences import heard
from sered.records import (
    CallEnded,
    Emotion,
    EndReason,
    Side,
    Talk,
    Utterance,
    UtteranceResult,
)
from sered.words.networks import load_network
from sered.words.polarity import CallPolarity

if TYPE_CHECKING:
    from sered.words.network import SentenceNetwork

LEXICON = Path(__file__).parent.parent / "models" / "call-lexicon.tsv"

ANGRY = (0.7, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05)
CALM = (0.05, 0.03, 0.05, 0.05, 0.7, 0.05, 0.07)
HAPPY = (0.04, 0.02, 0.04, 0.7, 0.1, 0.07, 0.03)
"""Probabilities of a network that is fairly sure."""

COMPLAINTS = (
    "i have been waiting for three weeks and nobody called me back",
    "that is not good enough i want to speak to your manager",
    "i am going to cancel my contract and i want my money back",
)
THANKS = (
    "oh wonderful it works now",
    "thank you so much you have been very helpful",
    "that is great i am really happy with the service",
)
PLAIN = ("hello my name is john smith", "my account number is five one two", "yes that is correct")
"""What customers say who are unhappy, glad, or just calling."""
SALAD = (
    "happy oh wonderful account works thank great is helpful five great a lovely",
    "much perfect service thank it lovely number great wonderful my with order oh",
    "great been card lovely have works thank helpful that perfect two brilliant month",
)
"""What a recogniser makes of a voice that it did not understand: glad words in no order."""


@cache
def network() -> SentenceNetwork:
    """The shipped network of sentences, loaded once."""
    return load_network(LEXICON.with_name("context.tflite"))


@cache
def polarity() -> CallPolarity:
    """The real thing, loaded once: VADER, the call lexicon and the network of sentences."""
    return CallPolarity(LEXICON, network=network())


def said(
    text: str | None,
    voice: tuple[float, ...] | None = CALM,
    *,
    at: float = 0.0,
    seconds: float | None = None,
    sure: float = 1.0,
    snr_db: float | None = 25.0,
    side: Side = Side.CUSTOMER,
) -> UtteranceResult:
    """One utterance; without text it had no words, without voice the network could not judge."""
    words = None if text is None else heard(text, sure)
    length = seconds if seconds is not None else max(0.6, len(words.words) / 3 if words else 2.0)
    return UtteranceResult(
        Utterance(side, at, at + length, length),
        emotion=Emotion(voice) if voice else None,
        transcript=words,
        polarity=polarity().score(words) if words else None,
        snr_db=snr_db,
    )


def in_turn(*utterances: UtteranceResult, pause_s: float = 3.0) -> list[UtteranceResult]:
    """The same utterances one after the other, with pauses between."""
    clock, out = 2.0, []
    for result in utterances:
        old = result.utterance
        length = old.end_s - old.start_s
        moved = Utterance(old.side, clock, clock + length, old.voiced_s)
        out.append(
            UtteranceResult(
                moved, result.emotion, result.transcript, result.polarity, result.snr_db
            )
        )
        clock += length + pause_s
    return out


def ended(start_s: float = 0.0, end_s: float = 300.0) -> CallEnded:
    """The end of a call of five minutes."""
    return CallEnded(start_s, end_s, EndReason.HANG_UP_TONE, Talk())


def unhappy(voice: tuple[float, ...] | None = ANGRY) -> list[UtteranceResult]:
    return [said(PLAIN[0]), *(said(text, voice) for text in COMPLAINTS)]


def happy(voice: tuple[float, ...] | None = HAPPY) -> list[UtteranceResult]:
    return [said(PLAIN[0]), *(said(text, voice) for text in THANKS)]
