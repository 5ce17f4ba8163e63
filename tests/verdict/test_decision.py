"""One verdict a call: fused, explained, and able to say that it does not know."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sered.records import CallEnded, Side, UtteranceResult
from sered.settings import CauseSettings, Mode, VerdictSettings
from sered.verdict.causes import CAUSES
from sered.verdict.decision import (
    CLEAR,
    MIN_ASR,
    NEGATIVE,
    SUREST,
    Verdict,
    acoustic_score,
    confidence,
    judge,
    probability,
)
from utterance_makers import (
    ANGRY,
    CALM,
    COMPLAINTS,
    HAPPY,
    PLAIN,
    SALAD,
    THANKS,
    ended,
    happy,
    in_turn,
    said,
    unhappy,
)

SETTINGS = VerdictSettings()
MODES: tuple[Mode, ...] = ("audio", "text", "both")


def call(*utterances: UtteranceResult, mode: Mode = "both", mixed: bool = False) -> Verdict:
    return judge(in_turn(*utterances), ended(), mode, SETTINGS, mixed=mixed)


def test_an_unhappy_call_is_negative_and_somebody_should_call_back() -> None:
    """Anger in voice and words is a negative verdict, sure of itself, with its causes."""
    found = call(*unhappy()).sentiment
    assert found.category == "negative"
    assert found.escalate
    assert found.confidence > 0.9
    assert "cancellation" in found.causes
    assert found.undetermined is None


def test_a_happy_call_is_positive_and_nobody_is_alarmed() -> None:
    """Joy in voice and words is a positive verdict without causes."""
    found = call(*happy()).sentiment
    assert found.category == "positive"
    assert not found.escalate
    assert found.causes == ()


@given(st.floats(-1.0, 1.0), st.sampled_from(MODES))
def test_confidence_is_that_of_the_category_beside_it(score: float, mode: Mode) -> None:
    """Negative, positive and neither share what is certain: together they are one."""
    parts = [confidence(category, score, mode) for category in ("negative", "positive", None)]
    assert sum(parts) == pytest.approx(1.0, abs=2 * (1.0 - SUREST))
    assert all(1.0 - SUREST <= part <= SUREST for part in parts)
    assert parts[0] == probability(score, NEGATIVE[mode])


def test_a_call_that_is_hardly_positive_is_not_surely_so() -> None:
    """That it is not negative makes a call no happy one: P(negative) is a figure of its own."""
    for mode in MODES:
        sure = confidence("positive", CLEAR[mode][1], mode)
        assert sure < 0.65 < 1.0 - probability(CLEAR[mode][1], NEGATIVE[mode])
    found = call(*happy()).sentiment
    assert found.p_negative == 1.0 - SUREST
    assert found.confidence > 0.9
    neither = call(*(said(text, CALM) for text in PLAIN)).sentiment
    assert neither.category is None
    assert neither.p_negative is not None
    assert neither.confidence + neither.p_negative < 1.0


def test_one_curse_at_the_start_of_a_happy_call_is_not_a_negative_call() -> None:
    """An early outburst is outweighed by what follows."""
    curse = said("this is bloody ridiculous", ANGRY)
    assert call(curse, *happy()).sentiment.category == "positive"


def test_the_end_of_a_call_counts_most() -> None:
    """The same utterances score lower when the unhappy ones come last."""
    assert call(*happy(), *unhappy()).sentiment.score < call(*unhappy(), *happy()).sentiment.score


def test_neutral_talk_does_not_dilute() -> None:
    """Twenty utterances about account numbers leave a complaint's verdict nearly as it was."""
    alone = call(*(said(text, ANGRY) for text in COMPLAINTS), mode="text")
    plain = [said(PLAIN[1], None, seconds=0.8) for _ in range(20)]
    among = call(*plain[:10], *(said(t, ANGRY) for t in COMPLAINTS), *plain[10:], mode="text")
    assert among.sentiment.category == "negative"
    assert among.sentiment.score == pytest.approx(alone.sentiment.score, abs=0.1)


