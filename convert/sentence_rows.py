"""Labelled sentences to learn from and to judge by: outside material and our own."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sered.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Collection

ROOT = Path(__file__).parents[1]
OUTSIDE = ROOT.parent / "shared" / "data" / "words"
OWN = ROOT / "tests" / "data"
MOODS = ("negative", "neutral", "positive")
WEIGHTS = {"goemotions": 1, "reviews": 2, "tweets": 1, "own": 4}
"""How often a sentence of each source is seen in an epoch: ours are about what customers say."""
FILES = {
    "goemotions": "goemotions-train.tsv",
    "reviews": "reviews-rated-a.tsv",
    "tweets": "tweets-rated.tsv",
}
JUDGED = "goemotions-dev.tsv"
"""Never learnt from."""
WHOLE = ("later", "many", "events", "talk", "traps", "turns")
"""Our files that are learnt from whole."""
NEVER = ("last", "fresh", "unseen", "test", "judge")
"""Our files that nothing is learnt from or fitted to."""
STRANGE = {
    "-trades": "callers of many trades and tongues, as hard as could be",
    "-travel": "passengers, chats, bookings, opinions, likewise",
    "-passengers": "passengers and travellers",
    "-support": "customers of support desks",
    "-arranged": "people who have something arranged",
    "-opinions": "opinions and talk",
    "-posts": "posts to airlines and shops, hardly British",
    "-desks": "turns to help desks and assistants, likewise",
    "-scenes": "reviews and scenes, likewise",
    "-mended": "trouble that is over, and trouble that is back",
}
"""Files that were written without a look at sered or its lists, far harder, and what is in them."""
PARTLY = {"": 3, "-kinds": 8, "-service": 8, "-wide": 3, **dict.fromkeys(STRANGE, 6)}
"""Our files of which one sentence in so many is kept aside, by its hash."""


@dataclass(frozen=True, slots=True)
class Row:
    """A sentence in spoken form and how its speaker feels."""

    mood: int
    """Which of MOODS."""
    text: str
    source: str


def kept_aside(text: str, part: int = 3) -> bool:
    """Whether a sentence was kept from tuning and learning: one in `part`, by its hash."""
    return hashlib.sha256(text.encode()).digest()[0] % part == 0


def outside(name: str) -> list[Row]:
    """A file of other people's sentences; ModelError where the folder is not beside the project."""
    path = OUTSIDE / name
    if not path.is_file():
        msg = f"wanted the labelled sentences {path}; found none: put the shared data beside sered"
        raise ModelError(msg)
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        source = name.partition("-")[0]
        return [Row(MOODS.index(row["label"]), row["text"], source) for row in reader]


def own(name: str) -> list[Row]:
    """A file of ours: `own("-kinds")` is phone-sentences-kinds.tsv."""
    lines = (OWN / f"phone-sentences{name}.tsv").read_text("utf-8").splitlines()
    split = [line.split("\t") for line in lines if line[:1] not in "#"]
    return [Row(MOODS.index(mood), text, "own") for mood, _, text in split]


def own_learnt() -> list[Row]:
    """All sentences of ours that may be learnt from."""
    rows = [row for name in WHOLE for row in own(f"-{name}")]
    for name, part in PARTLY.items():
        rows += [row for row in own(name) if not kept_aside(row.text, part)]
    # people say the same things: what is also kept aside elsewhere is kept aside
    aside = {
        row.text for row in [*own_aside(), *(row for name in NEVER for row in own(f"-{name}"))]
    }
    return [row for row in rows if row.text not in aside]


def own_aside(names: Collection[str] = tuple(PARTLY)) -> list[Row]:
    """Sentences of ours that nothing is learnt from: they set how far network and lexicon count."""
    return [row for name in names for row in own(name) if kept_aside(row.text, PARTLY[name])]


def learnt(without: Collection[str] = ()) -> list[Row]:
    """What the network learns from, each sentence as often as it is seen; some sources left out."""
    rows = {name: outside(file) for name, file in FILES.items() if name not in without}
    rows["own"] = own_learnt()
    return [row for name, some in rows.items() for row in some * WEIGHTS[name]]
