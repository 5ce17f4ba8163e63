"""Corpora to feature matrices: decoded once, sent down many telephone lines, kept on disk."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from convert.borrowed import borrow_line
from convert.corpora import ORDINARY, SHELVES, Clip, load

from convert import borrowed, line_codecs, telephone
from sered.records import LABELS, NEGATIVE, RATE_HZ
from sered.voice import cepstral, mel, pitch
from sered.voice import statistics as voice_statistics
from sered.voice.statistics import names, statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convert.corpora import Found
    from numpy.typing import NDArray

    from sered.voice.recipe import Recipe

ROOMS = (
    voice_statistics,
    mel,
    cepstral,
    pitch,
    line_codecs,
    borrowed,
    telephone,
    sys.modules[__name__],
)
"""Whose code makes the numbers."""
CHUNK = 100
"""Clips a worker takes at a time; each chunk has its own seed, so the split changes nothing."""
MANY = 200
"""Clips of one voice from which on every random copy has only half of them, in turn: more lines
for a voice that is heard so often anyway are worth little and cost most of the time."""

CUT = 0.3
"""Share of the random copies of which only a piece is heard."""
BORROWED = 0.4
"""Share of the random copies that come down the line of another recording, half of them of an
ordinary caller's."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Clips and where their decoded sound lies."""

    clips: list[Clip]
    folder: Path
    """Holds sound.npy (all clips in a row) and the features that were made of it."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """Index into LABELS of every clip; -1 where its label names none of them."""
        named = [clip.label for clip in self.clips]
        return np.array([LABELS.index(label) if label in LABELS else -1 for label in named])

    @property
    def bad(self) -> NDArray[np.float64]:
        """1 where a clip is negative, 0 where it is not: ordinary speech is taken for that."""
        return np.array(
            [float(clip.label in NEGATIVE or clip.label == "negative") for clip in self.clips]
        )

    @property
    def shelves(self) -> NDArray[np.int64]:
        """Index into SHELVES of every clip."""
        return np.array([SHELVES.index(clip.label) for clip in self.clips])

    @property
    def calls(self) -> NDArray[np.str_]:
        """Call that each clip was cut from; empty where that is not known."""
        return np.array([clip.call for clip in self.clips])

    @property
    def lengths_s(self) -> NDArray[np.float64]:
        """Seconds of every clip."""
        return np.diff(np.load(self.folder / "ends.npy")) / RATE_HZ

    @property
    def speakers(self) -> NDArray[np.str_]:
        """Speaker of every clip."""
        return np.array([clip.speaker for clip in self.clips])

    @property
    def corpora(self) -> NDArray[np.str_]:
        """Corpus of every clip."""
        return np.array([clip.corpus for clip in self.clips])

    @property
    def seconds(self) -> float:
        """Of sound in all clips."""
        return float(np.load(self.folder / "ends.npy")[-1]) / RATE_HZ

    def features(self, variant: str, recipe: Recipe, every: int = 1) -> NDArray[np.float32]:
        """One row a clip, or each `every`-th clip; a row of NaN where there is nothing to learn.

        That is where there is too little voice, or enough of that voice (MANY).

        `variant` is a name of telephone.CONDITIONS, or `random N`: the N-th set of random voices
        on random lines.
        """
        name = variant.replace(" ", "-").replace("%", "")
        path = self.folder / f"{name}-{self.key(recipe, [variant, every])}.npy"
        if not path.exists():
            _write(path, self._compute(variant, recipe, every))
        return np.asarray(np.load(path))

    def key(self, recipe: Recipe, variants: Sequence[object]) -> str:
        """Changes whenever the features of these variants would."""
        code = [Path(str(room.__file__)).read_text() for room in ROOMS]
        return digest(variants, recipe.to_dict(), code, (self.folder / "clips.json").read_text())

    def _compute(self, variant: str, recipe: Recipe, every: int) -> NDArray[np.float32]:
        from tqdm import tqdm

        picked = self._picked(variant, every)
        jobs = [
            (self.folder, picked[start : start + CHUNK], variant, recipe)
            for start in range(0, len(picked), CHUNK)
        ]
        rows = np.full((len(self.clips), len(names(recipe))), np.nan, np.float32)
        with ProcessPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
            done = list(tqdm(pool.map(_chunk, jobs), variant, len(jobs), mininterval=2))
        rows[picked] = np.concatenate(done)
        return rows[::every]

    def _picked(self, variant: str, every: int) -> NDArray[np.int64]:
        """The clips that are heard in this variant."""
        clips = np.arange(0, len(self.clips), every)
        if variant in telephone.CONDITIONS or every > 1:
            return clips
        _, which, counts = np.unique(self.speakers, return_inverse=True, return_counts=True)
        turn = int(variant.removeprefix("random ")) % 2
        return np.asarray(clips[(counts[which] <= MANY) | (clips % 2 == turn)])


def prepare(found: Found, folder: Path) -> Dataset:
    """Decode once: what is there already for the same files is taken as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    listing = json.dumps([
        (str(clip.path), clip.path.stat().st_size, *_rest(clip)) for clip in found.clips
    ])  # fmt: skip
    index = folder / "clips.json"
    if index.exists() and json.loads(index.read_text())["listing"] == listing:
        stored = json.loads(index.read_text())
        found.clips = [
            Clip(Path(path), corpus, speaker, label, tuple(heard), call)
            for path, corpus, speaker, label, heard, call in stored["clips"]
        ]
        for kept, table in ((found.refused, "refused"), (found.mended, "mended")):
            kept.clear()
            kept.update(stored[table])
        return Dataset(found.clips, folder)
    clips, sounds = load(found)
    np.save(folder / "sound.npy", np.concatenate(sounds))
    np.save(folder / "ends.npy", np.cumsum([0, *map(len, sounds)]))
    stored = {
        "listing": listing,
        "clips": [(str(clip.path), *_rest(clip)) for clip in clips],
        "refused": found.refused,
        "mended": found.mended,
    }
    partial = index.with_suffix(".part")
    partial.write_text(json.dumps(stored))
    partial.replace(index)
    return Dataset(clips, folder)


