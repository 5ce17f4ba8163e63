"""The model card's pictures: readable at a glance, colours that a colour-blind eye tells apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sered.records import LABELS

if TYPE_CHECKING:
    from pathlib import Path

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
NOISES = {f"noise {db} dB": db for db in (10, 15, 20, 30, 40)}


def everything(figures: dict[str, Any], folder: Path) -> None:
    """Every picture into `folder`, as PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    style: Any = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False}
    pictures = {
        "training": _training, "confusion": _confusion, "reliability": _reliability,
        "coverage": _coverage, "noise": _noise, "conditions": _conditions,
    }  # fmt: skip
    with mpl.rc_context(style):
        for name, picture in pictures.items():
            figure = picture(plt, figures)
            # no creation date inside: the same figures are the same bytes
            figure.savefig(
                folder / f"{name}.png", dpi=110, bbox_inches="tight", metadata={"Software": None}
            )
            plt.close(figure)


def _training(plt: Any, figures: dict[str, Any]) -> Any:
    loss, heard, unheard = np.array(figures["history"]).reshape(-1, 3).T
    epochs = np.arange(1, len(loss) + 1)
    figure, left = plt.subplots(figsize=(7, 4))
    left.plot(epochs, 100 * heard, color=BLUE, marker="o", label="speakers it trains on")
    left.plot(epochs, 100 * unheard, color=ORANGE, marker="s", label="speakers it never hears")
    left.set(xlabel="epoch", ylabel="accuracy, seven classes, %", ylim=(0, 100))
    left.legend(frameon=False, loc="lower right")
    left.set_title("Training: the gap between the lines is the voice", loc="left")
    return figure


def _confusion(plt: Any, figures: dict[str, Any]) -> Any:
    tables = {
        "known projects, speakers unknown": figures["confusion"]["speakers"],
        "corpora left out": figures["confusion"]["corpora"],
    }
    tables = {title: table for title, table in tables.items() if table is not None}
    figure, axes = plt.subplots(
        1, len(tables), figsize=(5 * len(tables), 5.4), squeeze=False, layout="constrained"
    )
    for axis, (title, table) in zip(axes[0], tables.items(), strict=True):
        share = 100 * np.array(table)
        axis.imshow(share, cmap="Blues", vmin=0, vmax=100)
        for row, col in np.ndindex(share.shape):
            if share[row, col] >= 0.5:
                axis.text(
                    col,
                    row,
                    f"{share[row, col]:.0f}",
                    ha="center",
                    va="center",
                    color="white" if share[row, col] > 55 else "black",
                )
        axis.set_xticks(range(len(LABELS)), LABELS, rotation=45, ha="right")
        axis.set_yticks(range(len(LABELS)), LABELS)
        axis.set(xlabel="found", ylabel="acted")
        axis.set_title(title, loc="left", fontsize=12)
        axis.spines[:].set_visible(False)
    figure.suptitle("Of each emotion, what was found, % (telephone, int8)", x=0.01, ha="left")
    return figure  # fmt: skip


def _reliability(plt: Any, figures: dict[str, Any]) -> Any:
    figure, axis = plt.subplots(figsize=(5.5, 5))
    axis.plot([0, 100], [0, 100], color=GREY, linestyle="--", label="as sure as right")
    for name, colour, mark, label in (
        ("negative", ORANGE, "s", "probability of negative, 50 to 80 % of a corpus being so"),
        ("even", GREEN, "D", "the same, half of each corpus being so"),
        ("seven", BLUE, "o", "of the likeliest of seven"),
    ):
        said, right, share = 100 * np.array(figures["calibration"][name]["points"]).reshape(-1, 3).T
        axis.plot(said, right, color=colour, zorder=2)
        axis.scatter(
            said, right, s=12 + 12 * share, color=colour, marker=mark, zorder=3, label=label
        )
    axis.set(
        xlabel="how sure it says it is, %",
        ylabel="how often it is so, %",
        xlim=(0, 100),
        ylim=(0, 100),
    )
    axis.set_title("Voices that neither network nor odds had met", loc="left")
    axis.legend(frameon=False)
    return figure


def _coverage(plt: Any, figures: dict[str, Any]) -> Any:
    found = figures["coverage"]
    figure, axis = plt.subplots(figsize=(7, 4))
    share = 100 * np.array(found["coverage"])
    axis.plot(
        share, 100 * np.array(found["negative"]), color=ORANGE, marker="s", label="negative / not"
    )
    axis.plot(share, 100 * np.array(found["seven"]), color=BLUE, marker="o", label="seven classes")
    axis.set(xlabel="clips that get a verdict, surest first, %", ylabel="right, %", ylim=(0, 102))
    axis.set_title("What “don't know” buys: voices never met, telephone", loc="left")
    axis.legend(frameon=False, loc="lower left")
    return figure


def _noise(plt: Any, figures: dict[str, Any]) -> Any:
    found = figures["conditions"]
    figure, axis = plt.subplots(figsize=(7, 4))
    for measure, colour, mark, label in (
        ("negative_uar", ORANGE, "s", "negative / not"),
        ("uar", BLUE, "o", "seven classes"),
    ):
        axis.plot(
            [*NOISES.values()],
            [100 * found[name][measure] for name in NOISES],
            color=colour,
            marker=mark,
            label=label,
        )
        axis.axhline(100 * found["wide band"][measure], color=colour, linestyle=":", linewidth=1)
    axis.set(xlabel="speech over line noise, dB", ylabel="UAR, %", ylim=(0, 100))
    axis.set_title("Speakers never heard, through noise (dotted: wide band)", loc="left")
    axis.legend(frameon=False, loc="lower right")
    return figure  # fmt: skip


def _conditions(plt: Any, figures: dict[str, Any]) -> Any:
    found = figures["conditions"]
    names = sorted(found, key=lambda name: found[name]["negative_uar"])
    figure, axis = plt.subplots(figsize=(8, 7))
    height = np.arange(len(names))
    for measure, colour, mark, label in (
        ("uar", BLUE, "o", "seven classes"),
        ("negative_uar", ORANGE, "s", "negative / not"),
    ):
        values = [100 * found[name][measure] for name in names]
        axis.scatter(values, height, color=colour, marker=mark, s=45, label=label, zorder=3)
        for value, row in zip(values, height, strict=True):
            axis.text(value + 1.2, row, f"{value:.0f}", va="center", fontsize=9, color=colour)
    axis.set_yticks(height, names)
    axis.grid(axis="x", color="#dddddd", zorder=0)
    axis.set(xlabel="UAR, %", xlim=(0, 100))
    axis.set_title("Speakers never heard, by telephone condition", loc="left")
    axis.legend(frameon=False, loc="lower left")
    return figure  # fmt: skip
