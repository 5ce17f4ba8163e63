"""Twenty composed lines with synthetic voices, before and after a change: `make bench-quick`.

Usage: bench_quick.py [BEFORE]. BEFORE is a git revision; without it, the last commit, or the one
before where nothing has been changed since. Needs no corpora: espeak-ng speaks. What it tells is
whether a change finds other calls than before, not how well calls are found on real voices: that
is `make bench-calls`. Ends with 1 where the change is worse.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
import soxr

from bench.cost.verdicts import ROOT, tree
from sered.hearing.tones import PLANS
from sered.records import RATE_HZ, CallEnded, EndReason, Side, Talk, Utterance
from sered.testing.line import Ending, Kind, LineRecipe, Truth, compose
from sered.testing.score import Score, score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LINES_A_PLAN = 4
CALLS_A_LINE = 2
LISTENER = Path(__file__).with_name("listen.py")
SAID = (
    "Good morning, this is the service desk, what can I do for you?",
    "I ordered a lamp two weeks ago and it has not arrived.",
    "Could you give me the number of the order, please?",
    "Yes, it is four seven one, nine two.",
    "I see it here, it left our store on Monday.",
    "That is what I was told last time, too.",
    "I am sorry about that, let me ask the carrier.",
    "How long will that take?",
    "You will have an answer by tomorrow noon.",
    "All right, thank you, goodbye.",
    "No.",
    "Yes, of course.",
)
CUSTOMERS = ("en-us+f3", "en-gb+m2", "en-us+f5", "en-gb+m4")
AGENTS = ("en-gb+f2", "en-us+m3")
KINDS: tuple[Kind, ...] = ("outgoing", "incoming", "held", "flash", "unanswered", "engaged")
ENDINGS: tuple[Ending, ...] = ("busy", "reorder", "howler", "dial", "on_hook")


@dataclass(frozen=True)
class Heard:
    """What one state of the code made of all lines."""

    score: Score
    cpu_s: float
    """Of listening, an hour of line, both sides."""


def speak(voice: str) -> list[NDArray[np.int16]]:
    """Every sentence by one synthetic voice, 16 kHz."""
    clips = []
    for number, sentence in enumerate(SAID):
        command = ["espeak-ng", "-v", voice, "-s", str(150 + 5 * (number % 7)), "--stdout"]
        done = subprocess.run([*command, sentence], check=True, capture_output=True)
        sound, rate_hz = soundfile.read(io.BytesIO(done.stdout), dtype="float32")
        sound = soxr.resample(sound, rate_hz, RATE_HZ)
        clips.append(np.asarray(np.clip(sound * 32767.0, -32768, 32767), np.int16))
    return clips


def recipe(plan: str, number: int) -> LineRecipe:
    """The so-manieth line of a plan; it depends on nothing else, so that plans may be added."""
    return LineRecipe(
        plan=plan,
        snr_db=(32.0, 24.0, 18.0, 14.0)[number % 4],
        speech_db=(-22.0, -30.0, -14.0, -36.0)[number % 4],
        on_hook_drop_db=(20.0, None, 12.0, 20.0)[number % 4],
        leak_db=(None, -30.0, -20.0, -25.0)[number % 4],
        hum_db=-25.0 if number % 4 == 3 else None,
        detune=(0.0, 0.008, -0.008, 0.0)[number % 4],
        back_to_back=0.3,
        talk_s=12.0,
        gap_s=6.0,
    )


def write_lines(folder: Path) -> dict[str, Truth]:
    """Compose all lines into NPZ files; what is on each, by file name."""
    customers, agents = ([speak(voice) for voice in some] for some in (CUSTOMERS, AGENTS))
    truths = {}
    for plan in PLANS:
        for number in range(LINES_A_PLAN):
            samples, truth = compose(
                sum(plan.encode()) + number,
                customers[number % len(customers)],
                agents[number % len(agents)],
                recipe=recipe(plan, number),
                kinds=KINDS,
                endings=ENDINGS,
                calls=CALLS_A_LINE,
            )
            name = f"{plan}-{number}.npz"
            np.savez(folder / name, **{str(side): pcm for side, pcm in samples.items()})
            truths[name] = truth
    return truths


def hear(code: Path, folder: Path, truths: dict[str, Truth]) -> Heard:
    """What a state of the code finds on the lines, two at a time, held against what is there."""

    def one(name: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, str(LISTENER), str(folder / name)],
            env={"PYTHONPATH": str(code / "device"), "OMP_NUM_THREADS": "1"},
            check=True,
            capture_output=True,
        )
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    total, cpu_s, lasted_s = Score(), 0.0, 0.0
    with ThreadPoolExecutor(2) as pool:
        for (name, truth), told in zip(truths.items(), pool.map(one, truths), strict=True):
            leak_db = recipe(*_named(name)).leak_db
            found = score(truth, _events(told["events"]), agent_audible=leak_db is not None)
            found.faults = [f"{name.removesuffix('.npz')}: {fault}" for fault in found.faults]
            total += found
            cpu_s, lasted_s = cpu_s + told["cpu_s"], lasted_s + told["lasts_s"]
    return Heard(total, cpu_s / lasted_s * 3600.0)


def _named(name: str) -> tuple[str, int]:
    plan, _, number = name.removesuffix(".npz").rpartition("-")
    return plan, int(number)


def _events(told: Sequence[dict[str, Any]]) -> list[CallEnded | Utterance]:
    events: list[CallEnded | Utterance] = []
    for event in told:
        times = event["start_s"], event["end_s"]
        if "reason" in event:
            events.append(CallEnded(*times, EndReason(event["reason"]), Talk()))
        else:
            events.append(Utterance(Side(event["side"]), *times, event["voiced_s"]))
    return events


def figures(heard: Heard) -> dict[str, str]:
    """Rows of the table."""
    found = heard.score
    starts = np.asarray(found.start_errors_s or [0.0])
    return {
        "calls matched one to one": f"{found.matched} of {found.true_calls}",
        "calls found where none is": str(found.false_calls),
        "start error, median / worst, s": f"{np.median(starts):.2f} / {starts.max():.2f}",
        "customer speech found, %": f"{100 * found.found_s / max(found.customer_s, 1e-9):.1f}",
        "foreign sound in utterances, %": (
            f"{100 * found.foreign_s / max(found.utterance_s, 1e-9):.2f}"
        ),
        "utterances of tones or music": str(found.machine_utterances),
        "CPU an hour of line, s": f"{heard.cpu_s:.0f}",
    }


def worse(before: Score, after: Score) -> list[str]:
    """What a change makes worse, a sentence each."""
    said = []
    if after.matched < before.matched:
        said.append(f"{before.matched - after.matched} calls fewer are found as they were")
    if after.false_calls > before.false_calls:
        said.append(f"{after.false_calls - before.false_calls} more calls are found where none is")
    if after.machine_utterances > before.machine_utterances:
        said.append("more utterances are made of tones or music")
    if after.found_s < 0.99 * before.found_s:
        said.append(
            f"{before.found_s - after.found_s:.0f} s less of the customers' speech is found"
        )
    if after.foreign_s > before.foreign_s + 0.005 * after.utterance_s:
        said.append("more foreign sound is in the customers' utterances")
    return said


def default_before() -> str:
    """The state that the working tree is to be held against."""
    changed = subprocess.run(
        ["git", "diff", "--quiet", "HEAD", "--", "device"], cwd=ROOT, check=False
    )
    return "HEAD" if changed.returncode else "HEAD~1"


def main(before: str) -> int:
    """Print the table, and every call that only one of the two finds; 1 where it is worse."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truths = write_lines(folder)
        was = hear(tree(before, folder / "before"), folder, truths)
        now = hear(ROOT, folder, truths)
    old, new = figures(was), figures(now)
    print(f"{'':34} {before:>14} {'now':>14}")
    for row in new:
        print(f"{row:34} {old[row]:>14} {new[row]:>14}")
    for sign, here, there in (("-", was, now), ("+", now, was)):
        for fault in here.score.faults:
            if fault not in there.score.faults:
                print(f"{sign} {fault}")
    found = worse(was.score, now.score)
    print("Worse: " + "; ".join(found) + "." if found else "No worse.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else default_before()))
