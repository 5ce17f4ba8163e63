"""Writes the model card from the measured figures: no number in it is typed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convert.folds import GROUPS

if TYPE_CHECKING:
    from pathlib import Path

    from convert.corpora import Found

    from sered.voice.sidecar import Sidecar

ROWS = {
    "random tess": "TESS, random 80/20 (the prototype's own: both voices known)",
    "unseen tess/OAF": "TESS, judged on OAF, trained on YAF and others",
    "unseen tess/YAF": "TESS, judged on YAF, trained on OAF and others",
    "unseen tess": "TESS, unseen actress, both",
    "unseen ravdess": "RAVDESS, actors never heard",
    "unseen emodb": "EmoDB (German), speakers never heard",
    "unseen nemo": "nEMO (Polish), speakers never heard",
    "corpus tess": "TESS left out altogether",
    "corpus ravdess": "RAVDESS left out altogether",
    "corpus emodb": "EmoDB left out altogether: no German in training",
    "corpus nemo": "nEMO left out altogether: no Polish in training",
}
LICENCES = {
    "tess": "TESS, Toronto Emotional Speech Set: CC BY-NC-ND 4.0",
    "ravdess": "RAVDESS: CC BY-NC-SA 4.0",
    "emodb": "EmoDB, Berlin: free for research; verify before relying on it",
    "nemo": "nEMO: CC BY-NC-SA 4.0",
    "cremad": "CREMA-D: ODbL",
    "savee": "SAVEE: free for research",
}

REACH = (
    ("random tess", "accuracy", "TESS, random split", 0.995),
    ("unseen tess", "uar", "TESS, unseen actress, 7 classes", 0.80),
    ("unseen tess", "negative_uar", "TESS, unseen actress, negative / not", 0.92),
    ("unseen ravdess", "uar", "RAVDESS, actors never heard, 7 classes", 0.60),
    ("unseen ravdess", "negative_uar", "RAVDESS, actors never heard, negative / not", 0.75),
)
"""Protocol, measure, what it is, what was aimed at."""


def _cell(part: dict[str, float], speakers: int) -> str:
    if speakers == 1:
        return f"{100 * part['value']:.1f}"
    return f"{100 * part['value']:.1f} ({100 * part['low']:.0f}–{100 * part['high']:.0f})"


def table(figures: dict[str, Any]) -> str:
    """The evaluation in Markdown, telephone first; with 95 % intervals over speakers."""
    lines = [
        "| protocol | clips / speakers | line | UAR, 7 | accuracy, 7 | UAR, negative / not "
        "| accuracy, negative / not |",
        "|---|---|---|---|---|---|---|",
    ]
    protocols = figures["protocols"]
    for key in [*ROWS, *(name for name in protocols if name not in ROWS)]:
        if key not in protocols:
            continue
        row = protocols[key]
        for column in ("telephone", "wide band"):
            cells = " | ".join(
                _cell(row[column][name], row["speakers"])
                for name in ("uar", "accuracy", "negative_uar", "negative_accuracy")
            )
            lines.append(
                f"| {ROWS.get(key, key)} | {row['clips']} / {row['speakers']} | {column} | {cells} |"
            )
    for column in ("telephone", "wide band"):
        parts = [
            (row[column]["uar"]["value"], row[column]["negative_uar"]["value"])
            for name, row in protocols.items()
            if name.startswith("corpus ")
        ]
        if parts:
            seven, two = (100 * sum(values) / len(values) for values in zip(*parts, strict=True))
            lines.append(
                f"| mean of the corpora left out | | {column} | {seven:.1f} | | {two:.1f} | |"
            )
    return "\n".join(lines)


def reach(figures: dict[str, Any]) -> str:
    """What was wanted beside what was found, through the telephone: the misses too."""
    protocols = figures["protocols"]
    left_out = [
        row["telephone"]["negative_uar"]["value"]
        for name, row in protocols.items()
        if name.startswith("corpus ")
    ]
    found = [
        (what, wanted, protocols[name]["telephone"][measure]["value"])
        for name, measure, what, wanted in REACH
        if name in protocols
    ]
    if left_out:
        mean = sum(left_out) / len(left_out)
        found.append(("a corpus left out, negative / not, mean", 0.65, mean))
    folds = [fold for name, fold in figures["parity of folds"].items() if "random" not in name]
    agreed = sum(fold[0] * fold[-1] for fold in folds) / sum(fold[-1] for fold in folds)
    found.append(("int8 and float give a clip of a new voice the same label", 0.99, agreed))
    lines = ["| aim | wanted | found | |", "|---|---|---|---|"]
    for what, wanted, value in found:
        verdict = "reached" if value >= wanted else "**missed**"
        lines.append(f"| {what} | {100 * wanted:.1f} % | {100 * value:.1f} % | {verdict} |")
    error = figures["calibration"]["error"]
    verdict = "reached" if error <= 0.05 else "**missed**"
    lines.append(f"| calibration error | at most 0.050 | {error:.3f} | {verdict} |")
    return "\n".join(lines)


def _data(sidecar: Sidecar, found: Found) -> str:
    lines = [
        f"- {LICENCES.get(name, name)}; {part['clips']} clips of {part['speakers']} speakers"
        for name, part in sidecar.training["corpora"].items()
    ]
    for what, table in (("used", found.mended), ("not used", found.refused)):
        for reason, names in sorted(table.items()):
            lines.append(f"- {what}, {reason}: {len(names)}")
    return "\n".join(lines)


def _teacher(teacher: dict[str, Any]) -> str:
    seen = f"`{teacher['statistics']}`" if teacher["statistics"] else "all"
    return f"- {seen}{', labels balanced within each corpus' if teacher['within'] else ''}"


def write(card: Path, figures: dict[str, Any], sidecar: Sidecar, found: Found, model: Path) -> None:
    """The card, whole or not at all."""
    partial = card.with_suffix(".part")
    partial.write_text(_text(figures, sidecar, found, model), encoding="utf-8")
    partial.replace(card)


def _text(figures: dict[str, Any], sidecar: Sidecar, found: Found, model: Path) -> str:
    plan, recipe, parity = sidecar.training["plan"], sidecar.recipe, figures["parity"]
    agreed = [fold[0] for fold in figures["parity of folds"].values()]
    best = figures["coverage"]
    half = best["coverage"].index(0.5)
    teachers = "\n".join(map(_teacher, plan["teachers"]))
    surest = figures["calibration"]["points"][-1]
    worst = min(
        (row["telephone"]["negative_uar"]["value"], name)
        for name, row in figures["protocols"].items()
        if name.startswith("corpus ")
    )
    return f"""# Model card: how a voice feels, from its sound alone

