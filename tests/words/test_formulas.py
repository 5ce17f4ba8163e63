"""What recorded voices say is known by its formulas, and what people say has next to none."""

import pytest

from sered.words.formulas import formulas


@pytest.mark.parametrize(
    "text",
    [
        "for billing press two",
        "please leave your name and number after the tone",
        "your call is important to us please stay on the line",
        "we are sorry your call cannot be completed as dialed",
        "the number you have called is not in service please check the number and dial again",
        "all of our agents are currently busy",
        "your call will be answered by the next available representative",
        "this call may be monitored or recorded for quality and training purposes",
        "you are caller number four",
        "the person you are trying to reach is not available at the moment",
        "to return to the main menu press star",
        "you have reached the voice mailbox of",
        "please hold while i connect you",
        "the mailbox cannot accept any messages at this time",
        "has a voice mail box that has not been set up yet",
        "for opening hours touch four",
        "please enter your customer number followed by the hash key",
        "the number has been changed the new number is",
        "your call could not be connected please hang up",
        "you have insufficient credit for this call",
        "our office is currently closed",
        "we are open from eight until six",
        "you can say things like where is my order",
        "each of our specialists are serving other callers",
        "an operator will be with you shortly",
        "calls are recorded",
        "you are the only person in this conference",
        "calls to this number are barred",
        "please answer three short questions about your call",
    ],
)
def test_machines_say_formulas(text: str) -> None:
    """A menu, a queue, a mailbox or an announcement has a formula in it."""
    assert formulas(text)


@pytest.mark.parametrize(
    "text",
    [
        "you have reached the mail box oh",
        "you have reached the voicemail box of",
        "your call is important first please",
        "you're all in important to us please",
        "all about agent are currently busy",
        "your call will be answered five the next available four two two two",
        "the person you are trying to reach is not available excellent",
    ],
)
def test_machines_are_known_as_recognisers_hear_them(text: str) -> None:
    """What Vosk and Whisper wrote down of synthetic voices that said these formulas has one."""
    assert formulas(text)


@pytest.mark.parametrize(
    "text",
    [
        "i pressed the button and nothing happened",
        "hello this is miller speaking",
        "i have been waiting for three weeks and nobody called me back",
        "can you tell me what the number is",
        "i left you a message on tuesday",
        "yes please that would be great thank you",
        "one moment let me get a pen",
        "what is the next available slot",
        "my call was never answered",
        "the parcel did not fit into the mailbox",
        "i entered the number and it failed again",
        "your office was closed when i came",
        "i changed my number last week",
        "nobody was with me so i hung up",
    ],
)
def test_people_say_none(text: str) -> None:
    """What callers and people who are called say holds none."""
    assert formulas(text) == 0
