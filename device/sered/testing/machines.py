"""Composes calls that reach a machine first: greetings, announcements, queues and menus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sered.records import RATE_HZ, EndReason, Side, State
from sered.testing import sounds
from sered.testing.tape import TrueCall, Truth

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sered.testing.tape import Kind, Tape

    Clip = NDArray[np.int16]
    Voices = Mapping[Side, Sequence[Clip]]

MACHINES: tuple[Kind, ...] = ("voicemail", "announcement", "queue", "menu")


@dataclass(frozen=True, slots=True)
class Prompts:
    """What one machine says: 16 kHz clips of one voice."""

    greeting: Sequence[Clip]
    """Of a voicemail, sentence by sentence."""
    announcement: Clip
    """That a call cannot be made."""
    welcome: Clip
    queue: Sequence[Clip]
    """What interrupts the music, by turns."""
    menu: Sequence[Clip]
    transfer: Clip
    """That somebody will come on."""


def add_machine_call(tape: Tape, voices: Voices, prompts: Prompts, kind: Kind) -> None:
    """Lay one outgoing call that a machine answers on the tape; somebody may come on later."""
    rng, start_s = tape.rng, tape.now_s
    _ring(tape)
    parts = (_voicemail, _announcement, _queue, _menu)
    if parts[MACHINES.index(kind)](tape, prompts, voices):
        converse(tape, voices)
    tape.wait(rng.uniform(0.4, 2.0))
    end_s, reason = tape.now_s, EndReason.ON_HOOK
    if kind == "announcement" and rng.random() < 0.5:
        tape.tone(State.REORDER, rng.uniform(3.0, 8.0))
        reason = EndReason.HANG_UP_TONE
    tape.lifted.append((start_s, tape.now_s))
    tape.calls.append(TrueCall(start_s, end_s, kind, answered=True, reason=reason))


def add_people_call(tape: Tape, voices: Voices, kind: Kind) -> None:
    """Lay one call of two people on the tape: `outgoing`, `incoming` or `held`."""
    rng, start_s = tape.rng, tape.now_s
    if kind == "incoming":
        tape.wait(rng.uniform(0.2, 0.8))
    else:
        _ring(tape)
    converse(tape, voices)
    if kind == "held":
        tape.wait(rng.uniform(0.3, 1.5))
        tape.hold(rng.uniform(15.0, 60.0))
        tape.wait(rng.uniform(0.2, 0.8))
        converse(tape, voices)
    tape.wait(rng.uniform(0.4, 1.5))
    tape.calls.append(TrueCall(start_s, tape.now_s, kind, answered=True, reason=EndReason.ON_HOOK))
    tape.lifted.append((start_s, tape.now_s))


def converse(tape: Tape, voices: Voices) -> None:
    """A conversation in which both have spoken before it ends, as in all that are none of these."""
    began_s = tape.now_s
    while True:
        tape.talk(voices, tape.recipe.talk_s * tape.rng.uniform(0.6, 1.4))
        heard = {span.side for span in tape.spans if span.start_s >= began_s}
        if {Side.CUSTOMER, Side.AGENT} <= heard:
            return


def finish(tape: Tape) -> tuple[dict[Side, Clip], Truth]:
    """The sound of the tape and the truth, after a last gap."""
    tape.wait(tape.recipe.gap_s)
    return tape.render(), Truth(tuple(tape.calls), tuple(tape.spans))


def _ring(tape: Tape) -> None:
    rng = tape.rng
    tape.wait(rng.uniform(0.1, 0.4))
    tape.tone(State.DIAL, rng.uniform(1.0, 3.0))
    tape.dial("".join(str(d) for d in rng.integers(0, 10, int(rng.integers(5, 12)))))
    tape.wait(rng.uniform(0.5, 2.0))
    tape.tone(State.RINGBACK, rng.uniform(2.0, 10.0))
    tape.wait(rng.uniform(0.2, 1.0))


def _voicemail(tape: Tape, prompts: Prompts, voices: Voices) -> bool:
    """A greeting, a beep as a rule, and a message as a rule."""
    rng = tape.rng
    for clip in prompts.greeting:
        tape.say(Side.CUSTOMER, clip, recorded=True)
        tape.wait(rng.uniform(0.2, 0.8))
    if rng.random() < 0.85:
        beep = sounds.sines([rng.uniform(440.0, 1500.0)], rng.uniform(0.2, 1.2))
        tape.put(Side.CUSTOMER, State.NOISE, beep, tape.recipe.tone_db)
    if rng.random() < 0.7:
        tape.wait(rng.uniform(0.3, 1.5))
        for _ in range(int(rng.integers(2, 4))):
            clips = voices[Side.AGENT]
            tape.say(Side.AGENT, clips[int(rng.integers(len(clips)))])
            tape.wait(rng.uniform(0.2, 0.8))
    return False


def _announcement(tape: Tape, prompts: Prompts, _voices: Voices) -> bool:
    """The same sentence once to three times; nobody answers it."""
    rng = tape.rng
    for _ in range(int(rng.integers(1, 4))):
        tape.say(Side.CUSTOMER, prompts.announcement, recorded=True)
        tape.wait(rng.uniform(0.8, 3.0))
    return False


def _queue(tape: Tape, prompts: Prompts, _voices: Voices) -> bool:
    """Hold music that prompts interrupt, some over the music, until somebody comes on."""
    rng = tape.rng
    tape.say(Side.CUSTOMER, prompts.welcome, recorded=True)
    tape.wait(rng.uniform(0.2, 0.8))
    for turn in range(int(rng.integers(2, 5))):
        tape.hold(rng.uniform(8.0, 30.0))
        clip = prompts.queue[turn % len(prompts.queue)]
        if rng.random() < 0.3:
            bed = sounds.hold_music(rng, len(clip) / RATE_HZ)
            tape.parts.append((Side.CUSTOMER, tape.now_s, bed * np.float32(0.1)))
        tape.wait(rng.uniform(0.1, 0.6))
        tape.say(Side.CUSTOMER, clip, recorded=True)
        tape.wait(rng.uniform(0.1, 0.6))
    tape.hold(rng.uniform(5.0, 20.0))
    tape.wait(rng.uniform(0.3, 1.0))
    return bool(rng.random() < 0.8)


def _menu(tape: Tape, prompts: Prompts, _voices: Voices) -> bool:
    """A menu that keys answer, once or twice, and somebody who comes on as a rule."""
    rng = tape.rng
    tape.say(Side.CUSTOMER, prompts.welcome, recorded=True)
    for _ in range(int(rng.integers(1, 3))):
        tape.wait(rng.uniform(0.2, 0.8))
        heard = int(rng.integers(1, len(prompts.menu) + 1))
        for clip in prompts.menu[:heard]:
            tape.say(Side.CUSTOMER, clip, recorded=True)
            tape.wait(rng.uniform(0.3, 0.8))
        tape.wait(rng.uniform(0.1, 2.0))
        tape.dial(str(rng.integers(0, 10)))
    tape.wait(rng.uniform(0.5, 1.5))
    if rng.random() < 0.5:
        tape.say(Side.CUSTOMER, prompts.transfer, recorded=True)
        tape.wait(rng.uniform(0.5, 1.5))
    if rng.random() < 0.85:
        tape.tone(State.RINGBACK, rng.uniform(2.0, 8.0))
        tape.wait(rng.uniform(0.3, 1.0))
        return True
    return False
