"""What an utterance's words say: NLTK's VADER over its own word list and the call lexicon."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING

from sered.errors import ModelError
from sered.records import Polarity, Term
from sered.words.lexicon import read_lexicon, scan_lexicon
from sered.words.phrases import SMALL_WORDS, PhraseBook, row, spoken
from sered.words.sentence_model import Leanings
from sered.words.vader import analyzer, weigh_buts, word_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sered.records import Transcript, Word

UNSURE, SURE = 0.5, 0.85
"""A word recognised with no more than the first counts nothing, from the second on fully."""
QUIET = 0.7
"""Sum of valences, of VADER's 4 a word, under which an utterance is neutral."""
WEAK, PLAIN = 2.2, 0.7
"""A sum under the first counts nothing where the sentence is neutral with the second's odds."""
LEANINGS = "call-leanings.tsv"
"""Beside the lexicon; one that lies elsewhere, of another language perhaps, does without."""
UNHURT = 0.5
"""How good `not bad` is beside what VADER makes of it: not being unhappy is not being happy."""


_SUBJECTS = row("i you he she it we they this that there everything")
_VERBS = row(
    "is am are was were has have had will would can could should did does do keep keeps still just "
    "never always want need got get know feel love like really went works worked took came made "
    "said told think"
)
_OPINIONS = row("think believe feel find say call guess that sure")
_INVERTED = row("is are am was were do does did have has had can could will would")
_CONJUNCTIONS = row("and but because why when if then although though since until")
_NEGATIONS = row("not no never nobody nothing none without")


class CallPolarity:
    """Scores one utterance at a time.

    `lexicon` is the call lexicon that comes with sered, `extra` a site's own in the same form:
    phrase, valence from -4 to 4, note, separated by tabs. What cannot be read of `extra` is left
    out and said in `faults`. Raises ModelError with a sentence for anything else.
    """

    def __init__(self, lexicon: Path, extra: Path | None = None) -> None:
        words = word_list()
        theirs, self.faults = _own(extra)
        """What was left out of the site's own table, a sentence each."""
        tables = [lexicon, *([extra] if extra and theirs else [])]
        entries = [*read_lexicon(lexicon), *theirs]
        learnt = lexicon.with_name(LEANINGS)
        self._leanings = Leanings(learnt) if learnt.is_file() else None
        self._vader = analyzer(words)
        # VADER sees a phrase as one word of its list, so negation and boosters stay its own
        names = [f"<{number}>" for number in range(len(entries))]
        self._phrases = PhraseBook(
            [(phrase, name) for (phrase, _), name in zip(entries, names, strict=True)]
        )
        self._vader.lexicon.update(
            {name: v for (_, v), name in zip(entries, names, strict=True) if v}
        )
        self._theirs = frozenset(names[len(names) - len(theirs) :])
        self.version = _digest([words, *tables, *([learnt] if self._leanings else [])])
        """Twelve hex digits over the word list and the lexica, as reports carry it."""

    def score(self, transcript: Transcript) -> Polarity:
        """Polarity of one utterance and the phrases it comes from."""
        tokens, origins = spoken([word.text for word in transcript.words])
        items, spans = self._items(tokens)
        valences = self._valences(items, [tokens[start:end] for start, end in spans])
        said = [
            [transcript.words[i] for i in sorted(set(origins[start:end]))] for start, end in spans
        ]
        terms = _terms(zip(said, valences, strict=True))
        total = sum(term.valence for term in terms)
        if self._leanings and self._theirs.isdisjoint(items) and abs(total) < WEAK:
            sure = [_sure(transcript.words[i].confidence) for i in origins]
            lean = self._leanings.lean(tokens, sure)
            # where a phrase was heard unsurely, what is left of the sentence does not speak for it
            if abs(sum(valences)) < QUIET and lean.parts:
                terms = _terms(
                    ([transcript.words[i] for i in sorted(set(origins[p.start : p.end]))], valence)
                    for p, valence in lean.parts
                )
                total = sum(term.valence for term in terms)
            elif lean.neutral > PLAIN:
                return Polarity(0.0)
        if abs(total) < QUIET:
            return Polarity(0.0)
        return Polarity(round(self._vader.constants.normalize(total), 4), terms)

    def _items(self, tokens: Sequence[str]) -> tuple[list[str], list[tuple[int, int]]]:
        """Words with each phrase folded into one item, and which words each item spans."""
        items: list[str] = []
        spans: list[tuple[int, int]] = []
        at = 0
        for hit in self._phrases.find(tokens):
            items += [*tokens[at : hit.start], hit.value]
            spans += [*((i, i + 1) for i in range(at, hit.start)), (hit.start, hit.end)]
            at = hit.end
        items += tokens[at:]
        spans += [(i, i + 1) for i in range(at, len(tokens))]
        return items, spans

    def _valences(self, items: list[str], said: list[list[str]]) -> list[float]:
        """Valence of each item; `said` are the words that it stands for."""
        vader = self._vader
        valences: list[float] = []
        for clause in _clauses(items, [words[0] for words in said]):
            text = SimpleNamespace(words_and_emoticons=clause, is_cap_diff=False)
            for i, item in enumerate(clause):
                if item in vader.constants.BOOSTER_DICT:
                    valences.append(0.0)
                    continue
                valence = vader.sentiment_valence(0.0, text, item, i, [])[0]
                own = vader.lexicon.get(item, 0.0)
                if valence > 0 > own:
                    # `not paying for what does not work`: its own negation has been spent already
                    spent = not _NEGATIONS.isdisjoint(said[len(valences)])
                    valence = own if spent else valence * UNHURT
                valences.append(valence)
        weighed: list[float] = weigh_buts(vader, items, valences)
        return weighed


def _own(extra: Path | None) -> tuple[list[tuple[str, float]], list[str]]:
    """The good lines of a site's own table, and what is wrong with the others."""
    try:
        return scan_lexicon(extra) if extra else ([], [])
    except ModelError as error:
        return [], [str(error)]


def _sure(confidence: float) -> float:
    return min(1.0, max(0.0, (confidence - UNSURE) / (SURE - UNSURE)))


def _certainty(words: Sequence[Word]) -> float:
    """0 to 1: a phrase is as sure as the least sure of its words that carry meaning."""
    weighty = [word.confidence for word in words if word.text not in SMALL_WORDS]
    return _sure(min(weighty or [word.confidence for word in words]))


def _terms(said: Iterable[tuple[list[Word], float]]) -> tuple[Term, ...]:
    """What was said that weighs something, each by how surely it was heard."""
    return tuple(
        Term(" ".join(word.text for word in words), round(weighed, 4), words[0].start_s)
        for words, valence in said
        if (weighed := valence * _certainty(words))
    )


def _clauses(items: Sequence[str], heads: Sequence[str]) -> list[list[str]]:
    """Cut where a new statement begins: a negation reaches no further.

    `heads` are the first words of the items: a folded phrase may begin with the verb.
    """
    clauses: list[list[str]] = [[]]
    following = [second for _, second in pairwise([*heads, ""])]
    for item, head, after in zip(items, heads, following, strict=True):
        clause = clauses[-1]
        before = clause[-1] if clause else ""
        subject = head in _SUBJECTS and after in _VERBS and before not in _INVERTED | _OPINIONS
        if clause and (item in _CONJUNCTIONS or subject):
            clauses.append([])
        clauses[-1].append(item)
    return clauses


def _digest(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