def _rest(clip: Clip) -> tuple[object, ...]:
    return clip.corpus, clip.speaker, clip.label, clip.heard, clip.call


def _sound(folder: Path) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    return np.load(folder / "sound.npy", mmap_mode="r"), np.load(folder / "ends.npy")


def _chunk(job: tuple[Path, NDArray[np.int64], str, Recipe]) -> NDArray[np.float32]:
    folder, indices, variant, recipe = job
    sound, ends = _sound(folder)
    seed = hashlib.sha256(f"{variant}/{indices[0]}".encode()).digest()[:8]
    rng = np.random.default_rng(int.from_bytes(seed, "little"))
    nothing = np.full(len(names(recipe)), np.nan, np.float32)
    ordinary = json.loads((folder / "clips.json").read_text())["clips"]
    donors = [n for n, clip in enumerate(ordinary) if clip[3] == ORDINARY] or range(len(ends) - 1)
    rows = []
    for index in indices:
        pcm = np.array(sound[ends[index] : ends[index + 1]])
        line = telephone.CONDITIONS.get(variant)
        if line is None:
            line = telephone.draw(rng)
            pcm = shorter(another_voice(pcm, rng), rng)
            if rng.random() < BORROWED:
                donor = rng.choice(donors) if rng.random() < 0.5 else rng.integers(len(ends) - 1)
                pcm = borrow_line(pcm, np.array(sound[ends[donor] : ends[donor + 1]]))
        others = []
        if line.babble_snr_db is not None or line.near_end_db is not None:
            picked = rng.integers(0, len(ends) - 1, 6)
            others = [np.array(sound[ends[i] : ends[i + 1]]) for i in picked]
        heard = statistics(telephone.transmit(pcm, line, rng, others), recipe)
        rows.append(nothing if heard is None else heard)
    return np.array(rows)


def another_voice(pcm: NDArray[np.int16], rng: np.random.Generator) -> NDArray[np.int16]:
    """The clip said by a longer or shorter throat: played up to a sixth slower or faster."""
    import soxr

    speed = float(np.exp(rng.uniform(np.log(0.84), np.log(1.19))))
    return np.asarray(soxr.resample(pcm, RATE_HZ * speed, RATE_HZ, quality="LQ"))


def shorter(pcm: NDArray[np.int16], rng: np.random.Generator) -> NDArray[np.int16]:
    """Often a piece of 0.5 to 2 s: people on a telephone say little at a time, in every mood."""
    if rng.random() >= CUT:
        return pcm
    length = int(rng.uniform(0.5, 2.0) * RATE_HZ)
    start = int(rng.integers(max(1, len(pcm) - length)))
    return pcm[start : start + length]


def digest(*parts: object) -> str:
    """A short name for anything that goes into JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def _write(path: Path, rows: NDArray[np.float32]) -> None:
    partial = path.with_suffix(".part.npy")
    np.save(partial, rows)
    partial.replace(path)
