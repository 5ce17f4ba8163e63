"""What the words of a sentence are worth: NLTK's VADER over its list, the lexica, and stance."""

from __future__ import annotations

from itertools import groupby
from types import SimpleNamespace
from typing import TYPE_CHECKING

from sered.words import english as en
from sered.words import stance
from sered.words.phrases import PhraseBook
from sered.words.vader import analyzer, weigh_buts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sered.words.stance import Chunk

    Entries = Sequence[tuple[str, float]]


FORMULA = 3
"""Words of a phrase of no valence from which on it is a formula: nobody means it."""


BLAME = -2.0
"""Valence from which on a phrase of thanks is mockery however the rest reads."""
_THREATS = PhraseBook([(phrase, phrase) for phrase in en.THREATS])


class Valences:
    """VADER, with each phrase of the lexica folded into one word of its list.

    `ours` and `theirs` are phrases and valences of sered and of a site, whose phrase wins a tie.
    """

    def __init__(self, word_list: Path, ours: Entries, theirs: Entries) -> None:
        self._vader = analyzer(word_list)
        # VADER sees a phrase as one word of its list, so negation and boosters stay its own
        names = [f"<{number}>" for number in range(len(ours) + len(theirs))]
        named = [(phrase, name) for (phrase, _), name in zip([*ours, *theirs], names, strict=True)]
        self._phrases = PhraseBook([*named[: len(ours)], *stance.FOLDED, *named[len(ours) :]])
        self._vader.lexicon.update(
            {name: v for (_, v), name in zip([*ours, *theirs], names, strict=True) if v}
        )
        self._theirs = frozenset(names[len(ours) :])

    def read(self, tokens: Sequence[str]) -> list[Chunk]:
        """Words as `phrases.spoken` gives them, each phrase folded into one piece."""
        pieces: list[Chunk] = []
        at = 0
        for hit in self._phrases.find(tokens):
            pieces += [stance.Chunk(tokens[i], i, i + 1) for i in range(at, hit.start)]
            pieces.append(stance.Chunk(hit.value, hit.start, hit.end))
            at = hit.end
        return [*pieces, *(stance.Chunk(tokens[i], i, i + 1) for i in range(at, len(tokens)))]

    def of(self, tokens: Sequence[str], pieces: Sequence[Chunk]) -> list[float]:
        """Valence of each piece, -4 to 4 and somewhat beyond, as it is meant."""
        valences: list[float] = []
        numbers = stance.statements(tokens, pieces)
        for _, statement in groupby(pieces, key=lambda piece: numbers[piece.start]):
            valences += self._statement(tokens, list(statement))
        items = [piece.item for piece in pieces]
        return stance.meant(tokens, pieces, weigh_buts(self._vader, items, valences))

    def formulas(self, pieces: Sequence[Chunk]) -> frozenset[int]:
        """Words of longer phrases that a lexicon gives 0: courtesy and scripts."""
        return frozenset(
            at
            for piece in pieces
            if piece.item[0] == "<"
            and piece.item not in {stance.NOT, stance.FAIL}
            and piece.end - piece.start >= FORMULA
            and piece.item not in self._vader.lexicon
            for at in range(piece.start, piece.end)
        )

    def blames(
        self, tokens: Sequence[str], pieces: Sequence[Chunk], valences: Sequence[float]
    ) -> bool:
        """Whether there is blame that who reads word by word does not hear.

        Thanks and praise that mock (`thanks for nothing`, `great another form`) and threats (`i
        will go to the press`).
        """
        for piece, valence in zip(pieces, valences, strict=True):
            own = self._vader.lexicon.get(piece.item, 0.0)
            false_thanks = own <= BLAME and tokens[piece.start] in en.FALSE_THANKS
            if valence < 0 and (false_thanks or stance.mocks(tokens, piece)):
                return True
        return next(iter(_THREATS.find(tokens)), None) is not None

    def of_a_site(self, pieces: Sequence[Chunk]) -> bool:
        """Whether a phrase of the site's own was said."""
        return any(piece.item in self._theirs for piece in pieces)

    def _statement(self, tokens: Sequence[str], pieces: Sequence[Chunk]) -> list[float]:
        vader = self._vader
        text = SimpleNamespace(
            words_and_emoticons=[piece.item for piece in pieces], is_cap_diff=False
        )
        valences = []
        for at, piece in enumerate(pieces):
            if piece.item in vader.constants.BOOSTER_DICT:
                valences.append(0.0)
                continue
            valence = float(vader.sentiment_valence(0.0, text, piece.item, at, [])[0])
            own = vader.lexicon.get(piece.item, 0.0)
            if valence > 0 < own and stance.denied(pieces, tokens, at):
                valence *= stance.NEGATED
            if valence > 0 > own:
                # `not paying for what does not work`: its own negation has been spent already
                spent = not en.NEGATIONS.isdisjoint(tokens[piece.start : piece.end])
                valence = own if spent else valence * stance.UNHURT
            valences.append(valence)
        return valences
