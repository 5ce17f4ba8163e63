"""Phrases as people say them on the phone, written plainly and found in recognised words."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Generic, TypeVar

from sered import spelling

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T = TypeVar("T")


def row(words: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(words.split())


_SPOKEN = {
    "cannot": "can not",
    "won't": "will not",
    "can't": "can not",
    "ain't": "is not",
    "let's": "let us",
    "gonna": "going to",
    "wanna": "want to",
    "gotta": "got to",
    "gimme": "give me",
    "anymore": "any more",
    "alright": "all right",
    "ok": "okay",
    "cancelled": "canceled",
    "cancelling": "canceling",
    "apologize": "apologise",
    "colour": "color",
    "favourite": "favorite",
    "mum": "mother",
    "thanks": "thank you",
    "alot": "a lot",
    "y'all": "you",
}
_TAILS = {
    "n't": "not",
    "'m": "am",
    "'re": "are",
    "'ve": "have",
    "'ll": "will",
    "'d": "would",
}
_IS = frozenset(
    ("it", "that", "he", "she", "there", "what", "where", "who", "how", "here", "this", "when")
)
_STATES = row("been not never still gone got broken down out dead working")
"""After one of these `internet's` is `internet is`; otherwise it owns something."""
_BARE = {
    short.replace("'", ""): long
    for short, long in {
        "i'm": "i am",
        "i've": "i have",
        "don't": "do not",
        "doesn't": "does not",
        "didn't": "did not",
        "can't": "can not",
        "couldn't": "could not",
        "wouldn't": "would not",
        "shouldn't": "should not",
        "isn't": "is not",
        "wasn't": "was not",
        "aren't": "are not",
        "haven't": "have not",
        "hasn't": "has not",
        "hadn't": "had not",
        "that's": "that is",
        "what's": "what is",
        "you're": "you are",
        "you've": "you have",
    }.items()
}
_AS_ONE = {
    "we": "i",
    "us": "me",
    "our": "my",
    "ours": "mine",
    "ourselves": "myself",
    "anybody": "anyone",
    "somebody": "someone",
    "everybody": "everyone",
    "noone": "nobody",
}
_OF_ONE = {"are": "am", "were": "was"}
SMALL_WORDS = row(
    "a an the i me my we us our you your he him she her it its they them their this that these "
    "those and or but so of to in on at by for from with about as if is am are was were be been "
    "do does did have has had will would can could should there here just again"
)
"""Words that carry no meaning of their own."""
_HESITATIONS = row("um uh er erm hmm mm ah uhm eh")

_NUMBERS = (
    "a|an|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|"
    "fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|"
    "ninety|hundred|thousand|half|couple|few|several|many|and|of|or"
)
_CLASSES = {
    "<number>": rf"(?:(?: (?:{_NUMBERS}))+)",
    "<time>": r"(?: (?:second|minute|hour|day|night|week|weekend|month|year)s?)",
    "<times>": (
        r"(?: (?:second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|hundredth|"
        r"umpteenth|last) time)"
    ),
}
_GAP = r"((?: (?!(?:not|no|never|nobody|nothing|none|without|but) )\S+){0,3}?)"
"""A negation in between would turn what the phrase says."""


def spoken(words: Sequence[str]) -> tuple[list[str], list[int]]:
    """Spell recognised words out: `i've` is `i have`, hesitations go.

    Returns the spelt-out words and, for each, the index of the word it came from.
    """
    tokens: list[str] = []
    origins: list[int] = []
    plain = [word.lower().strip('.,!?;:"') for word in words]
    for index, (word, after) in enumerate(pairwise([*plain, ""])):
        for token in _spelt(word, after).split():
            if token not in _HESITATIONS:
                tokens.append(token)
                origins.append(index)
    return tokens, origins


def _spelt(word: str, after: str) -> str:
    word = word.replace("’", "'")
    if word in _SPOKEN:
        return _SPOKEN[word]
    if word in _BARE:
        return _BARE[word]
    for tail, full in _TAILS.items():
        if word.endswith(tail) and len(word) > len(tail):
            return f"{word[: -len(tail)]} {full}"
    if word.endswith("'s") and (word[:-2] in _IS or after in _STATES):
        return f"{word[:-2]} is"
    return word


def alike(tokens: Sequence[str]) -> list[str]:
    """Words with those made one that mean one to a phrase: who speaks for two says `we`."""
    alike: list[str] = []
    before = ""
    for token in tokens:
        alike.append(_OF_ONE.get(token, token) if before == "we" else _AS_ONE.get(token, token))
        before = token
    return alike


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """One phrase in a row of words."""

    start: int
    end: int
    """One past its last word."""
    weight: float
    """How many of its words the phrase names, and half of those that fill its gaps."""
    value: T


class PhraseBook(Generic[T]):
    """A table of phrases, each with something it stands for.

    A phrase is words separated by blanks. `call|calls` is either, `ever?` may be missing,
    `cancel*` is any word that begins so, `...` is up to three words but no negation, `<number>`,
    `<time>` and `<times>` are `two hundred`, `weeks` and `third time`, `^` and `$` are the
    utterance's ends. Capitals are folded. Raises ValueError with a sentence for anything else.
    """

    def __init__(self, phrases: Iterable[tuple[str, T]]) -> None:
        self._values: list[T] = []
        self._sources: list[str] = []
        self._compiled: dict[int, re.Pattern[str]] = {}
        # a phrase is looked for only where a word that it cannot be without was said
        self._by_word: dict[str | None, list[int]] = defaultdict(list)
        for number, (written, value) in enumerate(phrases):
            phrase = spelling.phrase(written)
            self._values.append(value)
            self._sources.append(_regex(phrase))
            for word in _needed(phrase):
                self._by_word[word].append(number)

    def find(self, tokens: Sequence[str]) -> list[Found[T]]:
        """Phrases in words as `spoken` gives them, in order, none overlapping.

        Where two overlap, the one of more weight is meant.
        """
        taken: set[int] = set()
        found: list[Found[T]] = []
        # the later line wins a tie, so that a site's own phrase beats ours
        hits = self.find_all(tokens)[::-1]
        for hit in sorted(hits, key=lambda hit: -hit.weight):
            if taken.isdisjoint(range(hit.start, hit.end)):
                taken.update(range(hit.start, hit.end))
                found.append(hit)
        return sorted(found, key=lambda hit: hit.start)

    def find_all(self, tokens: Sequence[str]) -> list[Found[T]]:
        """Every phrase found, overlapping or not, in the table's order."""
        words = alike(tokens)
        text = "".join(f" {word}" for word in words)
        numbers = {n for word in {*words, None} for n in self._by_word.get(word, ())}
        return [
            Found(
                start=text.count(" ", 0, match.start()),
                end=text.count(" ", 0, match.end()),
                weight=match[0].count(" ") - sum(gap.count(" ") for gap in match.groups()) / 2,
                value=self._values[number],
            )
            for number in sorted(numbers)
            for match in self._pattern(number).finditer(text)
        ]

    def _pattern(self, number: int) -> re.Pattern[str]:
        pattern = self._compiled.get(number)
        if pattern is None:
            pattern = self._compiled[number] = re.compile(self._sources[number])
        return pattern


def _needed(phrase: str) -> list[str | None]:
    """Words one of which must be there for the phrase to be; None: there is no such word."""
    plain = [
        [alike(spoken([choice])[0] or [choice])[-1] for choice in element.split("|")]
        for element in phrase.split()
        if re.fullmatch(r"[a-z'|]+", element)
    ]
    # long words are rare ones
    return list(max(plain, key=lambda words: min(map(len, words)), default=[None]))


def _regex(phrase: str) -> str:
    parts: list[str] = []
    for element in phrase.split():
        if element == "^":
            parts.append(r"^")
        elif element == "$":
            parts.append(r"$")
        elif element == "...":
            parts.append(_GAP)
        else:
            optional = element.endswith("?")
            parts.append(_element(element.removesuffix("?")) + ("?" if optional else ""))
    return "".join(parts) + r"(?= |$)"


def _element(element: str) -> str:
    return f"(?:{'|'.join(_choice(choice) for choice in element.split('|'))})"


def _choice(choice: str) -> str:
    if choice in _CLASSES:
        return _CLASSES[choice]
    words = alike(spoken([choice])[0])
    return " " + " ".join(words).replace("*", r"\S*")
