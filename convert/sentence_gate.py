"""Whether a network of sentences may be shipped, and what it was made of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from convert.encoder import folder
from convert.mishear import HEARD
from convert.sentence_fit import LEXICON, heard
from convert.sentence_rows import FILES, JUDGED, NEVER, OUTSIDE, OWN, PARTLY, WHOLE

from sered.errors import ModelError
from sered.words.polarity import CallPolarity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convert.sentence_rows import Row

    from sered.words.network import SentenceNetwork


@dataclass(frozen=True, slots=True)
class Gate:
    """What a network must reach on people it has not met, before it is written."""

    most_bytes: int
    least_auc: dict[str, float]
    """Negative or not, by set of sentences."""
    most_false_alarms: dict[str, float]
    least_f1: dict[str, float]
    least_agreement: float = 0.97
    """Of the likeliest mood, before and after it was made small."""

    def hold(self, size: int, agreement: float, figures: dict[str, Any]) -> None:
        """Raise ModelError where something is missed, all of it in one sentence."""
        found = []
        if size > self.most_bytes:
            found.append(f"{size} bytes for at most {self.most_bytes}")
        if agreement < self.least_agreement:
            found.append(f"agreement {agreement:.3f} for {self.least_agreement}")
        for what, limits, sign in (
            ("auc_negative", self.least_auc, 1),
            ("macro_f1", self.least_f1, 1),
            ("false_alarms", self.most_false_alarms, -1),
        ):
            for name, limit in limits.items():
                if sign * (figures[name][what] - limit) < 0:
                    found.append(f"{what} of {name} {figures[name][what]} for {limit}")
        if found:
            msg = f"wanted a network good enough to ship; found {'; '.join(found)}: nothing written"
            raise ModelError(msg)


def agreement(float_moods: Sequence[int], rows: Sequence[Row], model: SentenceNetwork) -> float:
    """Share of sentences whose likeliest mood is the float network's; nothing fitted yet."""
    polarity = CallPolarity(LEXICON, network=model)
    small = [int(polarity.evidence(heard(row.text))[0].argmax()) for row in rows]
    return float(np.mean(np.array(small) == np.array(float_moods)))


def inputs() -> dict[str, str]:
    """SHA-256 of every file that a network is made from or judged by, by name."""
    files = [
        *(OWN / f"phone-sentences{name}.tsv" for name in _ours()),
        *(OUTSIDE / name for name in (*FILES.values(), JUDGED)),
        HEARD,
        LEXICON,
        folder() / "model.safetensors",
    ]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _ours() -> list[str]:
    return [*PARTLY, *(f"-{name}" for name in (*WHOLE, *NEVER))]
