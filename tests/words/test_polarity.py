"""What callers say is scored as they mean it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from convert.sentence_rows import kept_aside, own_learnt

from bench.sentences import FRESH, LAST, heard, label, macro_f1, read_sentences
from sered.records import Transcript, Word
from sered.words.phrases import spoken
from sered.words.polarity import CallPolarity
from utterance_makers import LEXICON, network, polarity

if TYPE_CHECKING:
    from pathlib import Path


def score(text: str) -> float:
    return polarity().score(heard(text)).score


@pytest.mark.slow
def test_sentences_kept_aside_are_labelled_with_a_macro_f1_of_085() -> None:
    """The third of the sentences that was not tuned on is labelled with macro-F1 >= 0.85."""
    rows = read_sentences()
    assert len(rows) >= 400
    aside = [(truth, text) for truth, _, text in rows if kept_aside(text)]
    assert 0.28 < len(aside) / len(rows) < 0.39
    assert macro_f1([(truth, label(score(text))) for truth, text in aside]) >= 0.85


def test_sentences_never_tuned_on_are_labelled_as_well() -> None:
    """The sentences written last, which nothing was changed for, reach macro-F1 0.85 too."""
    rows = read_sentences(FRESH)
    assert {text for _, _, text in rows}.isdisjoint(text for _, _, text in read_sentences())
    assert len(rows) >= 30
    assert macro_f1([(truth, label(score(text))) for truth, _, text in rows]) >= 0.85


@pytest.mark.slow
def test_sentences_written_last_are_labelled_by_their_likeness_too() -> None:
    """Of sentences that were neither learnt from nor corrected for, macro-F1 is 0.85 or more."""
    rows = read_sentences(LAST)
    assert {text for _, _, text in rows}.isdisjoint(row.text for row in own_learnt())
    assert len(rows) >= 250
    assert macro_f1([(truth, label(score(text))) for truth, _, text in rows]) >= 0.85


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("i ordered a red one and you sent me blue", "negative"),
        ("my parcel came a day early", "positive"),
    ],
)
def test_what_a_sentence_leans_by_is_named_in_its_words(text: str, truth: str) -> None:
    """Terms of a sentence without a phrase are words of it, no digits, all on its side."""
    found = polarity().score(heard(text))
    assert label(found.score) == truth
    assert found.terms
    for term in found.terms:
        assert f" {term.text} " in f" {text} "
        assert term.valence * found.score > 0


def test_short_utterances_are_heard() -> None:
    """Two words that say it all are not silenced for being few."""
    for text in ("it broke", "no good", "very poor", "so rude"):
        assert label(score(text)) == "negative", text
    assert label(score("very good")) == "positive"


def test_the_lexicon_is_never_silenced() -> None:
    """Customers who leave are negative, however plainly they say so."""
    for text in (
        "i am going to cancel my account today because of this",
        "please just close the account i am done",
        "i am moving to another provider",
    ):
        assert label(score(text)) == "negative", text


def test_the_lexicon_alone_goes_on_without_the_network() -> None:
    """A box whose network is missing still hears complaints, by phrases alone."""
    alone = CallPolarity(LEXICON, network="none")
    assert alone.score(heard("i am very disappointed")).score < -0.4
    assert alone.score(heard("i ordered a red one and you sent me blue")).score == 0.0


@pytest.mark.parametrize("name", ["failing", "right-today"])
def test_strangers_sentences_of_the_kinds_that_were_missed(shared: Path, name: str) -> None:
    """Three in four of the sentences of the field's faults are right, and few are lost of those
    that were.
    """
    path = shared / "field-faults" / "words" / f"{name}.tsv"
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    right = [truth == label(score(text)) for truth, text in rows]
    assert sum(right) >= (0.75 if name == "failing" else 0.85) * len(rows)


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("none of your engineers was polite", "negative"),
        ("the new one is anything but good", "negative"),
        ("we are far from pleased", "negative"),
        ("i have yet to hear something helpful", "negative"),
        ("you used to be a wonderful company", "negative"),
        ("we were happy with it until it caught fire", "negative"),
        ("it could not have gone worse", "negative"),
        ("it could not have been nicer", "positive"),
        ("great so i have to start again", "negative"),
        ("brilliant another form to fill in", "negative"),
        ("lovely so i get to wait even longer", "negative"),
        ("perfect so that is sorted then", "positive"),
        ("brilliant so you will send it today", "positive"),
        ("well thanks for nothing", "negative"),
        ("congratulations you have managed to break it twice", "negative"),
        ("i will take this to the newspapers", "negative"),
        ("he told me it is wonderful and it broke", "negative"),
        ("splendid what a way to run a shop", "negative"),
        ("what a way to speak to your own customers", "negative"),
        ("how do you treat a stain like that", "neutral"),
        ("it was my own silly mistake", "neutral"),
        ("so you are saying it is my own mistake", "negative"),
        ("you took the fee off without me even asking", "positive"),
        ("she never once made us feel rushed", "positive"),
        ("the restaurant is called the happy pig", "neutral"),
        ("u for ugly s for sad", "neutral"),
        ("i do not care which size it is", "neutral"),
        ("what happens if i am unhappy with it", "neutral"),
        ("my old provider was terrible so i came to you", "neutral"),
        ("how do i kill a program that hangs", "neutral"),
    ],
)
def test_stance(text: str, truth: str) -> None:
    """What is denied, over, mocked, named, supposed, asked or told of others counts as meant."""
    assert label(CallPolarity(LEXICON, network="none").score(heard(text)).score) == truth


def test_a_site_s_own_phrase_is_never_outweighed_by_likeness(tmp_path: Path) -> None:
    """In a sentence with a phrase of the site's own the network says nothing."""
    extra = tmp_path / "site.tsv"
    extra.write_text("sent me blue\t0\t\nopening times\t-1\t\n")
    mine = CallPolarity(LEXICON, extra, network())
    red = "i ordered a red one and you sent me blue"
    assert score(red) < 0 == mine.score(heard(red)).score
    asked = "could you tell me your opening times please"
    assert label(mine.score(heard(asked)).score) == "negative"
    assert label(score(asked)) == "neutral"


