"""Words in rows that nobody says are known for what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.sentences import heard
from sered.errors import ModelError
from sered.verdict.fusion import SPEECH as SPEECH_BITS
from sered.words.polarity import CallPolarity
from sered.words.usual import NAME, WordPairs
from utterance_makers import LEXICON

if TYPE_CHECKING:
    from pathlib import Path

SPEECH = "i have been waiting for three weeks and nobody has called me back"
SALAD = "weeks back three nobody i for called and have waiting me has been"


def test_the_same_words_out_of_order_are_less_usual() -> None:
    """Neighbours of a sentence are likelier than any, those of the same words shaken are not."""
    pairs = WordPairs(LEXICON.with_name(NAME))
    said, bits = pairs.count(SPEECH.split())
    assert said == 4
    assert bits / said > SPEECH_BITS / 2
    shaken, left = pairs.count(SALAD.split())
    assert left / shaken < 0.0


def test_what_is_spoken_about_is_not_looked_up() -> None:
    """Rare words count neither way: a stranger's matter makes no salad of what he says."""
    pairs = WordPairs(LEXICON.with_name(NAME))
    plain = pairs.count(["i", "have", "a", "lawnmower", "and", "it", "is", "of", "no", "use"])
    assert plain == pairs.count(["i", "have", "a", "zither", "and", "it", "is", "of", "no", "use"])
    assert plain[1] > 0.0


def test_numbers_names_and_what_is_spelt_are_not_looked_up(tmp_path: Path) -> None:
    """A pair with a hidden word counts neither way; numbers count beside words, not in a row."""
    path = tmp_path / NAME
    path.write_bytes(b"my name is <number>\n" + np.full((4, 4), 16, np.int8).tobytes())
    pairs = WordPairs(path)
    assert pairs.count(["my", "name", "is", "joy"]) == (2, 2.0)
    assert pairs.count(["my", "name", "is", "my"], hidden={3}) == (2, 2.0)
    assert pairs.count(["is", "four", "five", "six"]) == (1, 1.0)
    assert pairs.count(["joy"]) == (0, 0.0)


@pytest.mark.parametrize("content", [b"", b"my name\n", b"my name\n" + bytes(5), bytes(4)])
def test_a_broken_table_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that was cut or mixed up gives a sentence, not figures."""
    path = tmp_path / NAME
    path.write_bytes(content)
    with pytest.raises(ModelError, match="pair of them"):
        WordPairs(path)


def test_every_polarity_tells_how_usual_its_words_were() -> None:
    """With the table beside the lexicon an utterance says what its neighbours came to."""
    found = CallPolarity(LEXICON, network="none").score(heard(SPEECH))
    assert (found.pairs, found.usual) == WordPairs(LEXICON.with_name(NAME)).count(SPEECH.split())


def test_without_a_table_nothing_is_said(tmp_path: Path) -> None:
    """A lexicon of another language has no table beside it, and words are believed as before."""
    lexicon = tmp_path / "lexicon.tsv"
    lexicon.write_text("great\t3\tpraise\n", "utf-8")
    assert CallPolarity(lexicon, network="none").score(heard("great")).pairs == 0
