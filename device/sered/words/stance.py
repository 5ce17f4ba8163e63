"""Who says it, of what, and whether it is so: reach of negations, what is named or supposed.

Pure. VADER looks at three words before a word; what a caller means often hangs on the sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sered.words import english as en
from sered.words.phrases import PhraseBook

if TYPE_CHECKING:
    from collections.abc import Sequence

NEGATED = -0.74
"""VADER's own factor of a negation."""
UNHURT = 0.5
"""How good `not bad` is beside what VADER makes of it: not being unhappy is not being happy."""
OVER = -0.7
"""What was good until something happened is bad now."""
MOCKED = -0.8
"""Praise that opens a complaint."""
OPENING = 4
"""Words at most before the praise that opens a sentence."""
NEAR = 3
"""Items before a word in which VADER itself finds a negation."""
FAR = 9
"""Items before a word in which a negated subject still denies it."""
_BOOKS = {
    name: PhraseBook([(phrase, name) for phrase in phrases])
    for name, phrases in {
        "naming": en.NAMING,
        "hypothesis": en.HYPOTHESES,
        "question": en.QUESTIONS,
        "elsewhere": en.ELSEWHERE,
        "reported": en.REPORTED,
        "mocking": en.MOCKING,
        "asking": en.ASKING,
    }.items()
}
NOT, FAIL = "<not>", "<fail>"
"""What a turn of speech that negates like a `not` is folded into; the second is a blame, too."""
FOLDED = [(phrase, NOT) for phrase in en.NEGATING] + [(phrase, FAIL) for phrase in en.FAILING]
FAILED = -1.2
"""Valence of `failed to` and the like, where nothing good is denied by it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A word or folded phrase of a sentence."""

    item: str
    """The word, or what stands for the phrase."""
    start: int
    end: int
    """One past its last word."""


def denied(pieces: Sequence[Chunk], tokens: Sequence[str], at: int) -> bool:
    """Whether a negation that VADER does not see denies a piece: `nobody over there has ...`."""
    for number, piece in enumerate(pieces[max(0, at - FAR) : at], max(0, at - FAR)):
        # a word that is folded is none to VADER, however near
        seen = number >= at - NEAR and not piece.item.startswith("<")
        if piece.item in {NOT, FAIL}:
            if number < at - NEAR:
                return True
        elif not seen and piece.end - piece.start == 1 and tokens[piece.start] in en.DENIERS:
            return True
    return False


def statements(tokens: Sequence[str], pieces: Sequence[Chunk]) -> list[int]:
    """For each word the number of the statement that it belongs to: a negation ends with one.

    None begins inside a piece.
    """
    inside = {at for piece in pieces for at in range(piece.start + 1, piece.end)}
    numbers: list[int] = []
    number = 0
    strong = False
    for at, word in enumerate(tokens):
        before = tokens[at - 1] if at else ""
        after = tokens[at + 1] if at + 1 < len(tokens) else ""
        if at and at not in inside and _begins(word, before, after, first=at == 1, strong=strong):
            number += 1
            strong = False
        strong = strong or word in en.STRONG
        numbers.append(number)
    return numbers


def _begins(word: str, before: str, after: str, *, first: bool, strong: bool) -> bool:
    if word == "so":
        return after in en.SUBJECTS or after in {"my", "the", "your"}
    if word in en.CONJUNCTIONS:
        return True
    if first and before in en.ANSWERS and word in en.AFTER_ANSWER:
        return True
    subject = word in en.SUBJECTS and after in en.VERBS
    if not subject or before in en.INVERTED | en.OPINIONS | en.CONJUNCTIONS:
        return False
    return not (word == "that" and strong)


def nameless(tokens: Sequence[str], numbers: Sequence[int]) -> set[int]:
    """Words that name or spell something: they say nothing of how the caller feels."""
    hidden: set[int] = set()
    for hit in _BOOKS["naming"].find_all(tokens):
        for at in range(hit.end, min(hit.end + en.NAME_WORDS, len(tokens))):
            if tokens[at] in en.CONJUNCTIONS - {"and"} or (
                numbers[at] != numbers[hit.end - 1]
                and tokens[at] != "and"
                and tokens[at - 1] != "and"
            ):
                break
            hidden.add(at)
    for at, word in enumerate(tokens):
        letter = len(word) == 1 and word not in "ai"
        if word in en.PLACES and at:
            hidden.update((at - 1, at))
        spelt = tokens[at + 1 : at + 3]
        if len(word) == 1 and spelt[:1] == ["for"]:
            hidden.update((at, at + 1, at + 2))
        elif len(word) == 1 and spelt == ["as", "in"]:
            hidden.update(range(at, at + 4))
        elif letter and at and len(tokens[at - 1]) == 1:
            hidden.update((at - 1, at))
    return {at for at in hidden if at < len(tokens)}