@pytest.mark.parametrize(
    "text",
    [
        "i am not paying for something that does not work",
        "you did not say that it is broken",
        "i do not know why it keeps crashing",
    ],
)
def test_a_negation_stays_in_its_own_clause(text: str) -> None:
    """`not` in one statement does not turn the complaint of the next into praise."""
    assert label(score(text)) == "negative"


@pytest.mark.parametrize(
    "text",
    [
        "i have been waiting for three weeks and nobody called me back",
        "i am going to cancel my contract and i want my money back",
        "that is not good enough i want to speak to your manager",
        "i am very disappointed",
        "i have been waiting for three hours and nobody calls me back",
        "you people never fix anything",
    ],
)
def test_complaints_that_plain_vader_misses_are_strongly_negative(text: str) -> None:
    """What an unhappy customer says scores -0.4 or less."""
    assert score(text) <= -0.4


@pytest.mark.parametrize(
    "text",
    [
        "thank you for calling how can i help you today",
        "can you help me with my problem please",
        "no thanks that is fine",
        "i'm sorry to hear that",
        "have a nice day",
        "your call is important to us please stay on the line",
        "my account number is five one two zero nine",
        "",
    ],
)
def test_courtesy_scripts_and_questions_are_neutral(text: str) -> None:
    """Formulas, scripts and requests for help are neutral and name no terms."""
    found = polarity().score(heard(text))
    assert label(found.score) == "neutral"
    assert found.terms == ()


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("it works now", "it still does not work"),
        ("it is working again", "it is not working again"),
        ("i got my refund thank you", "i did not get my refund"),
        ("i trust you and i am happy", "i do not trust you any more"),
        ("no complaints at all", "i want to make a complaint"),
        ("i can't complain", "i want to complain"),
        ("that was very helpful", "that was not very helpful"),
        (
            "the agent was rude but now it is all sorted",
            "the agent was nice but it is still broken",
        ),
    ],
)
def test_negation_and_contrast_turn_the_sign(good: str, bad: str) -> None:
    """A negation, `not ... any more` or a `but` turns what is said."""
    assert score(good) > 0 > score(bad)


def test_a_negation_reaches_no_further_than_its_statement() -> None:
    """`i do not know why it is broken` is not praise."""
    assert score("i do not know why it is broken") < 0


def test_unsure_words_count_little_or_nothing() -> None:
    """A curse heard with confidence 0.4 moves nothing, one at 0.7 less than one heard surely."""
    scores = [polarity().score(heard("this is a disgrace", sure)).score for sure in (0.4, 0.7, 1.0)]
    assert abs(scores[0]) < 0.05
    assert scores[0] > scores[1] > scores[2]


def test_one_unsure_word_takes_its_phrase_along() -> None:
    """`cancel` heard with confidence 0.3 in a sure sentence cannot tip anything."""
    words = list(heard("i will cancel it all").words)
    words[2] = Word("cancel", 0.667, 1.0, 0.3)
    sure = polarity().score(heard("i will cancel it all")).score
    assert polarity().score(Transcript(tuple(words))).score > sure


def test_terms_name_the_words_as_heard_with_their_time() -> None:
    """A term is the customer's own words, contraction and all, and where they begin."""
    alone = CallPolarity(LEXICON, network="none")
    (term,) = alone.score(heard("well it doesn't work")).terms
    assert term.text == "doesn't work"
    assert term.offset_s == pytest.approx(2 / 3, abs=0.01)
    assert term.valence < -1


def test_contractions_and_hesitations_do_not_hide_a_phrase() -> None:
    """`i've uh been waiting` is found as `i have been waiting`."""
    tokens, origins = spoken(["i've", "uh", "been", "waitin'"])
    assert tokens == ["i", "have", "been", "waitin'"]
    assert origins == [0, 0, 2, 3]


def test_the_state_of_a_thing_is_told_from_what_it_owns() -> None:
    """`internet's been out` is about the internet; `internet's price` keeps its s."""
    assert spoken(["internet's", "been", "out"])[0] == ["internet", "is", "been", "out"]
    assert spoken(["internet's", "price"])[0] == ["internet's", "price"]


@pytest.mark.slow
def test_lines_share_one_scorer() -> None:
    """Eight threads get from one scorer what one thread gets."""
    texts = [text for _, _, text in read_sentences()][:200]
    alone = [score(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(score, texts)) == alone


@pytest.mark.slow
def test_loading_is_light_and_leaves_nltk_whole() -> None:
    """Loading takes no more of NLTK than VADER, and a later `import nltk` gets all of it."""
    code = (
        "from sered.words.polarity import CallPolarity; from pathlib import Path; import sys;"
        f"CallPolarity(Path({str(LEXICON)!r}));"
        "assert 'scipy' not in sys.modules and 'nltk' not in sys.modules;"
        "import nltk; nltk.word_tokenize; CallPolarity(Path(" + repr(str(LEXICON)) + "))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_words_stay_out_of_repr() -> None:
    """What a customer said is in no repr."""
    found = polarity().score(heard("this is a disgrace"))
    assert found.terms
    assert "disgrace" not in repr(found)
