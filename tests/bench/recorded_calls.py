"""Recorded voices on composed lines: how many are known, and how many people pass for them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bench.bench_calls import clips, recipe, show
from bench.prompts import prompts
from sered.box.line import Recent
from sered.calls.segmenter import Segmenter
from sered.hearing.ears import Ears
from sered.hearing.recorded_voice import RecordedVoices
from sered.records import CallEnded, CallStarted, EndReason, Side, Utterance
from sered.settings import CallSettings
from sered.testing.line import frames
from sered.testing.machines import MACHINES, add_machine_call, add_people_call, finish
from sered.testing.tape import Kind, Tape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sered.hearing.remembered import Remembered
    from sered.testing.tape import Truth

    Samples = Mapping[Side, NDArray[np.int16]]

CALLS_A_LINE = 4
PEOPLE: tuple[Kind, ...] = ("outgoing", "incoming", "held")
_STEP_S = 0.01


class Once(Sequence["NDArray[np.int16]"]):
    """Clips of which none comes a second time: people do not repeat themselves to the sample."""

    def __init__(self, of: Sequence[NDArray[np.int16]], rng: np.random.Generator) -> None:
        self._left: list[NDArray[np.int16]] = [of[at] for at in rng.permutation(len(of))]
        self._all = len(of)

    def __len__(self) -> int:
        return self._all

    def __getitem__(self, at: object) -> NDArray[np.int16]:  # type: ignore[override]  # any place gives the next one
        return self._left.pop()


@dataclass(slots=True)
class Known:
    """Sums over lines; add one to another with `+=`."""

    machine_s: float = 0.0
    """What machines said, inside utterances."""
    kept_machine_s: float = 0.0
    """How much of it lies in utterances that count as a customer's."""
    kept_s: float = 0.0
    """Length of all utterances that count as a customer's."""
    people: int = 0
    """Utterances of people."""
    taken: int = 0
    """How many of them passed for a machine's."""
    machine_calls: int = 0
    unheard: int = 0
    """Calls in which nobody but a machine spoke, of which an utterance counts as a customer's."""
    faults: list[str] = field(default_factory=list)

    def __iadd__(self, other: Known) -> Known:
        """Add another line's sums."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


def listen(
    samples: Samples, remembered: Remembered | None = None
) -> list[tuple[Utterance, bool, CallEnded]]:
    """Each utterance of the customer's side, whether it is a machine's, and its call."""
    ears, segmenter, recent = Ears(list(samples)), Segmenter(CallSettings()), Recent()
    voices = RecordedVoices(list(samples), remembered)
    out: list[tuple[Utterance, bool, CallEnded]] = []
    said: list[Utterance] = []

    def take(events: Sequence[CallStarted | Utterance | CallEnded]) -> None:
        for event in events:
            if isinstance(event, CallStarted):
                voices.begin(event.at_s)
                said.clear()
            elif isinstance(event, CallEnded):
                flags = voices.flags(over=True)
                out.extend((u, f, event) for u, f in zip(said, flags, strict=True))
                voices.end()
            elif event.side is Side.CUSTOMER:
                voices.take(event, recent.cut(event.side, event.start_s, event.end_s))
                said.append(event)

    for frame in frames(samples):
        recent.push(frame)
        blocks = ears.feed(frame)
        voices.feed(frame, blocks)
        for heard in blocks:
            take(segmenter.feed(heard))
    take(segmenter.finish(EndReason.END_OF_RECORDING))
    return out


def voices_of(seed: int) -> dict[Side, Once]:
    """People of one line: read, spelled, acted, or real callers; none of them twice."""
    rng = np.random.default_rng(9_000 + seed)
    every = [
        [*clips("speech/read", 1)],
        [*clips("speech/an4", 2)],
        [*clips("ser/emodb", 3), *clips("ser/ravdess", 6)],
        [clip for clip in clips("callers", 2) if len(clip) > 12_000],
    ]
    first = seed % len(every)
    return {
        Side.CUSTOMER: Once(every[first], rng),
        Side.AGENT: Once(every[(first + 1) % len(every)], rng),
    }


def one_line(seed: int) -> Known:
    """A line of four calls, every other one to a machine, and what was known of them."""
    rng = np.random.default_rng(seed)
    drawn = recipe(seed)
    if drawn.mixed or drawn.on_hook_drop_db == 0.0:
        # the far end cannot be told apart; calls that nothing parts are measured elsewhere
        return Known()
    tape, people = Tape(rng, drawn), voices_of(seed)
    for number in range(CALLS_A_LINE):
        tape.wait(drawn.gap_s * rng.uniform(0.5, 1.5))
        if (number + seed) % 2:
            kind: Kind = MACHINES[int(rng.integers(len(MACHINES)))]
            add_machine_call(tape, people, prompts(seed * CALLS_A_LINE + number), kind)
        else:
            add_people_call(tape, people, PEOPLE[int(rng.integers(len(PEOPLE)))])
    samples, truth = finish(tape)
    return compare(seed, truth, listen(samples))


def compare(seed: int, truth: Truth, found: Sequence[tuple[Utterance, bool, CallEnded]]) -> Known:
    """What was known, against the truth."""
    out = Known()
    machine = truth.spoken(Side.CUSTOMER, recorded=True)
    people = truth.spoken(Side.CUSTOMER)
    kept_in: set[str] = set()
    for utterance, flag, _ in found:
        of_machine = _shared_s(utterance, machine)
        of_people = _shared_s(utterance, people)
        call = next(
            (c for c in truth.calls if c.start_s - 1.0 < utterance.start_s < c.end_s + 2.0), None
        )
        where = f"seed {seed} {call.kind if call else '-'} {utterance.start_s:.1f}"
        out.machine_s += of_machine
        if not flag:
            out.kept_machine_s += of_machine
            out.kept_s += utterance.end_s - utterance.start_s
        if of_people > of_machine:
            out.people += 1
            out.taken += flag
            if flag:
                out.faults.append(f"{where}: a person of {of_people:.1f} s passes for a machine")
        elif of_machine and not flag:
            kept_in.add(f"{call.start_s if call else 0.0}")
            out.faults.append(f"{where}: {of_machine:.1f} s of a machine count as a customer's")
    for call in truth.calls:
        alone = call.kind in MACHINES and not any(
            call.start_s <= start < call.end_s for start, _ in people
        )
        out.machine_calls += alone
        out.unheard += alone and f"{call.start_s}" in kept_in
    return out


def _shared_s(utterance: Utterance, spans: Sequence[tuple[float, float]]) -> float:
    return sum(
        max(min(end, utterance.end_s) - max(start, utterance.start_s), 0.0) for start, end in spans
    )


def rows(known: Known) -> list[tuple[str, str, str, bool]]:
    """Rows of claim, reach, figure, reached."""
    kept = known.kept_machine_s / max(known.kept_s, 1e-9)
    taken = known.taken / max(known.people, 1)
    found = 1.0 - known.kept_machine_s / max(known.machine_s, 1e-9)
    return [
        ("recorded seconds inside customer utterances", "<= 2 %", f"{100 * kept:.2f} %",
         kept <= 0.02),
        ("people taken for machines", "<= 0.5 %",
         f"{100 * taken:.2f} % of {known.people} utterances", taken <= 0.005),
        ("recorded speech known as such", "none set", f"{100 * found:.1f} %", True),
        ("calls of a machine alone with a customer in them", "none set",
         f"{known.unheard} of {known.machine_calls}", True),
    ]  # fmt: skip


def main() -> int:
    """Print the table; 1 when a reach is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=60, help="lines of four calls to compose")
    parser.add_argument("--first", type=int, default=0, help="first seed; others give other lines")
    parser.add_argument("--jobs", type=int, default=2)
    # the rest is for the bench of calls, which has the same arguments
    args, _ = parser.parse_known_args()
    known = Known()
    with ProcessPoolExecutor(args.jobs) as pool:
        for found in pool.map(one_line, range(args.first, args.first + args.lines)):
            known += found
    table = rows(known)
    show(table, known.faults)
    return 0 if all(row[3] for row in table) else 1


if __name__ == "__main__":
    sys.exit(main())
