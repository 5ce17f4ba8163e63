"""Writes the model card from the measured figures: no number in it is typed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convert.card_tables import NAMES, crowd, ordinary, reach, rows_of, stretches, table
from convert.licences import LICENCES
from convert.measures import DRAWS
from convert.odds import ALARMS
from convert.parity import LEAST_AGREEMENT
from convert.stretches import LONG

if TYPE_CHECKING:
    from pathlib import Path

    from convert.corpora import Found

    from sered.voice.sidecar import Sidecar


def _data(sidecar: Sidecar, found: Found) -> str:
    lines = [
        f"- {LICENCES.get(name, name)}; {part['clips']} clips of {part['speakers']} speakers"
        for name, part in sidecar.training["corpora"].items()
    ]
    for what, table_of in (("used", found.mended), ("not used", found.refused)):
        for reason, names in sorted(table_of.items()):
            lines.append(f"- {what}, {reason}: {len(names)}")
    return "\n".join(lines)


def write(card: Path, figures: dict[str, Any], sidecar: Sidecar, found: Found, model: Path) -> None:
    """The card, whole or not at all."""
    partial = card.with_suffix(".part")
    partial.write_text(_text(figures, sidecar, found, model), encoding="utf-8")
    partial.replace(card)


def _reading(figures: dict[str, Any]) -> str:
    rows = {
        NAMES.get(corpus, corpus): row["telephone"]["negative_uar"]["value"]
        for corpus, row in rows_of(figures, "corpus").items()
    }
    if not rows:
        return (
            "**Read it so.** No corpus could be left out, so the figures are of new speakers of "
            "recordings that the network knows. On recordings of another kind expect less."
        )
    worst = min(rows, key=rows.__getitem__)
    average = sum(rows.values()) / len(rows)
    return (
        "**Read it so.** A language, room and way of acting that the network has never met are the "
        f"rows *left out altogether*: of a hundred balanced cases it then tells {100 * average:.0f} "
        f"right in negative / not, {100 * rows[worst]:.0f} at worst ({worst}), where chance is 50. "
        "*How agitated* a voice is it tells nearly everywhere; *good from bad* poorly, and so do people "
        "who hear a voice without its words. A voice of a recording project that it knows is the lower "
        "half of the table. All corpora are **acted**; real callers show less. What the network looks "
        "at was chosen by these very figures, which flatters them a little."
    )


def _heat(sidecar: Sidecar) -> str:
    parts = ", ".join(
        f"{name} {weight:+.2f}"
        for name, weight in zip(sidecar.labels, sidecar.odds.heat, strict=True)
    )
    return (
        f"Agitation is a line through the seven outputs ({parts}), learnt of angry against neutral and of "
        "ordinary callers, who count as calm, and bent likewise."
    )


def _text(figures: dict[str, Any], sidecar: Sidecar, found: Found, model: Path) -> str:
    suffix = model.stem.removeprefix("emotion")
    pictures = f"card{suffix}"
    plan, recipe, parity = sidecar.training["plan"], sidecar.recipe, figures["parity"]
    agreed = [fold[0] for fold in figures["int8"].values()]
    sure = figures["calibration"]
    best = figures["coverage"]
    half = best["coverage"].index(0.5)
    where = "corpora left out" if figures["odds from"] == "corpus" else "speakers held out"
    odds, heat = sidecar.odds, _heat(sidecar)
    wide = " – ".join(map(str, (*plan["hidden"], len(sidecar.labels))))
    return f"""# Model card: how a voice feels, from its sound alone

`{model.name}`, {model.stat().st_size:,} bytes, SHA-256 `{sidecar.sha256}`.
Written by `make model`; every figure below was measured, none was typed.

## What it is for
One utterance of a customer on a telephone (0.3 to 15 s, 16 kHz) in, probabilities of
{", ".join(sidecar.labels)} out. Two numbers come of them: *valence* (glad less unhappy, −1 to 1) and
*agitation* (how heated, 0 to 1). sered adds up many utterances, and words, to one
verdict a call. **Not for** judging employees (forbidden at work in the European Union), single people,
health, truthfulness, or any decision without a person.

**Who may use it.** {sidecar.terms}

## What it is worth
{_reading(figures)}
{crowd(figures)}
What was aimed at (telephone, int8; no voice in it was heard by the network that judged it):

{reach(figures)}

What was tried for what is missed, and where it ended: "What the reaches ask that is not met" in [convert/README.md](../convert/README.md).

**Ordinary callers.** {ordinary(figures)}

**Stretches.** {LONG} utterances of one speaker in one mood, of corpora left out, judged by voice alone
as a call would be:

{stretches(figures)}

{table(figures)}

