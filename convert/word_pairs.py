"""`make word-pairs`: which words people say one after the other, models/pairs.bin."""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
from convert.sentence_rows import FILES, ROOT, Row, outside, own_learnt

from sered.words.phrases import spoken
from sered.words.usual import NAME, key_of

TARGET = ROOT / "models" / NAME
OFTEN = 4
"""How often a pair must be said on Reddit to be known; one of ours once."""


def pairs(rows: list[Row]) -> Counter[int]:
    """Keys of the pairs in sentences, and how often each was said."""
    return Counter(
        key_of(one, other) for row in rows for one, other in pairwise(spoken(row.text.split())[0])
    )


def main() -> None:
    """Count and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=TARGET)
    args = parser.parse_args()
    others = pairs(outside(FILES["goemotions"]))
    known = {*pairs(own_learnt()), *(key for key, n in others.items() if n >= OFTEN)}
    args.target.write_bytes(np.array(sorted(known), "<u4").tobytes())
    print(f"{len(known)} pairs of words in {args.target}")


if __name__ == "__main__":
    main()