def others(tokens: Sequence[str], pieces: Sequence[Chunk]) -> set[int]:
    """Words that tell of another company, or that the company's own people said: nobody's mood."""
    return _elsewhere(tokens, statements(tokens, pieces)) | _reported(tokens)


def meant(tokens: Sequence[str], pieces: Sequence[Chunk], values: Sequence[float]) -> list[float]:
    """Valences of a sentence's pieces, with what is only named, asked, supposed or told taken out.

    `values` are VADER's, negations already spent on them.
    """
    out = list(values)
    numbers = statements(tokens, pieces)
    for i, piece in enumerate(pieces):
        if piece.item == FAIL and not any(out[i + 1 : i + 1 + FAR]):
            out[i] = FAILED
    if not any(out):
        return out
    names = nameless(tokens, numbers)
    supposed = _supposed(tokens, numbers)
    asked = _asked(tokens, numbers)
    theirs = _elsewhere(tokens, numbers)
    told = _reported(tokens)
    for i, piece in enumerate(pieces):
        named = names.issuperset(range(piece.start, piece.end))
        asked_word = piece.start in asked and piece.end - piece.start == 1
        trouble = piece.start in theirs and out[i] < 0
        promise = piece.start in told and out[i] > 0
        if named or asked_word or trouble or promise or piece.start in supposed:
            out[i] = 0.0
    _over(tokens, numbers, pieces, out)
    _mocked(tokens, pieces, out)
    return out


def _stretch(start: int, numbers: Sequence[int]) -> range:
    """From a word to where its statement ends."""
    if start >= len(numbers):
        return range(start, start)
    end = start
    while end < len(numbers) and numbers[end] == numbers[start]:
        end += 1
    return range(start, end)


def _asked(tokens: Sequence[str], numbers: Sequence[int]) -> set[int]:
    if not en.PLAINLY_NOT_ASKED.isdisjoint(tokens):
        return set()
    return {
        at for hit in _BOOKS["question"].find_all(tokens) for at in _stretch(hit.end - 1, numbers)
    }


def _supposed(tokens: Sequence[str], numbers: Sequence[int]) -> set[int]:
    return {
        at
        for hit in _BOOKS["hypothesis"].find_all(tokens)
        for at in (*range(hit.start, hit.end), *_stretch(hit.end, numbers))
    }


def _elsewhere(tokens: Sequence[str], numbers: Sequence[int]) -> set[int]:
    mine = {
        numbers[at]
        for hit in _BOOKS["elsewhere"].find_all(tokens)
        # who moves to another company complains of this one
        if hit.start == 0 or tokens[hit.start - 1] != "to"
        for at in (hit.start, hit.end - 1)
    }
    return {at for at, number in enumerate(numbers) if number in mine}


def _reported(tokens: Sequence[str]) -> set[int]:
    """What somebody of the company said: whose praise or promise it is."""
    told: set[int] = set()
    for hit in _BOOKS["reported"].find_all(tokens):
        for at in range(hit.end, len(tokens)):
            if tokens[at] in {"and", "but"}:
                break
            told.add(at)
    return told


def _over(
    tokens: Sequence[str], numbers: Sequence[int], pieces: Sequence[Chunk], out: list[float]
) -> None:
    """`used to be good`, `loved it until`: what is past is no praise."""
    for at, word in enumerate(tokens):
        if word == "used" and tokens[at + 1 : at + 2] == ["to"]:
            if at and tokens[at - 1] in {"am", "is", "are", "get", "got", "was", "be"}:
                continue
            stretch = _stretch(at, numbers)
        elif word in en.UNTIL and not en.PAST.isdisjoint(tokens[:at]):
            stretch = range(at)
        else:
            continue
        for i, piece in enumerate(pieces):
            if piece.start in stretch and out[i] > 0:
                out[i] *= OVER


def mocks(tokens: Sequence[str], piece: Chunk) -> bool:
    """Whether a piece is praise that a turn of mockery follows, at the head of what is said."""
    praise = not en.PRAISE.isdisjoint(tokens[piece.start : piece.end])
    hits = _BOOKS["mocking"].find_all(tokens) if praise and piece.start <= OPENING else ()
    return any(hit.start == piece.end for hit in hits)


def _mocked(tokens: Sequence[str], pieces: Sequence[Chunk], out: list[float]) -> None:
    """Praise as the first word, and a complaint or a question behind it, is none."""
    first = next((i for i, value in enumerate(out) if value), None)
    if first is None or out[first] <= 0 or pieces[first].start > OPENING:
        return
    opener = tokens[pieces[first].start : pieces[first].end]
    if en.PRAISE.isdisjoint(opener):
        return
    rest = out[first + 1 :]
    if any(value > 0 for value in rest):
        return
    behind = pieces[first].end
    if mocks(tokens, pieces[first]) or any(value < 0 for value in rest):
        out[first] *= MOCKED
    elif any(hit.start == behind for hit in _BOOKS["asking"].find_all(tokens)):
        out[first] = 0.0
