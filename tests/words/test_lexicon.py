"""Phrases of the lexica: their language, a site's own, and files that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.sentences import heard, label
from sered.errors import ModelError
from sered.words.phrases import PhraseBook
from sered.words.polarity import CallPolarity
from utterance_makers import LEXICON, polarity

if TYPE_CHECKING:
    from pathlib import Path


def score(text: str) -> float:
    return polarity().score(heard(text)).score


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("call|calls me back", "nobody calls me back", True),
        ("call|calls me back", "call back", False),
        ("never ... work*", "it never ever works", True),
        ("never ... works", "never one two three four works", False),
        ("for <number> <time>", "for twenty five minutes", True),
        ("the <times>", "the third time", True),
        ("thank you very? much", "thank you much", True),
        ("^ star", "you star", False),
        ("great $", "that is great", True),
        ("call|calls me back", "nobody calls us back", True),
        ("i was let down", "we were let down", True),
    ],
)
def test_the_phrase_language(phrase: str, text: str, found: object) -> None:
    """Alternatives, gaps, classes, optional words and anchors match what the table promises."""
    assert bool(PhraseBook([(phrase, 1.0)]).find(text.split())) is found


def test_of_two_phrases_that_overlap_the_weightier_one_counts() -> None:
    """`not working again` is one complaint, not half a praise."""
    book = PhraseBook([("working again", 1), ("not working again", -1)])
    assert [hit.value for hit in book.find(["it", "is", "not", "working", "again"])] == [-1]


@pytest.mark.parametrize(
    "text",
    [
        "it is k l l y t x seven two",
        "my name is mia grace and the box is p o fourteen",
        "it is a silver kia and i need fully comp cover",
        "does the fan fit the new model",
    ],
)
def test_spelt_letters_names_and_brands_are_no_feelings(text: str) -> None:
    """VADER's list knows the chat's abbreviations; on the phone they are letters and names."""
    assert label(score(text)) == "neutral"


def test_a_site_adds_phrases_and_overrules_ours(tmp_path: Path) -> None:
    """A site's own lexicon adds words, and its line beats ours of the same words."""
    extra = tmp_path / "site.tsv"
    extra.write_text("# ours\nblue light\t-3\tour outage\nhow dare\t0\t\n")
    mine = CallPolarity(LEXICON, extra)
    assert mine.score(heard("the blue light is on")).score < -0.4
    assert mine.score(heard("how dare you")).score == 0.0
    assert mine.version != polarity().version


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("waiting", "line 1"),
        ("ok\t1\nwaiting\tlots", "line 2"),
        ("waiting\t-9", "from -4 to 4"),
        ("what?!\t-1", "line 1"),
        ("\t-1", "line 1"),
        ("late bus\t-1\nLate  Bus\t-2", "line 2.*line 1 says the same words"),
    ],
)
def test_a_broken_lexicon_line_is_named(tmp_path: Path, content: str, wanted: str) -> None:
    """A line that cannot be read is refused with file, line and what was found."""
    lexicon = tmp_path / "site.tsv"
    lexicon.write_text(content)
    with pytest.raises(ModelError, match=wanted) as error:
        CallPolarity(lexicon)
    assert str(lexicon) in str(error.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("late bus\t-2,5", "did you mean -2.5"),
        ("late bus -2.5", "no tab"),
        ("late bus!\t-2", "did you mean 'late bus'"),
        ("route 66\t-2", "as they are spoken"),
        ("late bus\tnan", "from -4 to 4"),
        ("blue light\t3", "line 1 says the same words"),
    ],
)
def test_a_bad_line_of_a_site_s_own_costs_nothing_but_itself(
    tmp_path: Path, line: str, said: str
) -> None:
    """The rest of a site's table and all of ours work on; what was left out is said."""
    extra = tmp_path / "site.tsv"
    extra.write_text(f"blue light\t-3\n{line}\nRed Light\t-3\n")
    mine = CallPolarity(LEXICON, extra)
    (fault,) = mine.faults
    assert f"{extra}, line 2" in fault
    assert said in fault
    assert mine.score(heard("the blue light is on")).score < -0.4
    assert mine.score(heard("the red light is on")).score < -0.4
    assert mine.score(heard("this is a terrible service")).score < -0.4


@pytest.mark.parametrize("place", [0, 1])
def test_a_byte_order_mark_is_read_over(tmp_path: Path, place: int) -> None:
    """An editor's mark before the table, or between joined ones, is no part of a phrase."""
    extra = tmp_path / "site.tsv"
    lines = ["blue light\t-3\n", "red light\t-3\n"]
    lines[place] = "\ufeff" + lines[place]
    extra.write_text("".join(lines), encoding="utf-8")
    mine = CallPolarity(LEXICON, extra)
    assert mine.faults == []
    assert mine.score(heard("the blue light is on")).score < -0.4
    assert mine.score(heard("the red light is on")).score < -0.4


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing but remarks\n"])
def test_an_empty_lexicon_is_refused(tmp_path: Path, content: str) -> None:
    """A table without a phrase would judge every call otherwise, in silence."""
    lexicon = tmp_path / "call-lexicon.tsv"
    lexicon.write_text(content)
    with pytest.raises(ModelError, match=r"wanted phrases in .*; found none"):
        CallPolarity(lexicon)


def test_a_missing_lexicon_is_named(tmp_path: Path) -> None:
    """A lexicon that is not there is one sentence; a site's own costs only itself."""
    with pytest.raises(ModelError, match="no-such"):
        CallPolarity(tmp_path / "no-such.tsv")
    mine = CallPolarity(LEXICON, tmp_path / "no-such.tsv")
    assert "no-such" in mine.faults[0]
    assert mine.score(heard("this is a terrible service")).score < -0.4
