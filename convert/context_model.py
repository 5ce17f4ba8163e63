"""`make context-model`: the encoder fine-tuned to moods, the network that reads in context.

Seeded; ten minutes of one core with bfloat16 instructions, an hour without. It does not learn from
the reviews and tweets that it is judged by: its figures on them are those of people it has not met.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from convert.context_export import kept_pieces, to_tflite
from convert.encoder import LICENCE, NAME, folder, pieces, vocabulary
from convert.mishear import Mishearer, pronunciations
from convert.sentence_fit import calibrate, figures, golden
from convert.sentence_rows import ROOT, Row, learnt, own_learnt
from convert.transformer import SIZE, Transformer, batch
from convert.words_model import SEED, UNMET, WRONG, nameable, save
from torch.nn import functional

from sered.words.context_model import ContextModel
from sered.words.network import MAY_BE_NAMED, SentenceSidecar

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET = ROOT / "models" / "context.tflite"
BATCH, RATE = 64, 7e-5
TRUST = 2.0
"""How much more the lexicon counts than the fit gives it: most of what is fitted on was said on
Reddit, which it was not written for. Other people's tweets and reviews gain by it, too."""
OWN = 5
"""How often a sentence of ours is seen, one of others once."""
SORTED = 50
"""Batches whose sentences are sorted by length, so that little of them is empty."""
_BEGIN, _END = 101, 102


class Reader:
    """Sentences as the transformer reads them, in the encoder's own numbers."""

    def __init__(self) -> None:
        self._known = vocabulary(folder())
        self._cut: dict[str, list[int]] = {}

    def __call__(self, text: str) -> list[int]:
        """Numbers of a sentence's pieces between its two ends."""
        for word in text.split():
            if word not in self._cut:
                self._cut[word] = pieces(word, self._known)
        found = [number for word in text.split() for number in self._cut[word]]
        return [_BEGIN, *found[: SIZE - 2], _END]


def fine_tune(model: Transformer, rows: list[Row]) -> None:
    """Fine-tune on sentences heard anew, with other mistakes, every time."""
    luck = random.Random(SEED)  # noqa: S311 - a seeded simulation, no secret
    torch.manual_seed(SEED)
    read = Reader()
    mishear = Mishearer([row.text for row in rows], pronunciations())
    learnt_ones = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in learnt_ones if p.dim() > 1], "weight_decay": 0.01},
            {"params": [p for p in learnt_ones if p.dim() == 1], "weight_decay": 0.0},
        ],
        fused=True,
    )
    total = len(rows) // BATCH
    for step, some in enumerate(_batches(rows, total, luck)):
        for group in optimizer.param_groups:
            warm = min(1.0, (step + 1) / (0.06 * total))
            group["lr"] = RATE * warm * max(0.02, 1.0 - step / total)
        heard = [
            mishear(row.text, luck.uniform(*WRONG), luck) if luck.random() < 0.5 else row.text
            for row in some
        ]
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(*batch([read(text) for text in heard]))
        loss = functional.cross_entropy(
            logits.float(), torch.tensor([row.mood for row in some]), label_smoothing=0.05
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learnt_ones, 1.0)
        optimizer.step()
        if step % 100 == 0:
            print(f"step {step} of {total}: loss {loss.item():.3f}", flush=True)


def _batches(rows: list[Row], total: int, luck: random.Random) -> Any:
    made = 0
    while made < total:
        luck.shuffle(rows)
        for at in range(0, len(rows), BATCH * SORTED):
            chunk = sorted(rows[at : at + BATCH * SORTED], key=lambda row: len(row.text))
            some = [chunk[i : i + BATCH] for i in range(0, len(chunk), BATCH)]
            luck.shuffle(some)
            yield from some[: total - made]
            made += len(some)
            if made >= total:
                return


def export(model: Transformer, target: Path, rows: Sequence[Row]) -> SentenceSidecar:
    """Network, pieces and sidecar in the folder of `target`, fitted and judged."""
    tensors = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(to_tflite(tensors.__getitem__))
    named = nameable()
    listed = [
        piece + MAY_BE_NAMED if piece in named else piece for piece in list(kept_pieces())[4:]
    ]
    # a word of several pieces may be named, too, though it is none of them
    listed += [MAY_BE_NAMED + word for word in sorted(named - set(kept_pieces()))]
    target.with_suffix(".words").write_text("\n".join(listed) + "\n", "utf-8")
    sidecar = SentenceSidecar(
        schema_="sered.sentence/1",
        kind="context",
        sha256=hashlib.sha256(target.read_bytes()).hexdigest(),
        words_sha256=hashlib.sha256(target.with_suffix(".words").read_bytes()).hexdigest(),
        language="en",
        size=SIZE,
        base=(0.0, 0.0, 0.0),
        lexicon=((0.0, 0.0, 0.0),) * 3,
        thresholds=(0.4, 0.4),
        golden={},
        training={
            "seed": SEED,
            "sentences": dict(Counter(row.source for row in {r.text: r for r in rows}.values())),
            "encoder": f"{NAME} ({LICENCE}), fine-tuned",
            "sources": "GoEmotions (CC BY 4.0), VADER's rated reviews and tweets (MIT), our own",
        },
    )
    save(sidecar, target)
    sidecar = sidecar.model_copy(update=calibrate(ContextModel(target), TRUST))
    save(sidecar, target)
    judged = ContextModel(target)
    sidecar = sidecar.model_copy(update={"golden": golden(judged), "figures": figures(judged)})
    save(sidecar, target)
    return sidecar


def main() -> None:
    """Fine-tune, convert, fit and judge; write models/context.*."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=TARGET)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = Transformer()
    rows = [row for row in learnt(UNMET) if row.source != "own"] + own_learnt() * OWN
    model.train()
    fine_tune(model, rows)
    model.eval()
    found = export(model, args.target, rows).figures
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
