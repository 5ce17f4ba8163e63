"""Voice and words together: the words give the sign, whatever the voice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sered.records import Emotion
from sered.settings import VerdictSettings
from sered.verdict import decision, fusion
from utterance_makers import ANGRY, CALM, COMPLAINTS, HAPPY, PLAIN, THANKS, ended, in_turn, said


@pytest.mark.parametrize("text", [COMPLAINTS[1], THANKS[2]])
def test_agitation_by_itself_moves_no_words(text: str) -> None:
    """A complaint, and thanks, are worth the same in a voice of the same valence, hot or cold."""
    shares = []
    for heat in (0.1, 0.9):
        calls = in_turn(said(PLAIN[0], CALM), said(text, CALM))
        last = replace(calls[1], emotion=replace(Emotion(CALM), heat=heat))
        shares.append(fusion.weigh([calls[0], last], "both").pieces[1].words_share)
    assert shares[0] == shares[1] != 0.0


def test_a_cold_complaint_stays_one() -> None:
    """What is said calmly and says enough is a negative call."""
    calls = in_turn(said(PLAIN[0], CALM), *(said(text, CALM) for text in COMPLAINTS))
    found = decision.judge(calls, ended(), "both", VerdictSettings(), mixed=False).sentiment
    assert found.category == "negative"


def test_loud_gladness_is_no_anger() -> None:
    """Thanks in a voice of which the network makes half anger are no negative call."""
    loud = (0.4, 0.05, 0.05, 0.35, 0.02, 0.1, 0.03)
    calls = in_turn(said(PLAIN[0], CALM), *(said(text, loud) for text in THANKS))
    found = decision.judge(calls, ended(), "both", VerdictSettings(), mixed=False).sentiment
    assert found.category != "negative"


def test_a_short_voice_weighs_less_than_its_seconds() -> None:
    """Half a second says less than a sixth of what three seconds do."""
    short, long = (said(None, ANGRY, seconds=seconds) for seconds in (0.5, 3.0))
    weights = [fusion.voice_weights([result])[0] for result in (short, long)]
    assert weights[0] < weights[1] / 10


def test_valence_and_agitation_are_sums_of_probabilities() -> None:
    """Glad less unhappy; and what the network says of heat, else everything but neutral and sad."""
    emotion = Emotion((0.1, 0.2, 0.05, 0.3, 0.15, 0.1, 0.1))
    assert emotion.negative == pytest.approx(0.45)
    assert emotion.valence == pytest.approx(0.4 - 0.45)
    assert emotion.agitation == pytest.approx(0.75)
    assert replace(emotion, heat=0.2).agitation == 0.2


def test_voices_that_are_all_surely_unhappy_are_judged() -> None:
    """However long they are, rounding takes their mean over no limit."""
    sure = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for length in range(40):
        calls = in_turn(*(said(None, sure, seconds=0.7 + 0.013 * length * n) for n in range(6)))
        found = decision.judge(calls, ended(), "audio", VerdictSettings(), mixed=False)
        assert found.acoustic is not None
        assert found.acoustic.valence == pytest.approx(-1.0)


def test_both_numbers_of_the_voice_are_in_the_verdict() -> None:
    """Over the call, by speech, and for each utterance."""
    calls = in_turn(said(None, ANGRY, seconds=3.0), said(None, HAPPY, seconds=1.0))
    found = decision.judge(calls, ended(), "audio", VerdictSettings(), mixed=False)
    assert found.acoustic is not None
    heat = [Emotion(ANGRY).agitation, Emotion(HAPPY).agitation]
    assert found.acoustic.agitation == pytest.approx((3 * heat[0] + heat[1]) / 4)
    assert found.acoustic.valence == pytest.approx(
        (3 * Emotion(ANGRY).valence + Emotion(HAPPY).valence) / 4
    )
    assert [u.agitation for u in found.utterances] == pytest.approx(heat)
