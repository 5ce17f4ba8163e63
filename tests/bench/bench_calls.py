"""How well calls are found on composed lines, idle days and real calls: `make bench-calls`."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from sered.calls.segmenter import Segmenter
from sered.hearing.ears import Ears
from sered.hearing.tones import PLANS
from sered.records import RATE_HZ, CallEnded, CallStarted, EndReason, Side, State, Utterance
from sered.settings import CallSettings
from sered.testing import sounds
from sered.testing.line import Ending, Kind, LineRecipe, Truth, compose, frames, write_wav
from sered.testing.score import Score, score

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DATA = Path(__file__).parents[3] / "shared" / "data"
SPEECH = DATA / "speech"
FEELINGS = {"emodb": 15, "ravdess": 30, "nemo": 120, "tess": 100}
"""Corpora of acted feelings, and of how many clips one is taken."""
FIRST_PLANS = ("na", "etsi", "uk", "fr", "au")
"""They share the seeds up to NEXT_PLAN; each plan that came later has as many of its own."""
NEXT_PLAN = 100_000
KINDS: tuple[Kind, ...] = (
    "outgoing", "outgoing", "incoming", "incoming", "held", "flash", "unanswered", "engaged",
    "dial_only", "fax",
)  # fmt: skip
ENDINGS: tuple[Ending, ...] = ("busy", "reorder", "howler", "dial", "on_hook")
CALLS_A_LINE = 4
LONG_HOLD_EVERY = 30
"""Every so-manieth line has one call, with ten minutes of hold."""
COMFORT_EVERY = 4
"""Every so-manieth idle hour has an exchange's noise."""
Samples = dict[Side, NDArray[np.int16]]
Events = list[CallStarted | Utterance | CallEnded]


@cache
def clips(folder: str, every: int) -> list[NDArray[np.int16]]:
    """Clips of speech at 16 kHz."""
    sounds_of = (".flac", ".wav", ".opus")
    files = [p for p in sorted((DATA / folder).iterdir()) if p.suffix in sounds_of]
    return [read(path)[:, 0] for path in files[::every]]


def voices(seed: int) -> tuple[list[NDArray[np.int16]], list[NDArray[np.int16]]]:
    """What the customer of a line and its agent say: read, spelled, or acted with feeling."""
    read_out, spelled = clips("speech/read", 3), clips("speech/an4", 10)
    if seed % 3 == 2:
        acted = [
            clip for folder, every in FEELINGS.items() for clip in clips(f"ser/{folder}", every)
        ]
        return acted, read_out
    return (read_out, spelled) if seed % 3 else (spelled, read_out)


