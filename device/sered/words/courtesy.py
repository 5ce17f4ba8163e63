"""Politeness: thanks that are punctuation, praise that only nods. Pure.

Written sentences, from which the networks learnt, say `thank you` and `perfect` where somebody is
glad; on the phone both close a turn, of whoever is unhappy, too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sered.words import english as en
from sered.words.vader import NEUTRAL

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sered.records import Polarity
    from sered.words.stance import Chunk

THANKS = 0.15
"""Most that thanks are worth where nothing else is glad."""
NOD = 0.3
"""Most that `lovely` or `okay perfect thank you` is worth, where that is all that is said."""


def is_thanks(tokens: Sequence[str], piece: Chunk) -> bool:
    """Whether a piece is thanks by itself, not for or to anything."""
    said = " ".join(tokens[piece.start : piece.end])
    return said in en.THANKS and tokens[piece.end : piece.end + 1] not in (["for"], ["to"])


def is_nod(tokens: Sequence[str]) -> bool:
    """Whether a word of praise, with what goes with it, is all that is said."""
    return 0 < sum(word in en.PRAISE for word in tokens) <= 1 and all(
        word in en.PRAISE or word in en.NODDING for word in tokens
    )


def with_thanks(whole: Polarity, rest: Polarity, thanks: Collection[float]) -> Polarity:
    """What is said with thanks, seeing what the `rest` says without.

    `thanks` are the times of their words in seconds.
    """
    if rest.score <= -NEUTRAL:
        return rest
    if whole.score <= max(THANKS, rest.score):
        return whole
    if rest.score > THANKS:
        return rest
    named = tuple(term for term in whole.terms if term.offset_s in thanks)
    return at_most(THANKS, replace(whole, terms=named or whole.terms))


def at_most(bound: float, found: Polarity) -> Polarity:
    """The same, no gladder than the bound; its terms add up to four times its score."""
    if found.score <= bound:
        return found
    part = 4.0 * bound / (sum(term.valence for term in found.terms) or 1.0)
    terms = (replace(term, valence=round(term.valence * part, 4)) for term in found.terms)
    return replace(found, score=bound, terms=tuple(terms))
