"""What our sentences come to that no network learnt from: a table of docs/verdict-evidence.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convert.sentence_fit import heard, judged
from convert.sentence_rows import PARTLY, STRANGE, kept_aside, own

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from convert.sentence_rows import Row

    from sered.words.polarity import CallPolarity

    Judge = Callable[[str], float]
    """Polarity of a sentence."""

NAMES = {
    "-judge": "of five fields, written without a look at sered; misses not looked at",
    "-test": "of many kinds, likewise",
    "-last": "written last of the older ones",
    "-unseen": "kinds that were missed, never looked at",
    **{name: f"{what}; one in six, fitted to" for name, what in STRANGE.items()},
}


def never_rows(judges: Sequence[Judge]) -> list[str]:
    """Macro-F1, AUC, false alarms and negative ones found, of each judge; ours is the last."""
    lines = [
        "| sentences | count | plain VADER | the lexicon alone | the small network | sered |",
        "|---|---|---|---|---|---|",
    ]
    for name, what in NAMES.items():
        rows = [row for row in own(name) if kept_aside(row.text, PARTLY.get(name, 1))]
        cells = [_cell(rows, judge) for judge in judges]
        lines.append(f"| {what} | {len(rows)} | {' | '.join(cells[:-1])} | **{cells[-1]}** |")
    return lines


def _cell(rows: Sequence[Row], judge: Judge) -> str:
    found = judged(rows, [judge(row.text) for row in rows])
    shares = f"{found['false_alarms']:.1%}, {found['found']:.0%}"
    return f"{found['macro_f1']:.3f}, {found['auc_negative']:.3f}, {shares}"


def judge_of(polarity: CallPolarity) -> Judge:
    """What the words of a sentence come to, heard perfectly."""
    return lambda text: polarity.score(heard(text)).score