def read(path: Path) -> NDArray[np.int16]:
    """A file as (samples, channels) at 16 kHz."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != RATE_HZ:
        sound = soxr.resample(sound, rate, RATE_HZ)
    return np.asarray(np.clip(sound, -1.0, 1.0) * 32767.0, np.int16)


def plan_of(seed: int) -> str:
    """The tone plan of a line: one more plan deals no line anew."""
    block, number = divmod(seed, NEXT_PLAN)
    later = [plan for plan in PLANS if plan not in FIRST_PLANS]
    return later[block - 1] if block else FIRST_PLANS[number % len(FIRST_PLANS)]


def seeds_of(first: int, lines: int) -> list[int]:
    """So many lines of the first plans together, and a fifth of it of each later one."""
    blocks = range(1, len(PLANS) - len(FIRST_PLANS) + 1)
    shared = range(first, first + lines)
    return [*shared, *(NEXT_PLAN * block + seed for block in blocks for seed in shared[::5])]


def recipe(seed: int) -> LineRecipe:
    """A line drawn at random: every plan, 10 to 35 dB SNR, levels of -45 to -6 dBFS."""
    rng = np.random.default_rng(1000 + seed)
    leak = (None, -35.0, -25.0, -18.0)[rng.integers(4)]
    drop = (None, 25.0, 10.0, 0.0)[rng.integers(4)]
    return LineRecipe(
        plan=plan_of(seed),
        snr_db=rng.uniform(10.0, 35.0),
        speech_db=rng.uniform(-45.0, -6.0),
        on_hook_drop_db=drop,
        tone_db=rng.uniform(-6.0, 6.0),
        music_db=rng.uniform(-3.0, 3.0),
        leak_db=leak,
        hum_db=None if rng.random() < 0.7 else -rng.uniform(15.0, 30.0),
        detune=rng.uniform(-0.01, 0.01),
        twist_db=rng.uniform(-3.0, 3.0),
        codec=bool(rng.random() < 0.7),
        mixed=bool(rng.random() < 0.15),
        # without a step in the noise only the hang-over parts calls that are not dialled
        gap_s=rng.uniform(80.0, 120.0) if drop == 0.0 else rng.uniform(4.0, 12.0),
        back_to_back=0.25,
        clicks_a_minute=6.0 if rng.random() < 0.3 else 0.0,
    )


def listen(samples: Samples) -> tuple[Events, float]:
    """What is found, and the seconds of CPU that it took."""
    ears, segmenter = Ears(list(samples)), Segmenter(CallSettings())
    events: Events = []
    began = time.process_time()
    for frame in frames(samples):
        for heard in ears.feed(frame):
            events += segmenter.feed(heard)
    events += segmenter.finish(EndReason.END_OF_RECORDING)
    return events, time.process_time() - began


def line(seed: int) -> tuple[Samples, Truth]:
    """A composed line and what is on it."""
    customer, agent = voices(seed)
    long = seed % LONG_HOLD_EVERY == 7
    return compose(
        seed,
        customer,
        agent,
        recipe=recipe(seed),
        kinds=("long_hold",) if long else KINDS,
        endings=ENDINGS,
        calls=1 if long else CALLS_A_LINE,
    )


def one_line(seed: int) -> tuple[bool, Score, float, float]:
    """Whether the line is mixed, its score, CPU seconds and length."""
    drawn = recipe(seed)
    samples, truth = line(seed)
    events, cpu_s = listen(samples)
    audible = drawn.leak_db is not None and drawn.leak_db > -drawn.snr_db and not drawn.mixed
    found = score(truth, events, agent_audible=audible)
    found.faults = [f"seed {seed} ({drawn.plan}): {fault}" for fault in found.faults]
    return drawn.mixed, found, cpu_s, len(next(iter(samples.values()))) / RATE_HZ


def idle_hour(seed: int, *, radio: bool = False) -> tuple[int, float, float]:
    """An hour of line without a call: calls found in it, CPU seconds of it and of plain noise.

    `radio`: a station sounds in it all the time.
    """
    rng = np.random.default_rng(seed)
    comfort = seed % COMFORT_EVERY == 2
    level = 10.0 ** (rng.uniform(-75.0, -65.0 if radio else -45.0) / 20.0)
    found, busy_s = 0, 0.0
    ears, segmenter = Ears((Side.CUSTOMER, Side.AGENT)), Segmenter(CallSettings())
    start = 0
    for minute in range(60):
        hiss = sounds.comfort_noise if comfort else sounds.noise
        far, near = hiss(rng, 60.0) * level, sounds.noise(rng, 60.0) * level
        if radio:
            heard = _station(rng, 60.0)
            far, near = far + heard, near + 0.7 * heard
        if minute % 3 == 1:
            far = far + _disturbance(rng, plan_of(seed))
        samples = {Side.CUSTOMER: _pcm(far), Side.AGENT: _pcm(near)}
        began = time.process_time()
        for frame in frames(samples, start):
            start = frame.start + len(frame.pcm[Side.AGENT])
            for heard_block in ears.feed(frame):
                found += sum(
                    isinstance(event, CallEnded) and event.reason is not EndReason.UNANSWERED
                    for event in segmenter.feed(heard_block)
                )
        busy_s += time.process_time() - began
    return found + segmenter.in_call, busy_s, _plain_noise_s(rng, level)


def _pcm(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.asarray(np.clip(sound, -1.0, 1.0) * 32767.0, np.int16)


def _station(rng: np.random.Generator, seconds: float) -> NDArray[np.float32]:
    """News or music on medium wave, as faint as a line picks it up: -75 to -58 dBFS."""
    programme = sounds.hold_music(rng, seconds)
    if rng.random() < 0.7:
        read_out = clips("speech/read", 3)
        spoken = [read_out[int(rng.integers(len(read_out)))] for _ in range(round(seconds / 4))]
        programme = np.resize(np.concatenate(spoken), len(programme)).astype(np.float32)
    return sounds.radio(rng, programme) * np.float32(10.0 ** (rng.uniform(-75.0, -58.0) / 20.0))


def _plain_noise_s(rng: np.random.Generator, level: float) -> float:
    noise = np.asarray(sounds.noise(rng, 360.0) * level * 32767.0, np.int16)
    return 10.0 * listen({Side.CUSTOMER: noise, Side.AGENT: noise})[1]


def _disturbance(rng: np.random.Generator, plan: str) -> NDArray[np.float32]:
    """A minute that holds something which is no call, at -50 to -15 dBFS; a station is fainter."""
    seconds = rng.uniform(2.0, 40.0)
    gain = np.float32(10.0 ** (rng.uniform(-50.0, -15.0) / 20.0))
    kinds: tuple[Callable[[], NDArray[np.float32]], ...] = (
        lambda: gain * sounds.bell(seconds),
        lambda: gain * sounds.hum(seconds, 50.0 + 10.0 * rng.integers(2)),
        lambda: gain * sounds.clicks(rng, seconds, 30.0),
        lambda: gain * sounds.vacuum_cleaner(rng, seconds),
        lambda: gain * sounds.progress_tone(plan, State.DIAL, seconds),
        lambda: gain * sounds.progress_tone(plan, State.RINGBACK, seconds),
        lambda: gain * _left_off_hook(plan, seconds),
        lambda: gain * sounds.fax_calling(seconds),
        lambda: gain * sounds.comfort_noise(rng, seconds),
        lambda: _station(rng, seconds),
    )
    sound = kinds[int(rng.integers(len(kinds)))]()
    out = sounds.silence(60.0)
    at = int(rng.integers(0, len(out) - len(sound)))
    out[at : at + len(sound)] = sound
    return out


def _left_off_hook(plan: str, seconds: float) -> NDArray[np.float32]:
    """A handset beside its rest: dial tone, then the howler."""
    dial = sounds.progress_tone(plan, State.DIAL, seconds / 2.0)
    return np.concatenate((dial, sounds.progress_tone(plan, State.HOWLER, seconds / 2.0)))


def real_calls(picture: Path | None) -> list[str]:
    """A line of text for each real call; with `picture`, levels, states and utterances drawn."""
    lines, drawn = [], []
    for path in sorted((SPEECH / "calls").glob("*.flac")):
        sound = read(path)
        pair = (Side.AGENT, Side.CUSTOMER) if sound.shape[1] == 2 else (Side.MIXED,)
        events, _ = listen({side: sound[:, index] for index, side in enumerate(pair)})
        calls = [e for e in events if isinstance(e, CallEnded)]
        said = [e for e in events if isinstance(e, Utterance)]
        spoken_s = sum(e.end_s - e.start_s for e in said)
        lines.append(
            f"{path.stem}: {len(calls)} call(s), {len(said)} utterances, {spoken_s:.0f} s of "
            f"{len(sound) / RATE_HZ:.0f} s"
        )
        drawn.append((path.stem, sound, pair, said, calls))
    if picture is not None:
        _draw(drawn, picture)
    return lines


def _draw(drawn: list[Any], picture: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = [
        (name, sound[:, i], side, said, calls)
        for name, sound, pair, said, calls in drawn
        for i, side in enumerate(pair)
    ]
    figure, axes = plt.subplots(len(rows), 1, figsize=(18, 2.0 * len(rows)))
    seen: dict[str, Any] = {}
    for axis, (name, sound, side, said, calls) in zip(axes, rows, strict=True):
        step = RATE_HZ // 50
        peaks = np.abs(sound[: len(sound) // step * step].astype(int)).reshape(-1, step).max(1)
        marks = [axis.fill_between(np.arange(len(peaks)) / 50, -peaks, peaks, color="0.6", lw=0)]
        for utterance in (u for u in said if u.side is side):
            span = axis.axvspan(utterance.start_s, utterance.end_s, color="tab:green", alpha=0.3)
            _mark(marks, span, "utterance")
        for call in calls:
            _mark(marks, axis.axvline(call.start_s, color="tab:blue"), "the call begins")
            _mark(marks, axis.axvline(call.end_s, color="tab:red", ls="--"), "the call ends")
        marks[0].set_label("level")
        seen.update((mark.get_label(), mark) for mark in marks)
        axis.set_title(f"{name}, {side}", loc="left", fontsize=9)
        axis.set_xlim(0, len(peaks) / 50)
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.6 / (2.0 * len(rows))))
    figure.legend(list(seen.values()), list(seen), loc="upper left", ncols=4, fontsize=13)
    figure.savefig(picture, dpi=70)


def _mark(marks: list[Any], drawn: Any, name: str) -> None:
    drawn.set_label(name)
    marks.append(drawn)


def table(
    stereo: Score, mixed: Score, talk: tuple[float, float]
) -> list[tuple[str, str, str, bool]]:
    """Rows of claim, reach, figure, reached."""
    both = replace(stereo)
    for name in ("true_calls", "matched", "false_calls", "machine_utterances"):
        setattr(both, name, getattr(stereo, name) + getattr(mixed, name))
    starts = np.asarray(stereo.start_errors_s + mixed.start_errors_s)
    ends = np.asarray(stereo.tone_end_errors_s + mixed.tone_end_errors_s)
    matched = both.matched / both.true_calls
    median, late = np.percentile(starts, (50, 95))
    end = float(np.percentile(ends, 95))
    found, foreign = stereo.found_s / stereo.customer_s, stereo.foreign_s / stereo.utterance_s
    hour = talk[0] / talk[1] * 3600.0
    of_mixed = f" (mixed {100 * mixed.found_s / mixed.customer_s:.1f})" if mixed.customer_s else ""
    return [
        ("calls matched one to one", ">= 99.5 %", f"{100 * matched:.2f} % of {both.true_calls}",
         matched >= 0.995),
        ("calls found where none is", "0", str(both.false_calls), both.false_calls == 0),
        ("start error, median / 95 %", "<= 0.5 / 2 s", f"{median:.2f} / {late:.2f} s",
         median <= 0.5 and late <= 2.0),
        ("end error with a hang-up tone, 95 %", "<= 2 s", f"{end:.2f} s", end <= 2.0),
        ("customer speech found", ">= 95 %", f"{100 * found:.1f} %{of_mixed}",
         found >= 0.95),
        ("foreign sound in customer utterances, stereo", "<= 2 %", f"{100 * foreign:.2f} %",
         foreign <= 0.02),
        ("utterances made of tones or music", "0",
         f"{both.machine_utterances} of {stereo.utterances + mixed.utterances}",
         both.machine_utterances == 0),
        ("a talking hour, both sides", "<= 120 s CPU", f"{hour:.0f} s", hour <= 120.0),
    ]  # fmt: skip


def show(rows: list[tuple[str, str, str, bool]], lines: list[str]) -> None:
    """Print part of the table and what goes with it."""
    for claim, reach, figure, reached in rows:
        print(f"{'ok  ' if reached else 'MISS'} {claim:46} {reach:14} {figure}", flush=True)
    for line in lines:
        print("    ", line, flush=True)


def write_lines(folder: Path, seeds: Sequence[int]) -> None:
    """Write composed lines as WAV files, to listen to."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        write_wav(folder / f"line-{seed}.wav", line(seed)[0])


