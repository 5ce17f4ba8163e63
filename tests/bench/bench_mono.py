"""Whether voice statistics tell two people on one channel apart: `make bench-mono`.

Conversations of sixteen utterances, in turns, by two speakers of one corpus, through a telephone's
band, the agent first; who speaks when is known and cut clean, which is kinder than any real call.
Utterances are put into two heaps; the heap of the opening is called the agent's. Conversations are
asked for most clearly parted ones first, to see whether some can be trusted.

Then real stereo calls, mixed to one channel: their utterances are known from the two.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr
from scipy.signal import butter, sosfilt

from project import ROOT
from sered import config
from sered.calls.segmenter import Segmenter
from sered.hearing.ears import Ears
from sered.records import RATE_HZ, EndReason, Side, Utterance
from sered.settings import CallSettings, Settings
from sered.tap.recording import Recording
from sered.voice.recipe import Recipe
from sered.voice.sidecar import read_sidecar
from sered.voice.statistics import names, statistics

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

VOICES = ROOT.parent / "shared/data/ser"
TELEPHONE = butter(4, [300.0, 3400.0], "bandpass", fs=RATE_HZ, output="sos")
TURNS = 8
WINDOW = 512
EDGES = np.round(np.geomspace(150.0, 3700.0, 21) * WINDOW / RATE_HZ).astype(int)
LEAST_S = 0.6
REAL = ROOT.parent / "shared/data/speech/calls"
SHARES = (1.0, 0.5, 0.25, 0.1)


def speakers() -> dict[str, list[Path]]:
    """Files of each person; names say who it was, and of which corpus."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted((VOICES / "crema-d").glob("*.opus")):
        found[f"crema-d {path.name[:4]}"].append(path)
    for path in sorted((VOICES / "ravdess").glob("*/*.*")):
        found[f"ravdess {path.stem.rpartition('-')[2]}"].append(path)
    return {name: paths for name, paths in found.items() if len(paths) >= TURNS}


def heard(path: Path, recipe: Recipe) -> Floats | None:
    """The statistics that the emotion network is given, and the spectrum."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    narrow = sosfilt(TELEPHONE, soxr.resample(sound[:, 0], rate, RATE_HZ))
    loud = np.flatnonzero(np.abs(narrow) > 0.02 * np.abs(narrow).max())
    narrow = narrow[loud[0] : loud[-1]] / np.abs(narrow).max() * 12_000.0
    found = statistics(narrow.astype(np.int16), recipe)
    return None if found is None else np.concatenate((found.astype(np.float64), spectrum(narrow)))


def spectrum(sound: Floats) -> Floats:
    """Mean level of each band in the louder frames, without the loudness: voice and channel."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[:: WINDOW // 2]
    power = np.abs(np.fft.rfft(windows * np.hanning(WINDOW), axis=1)) ** 2
    bands = np.add.reduceat(power, EDGES, axis=1)[:, :-1] + 1e-3
    whole = bands.sum(axis=1)
    levels = np.log(bands[whole >= np.percentile(whole, 60)]).mean(axis=0)
    return np.asarray(levels - levels.mean())


def real_call(path: Path) -> tuple[Floats, NDArray[np.bool_]]:
    """The spectra of a stereo call's utterances once it is mixed to one channel; the agent's."""
    ears, segmenter = Ears((Side.CUSTOMER, Side.AGENT)), Segmenter(CallSettings())
    frames = list(Recording(path, {Side.AGENT: 1, Side.CUSTOMER: 2}).frames())
    events = [
        event for frame in frames for block in ears.feed(frame) for event in segmenter.feed(block)
    ]
    events += segmenter.finish(EndReason.END_OF_RECORDING)
    said = [event for event in events if isinstance(event, Utterance) and event.voiced_s > LEAST_S]
    mixed = np.concatenate([sum(pcm.astype(np.float64) for pcm in f.pcm.values()) for f in frames])
    cut = [mixed[int(u.start_s * RATE_HZ) : int(u.end_s * RATE_HZ)] for u in said]
    return np.stack([spectrum(sound) for sound in cut]), np.array(
        [u.side is Side.AGENT for u in said]
    )


def heaps(rows: Floats) -> tuple[NDArray[np.bool_], float]:
    """Which rows are in the other heap than the first row, and how clearly the two are parted.

    Two means of each column's z scores, begun at several pairs that lie far apart.
    """
    rows = (rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-6)
    best: tuple[float, NDArray[np.bool_]] | None = None
    for start in range(len(rows)):
        far = int(((rows - rows[start]) ** 2).sum(axis=1).argmax())
        centres = np.stack([rows[start], rows[far]])
        for _ in range(20):
            second = ((rows - centres[1]) ** 2).sum(axis=1) < ((rows - centres[0]) ** 2).sum(axis=1)
            if second.all() or not second.any():
                break
            centres = np.stack([rows[~second].mean(axis=0), rows[second].mean(axis=0)])
        spread = float(((rows - centres[second.astype(int)]) ** 2).sum())
        if best is None or spread < best[0]:
            best = spread, second
    assert best is not None, "there are rows"
    return best[1] ^ best[1][0], 1.0 - best[0] / float((rows**2).sum())


def main() -> None:
    """Compose, part, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=60)
    args = parser.parse_args()
    known = speakers()
    if not known:
        sys.exit(f"wanted emotional voices in {VOICES}; found none")
    recipe = Recipe.from_dict(read_sidecar(config.model_path(Settings().models.emotion)).recipe)
    count = len(names(recipe))
    pitch = [at for at, name in enumerate(names(recipe)) if "pitch" in name]
    kinds: dict[str, slice | list[int]] = {
        "all statistics": slice(count),
        "pitch": pitch,
        "spectrum": slice(count, None),
    }
    draw = random.Random(26)
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for _ in range(args.conversations):
        agent = draw.choice(sorted(known))
        others = [n for n in sorted(known) if n != agent and n.split()[0] == agent.split()[0]]
        customer = draw.choice(others)
        files = zip(
            draw.sample(known[agent], TURNS), draw.sample(known[customer], TURNS), strict=True
        )
        rows = [heard(path, recipe) for pair in files for path in pair]
        whole = np.array([row is not None for row in rows])
        table = np.stack([row for row in rows if row is not None])
        theirs = (np.arange(2 * TURNS) % 2 == 1)[whole]
        for name, columns in kinds.items():
            called, parted = heaps(table[:, columns])
            wrong = float(np.mean(called != theirs))
            leaked = float(np.sum(called & ~theirs) / max(called.sum(), 1))
            found[name].append((parted, wrong, leaked))
    for name, rows_of in found.items():
        rows_of.sort(reverse=True)
        for share in SHARES:
            some = rows_of[: max(1, round(share * len(rows_of)))]
            wrong, leaked = (float(np.mean([row[at] for row in some])) for at in (1, 2))
            told = f"{name:15} clearest {share:4.0%} ({len(some)})"
            print(f"{told}: {wrong:.0%} of utterances wrong, {leaked:.0%} of the customer's heap "
                  "is the agent's")  # fmt: skip
    for path in sorted(REAL.glob("*_L-agent_R-customer.flac")):
        table, agents = real_call(path)
        called, _ = heaps(table)
        wrong = min(float(np.mean(called == agents)), float(np.mean(called != agents)))
        opened = "agent" if agents[0] else "customer"
        print(f"{path.stem}: {len(agents)} utterances, {wrong:.0%} in the wrong heap by spectrum; "
              f"the {opened} opens it")  # fmt: skip


if __name__ == "__main__":
    main()
