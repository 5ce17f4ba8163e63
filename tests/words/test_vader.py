"""NLTK's private rooms are as they were when sered moved in, and its word list is always read."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sered.words.vader import analyzer, weigh_buts, word_list

# of NLTK 3.10.4; none has a word that sered adds to VADER
CANARY = (
    ("this is great", 0.6249),
    ("this is not great", -0.5096),
    ("this is really very good", 0.5379),
    ("thank you so much you were wonderful", 0.7351),
    ("i am so angry with you", -0.5563),
    ("it was good but the delivery was terrible", -0.4939),
    ("the delivery was terrible but it was good", 0.4215),
    ("never so happy", 0.7572),
    ("i am not at all satisfied", -0.3252),
    ("what a horrible experience", -0.5423),
    ("it is kind of nice", 0.3626),
    ("the least helpful person", -0.3252),
    ("at least it works fine", 0.2023),
    ("without a doubt excellent", -0.2235),
    ("i hate waiting and i love your music", 0.128),
    ("the invoice came on tuesday", 0.0),
    ("you ruined my day", -0.4767),
    ("she was rude and it was awful", -0.7184),
    ("it is the most helpful team", 0.4754),
    ("without him it would be perfect", 0.5719),
)


def test_vader_says_of_twenty_sentences_what_it_always_said() -> None:
    """Another NLTK that negates, boosts or weighs otherwise is noticed before a customer is."""
    vader = analyzer(word_list())
    assert [(said, vader.polarity_scores(said)["compound"]) for said, _ in CANARY] == list(CANARY)


def test_what_stands_after_a_but_counts_more() -> None:
    """The one private step that sered asks for by itself: half before, half as much again after."""
    weighed = weigh_buts(analyzer(word_list()), ["good", "but", "bad"], [2.0, 0.0, -2.0])
    assert weighed == pytest.approx([1.0, 0.0, -3.0])


def test_an_installation_of_hard_links_scores_as_any_other(tmp_path: Path) -> None:
    """Installers link files into place: NLTK and the word list work with two names each, too."""
    copy, site = tmp_path / "cache", tmp_path / "site"
    for name in ("nltk", "vaderSentiment"):
        spec = importlib.util.find_spec(name)
        assert spec
        assert spec.submodule_search_locations
        shutil.copytree(
            spec.submodule_search_locations[0],
            copy / name,
            ignore=shutil.ignore_patterns("__pycache__", "test"),
        )
        shutil.copytree(copy / name, site / name, copy_function=os.link)
    code = (
        "from sered.words.vader import analyzer, word_list; words = word_list();"
        "print(words, words.stat().st_nlink,"
        " analyzer(words).polarity_scores('this is great')['compound'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    words, links, score = done.stdout.split()
    assert Path(words).is_relative_to(site)
    assert (links, score) == ("2", "0.6249")
