"""What the network of sentences learns from, and how it is misheard."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from convert.confusions import counted
from convert.encoder import pieces
from convert.mishear import HEARD, Confusions, Mishearer, confusions
from convert.sentence_fit import judged
from convert.sentence_gate import Gate
from convert.sentence_rows import MOODS, NEVER, Row, own, own_aside, own_learnt

from sered.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

SAID = {
    "called": ("K", "A", "L", "T"),
    "call": ("K", "A", "L"),
    "cold": ("K", "O", "L", "T"),
    "nobody": ("N", "O", "P", "A", "T", "I"),
    "no": ("N", "O"),
    "body": ("P", "A", "T", "I"),
}
REAL = Confusions(lost=0.2, alike=0.5, made_up=0.1, taken={"nobody": [("no", 3), ("cold", 1)]})
FIGURES = {"reviews": {"auc_negative": 0.86, "macro_f1": 0.6, "false_alarms": 0.05}}


def test_what_is_kept_aside_is_not_learnt_from() -> None:
    """Sentences that fit the thresholds, and those written last, teach the network nothing."""
    learnt = {row.text for row in own_learnt()}
    assert len(learnt) > 3000
    never = [row for name in NEVER for row in own(f"-{name}")]
    assert learnt.isdisjoint(row.text for row in [*own_aside(), *never])
    assert len(own_aside()) > 400


def test_every_label_is_one_of_three() -> None:
    """Moods of our sentences are numbers of MOODS."""
    assert {row.mood for row in own_learnt()} == set(range(len(MOODS)))


def test_words_are_misheard_as_others_that_sound_alike() -> None:
    """A word is lost, split, or heard as a neighbour; never at a rate of nothing."""
    mishear = Mishearer(["nobody called called call cold no body"] * 30, SAID, REAL)
    luck = random.Random(1)
    assert mishear("nobody called", 0.0, luck) == "nobody called"
    heard = {mishear("nobody called", 1.0, luck) for _ in range(300)}
    assert any("cold" in text or "call" in text.split() for text in heard)
    assert any("no body" in text for text in heard)
    assert all(heard)


def test_the_same_seed_mishears_alike() -> None:
    """What is heard wrongly hangs on the seed alone."""
    mishear = Mishearer(["nobody called called call cold"] * 30, SAID, REAL)
    first, second = (
        [mishear("nobody called", 0.5, luck) for _ in range(20)]
        for luck in (random.Random(3), random.Random(3))
    )
    assert first == second


def test_what_a_real_recogniser_took_a_word_for_is_heard() -> None:
    """Half of the mistakes at a word are those that were seen there, as often as they were."""
    mishear = Mishearer(["nobody called"] * 30, SAID, REAL)
    luck = random.Random(2)
    heard = [mishear("nobody", 1.0, luck) for _ in range(400)]
    assert heard.count("no") > heard.count("cold") > 0


def test_mistakes_that_were_counted_are_read(tmp_path: Path) -> None:
    """Shares are of all mistakes of all recognisers; alike is what differs in one sound."""
    counted_ones = {
        "one": counted([("nobody called", ["nobody", "call"]), ("call", [])]),
        "other": counted([("call", ["no"]), ("no", ["no", "body"])]),
    }
    path = tmp_path / "confusions.json"
    path.write_text(json.dumps(counted_ones), "utf-8")
    found = confusions(SAID, path)
    assert (found.lost, found.alike, found.made_up) == (0.25, 0.25, 0.25)
    assert found.taken == {"called": [("call", 1)], "call": [("no", 1)]}


def test_shipped_mistakes_are_of_real_recognisers() -> None:
    """The counts beside the simulated recogniser are of hundreds of words, and of both."""
    counts = json.loads(HEARD.read_text("utf-8"))
    assert counts.keys() == {"whisper", "vosk"}
    for each in counts.values():
        assert each["words"] > 500
        assert 0.2 < each["right"] / each["words"] < 0.9


def test_what_is_not_good_enough_is_not_shipped() -> None:
    """The gate names every figure that is missed, and lets a better network pass."""
    gate = Gate(
        most_bytes=100,
        least_auc={"reviews": 0.87},
        most_false_alarms={"reviews": 0.05},
        least_f1={"reviews": 0.5},
    )
    with pytest.raises(ModelError, match=r"auc_negative of reviews 0\.86 for 0\.87: nothing"):
        gate.hold(100, 0.99, FIGURES)
    with pytest.raises(ModelError, match=r"101 bytes.*agreement 0\.900"):
        gate.hold(101, 0.9, FIGURES)
    replace(gate, least_auc={}).hold(100, 0.99, FIGURES)


def test_words_are_cut_into_the_longest_pieces_known() -> None:
    """As the encoder's own tokeniser does."""
    known = {"un": 1, "##help": 2, "##ful": 3, "'": 4, "s": 5, "unhelp": 6}
    assert pieces("unhelpful", known) == [6, 3]
    assert pieces("un's", known) == [1, 4, 5]
    assert pieces("zz", known) == [100]


def test_figures_count_false_alarms() -> None:
    """Of two that are not negative one is taken for it: one half."""
    rows = [Row(0, "a", "own"), Row(1, "b", "own"), Row(2, "c", "own")]
    found = judged(rows, [-0.9, -0.4, 0.8])
    assert found["false_alarms"] == 0.5
    assert found["auc_negative"] == 1.0
