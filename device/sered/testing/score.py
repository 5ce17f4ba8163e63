"""Holds what was found on a composed line against the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sered.records import CallEnded, EndReason, Side, State, Utterance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from sered.records import CallStarted
    from sered.testing.tape import TrueCall, Truth

_STEP_S = 0.01


@dataclass(slots=True)
class Score:
    """Sums over lines; add one to another with `+=`."""

    true_calls: int = 0
    matched: int = 0
    false_calls: int = 0
    """Found calls, unanswered ones aside, that match none."""
    start_errors_s: list[float] = field(default_factory=list)
    tone_end_errors_s: list[float] = field(default_factory=list)
    other_end_errors_s: list[float] = field(default_factory=list)
    customer_s: float = 0.0
    """What the customers said."""
    found_s: float = 0.0
    """How much of it lies in their utterances."""
    utterances: int = 0
    utterance_s: float = 0.0
    foreign_s: float = 0.0
    """Time in customer utterances when only somebody or something else sounded."""
    machine_utterances: int = 0
    """Utterances, for half or more of them, of tones or music."""
    faults: list[str] = field(default_factory=list)
    """A line for each call lost, split, joined or invented."""

    def __iadd__(self, other: Score) -> Score:
        """Add another line's sums."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


def score(
    truth: Truth,
    events: Iterable[CallStarted | Utterance | CallEnded],
    *,
    agent_audible: bool = True,
) -> Score:
    """Compare events with the truth of the same line.

    `agent_audible`: the agent leaks into the customer's channel, so that a moment of an utterance
    in which only the agent speaks counts as foreign sound.
    """
    found = [event for event in events if isinstance(event, CallEnded)]
    utterances = [event for event in events if isinstance(event, Utterance)]
    out = Score(true_calls=len(truth.calls))
    _match(truth.calls, found, out)
    _compare_speech(truth, utterances, out, agent_audible=agent_audible)
    return out


def _match(true: Sequence[TrueCall], found: Sequence[CallEnded], out: Score) -> None:
    over = [[min(t.end_s, f.end_s) - max(t.start_s, f.start_s) > 0.5 for f in found] for t in true]
    for index, call in enumerate(true):
        partners = [f for f, overlaps in zip(found, over[index], strict=True) if overlaps]
        shared = [row[found.index(f)] for f in partners for row in over].count(True)
        right_kind = len(partners) == 1 and call.answered == (
            partners[0].reason is not EndReason.UNANSWERED
        )
        if len(partners) != 1 or shared != 1 or not right_kind:
            met = [(f.start_s, f.end_s, str(f.reason)) for f in partners]
            out.faults.append(f"{call.kind} {call.start_s:.1f}-{call.end_s:.1f} met {met}")
            continue
        out.matched += 1
        out.start_errors_s.append(abs(partners[0].start_s - call.start_s))
        error_s = abs(partners[0].end_s - call.end_s)
        if call.reason is EndReason.HANG_UP_TONE:
            out.tone_end_errors_s.append(error_s)
        elif call.answered:
            out.other_end_errors_s.append(error_s)
    for column, other in enumerate(found):
        if other.reason is not EndReason.UNANSWERED and not any(row[column] for row in over):
            out.false_calls += 1
            out.faults.append(f"false call {other.start_s:.1f}-{other.end_s:.1f} {other.reason}")


def _mask(spans: Iterable[tuple[float, float]], length: int) -> NDArray[np.bool_]:
    out = np.zeros(length, bool)
    for start_s, end_s in spans:
        out[round(start_s / _STEP_S) : round(end_s / _STEP_S)] = True
    return out


def _compare_speech(
    truth: Truth, utterances: Sequence[Utterance], out: Score, *, agent_audible: bool
) -> None:
    ends = [span.end_s for span in truth.spans] + [u.end_s for u in utterances] + [0.0]
    length = int(max(ends) / _STEP_S) + 2
    judged = [u for u in utterances if u.side is not Side.AGENT]
    customer = _mask(truth.spoken(Side.CUSTOMER), length)
    agent = _mask(truth.spoken(Side.AGENT), length)
    machine = _mask(
        [(s.start_s, s.end_s) for s in truth.spans if s.state is not State.SPEECH], length
    )
    inside = _mask([(u.start_s, u.end_s) for u in judged], length)
    out.customer_s += _STEP_S * int(customer.sum())
    out.found_s += _STEP_S * int((customer & inside).sum())
    out.utterances += len(judged)
    out.utterance_s += _STEP_S * int(inside.sum())
    foreign = machine | (agent if agent_audible else np.zeros(length, bool))
    out.foreign_s += _STEP_S * int((inside & foreign & ~customer).sum())
    for utterance in judged:
        at = slice(round(utterance.start_s / _STEP_S), round(utterance.end_s / _STEP_S))
        if (machine & ~customer & ~agent)[at].mean() >= 0.5:
            out.machine_utterances += 1
            out.faults.append(f"machine speaks {utterance.start_s:.1f}-{utterance.end_s:.1f}")
