"""NLTK's VADER without the rest of NLTK: the one place that reaches into its private rooms."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

from sered.errors import ModelError
from sered.words import english as en
from sered.words import stance

NEUTRAL = 0.05
"""Polarity under which an utterance is neither negative nor positive, as VADER's makers say."""


def word_list() -> Path:
    """VADER's own list, which the package vaderSentiment carries; ModelError without it."""
    spec = importlib.util.find_spec("vaderSentiment")
    for place in spec.submodule_search_locations or () if spec else ():
        words = Path(place) / "vader_lexicon.txt"
        if words.is_file():
            return words
    msg = (
        "wanted VADER's word list from the package vaderSentiment; found none: "
        "install sered again with pip"
    )
    raise ModelError(msg)


def analyzer(words: Path) -> Any:
    """VADER without the rest of NLTK: 20 MB and 0.1 s in place of 100 and 0.9."""
    if "nltk" in sys.modules:
        return _vader(words)
    spec = importlib.util.find_spec("nltk")
    if spec is None or not spec.submodule_search_locations:
        msg = "wanted NLTK; found none: install sered again with pip"
        raise ModelError(msg)
    root = spec.submodule_search_locations[0]
    # both packages import all of NLTK when they are imported; bare ones only know where to look
    for name, folder in (("nltk", root), ("nltk.sentiment", f"{root}/sentiment")):
        package = types.ModuleType(name)
        package.__path__ = [folder]
        sys.modules[name] = package
    try:
        return _vader(words)
    finally:
        # whoever wants the whole of NLTK later gets it, not this half
        for name in [name for name in sys.modules if name.split(".")[0] == "nltk"]:
            del sys.modules[name]


def weigh_buts(analyzer: Any, items: list[str], valences: list[float]) -> list[float]:
    """Valences, one an item, of which those after a `but` count more and those before it less."""
    weighed: list[float] = analyzer._but_check(items, valences)
    return weighed


def _vader(words: Path) -> Any:
    vader = importlib.import_module("nltk.sentiment.vader")
    # its constructor reads the list through nltk.data, which refuses files with two hard links:
    # what installers link into place instead of copying
    analyzer = vader.SentimentIntensityAnalyzer.__new__(vader.SentimentIntensityAnalyzer)
    analyzer.lexicon_file = words.read_text("utf-8").rstrip("\n")
    analyzer.lexicon = analyzer.make_lex_dict()
    analyzer.constants = vader.VaderConstants()
    analyzer.constants.NEGATE = (
        analyzer.constants.NEGATE
        | en.NEGATORS
        | {
            stance.NOT,
            stance.FAIL,
        }
    )
    return analyzer
