"""The model card's tables and the sentences between them, from the measured figures."""

from __future__ import annotations

from typing import Any

from convert.stretches import LONG

NAMES = {
    "aesdd": "AESDD (Greek)",
    "crema-d": "CREMA-D (English, many accents)",
    "emodb": "EmoDB (German)",
    "emovo": "EMOVO (Italian)",
    "nemo": "nEMO (Polish)",
    "ravdess": "RAVDESS (English)",
    "savee": "SAVEE (English)",
    "tess": "TESS (English, two women)",
}
SHOWN = (
    "uar", "negative_uar", "negative_auc", "agitation_auc", "negative_error", "even_error",
)  # fmt: skip
HEADS = (
    "UAR, 7 | UAR, negative / not | AUC, negative / not | AUC, angry / neutral by agitation "
    "| calibration error | the same, half of them negative"
)


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _cell(part: dict[str, float] | None, speakers: int, *, percent: bool) -> str:
    if part is None:
        return "–"
    scale, digits = (100, 1) if percent else (1, 2)
    shown = f"{scale * part['value']:.{digits}f}"
    if speakers == 1:
        return shown
    low, high = (f"{scale * part[end]:.{0 if percent else 2}f}" for end in ("low", "high"))
    return f"{shown} ({low}–{high})"


def rows_of(figures: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The rows of a kind of protocol (`corpus`: left out, `unseen`: new speakers) by corpus."""
    return {
        name.removeprefix(kind + " "): row
        for name, row in figures["protocols"].items()
        if name.startswith(kind)
    }


def mean(figures: dict[str, Any], kind: str, measure: str) -> float | None:
    """Of all corpora that have it, down the telephone."""
    found = [
        row["telephone"][measure]["value"]
        for row in rows_of(figures, kind).values()
        if measure in row["telephone"]
    ]
    return sum(found) / len(found) if found else None


def table(figures: dict[str, Any]) -> str:
    """The evaluation in Markdown, telephone first; with 95 % intervals over speakers."""
    lines = [
        f"| who is judged | clips / speakers | line | {HEADS} |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, words in (
        ("corpus", "left out altogether"),
        ("unseen", "known project, speakers never heard"),
    ):
        for corpus, row in rows_of(figures, kind).items():
            for column in ("telephone", "wide band"):
                cells = " | ".join(
                    _cell(row[column].get(name), row["speakers"], percent="uar" in name)
                    for name in SHOWN
                )
                size = f"{row['clips']} / {row['speakers']}"
                lines.append(
                    f"| {NAMES.get(corpus, corpus)}, {words} | {size} | {column} | {cells} |"
                )
        means = [mean(figures, kind, name) for name in SHOWN]
        if any(value is not None for value in means):
            cells = " | ".join(
                "–" if value is None else f"{100 * value:.1f}" if "uar" in name else f"{value:.2f}"
                for name, value in zip(SHOWN, means, strict=True)
            )
            lines.append(f"| **mean, {words}** | | telephone | {cells} |")
    return "\n".join(lines)


def reach(figures: dict[str, Any]) -> str:
    """What was wanted beside what was found, through the telephone: the misses too."""
    left = {name: mean(figures, "corpus", name) for name in SHOWN}
    plain, agitation = (
        figures["ordinary"],
        [
            row["telephone"]["agitation_auc"]["value"]
            for row in rows_of(figures, "corpus").values()
            if "agitation_auc" in row["telephone"]
        ],
    )
    unseen = rows_of(figures, "unseen")
    folds = figures["int8"].values()
    agreed = sum(fold[0] * fold[-1] for fold in folds) / sum(fold[-1] for fold in folds)
    wanted: list[tuple[str, float | None, float, bool]] = [
        ("ordinary callers, utterances over 0.5", plain.get("over half"), 0.08, False),
        ("ordinary callers, utterances over 0.8", plain.get("over 0.8"), 0.01, False),
        ("their calls published negative by voice alone", plain.get("negative"), 0.02, False),
        ("corpora left out, negative / not, mean UAR", left["negative_uar"], 0.68, True),
        ("corpora left out, negative / not, mean AUC", left["negative_auc"], 0.75, True),
        ("corpora left out, agitation, worst AUC", min(agitation, default=None), 0.93, True),
        ("corpora left out, calibration error, mean", left["negative_error"], 0.08, False),
        ("the same, half of each corpus negative", left["even_error"], 0.08, False),
        ("RAVDESS, new speakers, UAR of seven", _value(unseen, "ravdess", "uar"), 0.6, True),
        ("TESS, unseen actress, two", _value(unseen, "tess", "negative_uar"), 0.94, True),
        ("int8 and float give a clip of a new voice the same label", agreed, 0.99, True),
    ]  # fmt: skip
    lines = ["| aim | wanted | found | |", "|---|---|---|---|"]
    for what, found, aim, least in wanted:
        if found is None:
            continue
        well = found >= aim if least else found <= aim
        shown = f"{'at least' if least else 'at most'} {aim:.2f}"
        lines.append(f"| {what} | {shown} | {found:.3f} | {'reached' if well else '**missed**'} |")
    return "\n".join(lines)


def _value(rows: dict[str, dict[str, Any]], corpus: str, measure: str) -> float | None:
    found = rows.get(corpus, {}).get("telephone", {}).get(measure)
    return None if found is None else float(found["value"])


def stretches(figures: dict[str, Any]) -> str:
    """What several utterances of one mood come to, corpus by corpus."""
    head = (
        f"| corpus | stretches | AUC of one utterance | of {LONG} | negative ones called negative "
        "| called positive | others called negative | called positive |"
    )
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    for corpus, row in figures["stretches"].items():
        shares = " | ".join(
            _percent(row[name])
            for name in (
                "bad called negative", "bad called positive",
                "other called negative", "other called positive",
            )
        )  # fmt: skip
        lines.append(
            f"| {NAMES.get(corpus, corpus)} | {row['stretches']} | {row['auc of one']:.2f} "
            f"| {row['auc of five']:.2f} | {shares} |"
        )
    return "\n".join(lines)


def ordinary(figures: dict[str, Any]) -> str:
    """How often callers with nothing the matter seem unhappy."""
    plain = figures["ordinary"]
    if not plain:
        return "No ordinary callers were there to judge."
    share = {name: _percent(value) for name, value in plain.items()}
    return (
        f"{plain['utterances']} utterances of {plain['callers']} real telephone callers who ask a "
        "machine for a bus, nearly all in plain answers, each judged by a network that never "
        f"heard that caller: negative with more than 0.5: **{share['over half']}**, with more than "
        f"0.8: **{share['over 0.8']}**. Of their {plain['calls']} calls with enough speech, judged "
        f"by voice alone, {share['negative']} are published negative, {share['positive']} "
        f"positive, {share['escalated']} escalate. They are taken for not unhappy: nobody asked "
        "them."
    )


def crowd(figures: dict[str, Any]) -> str:
    """What people reach who hear the same voices; empty where nobody was asked."""
    found = figures["crowd"]
    if not found:
        return ""
    return (
        f"\n**What people reach.** The crowd that heard the voices of CREMA-D's {found['clips']} "
        f"clips reaches UAR {100 * found['people_uar']:.1f} against what the actors meant "
        f"(negative / not, AUC {found['people_auc']:.2f}); networks that never heard the actor "
        f"reach {100 * found['uar']:.1f} ({found['auc']:.2f}), and part what the crowd heard as "
        f"negative with AUC {found['agree_auc']:.2f}.\n"
    )