All of it is the int8 file, run by sered's own code, **of a network trained without those speakers** (one
part in {sidecar.training["effort"]["groups"]} of the speakers of every corpus, one of TESS' two, or a whole corpus with a part of
the callers); the shipped file was then trained on all of them, so no figure here can be measured on it
again with these recordings. In brackets: 95 % of {DRAWS} draws of whole speakers. Telephone: 300–3400 Hz,
G.711 µ-law, 35 dB over line noise. UAR: mean recall of the classes, so that no class counts more for
being frequent. Negative: angry, disgust, fear, sad. Calibration error: of the probability of negative;
in rows left out by odds that were fitted without that corpus, and once more with half of the clips counted
as negative.

![What was taken for what]({pictures}/confusion.png)
![Training]({pictures}/training.png)

## How sure it is
A temperature ({odds.temperature:.2f}) and an offset for each label are fitted on {where}; then the log-odds of
negative are bent, every corpus counting the same and half of it being negative: even where no more than
{ALARMS:.0%} of ordinary callers held out are called negative ({odds.negative.at:+.2f}), and with a slope of their own below
({odds.negative.below:.2f}) and above it ({odds.negative.above:.2f}). {heat}
**What the probability of negative means.** How likely a voice is negative where every second one is. Actors
are unhappy in 50 to 80 % of their clips and callers seldom, and the share that is says nothing of a voice: so
the calibration error stands twice, as the corpora are and with half of each negative. Where one caller in
thirty is unhappy, 0.5 means one in thirty, too; sered's verdict has odds of its own for whole calls. Measured on
those that the odds had not seen, all together: calibration error {sure["negative"]["error"]:.3f} in negative / not
({sure["even"]["error"]:.3f} with half of each corpus negative), {sure["agitated"]["error"]:.3f} in agitation and
{sure["seven"]["error"]:.3f} in the likeliest of seven. Verdicts that are not sure enough can be left out: over the
surest half of the clips {100 * best["seven"][half]:.0f} % are right (seven classes) and {100 * best["negative"][half]:.0f} % (negative / not), over
all of them {100 * best["seven"][-1]:.0f} % and {100 * best["negative"][-1]:.0f} %.

![Reliability]({pictures}/reliability.png)
![Accuracy against coverage]({pictures}/coverage.png)

## What the line does to it
![Noise]({pictures}/noise.png)
![Conditions]({pictures}/conditions.png)

Every clip in {sidecar.training["effort"]["every"]}, each speaker judged by a network that never heard them. Hear a condition:
`python -m convert.telephone preview IN.wav OUT.wav --condition "noise 10 dB"`.

## How it works
{recipe["cepstra"]} MFCCs (python_speech_features' numbers: {recipe["frame"]} samples every {recipe["step"]} at {recipe["rate_hz"]} Hz,
{recipe["filters"]} filters from {recipe["low_hz"]:.0f} to {recipe["high_hz"]:.0f} Hz) over the voiced frames; of them {len(sidecar.normalisation.mean)} statistics:
mean, spread, percentiles, slopes, deltas, modulation, and the contours of level and pitch. Pitch is
not in the cepstra, and it is half of what a listener goes by; it is read from the same frames'
spectrum by its harmonics, since the telephone cuts the fundamental off. Nothing depends on level
(20 dB of gain changes nothing) or on silence around it; utterances over {recipe["longest_s"]:.0f} s are heard in windows.

{plan["branches"]} feed-forward branches ({wide}) on all statistics, each trained from the labels on its own; their
outputs are averaged. {sidecar.training["sound_hours"]} h of sound, every clip up to {sidecar.training["effort"]["copies"]} times in a changed voice (up to a
sixth slower or faster, often but a piece of it) down a random line (G.711, GSM, Opus or wide band, and
often with the long-term spectrum of another recording), and once each by the fixed telephone and wide
band. Every label of a corpus counts the same, voices with many clips less a clip; what CREMA-D's crowd
heard counts {plan["crowd"]:.0%} beside what its actors meant; ordinary callers count as one label more. The
branches learned from smoothed labels of mixed clips, with noise on the statistics and dropout, and
negative / not and agitated / not besides. Seed {plan["seed"]}.

Int8 against float: {100 * parity["agreement"]:.1f} % the same label on {parity["clips"]} clips ({100 * LEAST_AGREEMENT:.1f} are wanted of whatever judges calls), UAR drop
{100 * parity["uar_drop"]:.2f} points (above 0.5), saturated inputs {100 * parity["saturated"]:.3f} % (above 0.1). The shipped network has met every voice
here, so these clips are known voices changed and sent down new lines; the networks of the held-out folds,
on voices they had never met, agreed on {100 * min(agreed):.1f} to {100 * max(agreed):.1f} %, by fold.

## What it learned from
{_data(sidecar, found)}

No recording is part of this project. Train on your own: `make model ARGS="--manifest calls.csv"`
(columns `path,speaker,label`), with or without the corpora. Nobody is a child. Neutral includes
RAVDESS' calm.
"""
