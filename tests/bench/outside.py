"""What other people's sentences come to: the tables at the top of docs/verdict-evidence.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convert.sentence_fit import heard, judged
from convert.sentence_rows import FILES, JUDGED, OUTSIDE, ROOT, outside

from sered.words.networks import load_network

if TYPE_CHECKING:
    from collections.abc import Callable

    from convert.sentence_rows import Row

    from sered.words.polarity import CallPolarity

NETWORKS = ("sentence", "context")
"""The small one and the one that reads in context."""
NAMES = {
    "reviews": "sentences of product reviews",
    "tweets": "tweets (VADER was made with these in view)",
    "goemotions, never learnt from": "Reddit comments, those kept aside by their makers",
}


def sets() -> dict[str, list[Row]]:
    """Outside material by name; empty where it is not beside the project."""
    if not OUTSIDE.is_dir():
        return {}
    return {
        "reviews": outside(FILES["reviews"]),
        "tweets": outside(FILES["tweets"]),
        "goemotions, never learnt from": outside(JUDGED),
    }


def rows(plain: Callable[[str], float], alone: CallPolarity) -> list[str]:
    """Macro-F1, AUC and false alarms: plain VADER, the lexicon alone, with either network.

    Those of the networks are from before they learnt from the reviews and tweets, too.
    """
    lines = [
        "| sentences of others | count | plain VADER | the lexicon alone | with the small network "
        "| sered |",
        "|---|---|---|---|---|---|",
    ]
    unmet = [
        load_network(ROOT / "models" / f"{name}.tflite").sidecar.figures["unmet"]
        for name in NETWORKS
    ]
    for name, some in sets().items():
        cells = [
            _cell(judged(some, [plain(row.text) for row in some])),
            _cell(judged(some, [alone.score(heard(row.text)).score for row in some])),
            *(_cell(figures[name]) for figures in unmet),
        ]
        cells[-1] = f"**{cells[-1]}**"
        lines.append(f"| {NAMES[name]} | {len(some)} | {' | '.join(cells)} |")
    return lines


def _cell(found: dict[str, float]) -> str:
    return f"{found['macro_f1']:.3f}, {found['auc_negative']:.3f}, {found['false_alarms']:.1%}"
