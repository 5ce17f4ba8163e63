"""Corpora to feature matrices: decoded once, sent down many telephone lines, kept on disk."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from convert import telephone
from convert.corpora import Clip, load
from sered import features
from sered.features import Recipe, statistics
from sered.records import LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from convert.corpora import Found

CHUNK = 100
"""Clips a worker takes at a time; each chunk has its own seed, so the split changes nothing."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Clips and where their decoded sound lies."""

    clips: list[Clip]
    folder: Path
    """Holds sound.npy (all clips in a row) and the features that were made of it."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """Index into LABELS of every clip."""
        return np.array([LABELS.index(clip.label) for clip in self.clips])

    @property
    def speakers(self) -> NDArray[np.str_]:
        """Speaker of every clip."""
        return np.array([clip.speaker for clip in self.clips])

    @property
    def corpora(self) -> NDArray[np.str_]:
        """Corpus of every clip."""
        return np.array([clip.corpus for clip in self.clips])

    def features(self, variant: str, recipe: Recipe) -> NDArray[np.float32]:
        """One row a clip; a row of NaN where there is too little voice.

        `variant` is a name of telephone.CONDITIONS, or `random N`: the N-th set of random voices
        on random lines.
        """
        key = _digest(variant, recipe.to_dict(), *_sources(), (self.folder / "clips.json").read_text())
        path = self.folder / f"{variant.replace(' ', '-').replace('%', '')}-{key}.npy"
        if not path.exists():
            _write(path, self._compute(variant, recipe))
        return np.load(path)

    def _compute(self, variant: str, recipe: Recipe) -> NDArray[np.float32]:
        from tqdm import tqdm

        jobs = [
            (self.folder, start, variant, recipe) for start in range(0, len(self.clips), CHUNK)
        ]
        with ProcessPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
            done = list(tqdm(pool.map(_chunk, jobs), variant, len(jobs), mininterval=2))
        return np.concatenate(done)


def prepare(found: Found, folder: Path) -> Dataset:
    """Decode once: what is there already for the same files is taken as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    listing = json.dumps([
        (str(clip.path), clip.path.stat().st_size, clip.speaker, clip.label) for clip in found.clips
    ])  # fmt: skip
    index = folder / "clips.json"
    if index.exists() and json.loads(index.read_text())["listing"] == listing:
        stored = json.loads(index.read_text())
        found.clips = [Clip(Path(path), *rest) for path, *rest in stored["clips"]]
        found.refused.clear()
        found.refused.update(stored["refused"])
        return Dataset(found.clips, folder)
    clips, sounds = load(found)
    np.save(folder / "sound.npy", np.concatenate(sounds))
    np.save(folder / "ends.npy", np.cumsum([0, *map(len, sounds)]))
    stored = {
        "listing": listing,
        "clips": [(str(clip.path), clip.corpus, clip.speaker, clip.label) for clip in clips],
        "refused": found.refused,
    }
    partial = index.with_suffix(".part")
    partial.write_text(json.dumps(stored))
    partial.replace(index)
    return Dataset(clips, folder)


def _sound(folder: Path) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    return np.load(folder / "sound.npy", mmap_mode="r"), np.load(folder / "ends.npy")


def _chunk(job: tuple[Path, int, str, Recipe]) -> NDArray[np.float32]:
    folder, start, variant, recipe = job
    sound, ends = _sound(folder)
    seed = int.from_bytes(hashlib.sha256(f"{variant}/{start}".encode()).digest()[:8], "little")
    rng = np.random.default_rng(seed)
    rows = []
    for index in range(start, min(start + CHUNK, len(ends) - 1)):
        pcm = np.array(sound[ends[index] : ends[index + 1]])
        picked = rng.integers(0, len(ends) - 1, 6)
        others = [np.array(sound[ends[i] : ends[i + 1]]) for i in picked]
        line = telephone.CONDITIONS.get(variant)
        if line is None:
            line = telephone.draw(rng)
            pcm = another_voice(pcm, rng)
        heard = statistics(telephone.transmit(pcm, line, rng, others), recipe)
        rows.append(np.full(len(features.names(recipe)), np.nan, np.float32) if heard is None else heard)
    return np.array(rows)


def another_voice(pcm: NDArray[np.int16], rng: np.random.Generator) -> NDArray[np.int16]:
    """The clip said by a longer or shorter throat: played up to a sixth slower or faster."""
    import soxr

    speed = float(np.exp(rng.uniform(np.log(0.84), np.log(1.19))))
    return np.asarray(soxr.resample(pcm, 16_000 * speed, 16_000, quality="LQ"))


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def _sources() -> Sequence[str]:
    """The code that makes the numbers: when it changes, they are made anew."""
    files = (features.__file__, telephone.__file__, __file__)
    return [Path(file).read_text() for file in files]


def _write(path: Path, rows: NDArray[np.float32]) -> None:
    partial = path.with_suffix(".part.npy")
    np.save(partial, rows)
    partial.replace(path)
