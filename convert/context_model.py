"""`make context-model`: the encoder fine-tuned to moods, the network that reads in context.

Seeded; four fine-tunings of ten to twenty minutes on a core with bfloat16 instructions. It is
made twice, as the small one is: once without the reviews and tweets, which it is then judged by,
and once with them, to be shipped. What is not good enough is not written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from convert.context_export import kept_pieces, to_tflite
from convert.encoder import LICENCE, NAME, folder, pieces, vocabulary
from convert.known_words import CACHE, nameable
from convert.mishear import HEARD, Mishearer, confusions, pronunciations
from convert.sentence_fit import LEXICON, calibrate, figures, golden, heard
from convert.sentence_gate import Gate, agreement, inputs
from convert.sentence_rows import ROOT, Row, learnt, own_aside, own_learnt
from convert.transformer import SIZE, Transformer, batch
from convert.words_model import SEED, WRONG, make_twice, save
from torch.nn import functional

from sered.errors import SeredError
from sered.words.context_model import UNSURE, ContextModel
from sered.words.network import MAY_BE_NAMED, SentenceSidecar
from sered.words.polarity import CallPolarity

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET = ROOT / "models" / "context.tflite"
BATCH, RATE = 64, 7e-5
TRUST = 1.5
"""How much more the lexicon counts than the fit gives it: most of what is fitted on was said on
Reddit, which it was not written for. Other people's tweets and reviews gain by it, too."""
OWN = (3, 4)
"""How often a sentence of ours is seen by each of two fine-tunings, whose weights are averaged; a
review is seen twice, others once. Where one has unlearnt something the other mostly has not."""
GATE = Gate(
    most_bytes=25_000_000,
    least_auc={
        "goemotions, never learnt from": 0.875,
        "reviews": 0.86,
        "tweets": 0.94,
        "own, of many kinds": 0.91,
        "own, of five fields": 0.87,
    },
    most_false_alarms={"goemotions, never learnt from": 0.095, "reviews": 0.05, "tweets": 0.04},
    least_f1={"own, kept aside": 0.85, "own, written last": 0.85},
)
KEPT = 25
"""Steps after which a run that is ended goes on."""
SORTED = 50
"""Batches whose sentences are sorted by length, so that little of them is empty."""
_UNKNOWN, _BEGIN, _END = 100, 101, 102


class Reader:
    """Sentences as the box gives them to the transformer, in the encoder's own numbers."""

    def __init__(self) -> None:
        self._known = vocabulary(folder())
        self._cut: dict[str, list[int]] = {}
        self._box = CallPolarity(LEXICON, network="none")

    def __call__(self, text: str) -> list[int]:
        """Numbers of a sentence's pieces between its two ends.

        No names, no other people's mood, no formulas: the box does not read them either.
        """
        said = self._box.given(heard(text))
        found = [
            number
            for at, (word, sure) in enumerate(zip(said.tokens, said.sure, strict=True))
            if sure >= UNSURE
            for number in ((_UNKNOWN,) if at in said.hidden else self._cut_up(word))
        ]
        return [_BEGIN, *found[: SIZE - 2], _END]

    def _cut_up(self, word: str) -> list[int]:
        if word not in self._cut:
            self._cut[word] = pieces(word, self._known)
        return self._cut[word]


def fine_tune(model: Transformer, rows: Sequence[Row], kept: Path) -> None:
    """Fine-tune on sentences heard anew, with other mistakes, every time.

    Every KEPT steps all is kept in `kept`; a run that was ended goes on from there to the same end.
    """
    sounds = pronunciations()
    mishear = Mishearer([row.text for row in rows], sounds, confusions(sounds))
    read = Reader()
    learnt_ones = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in learnt_ones if p.dim() > 1], "weight_decay": 0.01},
            {"params": [p for p in learnt_ones if p.dim() == 1], "weight_decay": 0.0},
        ],
        fused=True,
    )
    batches = _batches(rows)
    begun = 0
    if kept.is_file():
        begun, tensors, moments = torch.load(kept)
        model.load_state_dict(tensors)
        optimizer.load_state_dict(moments)
    for step, some in enumerate(batches[begun:], begun):
        for group in optimizer.param_groups:
            warm = min(1.0, (step + 1) / (0.06 * len(batches)))
            group["lr"] = RATE * warm * max(0.02, 1.0 - step / len(batches))
        # of its own for each step, so that it does not matter where a run began
        luck = random.Random(f"{SEED} {step}")  # noqa: S311 - a seeded simulation, no secret
        torch.manual_seed(luck.getrandbits(32))
        texts = [
            mishear(row.text, luck.uniform(*WRONG), luck) if luck.random() < 0.5 else row.text
            for row in some
        ]
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(*batch([read(text) for text in texts]))
        loss = functional.cross_entropy(
            logits.float(), torch.tensor([row.mood for row in some]), label_smoothing=0.05
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learnt_ones, 1.0)
        optimizer.step()
        if (step + 1) % KEPT == 0 or step + 1 == len(batches):
            print(f"step {step + 1} of {len(batches)}: loss {loss.item():.3f}", flush=True)
            _keep(kept, step + 1, model, optimizer)