def main() -> int:
    """Print the table; 1 when a reach is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=520, help="calls to compose")
    parser.add_argument("--first", type=int, default=0, help="first seed; others give other lines")
    parser.add_argument("--wav", type=Path, help="folder to write the first ten lines into")
    parser.add_argument("--hours", type=int, default=24, help="hours of line without a call")
    parser.add_argument("--radio-hours", type=int, default=6, help="hours with a station in them")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--picture", type=Path, help="PNG of the real calls")
    args = parser.parse_args()
    stereo, mixed, cpu_s, length_s = Score(), Score(), 0.0, 0.0
    seeds = seeds_of(args.first, -(-args.calls * 9 // 8 // CALLS_A_LINE))
    if args.wav is not None:
        write_lines(args.wav, seeds[:10])
    with ProcessPoolExecutor(args.jobs) as pool:
        for is_mixed, found, cost_s, lasted_s in pool.map(one_line, seeds):
            (mixed if is_mixed else stereo).__iadd__(found)
            cpu_s, length_s = cpu_s + cost_s, length_s + lasted_s
        rows = table(stereo, mixed, (cpu_s, length_s))
        show(rows, [*stereo.faults, *mixed.faults])
        hours = list(pool.map(idle_hour, range(args.first, args.first + args.hours)))
        stations = range(args.first, args.first + args.radio_hours)
        radio = list(pool.map(partial(idle_hour, radio=True), stations))
    if hours:
        false, plain_s = sum(h[0] for h in hours), float(np.median([h[2] for h in hours]))
        idle = [
            (f"false calls in {len(hours)} idle hours", "0", str(false), false == 0),
            ("an idle hour, both sides", "<= 4 s CPU", f"{plain_s:.1f} s", plain_s <= 4.0),
        ]
        show(
            idle,
            [f"hour {seed}: {hour[0]}" for seed, hour in enumerate(hours, args.first) if hour[0]],
        )
        rows += idle
    if radio:
        heard = sum(hour[0] for hour in radio)
        show(
            [(f"false calls in {len(radio)} hours with a station", "none set", str(heard), True)],
            [],
        )
    show([], real_calls(args.picture))
    return 0 if all(row[3] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
