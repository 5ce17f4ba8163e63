"""The walk through a call, `--lift-handset`: lift, press 1, speak, hang up, each step judged."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sered.diagnose.model import Check, Context, Group, Outcome, Result, fault, judge, ok, skip
from sered.records import BLOCK_S, Side, State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from sered.diagnose.live.overhear import Overhearing

    Came = Mapping[str, Counter[str]]
    """Side to blocks of each state that came since the step began."""

_POLL_S = 0.1
_DIAL_S = 1.2
"""The first beeps of a busy tone pass for a dial tone."""
_TONE_S, _KEY_S, _VOICE_S = 0.5, 0.06, 0.7
_QUIET_S = 2.0
_TONES = (State.DIAL, State.RINGBACK, State.BUSY, State.REORDER, State.HOWLER, State.SIT)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the technician is asked to do."""

    check: Check
    prompt: str
    patience_s: float
    judge: Callable[[Came, Collection[Side]], Outcome | None]
    """None: not decided yet."""
    give_up: Callable[[Came], Outcome]
    """When the patience is over."""
    window_s: float | None = None
    """How far back it looks; None: to its beginning."""


def _seconds(came: Came, side: Side, *states: State) -> float:
    counts = came.get(str(side), Counter())
    return sum(counts[str(state)] for state in states) * BLOCK_S


def _where(came: Came, sides: Collection[Side], least_s: float, *states: State) -> list[Side]:
    """Sides that carried one of the states for so long, most of it first."""
    spans = {side: _seconds(came, side, *states) for side in sides}
    return sorted((s for s in sides if spans[s] >= least_s), key=lambda side: -spans[side])


def _far(sides: Collection[Side]) -> Side:
    return Side.MIXED if Side.MIXED in sides else Side.CUSTOMER


def _lifted(came: Came, sides: Collection[Side]) -> Outcome | None:
    heard = _where(came, sides, _DIAL_S, State.DIAL)
    if not heard:
        return None
    if heard[0] is Side.AGENT and _far(sides) not in heard:
        return fault("swapped", "dial tone on the agent's side")
    return ok(f"dial tone on the {_far(sides)}'s side")


def _no_tone(came: Came) -> Outcome:
    sides = [Side(name) for name in came]
    if other := _where(came, sides, _TONE_S, *_TONES[1:]):
        return fault("other_tone", f"another tone than the dial tone on the {other[0]}'s side")
    if _where(came, sides, _TONE_S, State.NOISE, State.SPEECH, State.MUSIC):
        return fault("no_tone", "sound, but no dial tone")
    return fault("nothing", "nothing but silence")


def _pressed(came: Came, sides: Collection[Side]) -> Outcome | None:
    heard = _where(came, sides, _KEY_S, State.DTMF)
    return ok(f"the key's tone on the {heard[0]}'s side") if heard else None


def _spoke(came: Came, sides: Collection[Side]) -> Outcome | None:
    if Side.MIXED in sides:
        heard = _where(came, sides, _VOICE_S, State.SPEECH)
        return ok("your voice on the one channel that there is") if heard else None
    if Side.AGENT not in sides:
        if _where(came, sides, _VOICE_S, State.SPEECH):
            return fault("leaks", "your voice on the customer's side")
        return None
    if _seconds(came, Side.AGENT, State.SPEECH) >= _VOICE_S:
        return ok("your voice on the agent's side")
    # on the other side alone, and for long: an announcement would leave both heard
    if _seconds(came, Side.CUSTOMER, State.SPEECH) >= 3 * _VOICE_S:
        return fault("swapped", "your voice on the customer's side alone")
    return None


def _voiceless(came: Came) -> Outcome:
    if str(Side.CUSTOMER) in came and str(Side.AGENT) not in came:
        return ok("not on the customer's side, which is the only one")
    return fault("no_voice", "no voice on the agent's side")


