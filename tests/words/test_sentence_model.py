"""The network of sentences reads what was said, names no names, and says so when it is broken."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sered.errors import ModelError
from sered.words.network import Said
from sered.words.phrases import spoken
from sered.words.sentence_model import UNKNOWN, KnownWords, SentenceModel, units
from utterance_makers import LEXICON

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SHIPPED = LEXICON.with_name("sentence.tflite")
SMALL = SentenceModel(SHIPPED)


def log_odds(text: str) -> Floats:
    tokens, _ = spoken(text.split())
    return SMALL.read(Said(tokens, [1.0] * len(tokens))).log_odds


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for suffix in (".tflite", ".json", ".words"):
        shutil.copy(SHIPPED.with_suffix(suffix), tmp_path)
    return tmp_path / SHIPPED.name


def test_it_tells_a_complaint_without_an_unhappy_word() -> None:
    """A complaint leans to negative, what is asked is neutral, thanks are positive."""
    odds = log_odds("this is the third time that nobody called me back")
    assert odds[0] > odds[2] + 1.0
    assert log_odds("what time do you open on monday").argmax() == 1
    assert log_odds("that was so kind of you thank you").argmax() == 2


def test_unsure_words_say_little() -> None:
    """A complaint that was hardly heard leans nowhere."""
    tokens = ["this", "is", "the", "third", "time", "that", "nobody", "called", "me", "back"]
    sure, unsure = (SMALL.read(Said(tokens, [each] * len(tokens))) for each in (1.0, 0.0))
    assert sure.log_odds[0] - sure.log_odds[2] > unsure.log_odds[0] - unsure.log_odds[2]
    assert all(lead == 0.0 for _, lead in unsure.leads())


def test_numbers_letters_and_names_are_one_unit() -> None:
    """Which number, letter or name it was, the network never sees."""
    tokens = ["card", "four", "two", "nine", "b", "t", "in", "the", "name", "of", "grace"]
    read = [unit.name for unit in units(tokens, hidden={10})]
    assert read == ["card", "<number>", "<letter>", "in", "the", "name", "of", "<name>"]
    assert [(unit.start, unit.end) for unit in units(tokens)][1] == (1, 4)


def test_no_name_is_given_as_a_reason() -> None:
    """Words that may be published are said in our own sentences, and are no names."""
    for word in ("peter", "london", "grace", "jones", "monday", "seven"):
        assert not SMALL.may_name(word)
    for word in ("refund", "waiting"):
        assert SMALL.may_name(word)


def test_an_unknown_word_is_read_all_the_same() -> None:
    """A word that is on no list is a word, not a fault."""
    assert np.isfinite(log_odds("the zzyzx is not working")).all()


def test_a_long_utterance_is_read_piece_by_piece() -> None:
    """What is said twenty times over is as negative as once, and no word is left out."""
    once = "nobody called me back and i am still waiting"
    odds = log_odds(" ".join([once] * 20))
    assert odds[0] > odds[2]
    tokens = once.split() * 20
    found = SMALL.read(Said(tokens, [1.0] * len(tokens)))
    assert len(found.leads()) == len(tokens)


def test_nothing_said_says_nothing() -> None:
    """Without words nothing is gone by."""
    assert SMALL.read(Said([], [])).leads() == []


def test_lines_share_one_network() -> None:
    """Eight threads read what one thread reads."""
    texts = [
        "it broke again", "thank you", "what time is it", "nobody called", "i want my money back",
    ] * 20  # fmt: skip
    alone = [log_odds(text).tolist() for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert [odds.tolist() for odds in pool.map(log_odds, texts)] == alone


@pytest.mark.parametrize("suffix", [".tflite", ".json", ".words"])
def test_a_missing_file_is_named(copy: Path, suffix: str) -> None:
    """SentenceNetwork, sidecar and words belong together; the one that is missing is named."""
    copy.with_suffix(suffix).unlink()
    with pytest.raises(ModelError, match=suffix):
        SentenceModel(copy)


@pytest.mark.parametrize("suffix", [".tflite", ".words"])
def test_a_file_of_another_network_is_refused(copy: Path, suffix: str) -> None:
    """A file that is not the one the sidecar was made with is refused by its digest."""
    with copy.with_suffix(suffix).open("ab") as file:
        file.write(b"more")
    with pytest.raises(ModelError, match="SHA-256"):
        SentenceModel(copy)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": "sered.emotion/1"}, "schema"),
        ({"golden": {"it broke": [9.0, 0.0, -9.0]}}, "off by"),
        ({"size": 31}, "output"),
    ],
)
def test_a_sidecar_that_does_not_fit_is_refused(
    copy: Path, change: dict[str, object], said: str
) -> None:
    """A sidecar of something else, or numbers that do not come out here, are one sentence."""
    beside = copy.with_suffix(".json")
    beside.write_text(json.dumps(json.loads(beside.read_text()) | change))
    with pytest.raises(ModelError, match=said):
        SentenceModel(copy)


def test_every_listed_word_has_its_line_as_number() -> None:
    """Words are found by their digests: all that are listed, apostrophe or not, and no others."""
    words = KnownWords("cold\ndont+\nwaiting+\n")
    assert [words.number(word) for word in ("cold", "dont", "don't", "waiting")] == [2, 3, 3, 4]
    assert words.number("wait") == UNKNOWN
    assert words.named == {"dont", "waiting"}
