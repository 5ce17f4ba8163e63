"""What the network of sentences learns from, and how it is misheard."""

from __future__ import annotations

import random

from convert.encoder import pieces
from convert.mishear import Mishearer
from convert.sentence_fit import judged
from convert.sentence_rows import MOODS, Row, own, own_aside, own_learnt

SAID = {
    "called": ("K", "A", "L", "T"),
    "call": ("K", "A", "L"),
    "cold": ("K", "O", "L", "T"),
    "nobody": ("N", "O", "P", "A", "T", "I"),
    "no": ("N", "O"),
    "body": ("P", "A", "T", "I"),
}


def test_what_is_kept_aside_is_not_learnt_from() -> None:
    """Sentences that fit the thresholds, and those written last, teach the network nothing."""
    learnt = {row.text for row in own_learnt()}
    assert len(learnt) > 3000
    assert learnt.isdisjoint(row.text for row in [*own_aside(), *own("-last"), *own("-fresh")])
    assert len(own_aside()) > 400


def test_every_label_is_one_of_three() -> None:
    """Moods of our sentences are numbers of MOODS."""
    assert {row.mood for row in own_learnt()} == set(range(len(MOODS)))


def test_words_are_misheard_as_others_that_sound_alike() -> None:
    """A word is lost, split, or heard as a neighbour; never at a rate of nothing."""
    mishear = Mishearer(["nobody called called call cold no body"] * 30, SAID)
    luck = random.Random(1)
    assert mishear("nobody called", 0.0, luck) == "nobody called"
    heard = {mishear("nobody called", 1.0, luck) for _ in range(300)}
    assert any("cold" in text or "call" in text.split() for text in heard)
    assert any("no body" in text for text in heard)
    assert all(heard)


def test_the_same_seed_mishears_alike() -> None:
    """What is heard wrongly hangs on the seed alone."""
    mishear = Mishearer(["nobody called called call cold"] * 30, SAID)
    first, second = (
        [mishear("nobody called", 0.5, luck) for _ in range(20)]
        for luck in (random.Random(3), random.Random(3))
    )
    assert first == second


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
