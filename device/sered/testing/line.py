"""A seeded phone line: composes calls from parts, with the truth beside the sound."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING

import numpy as np

from sered.records import FRAME, RATE_HZ, AudioFrame, EndReason, Side, State
from sered.testing import sounds
from sered.testing.tape import Ending, Kind, LineRecipe, Tape, TrueCall, Truth

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Ending", "Kind", "LineRecipe", "TrueCall", "Truth", "compose", "frames", "write_wav"]
KINDS: tuple[Kind, ...] = ("outgoing", "incoming", "held", "flash")
LONG_HOLD_S = 600.0
ENDINGS: tuple[Ending, ...] = ("busy", "reorder", "on_hook")


def add_call(
    tape: Tape,
    voices: Mapping[Side, Sequence[NDArray[np.int16]]],
    kind: Kind,
    ending: Ending,
) -> None:
    """Lay one call, from the handset's lift to its return, on the tape."""
    rng, start_s = tape.rng, tape.now_s
    answered = kind not in ("unanswered", "engaged", "dial_only", "fax")
    if kind == "incoming":
        tape.wait(rng.uniform(0.2, 0.8))
    else:
        _dial_out(tape, kind)
    if answered:
        tape.talk(voices, tape.recipe.talk_s * rng.uniform(0.6, 1.4))
    if kind in ("held", "long_hold"):
        tape.wait(rng.uniform(0.3, 1.5))
        tape.hold(rng.uniform(15.0, 60.0) if kind == "held" else LONG_HOLD_S)
        tape.wait(rng.uniform(0.2, 0.8))
        tape.talk(voices, tape.recipe.talk_s * rng.uniform(0.3, 0.8))
    if kind == "flash":
        _flash(tape, voices, start_s)
        start_lift = tape.lifted[-1][1]
    else:
        start_lift = start_s
    tape.wait(rng.uniform(0.4, 1.5))
    end_s, reason = tape.now_s, EndReason.ON_HOOK
    if kind == "engaged":
        end_s, reason = tape.spans[-1].start_s, EndReason.UNANSWERED
    elif ending != "on_hook" and answered:
        states = {
            "busy": State.BUSY,
            "reorder": State.REORDER,
            "howler": State.HOWLER,
            "dial": State.DIAL,
        }
        tape.tone(states[ending], rng.uniform(9.0, 15.0) if ending == "dial" else rng.uniform(3, 9))
        reason = EndReason.ON_HOOK if ending == "dial" else EndReason.HANG_UP_TONE
        tape.wait(rng.uniform(0.1, 0.5))
    tape.lifted.append((start_lift, tape.now_s))
    if kind != "dial_only":
        final = reason if answered else EndReason.UNANSWERED
        tape.calls.append(TrueCall(start_s, end_s, kind, answered, final))


def _dial_out(tape: Tape, kind: Kind) -> None:
    rng = tape.rng
    tape.wait(rng.uniform(0.1, 0.4))
    tape.tone(State.DIAL, rng.uniform(1.0, 4.0))
    if kind == "dial_only":
        return
    tape.dial("".join(str(d) for d in rng.integers(0, 10, int(rng.integers(3, 12)))))
    tape.wait(rng.uniform(0.5, 3.0))
    if kind == "engaged":
        tape.tone(State.BUSY, rng.uniform(4.0, 12.0))
        return
    tape.tone(State.RINGBACK, rng.uniform(2.0, 20.0) if kind != "unanswered" else 30.0)
    tape.wait(rng.uniform(0.1, 1.0))
    if kind == "fax":
        answer = sounds.fax_answering(rng, rng.uniform(6.0, 15.0))
        tape.put(Side.CUSTOMER, State.FAX, answer, tape.recipe.tone_db)


def _flash(tape: Tape, voices: Mapping[Side, Sequence[NDArray[np.int16]]], start_s: float) -> None:
    rng = tape.rng
    tape.wait(rng.uniform(0.2, 0.8))
    tape.lifted.append((start_s, tape.now_s))
    tape.wait(rng.uniform(0.1, 0.7))
    tape.lifted.append((tape.now_s, tape.now_s))
    tape.tone(State.DIAL, rng.uniform(1.0, 3.0))
    tape.dial("".join(str(d) for d in rng.integers(0, 10, 3)))
    tape.wait(rng.uniform(0.3, 1.0))
    tape.talk(voices, tape.recipe.talk_s * rng.uniform(0.3, 0.8))


def compose(
    seed: int,
    customer: Sequence[NDArray[np.int16]],
    agent: Sequence[NDArray[np.int16]] | None = None,
    *,
    recipe: LineRecipe | None = None,
    kinds: Sequence[Kind] = KINDS,
    endings: Sequence[Ending] = ENDINGS,
    calls: int = 3,
) -> tuple[dict[Side, NDArray[np.int16]], Truth]:
    """Compose a line with so many calls; kinds and endings are drawn from those given.

    `customer` and `agent` are 16 kHz clips of speech (`agent` None: the customer's again).
    Returns the sound of each side and the truth. The same arguments give the same samples.
    """
    rng = np.random.default_rng(seed)
    tape = Tape(rng, recipe or LineRecipe())
    voices = {Side.CUSTOMER: customer, Side.AGENT: agent or customer}
    for _ in range(calls):
        if _at_once(tape):
            tape.wait(rng.uniform(2.0, 4.0))
            kind: Kind = "outgoing"
        else:
            tape.wait(tape.recipe.gap_s * rng.uniform(0.5, 1.5))
            kind = kinds[int(rng.integers(len(kinds)))]
        add_call(tape, voices, kind, endings[int(rng.integers(len(endings)))])
    tape.wait(tape.recipe.gap_s)
    return tape.render(), Truth(tuple(tape.calls), tuple(tape.spans))


def _at_once(tape: Tape) -> bool:
    """Whether the next call follows on the last one within seconds."""
    recipe = tape.recipe
    if not (recipe.back_to_back and tape.calls and tape.rng.random() < recipe.back_to_back):
        return False
    return recipe.on_hook_drop_db != 0.0 or tape.calls[-1].reason is EndReason.HANG_UP_TONE


def frames(samples: Mapping[Side, NDArray[np.int16]], start: int = 0) -> Iterator[AudioFrame]:
    """Cut composed sound into the frames that a tap would give."""
    length = min(len(pcm) for pcm in samples.values())
    for at in range(0, length, FRAME):
        cut = {side: pcm[at : at + FRAME] for side, pcm in samples.items()}
        yield AudioFrame(
            start + at,
            {side: np.pad(pcm, (0, FRAME - len(pcm))) for side, pcm in cut.items()},
        )


def write_wav(path: Path, samples: Mapping[Side, NDArray[np.int16]]) -> None:
    """Write what was composed, to listen to: agent left, customer right, or one channel."""
    order = [side for side in (Side.AGENT, Side.CUSTOMER, Side.MIXED) if side in samples]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(order))
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(np.stack([samples[side] for side in order], axis=1).tobytes())
