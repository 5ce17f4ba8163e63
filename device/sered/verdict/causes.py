"""Why a call may be negative: phrases that point at a cause. Pure."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from sered.words.phrases import PhraseBook, spoken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sered.records import UtteranceResult
    from sered.settings import CauseSettings

CAUSES: dict[str, tuple[str, ...]] = {
    "delay": (
        "wait|waiting|waited",
        "on hold",
        "still not",
        "still waiting",
        "late|delay|delayed|delays",
        "how long|much longer",
        "for <number>? days|weeks|months|hours",
        "never arrived|came|showed|turned|delivered",
        "not ... arrived|come|delivered|received|shown",
        "supposed|meant to",
        "where is my|the|our",
        "takes|took|taking so|too|ages|forever",
        "queue",
        "call|called|calls|ring|rang me|us back",
    ),
    "billing": (
        "bill|bills|billed|billing|invoice|invoices",
        "charge|charges|charged|overcharged|charging",
        "refund|refunds|refunded",
        "fee|fees",
        "money",
        "paid|pay|payment|payments|paying",
        "price|prices|expensive|cost|costs",
        "account ... debited|balance",
        "twice|double",
        "direct debit",
    ),
    "product": (
        "not ... work|working|works|start|turn|connect|charge|load|open",
        "stopped|stops working",
        "broke|broken|breaks|broke down",
        "crash|crashes|crashed|crashing|freezes|freezing|frozen",
        "damaged|faulty|defective|leak|leaks|leaking",
        "down|dead|outage",
        "no|without ... internet|water|heating|power|signal|connection|electricity|sound|picture",
        "wrong|missing one|item|size|part|color",
        "is|was|are missing",
        "slow|noise|noisy",
        "keeps|keep dropping|cutting|crashing|freezing|breaking|disconnecting",
        "dropped|dropping",
    ),
    "agent": (
        "rude|impolite|unhelpful|unprofessional|incompetent|arrogant|attitude|useless",
        "hung|hang up",
        "not ... listen|listening|understand|care|apologise|explain",
        "no idea|clue",
        "transferred|transferring|transfer",
        "passed|sent ... around|back|another",
        "manager|supervisor|boss|in charge",
        "different answer|answers|story",
        "lied|lie|liar|lying",
        "your|the|last colleague|agent|person|lady|man|guy",
        "treat|treated|treats",
        "excuse|excuses",
        "nobody|no one ... help|helped|knows|know|cares|care|listens|tell|told",
    ),
    "cancellation": (
        "cancel|canceled|canceling|cancellation",
        "close|closing ... account",
        "terminate|end ... contract",
        "switch|switching|elsewhere|competitor",
        "another|different|other provider|company|supplier|bank",
        "out of ... contract",
        "be|your customer any|no longer|more",
    ),
    "unresolved": (
        "again",
        "<times>",
        "how many times",
        "<number> times",
        "still not",
        "still the? same",
        "same problem|issue|thing|story|fault",
        "keep|keeps|kept happening|calling|getting|having|telling|coming",
        "already told|explained|called|done|tried|said|reported",
        "not ... fixed|sorted|resolved|solved|repaired",
        "every time i",
        "over and over",
        "nothing has|is|happened|happens|changed|works|helps",
        "nobody|no one ... call|called|calls|came|answers|replies|fix|fixed",
        "was|were promised",
    ),
}
"""The causes that come with sered; a site adds its own, or phrases to one of these, by name."""
MOST = 3
"""Causes a call may carry: central routes it to a team, not to all of them."""


def causes(results: Sequence[UtteranceResult], added: Sequence[CauseSettings]) -> tuple[str, ...]:
    """Names of the probable causes, the likeliest first, from what was said unhappily.

    `results` are a negative call's; without words there is no cause. Raises ValueError with a
    sentence where a phrase of `added` cannot be read.
    """
    book = _book(tuple((cause.name, cause.phrases) for cause in added))
    weights: dict[str, float] = defaultdict(float)
    for result in results:
        if result.transcript is None or result.polarity is None or result.polarity.score >= 0:
            continue
        tokens, _ = spoken([word.text for word in result.transcript.words])
        for found in book.find_all(tokens):
            weights[found.value] -= result.polarity.score
    return tuple(sorted(weights, key=lambda name: -weights[name])[:MOST])


@lru_cache(maxsize=4)
def _book(added: tuple[tuple[str, tuple[str, ...]], ...]) -> PhraseBook[str]:
    pairs = [(phrase, name) for name, phrases in CAUSES.items() for phrase in phrases]
    return PhraseBook([*pairs, *((phrase, name) for name, phrases in added for phrase in phrases)])
