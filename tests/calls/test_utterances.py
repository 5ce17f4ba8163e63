"""Utterances on strings: where they begin, end, and are cut."""

from __future__ import annotations

import pytest

from segmenting import (
    carets,
    feed,
    heard,
    listen,
    one,
    stretch_of,
)
from sered.calls.segmenter import Segmenter
from sered.records import BLOCK_S, Heard, Side, State, Utterance
from sered.settings import CallSettings


@pytest.mark.parametrize(
    ("heard", "found"),
    [
        (
            "......vvvvvvvv........",
            "    ^^^^^^^^^^^^",
        ),
        (
            "......vvvv..vvvv........",
            "    ^^^^^^^^^^^^^^",
        ),
        (
            "......vvvv........vvvv.......",
            "    ^^^^^^^^    ^^^^^^^^",
        ),
        (
            "vvvv........",
            "^^^^^^",
        ),
        (
            "......vvvvmmmmmmmm....",
            "    ^^^^^^",
        ),
        (
            ".....tvvvvt...........",
            "      ^^^^",
        ),
    ],
    ids=["pads", "short pause", "two", "first sample", "music", "keys"],
)
def test_an_utterance_is_speech_with_a_fifth_of_a_second_around_it(heard: str, found: str) -> None:
    """Pads are kept before and after, short pauses inside, tones and music outside."""
    assert carets(listen(heard), Side.CUSTOMER) == found


def test_a_word_too_short_to_judge_is_no_utterance() -> None:
    """Less than a sixth of a second of voice is a click or a breath."""
    assert listen("=v=====") == []


@pytest.mark.parametrize(
    ("heard", "found"),
    [
        ("=VV......nnnnnnvvnnnnnnnnnnmmmmmmmm==", 1),
        ("=VV.........nnnvvnnnnnnnnnnnn==", 2),
        ("=VV......nnnnnnvvnn..........==", 2),
        ("=VV......nnnnnnvvvvnnnnnnnnnn==", 2),
    ],
    ids=["in the midst", "at the beginning", "at the end", "a word"],
)
def test_a_mere_syllable_in_the_midst_of_noise_is_the_noises(heard: str, found: int) -> None:
    """Music sounds like a voice for a moment before it is known to be music."""
    assert len([event for event in listen(heard) if isinstance(event, Utterance)]) == found


def test_long_speech_is_cut_at_its_best_pause() -> None:
    """No utterance is longer than 15 s, and no word is lost between two."""
    events = listen("=VVVVVVVVV..VVV.VVVVVVV=====")
    found = [e for e in events if isinstance(e, Utterance)]
    assert all(e.end_s - e.start_s <= 15.0 for e in found)
    assert len(found) == 2
    assert found[0].end_s == pytest.approx(10.1, abs=0.1)
    assert sum(e.voiced_s for e in found) == pytest.approx(19.0, abs=0.1)


def test_speech_without_any_pause_is_cut_at_fifteen_seconds() -> None:
    """A shouter who never breathes still gets judged in pieces."""
    found = [e for e in listen("=" + "V" * 40 + "==") if isinstance(e, Utterance)]
    assert [round(e.end_s - e.start_s) for e in found] == [15, 15, 11]


def test_an_utterance_is_told_within_a_second_of_its_end() -> None:
    """The caller keeps the last seconds of sound only."""
    segmenter = Segmenter(CallSettings())
    for block in range(300):
        now_s = block * BLOCK_S
        state = State.SPEECH if 2.0 <= now_s < 5.0 else State.SILENCE
        for event in segmenter.feed(Heard(now_s, {Side.MIXED: state}, {Side.MIXED: -30.0})):
            if isinstance(event, Utterance):
                assert now_s + BLOCK_S - event.end_s <= 1.0
                return
    pytest.fail("no utterance")


def test_a_word_begins_where_it_began_not_where_it_was_sure() -> None:
    """The detector takes its time; the utterance reaches back, and a fifth of a second more."""
    blocks = stretch_of(".", 0, 3) + stretch_of("v", 3, 4) + stretch_of(".", 4, 6)
    first = next(i for i, block in enumerate(blocks) if block.states[Side.CUSTOMER] == "v")
    blocks[first] = heard(blocks[first].start_s, "v", since_s=2.6)
    said = [event for event in feed(blocks) if isinstance(event, Utterance)]
    assert said[0].start_s == pytest.approx(2.4, abs=0.01)


def test_a_word_reaches_back_into_no_tone_and_no_other_voice() -> None:
    """What was a tone for sure is not the customer's, however early he may have begun."""
    blocks = stretch_of("r", 0, 3) + stretch_of("v", 3, 4) + stretch_of(".", 4, 6)
    first = next(i for i, block in enumerate(blocks) if block.states[Side.CUSTOMER] == "v")
    blocks[first] = heard(blocks[first].start_s, "v", since_s=2.6)
    said = [event for event in feed(blocks) if isinstance(event, Utterance)]
    assert said[0].start_s == pytest.approx(3.0, abs=BLOCK_S)


def test_speech_cut_by_a_loss_of_sound_is_two_utterances() -> None:
    """No utterance has a hole in it."""
    events = feed(stretch_of("v", 0, 5) + stretch_of("v", 9, 12))
    said = [event for event in events if isinstance(event, Utterance)]
    assert [round(u.end_s - u.start_s) for u in said] == [5, 3]


def test_talk_times_of_both_sides_are_measured() -> None:
    """Speech per side, silence, the longest silence, and who broke in on whom."""
    events = listen(
        "=VVV====VV=..VV.....=",
        "====VV===VVV........=",
    )
    talk = one(events).talk
    assert talk.customer_s == pytest.approx(7.0, abs=0.1)
    assert talk.agent_s == pytest.approx(5.0, abs=0.1)
    assert talk.longest_silence_s == pytest.approx(2.0, abs=0.1)
    assert talk.silence_s == pytest.approx(2.0, abs=0.3)
    assert talk.interruptions == 1


def test_the_agents_voice_is_no_customer_utterance_and_ends_its_pads() -> None:
    """Nothing of the near end reaches into the far end's utterance."""
    events = listen("...vvvv.........", "...v...vvvvv....")
    assert carets(events, Side.CUSTOMER) == " ^^^^^^"
