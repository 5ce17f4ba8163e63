"""What an utterance's words say: the lexicon's evidence and the sentence network's, added."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from sered.errors import ModelError
from sered.records import Polarity, Term
from sered.words import courtesy, stance, usual
from sered.words.lexicon import read_lexicon, scan_lexicon
from sered.words.network import Said
from sered.words.networks import beside
from sered.words.phrases import SMALL_WORDS, spoken
from sered.words.vader import NEUTRAL, word_list
from sered.words.valences import Valences

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sered.records import Transcript, Word
    from sered.words.network import SentenceNetwork, SentenceSidecar
    from sered.words.stance import Chunk

    Floats = NDArray[np.float64]

UNSURE, SURE = 0.5, 0.85
"""A word recognised with no more than the first counts nothing, from the second on fully."""
QUIET = 0.7
"""Sum of valences, of VADER's 4 a word, under which the lexicon alone says nothing."""
NAMED = 3
"""Most words that are named as what the network goes by."""
CALM = Polarity(0.0)
FULL = 4.0
"""Valence of a sentence that is as negative or positive as can be."""
FLAT = 15.0
"""VADER's: a sum of valences x is worth x / sqrt(x^2 + 15)."""


class CallPolarity:
    """Scores one utterance at a time.

    `lexicon` is the call lexicon that comes with sered, `extra` a site's own in the same form:
    phrase, valence from -4 to 4, note, separated by tabs. What cannot be read of `extra` is left
    out and said in `faults`. `network`: None for the one that lies beside the lexicon, if any;
    "none" for the lexicon alone. Raises ModelError with a sentence for anything else.
    """

    def __init__(
        self,
        lexicon: Path,
        extra: Path | None = None,
        network: SentenceNetwork | Literal["none"] | None = None,
    ) -> None:
        words = word_list()
        theirs, self.faults = _own(extra)
        """What was left out of the site's own table, a sentence each."""
        self._valences = Valences(words, read_lexicon(lexicon), theirs)
        self.network = None if network == "none" else network or beside(lexicon)
        self._pairs = usual.beside(lexicon)
        self.version = _digest([words, lexicon, *([extra] if extra and theirs else [])])
        """Twelve hex digits over the word list and the lexica, and the network, as reports carry
        it."""
        if self.network is not None:
            sidecar = self.network.sidecar
            self.version += f"+{sidecar.kind}-{sidecar.sha256[:12]}"

    def score(self, transcript: Transcript) -> Polarity:
        """Polarity of one utterance and the words it comes from."""
        said = self._said(transcript)
        polarity = self._read(said)
        if not said.of_a_site:
            polarity = self._polite(transcript, said, polarity)
        if self._pairs is None:
            return polarity
        pairs, bits = self._pairs.count(said.tokens, said.names())
        return replace(polarity, pairs=pairs, usual=bits)

    def _polite(self, transcript: Transcript, said: _ReadWords, polarity: Polarity) -> Polarity:
        if thanks := said.thanks():
            rest = tuple(word for at, word in enumerate(said.heard) if at not in thanks)
            without = self._read(self._said(replace(transcript, words=rest)))
            times = {said.heard[at].start_s for at in thanks}
            polarity = courtesy.with_thanks(polarity, without, times)
        if courtesy.is_nod(said.tokens):
            polarity = courtesy.at_most(courtesy.NOD, polarity)
        return polarity

    def _read(self, said: _ReadWords) -> Polarity:
        terms = said.terms
        total = sum(term.valence for term in terms)
        alone = Polarity(round(_pressed(total), 4), terms) if abs(total) >= QUIET else CALM
        if self.network is None or said.of_a_site:
            return alone
        if not said.tokens:
            return CALM
        answer = self.network.read(said.for_network())
        score = together(answer.log_odds, _weighed(terms), self.network.sidecar)
        if said.blames and alone.score < min(score, -NEUTRAL):
            return alone
        if abs(score) < NEUTRAL:
            return Polarity(score)
        words = [
            (said.words(at, at + 1), lead)
            for at, lead in answer.leads()
            if at not in said.told and self.network.may_name(said.tokens[at])
        ]
        return Polarity(score, _explained(score, terms, words))

    def evidence(self, transcript: Transcript) -> tuple[Floats, Floats]:
        """What the network, (3,), and the lexicon, (3,), say of an utterance, for who fits them."""
        assert self.network is not None, "asked for where there is one"
        said = self._said(transcript)
        return self.network.read(said.for_network()).log_odds, _weighed(said.terms)

    def given(self, transcript: Transcript) -> Said:
        """What a network is given of an utterance, for who teaches one."""
        return self._said(transcript).for_network()

    def _said(self, transcript: Transcript) -> _ReadWords:
        tokens, origins = spoken([word.text for word in transcript.words])
        pieces = self._valences.read(tokens)
        said = _ReadWords(transcript.words, tokens, origins, pieces)
        said.of_a_site = self._valences.of_a_site(pieces)
        valences = self._valences.of(tokens, pieces)
        said.formula = self._valences.formulas(pieces)
        said.blames = self._valences.blames(tokens, pieces, valences)
        said.told = frozenset(
            at
            for piece, valence in zip(pieces, valences, strict=True)
            if valence
            for at in range(piece.start, piece.end)
        )
        said.terms = _terms(
            (said.words(piece.start, piece.end), valence)
            for piece, valence in zip(pieces, valences, strict=True)
        )
        return said