`{model.name}`, {model.stat().st_size:,} bytes, SHA-256 `{sidecar.sha256}`.
Written by `make model`; every figure below was measured, none was typed.

## What it is for
One utterance of a customer on a telephone (0.3 to 15 s, 16 kHz) in, probabilities of
{", ".join(sidecar.labels)} out. sered adds up many utterances, and words, to one verdict a call.
**Not for** judging employees (forbidden at work in the European Union), single people, health,
truthfulness, or any decision without a person.

## What it is worth
Every row but the first was measured on speakers that were not trained on. All of it is the int8
file, run by sered's own code, **of a network trained without those speakers** (one part in {GROUPS} of the
speakers of every corpus, one of TESS' two, or a whole corpus); the shipped file was then trained on all of them, so no figure here can be measured
on it again with these corpora. In brackets: 95 % of {1000:,} draws of whole speakers. With two speakers (TESS) an interval says
little, with one none at all.

{table(figures)}

Telephone: 300–3400 Hz, G.711 µ-law, 35 dB over line noise. UAR: mean recall of the classes, so
that no class counts more for being frequent. Chance is 14 % (17 % with six classes) and 50 %.
Negative: angry, disgust, fear, sad.

**Read it so.** The first row is the prototype's own and is two voices learned by heart. A
voice from a *recording project* it knows is the middle of the table. A language, room and acting
style that it has never met is the rows "left out": seven classes are then little better than a
hint, negative / not is right in {100 * worst[0]:.0f} of a hundred balanced cases at worst ({worst[1].removeprefix("corpus ")}).
All corpora are **acted**; real callers show less, so expect less. And what the network looks at and how it
is trained was chosen by these very figures, among many ways: they flatter by what such a choice is
worth, which only speakers that played no part in it can tell.

