"""Corpora and callers in names only, for tests of who is held out and what is fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from convert.corpora import Clip
from convert.dataset import Dataset

from sered.records import LABELS


def pretend(folder: Path) -> Dataset:
    """A few corpora in names only."""
    speakers = [f"ravdess/{n:02}" for n in range(1, 19)] + ["tess/OAF", "tess/YAF"]
    speakers += [f"emodb/{n:02}" for n in range(10)] + [f"nemo/{n}" for n in range(9)]
    return Dataset(
        [
            Clip(Path(f"{who}-{label}-{take}"), who.split("/")[0], who, label)
            for who in speakers
            for label in LABELS
            for take in range(3)
        ],
        folder,
    )


def with_callers(folder: Path) -> Dataset:
    """The same and twelve ordinary callers."""
    plain = [
        Clip(Path(f"c{n}-{take}"), "callers", f"callers/{n}", "ordinary", call=f"call {n}")
        for n in range(12)
        for take in range(4)
    ]
    data = Dataset([*pretend(folder).clips, *plain], folder)
    np.save(folder / "ends.npy", np.arange(len(data.clips) + 1) * 32_000)
    return data
