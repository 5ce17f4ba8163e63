"""Words in rows that nobody says are known for what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.sentences import heard
from sered.errors import ModelError
from sered.words.polarity import CallPolarity
from sered.words.usual import NAME, WordPairs, key_of
from utterance_makers import LEXICON

if TYPE_CHECKING:
    from pathlib import Path

SPEECH = "i have been waiting for three weeks and nobody has called me back"
SALAD = "weeks back three nobody i for called and have waiting me has been"


def test_the_same_words_out_of_order_are_known_less() -> None:
    """Nearly every neighbour of a sentence is known, hardly one of the same words shaken."""
    pairs = WordPairs(LEXICON.with_name(NAME))
    said, known = pairs.count(SPEECH.split())
    assert said == len(SPEECH.split()) - 1
    assert known / said > 0.7
    shaken, left = pairs.count(SALAD.split())
    assert left / shaken < 0.4


def test_names_and_what_is_spelt_are_not_looked_up(tmp_path: Path) -> None:
    """A pair with a hidden word counts neither way."""
    path = tmp_path / NAME
    path.write_bytes(np.array(sorted([key_of("my", "name")]), "<u4").tobytes())
    pairs = WordPairs(path)
    assert pairs.count(["my", "name", "is", "joy"]) == (3, 1)
    assert pairs.count(["my", "name", "is", "joy"], hidden={3}) == (2, 1)
    assert pairs.count(["joy"]) == (0, 0)


@pytest.mark.parametrize("content", [b"", b"abc", np.array([2, 1], "<u4").tobytes()])
def test_a_broken_table_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that was cut or mixed up gives a sentence, not figures."""
    path = tmp_path / NAME
    path.write_bytes(content)
    with pytest.raises(ModelError, match="pairs of words"):
        WordPairs(path)


def test_every_polarity_tells_how_usual_its_words_were() -> None:
    """With the table beside the lexicon an utterance says how many neighbours were looked up."""
    found = CallPolarity(LEXICON, network="none").score(heard(SPEECH))
    assert found.pairs == len(SPEECH.split()) - 1
    assert 0 < found.usual <= found.pairs


def test_without_a_table_nothing_is_said(tmp_path: Path) -> None:
    """A lexicon of another language has no table beside it, and words are believed as before."""
    lexicon = tmp_path / "lexicon.tsv"
    lexicon.write_text("great\t3\tpraise\n", "utf-8")
    assert CallPolarity(lexicon, network="none").score(heard("great")).pairs == 0