utterances = st.builds(
    said,
    st.sampled_from([None, *COMPLAINTS, *THANKS, *PLAIN]),
    st.sampled_from([None, ANGRY, CALM, HAPPY]),
    seconds=st.floats(0.3, 15.0),
    sure=st.sampled_from([0.3, 0.7, 1.0]),
    snr_db=st.sampled_from([None, 0.0, 8.0, 30.0]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(utterances, max_size=8), st.sampled_from(["audio", "text", "both"]))
@pytest.mark.slow
def test_shares_add_up_to_the_score(results: list[UtteranceResult], mode: Mode) -> None:
    """Utterances' shares, and voice and terms together, add up to the call's score."""
    found = call(*results, mode=mode)
    score = found.sentiment.score
    assert sum(u.share for u in found.utterances) == pytest.approx(score, abs=1e-9)
    voice = found.acoustic.share if found.acoustic else 0.0
    terms = sum(term.share for term in found.verbal.terms) if found.verbal else 0.0
    assert voice + terms == pytest.approx(score, abs=1e-9)
    assert found.verbal is None or terms == pytest.approx(found.verbal.share, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(utterances, max_size=8), st.sampled_from(["audio", "text", "both"]))
@pytest.mark.slow
def test_every_mixture_of_missing_halves_has_a_verdict(
    results: list[UtteranceResult], mode: Mode
) -> None:
    """Whatever is missing: a category or a reason, never both, and numbers in their range."""
    found = call(*results, mode=mode)
    assert (found.sentiment.category is None) == (found.sentiment.undetermined is not None)
    assert -1 <= found.sentiment.score <= 1
    assert not (found.sentiment.escalate and found.sentiment.category != "negative")
    assert (found.acoustic is not None) == (mode != "text" and any(r.emotion for r in results))
    assert (found.verbal is not None) == (mode != "audio" and any(r.transcript for r in results))
    assert len(found.utterances) == len(results)


@pytest.mark.parametrize("mode", ["audio", "text"])
def test_a_mode_leaves_the_other_half_out(mode: Mode) -> None:
    """In audio mode words move nothing, in text mode the voice moves nothing."""
    against = [said(text, ANGRY) for text in THANKS]
    found = call(*against, mode=mode)
    assert found.sentiment.category == ("negative" if mode == "audio" else "positive")
    assert (found.acoustic is None) == (mode == "text")
    assert (found.verbal is None) == (mode == "audio")


def test_an_utterance_the_network_cannot_judge_counts_nothing() -> None:
    """Adding utterances without voice or words leaves shares of 0 and the category as it was."""
    blank = said(None, None, seconds=4.0)
    found = call(*unhappy(), blank)
    assert found.utterances[-1].share == 0.0
    assert found.utterances[-1].score is None
    assert found.sentiment.category == "negative"


def test_too_little_speech_is_undetermined_but_the_emotions_are_there() -> None:
    """A lone clip of two seconds has emotions and no category."""
    found = call(said(None, ANGRY, seconds=2.0))
    assert found.sentiment.undetermined == "too_little_speech"
    assert found.sentiment.category is None
    assert not found.sentiment.escalate
    assert found.acoustic is not None
    assert found.acoustic.emotions.angry == pytest.approx(0.7)


Reason = Literal[
    "no_analysis", "too_noisy", "low_asr_confidence", "disagreement", "mixed_side", "neutral"
]


def test_salad_leaves_the_verdict_to_the_voice() -> None:
    """Words in no order move nothing, however sure the recogniser was, and the report says so."""
    heard = call(*(said(t, ANGRY, seconds=8.0, sure=0.9) for t in SALAD))
    alone = call(*(said(None, ANGRY, seconds=8.0) for _ in SALAD), mode="audio")
    assert heard.sentiment.score == pytest.approx(alone.sentiment.score)
    assert heard.sentiment.category == "negative"
    assert heard.verbal is not None
    assert heard.verbal.asr_confidence < MIN_ASR


@pytest.mark.parametrize(
    ("results", "mode", "reason"),
    [
        ([], "both", "no_analysis"),
        ([said(None, None, seconds=9.0)], "both", "no_analysis"),
        ([said(t, ANGRY, snr_db=1.0) for t in COMPLAINTS], "audio", "too_noisy"),
        ([said(t, None, sure=0.4) for t in COMPLAINTS], "text", "low_asr_confidence"),
        ([said(t, None, sure=0.9) for t in SALAD], "text", "low_asr_confidence"),
        ([said(t, ANGRY, seconds=8.0) for t in THANKS * 2], "both", "disagreement"),
        ([said(t, CALM) for t in PLAIN], "both", "neutral"),
    ],
)
def test_it_says_why_it_does_not_know(
    results: list[UtteranceResult], mode: Mode, reason: Reason
) -> None:
    """Each reason for no category is found and named, and alarms nobody."""
    found = call(*results, mode=mode).sentiment
    assert found.undetermined == reason
    assert found.category is None
    assert not found.escalate


def test_a_mixed_side_is_undetermined() -> None:
    """Where the agent cannot be kept out there is a score but no category and no alarm."""
    results = [replace_side(result, Side.MIXED) for result in unhappy()]
    found = call(*results, mixed=True).sentiment
    assert found.undetermined == "mixed_side"
    assert found.score < 0
    assert not found.escalate


def replace_side(result: UtteranceResult, side: Side) -> UtteranceResult:
    return replace(result, utterance=replace(result.utterance, side=side))


def test_the_agents_voice_and_words_are_never_scored() -> None:
    """Utterances of the agent's side change nothing, and swapped sides swap the verdict exactly."""
    agent = [replace_side(result, Side.AGENT) for result in happy()]
    both = in_turn(*unhappy(), *agent)
    alone = [result for result in both if result.utterance.side is Side.CUSTOMER]
    assert judge(both, ended(), "both", SETTINGS, mixed=False) == judge(
        alone, ended(), "both", SETTINGS, mixed=False
    )
    other = {Side.AGENT: Side.CUSTOMER, Side.CUSTOMER: Side.AGENT}
    swapped = [replace_side(result, other[result.utterance.side]) for result in both]
    assert judge(swapped, ended(), "both", SETTINGS, mixed=False).sentiment.category == "positive"


def test_noise_leaves_the_verdict_to_the_words() -> None:
    """In a noisy call with clear words the words alone decide."""
    noisy = [replace(result, snr_db=1.0) for result in unhappy(HAPPY)]
    found = call(*noisy)
    assert found.sentiment.category == "negative"
    assert found.acoustic is not None
    assert found.acoustic.share == 0.0


def test_badly_heard_words_leave_the_verdict_to_the_voice() -> None:
    """When hardly a word was understood, the voice alone decides and no term has a share."""
    found = call(*(said(text, ANGRY, sure=0.4, seconds=5.0) for text in THANKS * 2))
    assert found.sentiment.category == "negative"
    assert found.verbal is not None
    assert found.verbal.terms == ()


@pytest.mark.parametrize("mode", ["text", "both"])
@pytest.mark.parametrize("words", [THANKS, PLAIN])
def test_words_hardly_heard_tip_no_verdict(mode: Mode, words: tuple[str, ...]) -> None:
    """Complaints at the very end, recognised with confidence 0.45, change nothing of a verdict."""
    surely = [said(text, CALM) for text in words * 2]
    doubtful = [said(text, None, sure=0.45, seconds=0.2) for text in COMPLAINTS]
    before, after = call(*surely, mode=mode), call(*surely, *doubtful, mode=mode)
    assert (after.sentiment.category, after.sentiment.undetermined, after.sentiment.escalate) == (
        before.sentiment.category,
        before.sentiment.undetermined,
        before.sentiment.escalate,
    )
    assert after.sentiment.score == pytest.approx(before.sentiment.score, abs=0.05)
    assert after.verbal is not None
    assert before.verbal is not None
    assert [t.text for t in after.verbal.terms] == [t.text for t in before.verbal.terms]


def test_silence_in_a_call_moves_nothing() -> None:
    """Twice the length by pauses alone: the verdict but for its times is the same."""
    short = judge(in_turn(*unhappy()), ended(), "both", SETTINGS, mixed=False)
    long = judge(
        in_turn(*unhappy(), pause_s=60.0), ended(end_s=900.0), "both", SETTINGS, mixed=False
    )
    assert (long.sentiment, long.trend, long.acoustic) == (
        short.sentiment,
        short.trend,
        short.acoustic,
    )


def test_a_call_said_twice_keeps_its_verdict() -> None:
    """The same call played twice in a row keeps category and escalation."""
    for results in (unhappy(), happy()):
        once, twice = call(*results).sentiment, call(*results, *results).sentiment
        assert twice.category == once.category
        assert twice.escalate == once.escalate
        assert twice.score == pytest.approx(once.score, abs=0.15)


def test_times_count_from_the_calls_start() -> None:
    """Offsets of utterances, terms and the worst moment are seconds from the call's start."""
    late = [
        replace(r, utterance=replace(r.utterance, start_s=r.utterance.start_s + 1000.0,
                                     end_s=r.utterance.end_s + 1000.0))
        for r in in_turn(*unhappy())
    ]  # fmt: skip
    found = judge(late, CallEnded(1000.0, 1300.0, ended().reason, ended().talk), "both",
                  SETTINGS, mixed=False)  # fmt: skip
    assert found.utterances[0].offset_s == 2.0
    assert found.verbal is not None
    assert all(2.0 <= term.offset_s < 40.0 for term in found.verbal.terms)
    assert found.worst is not None
    assert found.worst.offset_s in {u.offset_s for u in found.utterances}


def test_the_worst_moment_is_the_utterance_that_cost_most() -> None:
    """The worst moment is the utterance with the lowest share; a happy call has none."""
    found = call(*unhappy())
    worst = min(found.utterances, key=lambda u: u.share)
    assert found.worst is not None
    assert found.worst.offset_s == worst.offset_s
    assert call(*(said(text, HAPPY) for text in THANKS)).worst is None


def test_the_trend_tells_which_way_it_went() -> None:
    """A call that turns has quarters of both signs and a change in that direction."""
    helped = call(*unhappy()[1:], *happy()[1:]).trend
    assert helped is not None
    assert helped.quarters[0] is not None
    assert helped.quarters[3] is not None
    assert helped.quarters[0] < 0 < helped.quarters[3]
    assert helped.change == pytest.approx((helped.quarters[3] - helped.quarters[0]) / 2)
    soured = call(*happy()[1:], *unhappy()[1:]).trend
    assert soured is not None
    assert soured.change < 0


COMPLAINTS_OF: dict[str, tuple[str, ...]] = {
    "delay": ("i have been waiting on hold for two hours and this is ridiculous",),
    "billing": ("you charged me twice and i want my money back",),
    "product": ("it broke after two days and it does not work",),
    "agent": ("your colleague was extremely rude and hung up on me",),
    "cancellation": ("i am fed up and i want to cancel my contract",),
    "unresolved": ("this is the third time and it is still not fixed",),
}
"""What a customer says of each cause that comes with sered."""


@pytest.mark.parametrize("cause", CAUSES)
def test_negative_calls_carry_their_probable_cause(cause: str) -> None:
    """Each kind of complaint is heard as one, and routed by what was said."""
    assert cause in COMPLAINTS_OF, f"say in COMPLAINTS_OF how a customer complains of {cause}"
    for text in COMPLAINTS_OF[cause]:
        heard = said(text, ANGRY, seconds=6.0)
        assert heard.polarity
        assert heard.polarity.score < 0, (
            f"{text!r} scores {heard.polarity.score:.2f}, and only what is said unhappily points "
            "at a cause: give its words a valence in models/call-lexicon.tsv"
        )
        found = call(heard, heard).sentiment
        assert found.category == "negative"
        assert found.causes[0] == cause


def test_a_site_names_causes_of_its_own() -> None:
    """A configured cause is found by its phrases."""
    mine = VerdictSettings(cause=(CauseSettings(name="blue_light", phrases=("blue light",)),))
    results = in_turn(*(said(f"the blue light is useless {t}", ANGRY) for t in ("", "terrible")))
    found = judge(results, ended(), "both", mine, mixed=False)
    assert "blue_light" in found.sentiment.causes


def test_a_voice_is_a_number_from_its_emotions() -> None:
    """An angry voice is below 0, a happy one above, one that could not be judged is none."""
    angry, glad = acoustic_score(said(None, ANGRY)), acoustic_score(said(None, HAPPY))
    assert angry is not None
    assert glad is not None
    assert angry < -0.5 < 0.5 < glad
    assert acoustic_score(said(None, None)) is None


@pytest.mark.parametrize("mode", ["text", "both"])
def test_politeness_makes_no_customer_happy(mode: Mode) -> None:
    """Somebody who says thank you at every turn, and nothing else that is glad, is not positive."""
    turns = (
        "hello i would like to change my address",
        "my account number is five one two thank you",
        "yes that is correct thank you",
        "okay thank you",
        "from the first of march okay thanks",
        "thank you bye",
    )
    assert call(*(said(turn) for turn in turns), mode=mode).sentiment.category is None
