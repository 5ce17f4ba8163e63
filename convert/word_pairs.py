"""`make word-pairs`: how often frequent words are neighbours in speech, models/pairs.bin."""

from __future__ import annotations

import argparse
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
from convert.sentence_rows import FILES, ROOT, outside, own_learnt

from sered.words.phrases import spoken
from sered.words.usual import NAME, STEP, as_one, in_a_row

TARGET = ROOT / "models" / NAME
WORDS = 200
"""Words that the table tells of; strangers' calls in perfect words are told from salad no better by
300, worse by 500."""
DOUBT = 400.0
"""How often each word is taken to have been said besides, with any word behind it."""
OURS = 2
"""How often a sentence of ours counts, one of Reddit once."""


def table(sentences: list[list[str]]) -> bytes:
    """The file, from sentences in words as the table calls them."""
    said = Counter(word for words in sentences for word in words)
    both = Counter(pair for words in sentences for pair in pairwise(words) if not in_a_row(*pair))
    known = [word for word, _ in said.most_common(WORDS)]
    whole = said.total()
    bits = [
        [
            math.log2((both[one, other] * whole / said[other] + DOUBT) / (said[one] + DOUBT))
            for other in known
        ]
        for one in known
    ]
    steps = np.clip(np.round(np.array(bits) / STEP), -127, 127).astype(np.int8)
    return " ".join(known).encode("ascii") + b"\n" + bytes(steps.tobytes())


def main() -> None:
    """Count and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=TARGET)
    args = parser.parse_args()
    texts = [row.text for row in outside(FILES["goemotions"]) + own_learnt() * OURS]
    content = table([[as_one(word) for word in spoken(text.split())[0]] for text in texts])
    args.target.write_bytes(content)
    print(f"{len(content)} bytes in {args.target}")


if __name__ == "__main__":
    main()
