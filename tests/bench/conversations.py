"""Whole conversations written without a look at sered: what a call's words come to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.sentences import heard
from bench.simulated_calls import misheard
from bench.verdict_fits import auc
from sered.records import CallEnded, EndReason, Side, Talk, Utterance, UtteranceResult
from sered.settings import VerdictSettings
from sered.verdict import decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sered.records import Transcript
    from sered.words.polarity import CallPolarity

CONVERSATIONS = Path(__file__).parents[1] / "data" / "conversations.tsv"
_WORD_S, _TURN_S = 0.35, 1.0


@dataclass(frozen=True, slots=True)
class Conversation:
    """Who says what, in order, and whether somebody ought to call the customer back."""

    unhappy: bool
    turns: tuple[tuple[Side, str], ...]


def read_conversations(path: Path = CONVERSATIONS) -> list[Conversation]:
    """All of them, in the order of the file."""
    out = []
    for block in path.read_text("utf-8").split("\n\n"):
        lines = [line for line in block.splitlines() if line and line[:2] != "# "]
        if lines:
            turns = [line.split("\t") for line in lines[1:]]
            said = tuple((Side.CUSTOMER if who == "c" else Side.AGENT, text) for who, text in turns)
            out.append(Conversation(lines[0].split("\t")[0] == "## unhappy", said))
    return out


def rows(polarity: CallPolarity) -> list[str]:
    """A table: AUC, who is found and who is flagged, heard perfectly and with words wrong."""
    talks = read_conversations()
    unhappy = np.array([talk.unhappy for talk in talks])
    lines = [
        "| heard | conversations | unhappy | AUC | content ones at −0.25 and below | escalated "
        "| unhappy ones found at −0.25 | escalated | found where a tenth of the content ones is "
        "flagged |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    vocabulary = sorted({word for talk in talks for _, text in talk.turns for word in text.split()})
    for name, wrong in (("perfectly", False), ("a quarter of the words lost or wrong", True)):
        rng = np.random.default_rng(1)
        verdicts = [
            _judged(
                [
                    (side, misheard(text, vocabulary, rng) if wrong else heard(text))
                    for side, text in talk.turns
                ],
                polarity,
            )
            for talk in talks
        ]
        score = np.array([v.sentiment.score for v in verdicts])
        alarm = np.array([v.sentiment.escalate for v in verdicts])
        tenth = np.quantile(score[~unhappy], 0.1)
        cells = [
            f"{auc(score, unhappy):.3f}",
            f"{np.mean(score[~unhappy] <= -0.25):.1%}",
            f"{np.mean(alarm[~unhappy]):.1%}",
            f"{np.mean(score[unhappy] <= -0.25):.0%}",
            f"{np.mean(alarm[unhappy]):.0%}",
            f"{np.mean(score[unhappy] <= tenth):.0%}",
        ]
        lines.append(f"| {name} | {len(talks)} | {unhappy.sum()} | {' | '.join(cells)} |")
    return lines


def _judged(turns: Sequence[tuple[Side, Transcript]], polarity: CallPolarity) -> decision.Verdict:
    results, clock = [], 0.0
    for side, said in turns:
        length = _WORD_S * max(1, len(said.words))
        if side is Side.CUSTOMER:
            results.append(
                UtteranceResult(
                    Utterance(side, clock, clock + length, length),
                    transcript=said,
                    polarity=polarity.score(said),
                )
            )
        clock += length + _TURN_S
    ended = CallEnded(0.0, clock, EndReason.HANG_UP_TONE, Talk())
    return decision.judge(results, ended, "text", VerdictSettings(), mixed=False)