def _hung_up(came: Came, sides: Collection[Side]) -> Outcome | None:
    for side in sides:
        heard_s = _seconds(came, side, *State)
        quiet_s = _seconds(came, side, State.SILENCE, State.NOISE)
        # what the service tells comes in steps of half a second
        if heard_s < _QUIET_S - 0.6 or quiet_s < 0.95 * heard_s:
            return None
    return ok("quiet on every side")


def _by_walk(_: Context) -> Outcome:
    return skip("only with --lift-handset")


STEPS = (
    Step(
        Check(
            "handset.lift",
            "lifting the handset brings the dial tone",
            "It proves that the tap is on this phone's line.",
            _by_walk,
            failures={
                "nothing": "The tap hears nothing of this phone: is it in the handset's cord or "
                "on the line as docs/wiring.md shows, and in the card's input?",
                "no_tone": "Sound, but no dial tone: some exchanges give none (then go on); "
                "or set [[line]] tones to this country's plan.",
                "other_tone": "The exchange plays another tone: hang up, wait a moment and try "
                "again; or set [[line]] tones to this country's plan.",
                "swapped": "Exchange the two in [[line]] sides: the dial tone comes from the far "
                "end, the customer's side.",
            },
            deadline_s=20.0,
        ),
        "Lift the handset and listen for the dial tone.",
        20.0,
        _lifted,
        _no_tone,
    ),
    Step(
        Check(
            "handset.key",
            "pressing 1 is heard",
            "It proves that tones of the keypad are told from speech.",
            _by_walk,
            warnings={
                "no_key": "Some phones mute the keypad towards the handset; nothing depends on "
                "it. Else: the level is too low, see tap.level."
            },
            deadline_s=15.0,
        ),
        "Press 1, for about a second.",
        15.0,
        _pressed,
        lambda _: fault("no_key", "no key's tone"),
    ),
    Step(
        Check(
            "handset.voice",
            "your voice is on the agent's side",
            "The agent's voice must never be judged as the customer's.",
            _by_walk,
            failures={
                "swapped": "Exchange the two in [[line]] sides: now the agent would be judged in "
                "the customer's place.",
                "leaks": "The channel that is configured as the customer's carries the agent: "
                "name the other one in [[line]] sides, or say mixed=mono.",
                "no_voice": "The agent's side is dead: its lead, its channel, or its level "
                "(`sered diagnose --watch`).",
            },
            deadline_s=15.0,
        ),
        "Say slowly: one, two, three, four, five, six.",
        15.0,
        _spoke,
        _voiceless,
    ),
    Step(
        Check(
            "handset.hang_up",
            "the line is quiet after hanging up",
            "The end of a call must be heard, or calls run together.",
            _by_walk,
            failures={
                "not_quiet": "Something still sounds: is the handset on its rest? If a radio or "
                "a hum stays, see tap.hum; calls then end by their tones alone."
            },
            deadline_s=15.0,
        ),
        "Hang up.",
        15.0,
        _hung_up,
        lambda _: fault("not_quiet", "still sound on the line"),
        window_s=_QUIET_S,
    ),
)

GROUP = Group("handset", "Handset", tuple(step.check for step in STEPS), "walk", per_line=True)


def walk(
    line: str,
    sides: Collection[Side],
    ears: Overhearing,
    ask: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Result]:
    """Ask for one step after the other and judge each; waits no longer than its patience."""
    for step in STEPS:
        ask(step.prompt)
        began = clock()
        looks = deque([(began, ears.look())])
        outcome = None
        while outcome is None:
            sleep(_POLL_S)
            looks.append((clock(), ears.look()))
            while step.window_s and len(looks) > 1 and looks[1][0] < clock() - step.window_s:
                looks.popleft()
            came = looks[-1][1].since(looks[0][1])
            outcome = step.judge(came, sides)
            if outcome is None and clock() - began > step.patience_s:
                outcome = step.give_up(came)
        yield judge(step.check, outcome, line, clock() - began)
