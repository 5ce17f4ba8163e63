"""The network that reads in context: what it tells, what it goes by, what it refuses."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from sered.errors import ModelError
from sered.words.context_model import UNKNOWN, ContextModel, cut
from sered.words.network import Answer, Said
from sered.words.networks import load_network
from utterance_makers import LEXICON, network

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = LEXICON.with_name("context.tflite")


def read(text: str, sure: float = 1.0) -> Answer:
    words = text.split()
    return network().read(Said(words, [sure] * len(words)))


def test_the_file_says_which_kind_it_is() -> None:
    """A configuration names a file; what is in it loads as what it is."""
    assert isinstance(network(), ContextModel)
    assert not isinstance(load_network(LEXICON.with_name("sentence.tflite")), ContextModel)


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("i ordered a red one and you sent me blue", 0),
        ("nobody in your whole company could tell me anything", 0),
        ("what time do you open on monday", 1),
        ("that was so kind of you thank you", 2),
        ("i thought it would be a disaster and it was a joy", 2),
    ],
)
def test_it_tells_what_the_sentence_means(text: str, mood: int) -> None:
    """Complaints without an unhappy word, questions, and praise with one."""
    assert read(text).log_odds.argmax() == mood


def test_it_goes_by_words_that_may_be_named() -> None:
    """What a complaint goes by are words of it, and none is a name."""
    text = "peter from london lost my parcel and nobody called me back"
    leads = read(text).leads()
    assert leads
    named = {text.split()[at] for at, _ in leads}
    assert named.isdisjoint(("peter", "london"))
    assert min(lead for _, lead in leads) < 0


def test_words_not_heard_are_not_read() -> None:
    """An utterance of which no word was heard is as neutral as silence."""
    silence = read("").log_odds.tolist()
    assert read("this is an outrage", sure=0.0).log_odds.tolist() == silence


def test_names_are_read_as_unknown() -> None:
    """Whatever somebody is called, the sentence means the same."""
    odds = [
        network().read(Said(["my", "name", "is", name], [1.0] * 4, {3})).log_odds.tolist()
        for name in ("joy", "grim", "smith")
    ]
    assert odds[0] == odds[1] == odds[2]


def test_a_long_utterance_is_read_piece_by_piece() -> None:
    """What is said ten times over is as negative as once."""
    once = "nobody called me back and i am still waiting"
    assert read(" ".join([once] * 10)).log_odds.argmax() == 0


def test_words_are_cut_into_the_longest_pieces_known() -> None:
    """A word that has no pieces is unknown."""
    known = {"un": 4, "##help": 5, "##ful": 6, "unhelp": 7}
    assert cut("unhelpful", known) == (7, 6)
    assert cut("zz", known) == (UNKNOWN,)


def test_a_network_of_another_size_is_refused(tmp_path: Path) -> None:
    """A sidecar that promises another size is one sentence."""
    for suffix in (".tflite", ".json", ".words"):
        shutil.copy(SHIPPED.with_suffix(suffix), tmp_path)
    beside = tmp_path / "context.json"
    beside.write_text(json.dumps(json.loads(beside.read_text()) | {"size": 41}))
    with pytest.raises(ModelError, match="41 pieces"):
        ContextModel(tmp_path / "context.tflite")
