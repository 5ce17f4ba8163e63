"""Which shipped network runs by default: the open one, where it is as good as the other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from convert.train import FULL, MODELS, OPEN, OPEN_CORPORA

if TYPE_CHECKING:
    from pathlib import Path

WITHIN = 0.03
"""How much worse, in UAR and AUC of negative / not, a network may be that a company may use."""


def never_met(full: dict[str, Any], opened: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Mean of both networks, (full, open), on corpora that neither of the two judges had met.

    The full one's judge was trained without the corpus, the open one never hears it.
    """
    names = [
        name
        for name in full["protocols"]
        if name.startswith("corpus ")
        and name in opened["protocols"]
        and name.removeprefix("corpus ") not in OPEN_CORPORA
    ]
    return {
        measure: (_mean(full, names, measure), _mean(opened, names, measure))
        for measure in ("negative_uar", "negative_auc")
    }


def _mean(figures: dict[str, Any], names: list[str], measure: str) -> float:
    found = [figures["protocols"][name]["telephone"][measure]["value"] for name in names]
    return float(sum(found) / len(found))


def open_is_default(figures: dict[str, tuple[float, float]]) -> bool:
    """Whether the open network is within WITHIN in every figure."""
    return all(opened >= full - WITHIN for full, opened in figures.values())


def _figures(network: Path) -> dict[str, Any]:
    folder = MODELS / f"card{network.stem.removeprefix('emotion')}"
    found: dict[str, Any] = json.loads((folder / "figures.json").read_text("utf-8"))
    return found


def main() -> None:
    """`python -m convert.choose`, after both were made."""
    found = never_met(_figures(FULL), _figures(OPEN))
    for measure, (full, opened) in found.items():
        print(f"{measure}, corpora that neither has met: {full:.3f}, open {opened:.3f}")
    chosen = OPEN if open_is_default(found) else FULL
    print(f"the default should be {chosen.name}")


if __name__ == "__main__":
    main()
