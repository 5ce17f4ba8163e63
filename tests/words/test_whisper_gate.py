"""What Whisper makes up is not believed, and what it heard is; no network is needed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sered.words.whisper_gate import PHANTOMS, Segment, Spoken, believed, certainty


def said(text: str, probability: float = 0.9, step_s: float = 0.3) -> tuple[Spoken, ...]:
    """Words one after the other, written as Whisper writes them."""
    return tuple(
        Spoken(f" {word}", at * step_s, (at + 1) * step_s, probability)
        for at, word in enumerate(text.split())
    )


def heard(text: str, no_speech: float = 0.05, logprob: float = -0.3, length_s: float = 20.0) -> str:
    """What is believed of a segment."""
    words = believed([Segment(said(text), no_speech, logprob)], length_s)
    return " ".join(word.text for word in words)


def test_words_are_as_vosk_gives_them() -> None:
    """Lower case, no punctuation, a number's hyphen parts it, an apostrophe stays."""
    assert heard("I'm TWENTY-five, and don’t... ♪ call!") == "i'm twenty five and don't call"


@pytest.mark.parametrize("text", ["you", "Thank you for watching!", "Please subscribe."])
def test_what_it_says_into_noise_is_not_believed(text: str) -> None:
    """A phantom phrase of a segment that is unsure, or said to be no speech, is nothing."""
    assert heard(text, no_speech=0.7, logprob=-1.6) == ""
    assert heard(text, no_speech=0.4, logprob=-0.4) == ""


def test_a_customer_may_say_thank_you() -> None:
    """The same words of a sure segment are believed."""
    assert "thank you" in PHANTOMS
    assert heard("Thank you.", no_speech=0.05, logprob=-0.2) == "thank you"


def test_nobody_says_some_things_on_the_phone() -> None:
    """A credit line is not believed however sure the segment is."""
    assert heard("Thanks for watching and good bye", logprob=-0.1) == ""


@pytest.mark.parametrize(("no_speech", "logprob"), [(0.1, -1.3), (0.8, -0.7)])
def test_an_unsure_segment_is_nothing(no_speech: float, logprob: float) -> None:
    """Under the least log probability, or likely no speech and not sure, no word is believed."""
    assert heard("the money has gone again", no_speech, logprob) == ""


def test_a_quiet_voice_that_is_sure_is_believed() -> None:
    """Likely no speech alone takes no words away: faint lines look like that."""
    assert heard("the money has gone", 0.8, -0.3) == "the money has gone"


def test_a_circle_is_walked_once() -> None:
    """What comes four times and more in a row is kept once; three times, as people say it."""
    assert heard("and then again " * 6 + "he left") == "and then again he left"
    assert heard("no no no never") == "no no no never"


def test_faster_than_anybody_speaks_is_nothing() -> None:
    """Thirty words in a second are none."""
    assert heard(" ".join(f"{a}{b}x" for a in "abcdef" for b in "ghijk"), length_s=1.0) == ""


def test_nobody_speaks_after_the_end() -> None:
    """Times lie within the utterance and in order, whatever the network thinks."""
    odd = (Spoken(" one", 5.0, 4.0, 0.5), Spoken(" two", 0.1, 99.0, 0.5))
    words = believed([Segment(odd, 0.0, -0.1)], 2.0)
    assert [(0.0 <= w.start_s <= w.end_s <= 2.0) for w in words] == [True, True]
    assert words[0].start_s <= words[1].start_s


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_surer_word_is_never_worth_less(one: float, other: float) -> None:
    """Certainty rises with the network's probability and stays between 0 and 1."""
    low, high = sorted((one, other))
    assert 0.0 <= certainty(low) <= certainty(high) <= 1.0


def test_words_do_not_show_in_a_repr() -> None:
    """What a customer said is not in the repr of what Whisper wrote."""
    assert "secret" not in repr(Segment(said("secret"), 0.0, 0.0))