What was aimed at when this was built (UAR through the telephone, but accuracy in the first row):

{reach(figures)}

![The random split beside unseen speakers](card/confusion.png)
![Training](card/training.png)

## How sure it is
One temperature ({sidecar.temperature:.2f}) on the network's outputs, fitted on held-out speakers and measured on
others: expected calibration error {figures["calibration"]["error"]:.3f}. Where it is surest it says {100 * surest[0]:.0f} % and {100 * surest[1]:.0f} % are right
({100 * surest[2]:.0f} % of the clips). Verdicts that are not sure enough can be left out:
over the surest half of the clips {100 * best["seven"][half]:.0f} % are right (seven classes) and
{100 * best["negative"][half]:.0f} % (negative / not), over all of them {100 * best["seven"][-1]:.0f} % and {100 * best["negative"][-1]:.0f} %.

![Reliability](card/reliability.png)
![Accuracy against coverage](card/coverage.png)

## What the line does to it
![Noise](card/noise.png)
![Conditions](card/conditions.png)

Every twelfth clip, each speaker judged by a network that never heard them. Hear a condition:
`python -m convert.telephone preview IN.wav OUT.wav --condition "noise 10 dB"`.

## How it works
{recipe["cepstra"]} MFCCs (python_speech_features' numbers: {recipe["frame"]} samples every {recipe["step"]} at {recipe["rate_hz"]} Hz,
{recipe["filters"]} filters from {recipe["low_hz"]:.0f} to {recipe["high_hz"]:.0f} Hz) over the voiced frames; of them {len(sidecar.normalisation.mean)} statistics:
mean, spread, percentiles, slopes, deltas, modulation, and the contours of level and pitch. Pitch is
not in the cepstra, and it is half of what a listener goes by; it is read from the same frames'
spectrum by its harmonics, since the telephone cuts the fundamental off. Nothing depends on level
(20 dB of gain changes nothing), on the clip's length or on silence around it.

A feed-forward network ({plan["squeeze"]} sums, {" – ".join(map(str, plan["student"]))} – 7) that learned to answer as {len(plan["teachers"])} wider ones
({" – ".join(map(str, plan["wide"]))} – 7) do on mixtures of clips, their logits averaged. Those differ in what they look at, hear
and weigh, for then they mishear different voices. Statistics by name (`(?!` is all but these):

{teachers}

Training:
{sidecar.training["sound_hours"]} h of sound, every clip up to {sidecar.training["random_copies"]} times in a changed voice (up to a sixth slower or faster)
down a random line, and once each by the fixed telephone and wide band; each label counting the same,
voices with many clips less a clip. The wide ones, in turn, heard one of {plan["parts"]} parts of these lines; they learned from smoothed labels of mixed clips, with noise on the
statistics, dropout and a second head (negative / not). Seed {plan["seed"]}.

Int8 against float: {100 * parity["agreement"]:.1f} % the same label on {parity["clips"]} clips (build fails below 99), UAR drop
{100 * parity["uar_drop"]:.2f} points (above 0.5), saturated inputs {100 * parity["saturated"]:.3f} % (above 0.1). The shipped network has met every voice
here, so these clips are known voices changed and sent down new lines; the networks of the held-out folds,
on voices they had never met, agreed on {100 * min(agreed):.1f} to {100 * max(agreed):.1f} %, by fold.

## What it learned from
{_data(sidecar, found)}

Most of these licences are **non-commercial**: check them before you sell what this file judges,
or train on your own recordings: `make model ARGS="--manifest calls.csv"` (columns
`path,speaker,label`), with or without the corpora. No recording is part of this project.
Two women of 26 and 64 speak a third of the clips, and nobody is a child. English,
German and Polish only. Neutral includes RAVDESS' calm.
"""