def _keep(kept: Path, step: int, model: Transformer, optimizer: torch.optim.Optimizer) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    half = kept.with_suffix(".half")
    torch.save((step, model.state_dict(), optimizer.state_dict()), half)
    half.replace(kept)


def _batches(rows: Sequence[Row]) -> list[list[Row]]:
    """Every sentence once, those of a batch about equally long."""
    luck = random.Random(SEED)  # noqa: S311 - a seeded simulation, no secret
    mixed = luck.sample(rows, len(rows))
    made: list[list[Row]] = []
    for at in range(0, len(mixed), BATCH * SORTED):
        chunk = sorted(mixed[at : at + BATCH * SORTED], key=lambda row: len(row.text))
        some = [chunk[i : i + BATCH] for i in range(0, len(chunk), BATCH)]
        luck.shuffle(some)
        made += some
    return made


def export(model: Transformer, target: Path, rows: Sequence[Row]) -> SentenceSidecar:
    """Network, pieces and sidecar in the folder of `target`, fitted, judged, good enough."""
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
            "inputs": inputs(),
        },
    )
    save(sidecar, target)
    small = ContextModel(target)
    same = agreement(_moods(model, own_aside()), own_aside(), small)
    print(f"{same:.1%} of moods as before it was made small", flush=True)
    sidecar = sidecar.model_copy(update=calibrate(small, TRUST))
    save(sidecar, target)
    judged = ContextModel(target)
    found = figures(judged)
    GATE.hold(target.stat().st_size, same, found)
    sidecar = sidecar.model_copy(update={"golden": golden(judged), "figures": found})
    save(sidecar, target)
    return sidecar


def _moods(model: Transformer, rows: Sequence[Row]) -> list[int]:
    read = Reader()
    with torch.no_grad():
        return [int(model(*batch([read(row.text)])).argmax()) for row in rows]


def tuned(rows: Sequence[Row]) -> dict[str, torch.Tensor]:
    """The fine-tuned encoder's weights; what was tuned from the same inputs is kept."""
    texts = [(row.mood, row.text) for row in rows]
    read = Reader()
    ours = [read(row.text) for row in rows if row.source == "own"]
    made_of = [texts, ours, HEARD.read_text("utf-8"), SEED, BATCH, RATE, WRONG, SIZE]
    key = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]
    # the head begins by chance
    torch.manual_seed(SEED)
    model = Transformer()
    model.train()
    fine_tune(model, rows, CACHE / f"context-{key}.pt")
    return dict(model.state_dict())


def averaged(each: Sequence[dict[str, torch.Tensor]]) -> Transformer:
    """The network whose weights are the mean of several that began alike."""
    model = Transformer()
    model.load_state_dict({name: sum(one[name] for one in each) / len(each) for name in each[0]})
    model.eval()
    return model


def make(target: Path, without: Sequence[str]) -> SentenceSidecar:
    """Fine-tune, convert, fit and judge a network in the folder of `target`."""
    others = [row for row in learnt(without) if row.source != "own"]
    seen = [others + own_learnt() * times for times in OWN]
    return export(averaged([tuned(rows) for rows in seen]), target, seen[0])


def main() -> None:
    """Fine-tune without what is judged by, for its figures, then with all; write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=TARGET)
    args = parser.parse_args()
    torch.set_num_threads(1)
    sidecar = make_twice(make, args.target)
    print(json.dumps(sidecar.figures, indent=1))


if __name__ == "__main__":
    try:
        main()
    except SeredError as error:
        raise SystemExit(f"No network: {error}") from error
