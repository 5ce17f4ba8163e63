"""What the board says and draws, without a browser."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from board_stage import report
from sered.central.web import say
from sered.contract import picture


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (130.0, "due in 2:10"),
        (0.4, "due in 0:00"),
        (-40.0, "40 s late"),
        (-61.0, "1:01 late"),
        (7300.0, "due in 2 h"),
        (-200_000.0, "2 days late"),
    ],
)
def test_time_is_text_first(seconds: float, text: str) -> None:
    """What is due says when, what is late says by how much."""
    assert say.due(seconds) == text


def test_every_step_has_words() -> None:
    """The trail is told in words, steps of escalation by number; what is unknown stays itself."""
    assert say.happened("case.claimed") == "claimed"
    assert say.happened("step.2") == "people were told (step 2)"
    assert say.happened("new.verb") == "new.verb"


def test_the_reasons_are_phrases_before_causes_before_the_voice() -> None:
    """One line that tells why, with what there is."""
    whole = report("x", "my money back")
    assert say.why(whole, ("delay",)) == "my money back"
    assert say.why(whole | {"verbal": None}, ("delay", "billing")) == "delay · billing"
    assert say.why(whole | {"verbal": None}, ()) == "voice only: angry, no telling words"
    assert say.why(None, ()) == "the report has not arrived yet"


@pytest.mark.parametrize("category", ["negative", "positive", None])
def test_a_face_is_a_picture_of_its_own(category: str | None) -> None:
    """Three faces, three mouths, no words inside: those stand beside it."""
    drawn = ET.fromstring(picture.face(category))
    mouths = {ET.fromstring(picture.face(c))[3].get("d") for c in ("negative", "positive", None)}
    assert len(mouths) == 3
    assert drawn.get("aria-hidden") == "true"


def test_the_picture_tells_what_it_shows() -> None:
    """Every utterance is a bar within the frame, the worst moment is marked, and it has a text."""
    drawn = ET.fromstring(picture.call(report("x", "y")))
    bars = [each for each in drawn if each.tag == "rect" and each.get("class") in {"up", "down"}]
    assert len(bars) == 2
    for each in bars:
        assert float(each.get("x") or -1) >= 0
        assert float(each.get("x") or 0) + float(each.get("width") or 0) <= picture.WIDTH
    assert drawn[0].text == (
        "2 stretches of the customer's speech, 1 of them unhappy; the worst from 0:30."
    )