@dataclass(slots=True)
class _ReadWords:
    """One utterance, read by the lexicon."""

    heard: tuple[Word, ...] = field(repr=False)
    tokens: list[str] = field(repr=False)
    origins: list[int]
    pieces: list[Chunk] = field(repr=False)
    terms: tuple[Term, ...] = ()
    of_a_site: bool = False
    told: frozenset[int] = frozenset()
    """Words that the lexicon speaks for."""
    formula: frozenset[int] = frozenset()
    """Words of courtesy, of which it knows that they say nothing."""
    blames: bool = False
    """Whether there is blame in it that a network takes at its word, such as thanks that mock."""

    def words(self, start: int, end: int) -> list[Word]:
        """The recognised words that some of the spelt-out ones came from."""
        return [self.heard[i] for i in sorted(set(self.origins[start:end]))]

    def names(self) -> set[int]:
        """Which of the spelt-out words name or spell something."""
        return stance.nameless(self.tokens, stance.statements(self.tokens, self.pieces))

    def thanks(self) -> set[int]:
        """Which of the recognised words are thanks that stand by themselves."""
        return {
            self.origins[at]
            for piece in self.pieces
            if courtesy.is_thanks(self.tokens, piece)
            for at in range(piece.start, piece.end)
        }

    def for_network(self) -> Said:
        """The same for a network, with how surely each word was heard."""
        others = stance.others(self.tokens, self.pieces) | self.formula
        sure = [
            0.0 if at in others else sureness(self.heard[i].confidence)
            for at, i in enumerate(self.origins)
        ]
        return Said(self.tokens, sure, self.names())


def _weighed(terms: Sequence[Term]) -> Floats:
    """The lexicon's evidence: what is bad, what is good, and their sum, each -1 to 1."""
    bad = sum(term.valence for term in terms if term.valence < 0)
    good = sum(term.valence for term in terms if term.valence > 0)
    return np.array([_pressed(bad), _pressed(good), _pressed(bad + good)])


def together(log_odds: Floats, lexicon: Floats, sidecar: SentenceSidecar) -> float:
    """Both evidences as one polarity: how far negative or positive leads, past a threshold."""
    z = log_odds + lexicon @ np.array(sidecar.lexicon)
    powers = np.exp(z - z.max())
    negative, _, positive = powers / powers.sum()
    lead = float(positive - negative)
    threshold = sidecar.thresholds[0 if lead < 0 else 1]
    size = abs(lead)
    if size < threshold:
        pressed = 0.99 * NEUTRAL * size / threshold
    else:
        pressed = NEUTRAL + (1.0 - NEUTRAL) * (size - threshold) / (1.0 - threshold)
    return round(math.copysign(pressed, lead), 4)


def _explained(
    score: float, terms: Sequence[Term], words: Sequence[tuple[list[Word], float]]
) -> tuple[Term, ...]:
    """What a score comes from: the lexicon's phrases, and words that make up what they lack.

    The valences of all add up to four times the score.
    """
    whole = FULL * score
    sign = math.copysign(1.0, score)
    ours = [term for term in terms if term.valence * sign > 0]
    told = sum(term.valence for term in ours)
    rest = whole - told
    ranked = sorted(
        (
            (said, lead)
            for said, lead in words
            if lead * sign > 0 and not SMALL_WORDS.issuperset(word.text for word in said)
        ),
        key=lambda item: -abs(item[1]),
    )[:NAMED]
    if rest * sign <= 0 or not ranked:
        if not told:
            ranked = sorted(words, key=lambda item: -item[1] * sign)[:1]
        else:
            return tuple(Term(t.text, round(t.valence * whole / told, 4), t.offset_s) for t in ours)
    share = sum(abs(lead) for _, lead in ranked) or 1.0
    named = [
        Term(
            " ".join(word.text for word in said),
            round(rest * abs(lead) / share, 4),
            said[0].start_s,
        )
        for said, lead in ranked
    ]
    return tuple(sorted([*ours, *named], key=lambda term: term.offset_s))


def _own(extra: Path | None) -> tuple[list[tuple[str, float]], list[str]]:
    """The good lines of a site's own table, and what is wrong with the others."""
    try:
        return scan_lexicon(extra) if extra else ([], [])
    except ModelError as error:
        return [], [str(error)]


def _pressed(total: float) -> float:
    """A sum of valences between -1 and 1, as VADER presses it."""
    return total / math.sqrt(total * total + FLAT)


def sureness(confidence: float) -> float:
    """What a word counts that was recognised with such a confidence, 0 to 1."""
    return min(1.0, max(0.0, (confidence - UNSURE) / (SURE - UNSURE)))


def _certainty(words: Sequence[Word]) -> float:
    """0 to 1: a phrase is as sure as the least sure of its words that carry meaning."""
    weighty = [word.confidence for word in words if word.text not in SMALL_WORDS]
    return sureness(min(weighty or [word.confidence for word in words]))


def _terms(said: Iterable[tuple[list[Word], float]]) -> tuple[Term, ...]:
    """What was said that weighs something, each by how surely it was heard."""
    return tuple(
        Term(" ".join(word.text for word in words), round(weighed, 4), words[0].start_s)
        for words, valence in said
        if (weighed := valence * _certainty(words))
    )


def _digest(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
