"""Shows bench.json: one table on the terminal and in docs/performance.md, two pictures beside it.

Usage: show.py BENCH_JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).parent.parent.parent.parent
PAGE = ROOT / "docs/performance.md"
PICTURES = ROOT / "docs/performance"
BEHIND_S = 1.0
"""A line that takes its sound later is behind."""
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#999999"


def dearer(values: list[float]) -> float:
    """How far the dearest is over the first, as a share of it; negative where all are cheaper."""
    return max(values[1:]) / values[0] - 1.0


def told(each: list[float], late_s: list[float]) -> str:
    """Shares of a core a line, how far the dearest is over the first, and the latest frame."""
    shares = ", ".join(f"{share:.4f}" for share in each)
    late = f"no frame taken more than {max(late_s):.2f} s late"
    return f"{shares}: {dearer(each):+.0%} at most; {late}"


def rows(results: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """What, reach, measured, reached."""
    e, m, w = results["emotion"], results["mfcc"], results["whole_line"]
    s, lat, st, size = (results[k] for k in ("scaling", "latency", "start", "size_mb"))
    audio, both = s["audio_core_share_a_line"], s["both_core_share_a_line"]
    over, served = w["sered_mb"] - w["vosk_mb"], m["served"]
    whole = e["processes"]
    return [
        (
            "emotion of a 3 s utterance, CPU, against the prototype",
            "≥ 20× less",
            f"{e['sered_ms']:.2f} ms against {e['prototype_ms']:.0f} ms: {e['cpu_ratio']:.0f}× "
            f"(whole processes that judge 100: {whole['sered']['cpu_s']:.1f} s against "
            f"{whole['prototype']['cpu_s']:.1f} s)",
            e["cpu_ratio"] >= 20,
        ),
        (
            "… peak memory of the process",
            "≥ 10× less",
            f"{e['sered_mb']:.0f} MB against {e['prototype_mb']:.0f} MB: {e['memory_ratio']:.1f}×",
            e["memory_ratio"] >= 10,
        ),
        (
            "MFCCs of a second of speech, CPU, against python_speech_features",
            "≥ 3×, equal to 1e-4",
            f"{m['sered_us']:.0f} µs against {m['python_speech_features_us']:.0f} µs "
            f"(librosa {m['librosa_us']:.0f} µs): {m['ratio']:.1f}×, "
            f"equal to {m['difference']:.0e}",
            m["ratio"] >= 3 and m["difference"] <= 1e-4,
        ),
        (
            "… in a process that has heard a call as the service does",
            "≥ 3×",
            f"{served['sered_us']:.0f} µs against "
            f"{served['python_speech_features_us']:.0f} µs: {served['ratio']:.1f}×",
            served["ratio"] >= 3,
        ),
        (
            "the whole line on calls, CPU, against bare Vosk on the customer's side",
            "≤ 1.10×",
            f"{w['sered_cpu_s']:.1f} s against {w['vosk_cpu_s']:.1f} s for "
            f"{w['sound_s']:.0f} s: {w['ratio']:.2f}×",
            w["ratio"] <= 1.10,
        ),
        (
            "the line without words, of one core, talking (start of the process included)",
            "≤ 0.02",
            f"{w['audio_only_core_share']:.4f}",
            w["audio_only_core_share"] <= 0.02,
        ),
        ("… idle", "≤ 0.003", f"{w['idle_core_share']:.4f}", w["idle_core_share"] <= 0.003),
        (
            "peak memory, one line without words",
            "≤ 110 MB",
            f"{w['audio_only_mb']:.0f} MB",
            w["audio_only_mb"] <= 110,
        ),
        (
            "… with Vosk, against bare Vosk with the same model",
            "≤ + 70 MB",
            f"{w['sered_mb']:.0f} MB against {w['vosk_mb']:.0f} MB: {over:+.0f} MB",
            over <= 70,
        ),
        (
            "hang-up heard → verdict at the subscriber, p50 / p99",
            "≤ 0.3 s / 1 s",
            f"{lat['heard_p50']:.3f} s / {lat['heard_p99']:.3f} s over {lat['calls']} calls "
            f"(from the tone's first sample: {lat['tone_p50']:.1f} s / {lat['tone_p99']:.1f} s)",
            lat["heard_p50"] <= 0.3 and lat["heard_p99"] <= 1,
        ),
        ("`sered --help`", "≤ 0.3 s", f"{st['help_s']:.2f} s", st["help_s"] <= 0.3),
        (
            "`sered run` until READY, without Vosk",
            "≤ 2 s",
            f"{st['ready_s']:.2f} s (stops in {st['stop_s']:.2f} s)",
            st["ready_s"] <= 2,
        ),
        (
            "CPU a line, 1 → 8 lines, audio only",
            "at most 10 % over one line's, none behind",
            told(audio, s["audio_late_s"]),
            dearer(audio) <= 0.10 and max(s["audio_late_s"]) <= BEHIND_S,
        ),
        (
            "CPU a line, 1 → 4 lines, with the small model",
            "at most 10 % over one line's, none behind",
            told(both, s["both_late_s"]),
            dearer(both) <= 0.10 and max(s["both_late_s"]) <= BEHIND_S,
        ),
        (
            "wheel and dependencies, without models",
            "≤ 350 MB",
            f"{size['total']:.0f} MB",
            size["total"] <= 350,
        ),
    ]


def table(results: dict[str, Any]) -> str:
    """The rows as Markdown."""
    lines = ["| what | reach | measured | |", "|---|---|---|---|"]
    for what, reach, measured, reached in rows(results):
        lines.append(f"| {what} | {reach} | {measured} | {'yes' if reached else '**no**'} |")
    ten = [(name, mb) for name, mb in results["size_mb"].items() if name != "total"]
    largest = ", ".join(f"{name} {mb:.0f}" for name, mb in ten)
    rush = results["scaling"]["rush"]
    hurried = "; ".join(
        f"{name} " + told(rush[f"{mode}_core_share_a_line"], rush[f"{mode}_late_s"])
        for mode, name in (("audio", "voice only"), ("both", "with words"))
    )
    lines += ["", f"Lines at eight times the clock's pace, of line time: {hurried}."]
    lines += ["", f"Largest, MB: {largest}."]
    took = results["took_s"]
    minutes = sum(seconds for stage, seconds in took.items() if stage != "set-up") / 60
    lines += [
        "",
        f"Machine: {results['machine']}; measured in {minutes:.1f} minutes, after "
        f"{took['set-up'] / 60:.1f} for the prototype's libraries.",
    ]
    return "\n".join(lines)


def draw_costs(results: dict[str, Any]) -> None:
    """Ours beside what it replaces, each as a share of the other's cost."""
    e, m, w = results["emotion"], results["mfcc"], results["whole_line"]
    bars = [
        ("emotion, CPU\n(prototype)", 1 / e["cpu_ratio"]),
        ("emotion, memory\n(prototype)", 1 / e["memory_ratio"]),
        ("MFCCs, CPU\n(python_speech_features)", 1 / m["ratio"]),
        ("whole line, CPU\n(bare Vosk)", w["ratio"]),
        ("whole line, memory\n(bare Vosk)", w["sered_mb"] / w["vosk_mb"]),
    ]
    figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
    axes.barh([name for name, _ in bars], [v for _, v in bars], color=BLUE)
    axes.axvline(1.0, color=ORANGE)
    axes.text(1.0, -0.75, " what it replaces", color=ORANGE, va="center")
    for row, (_, value) in enumerate(bars):
        axes.text(value, row, f" {value:.3g}", va="center")
    axes.set_xlim(0, max(1.25, *(v * 1.15 for _, v in bars)))
    axes.invert_yaxis()
    axes.set_title("sered's cost as a share of what it replaces", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURES / "costs.png", dpi=130)


def draw_scaling(results: dict[str, Any]) -> None:
    """Cores that a box spends on its lines: at the clock's pace, and by line time in a rush."""
    paces = (("o-", results["scaling"], ""), ("x--", results["scaling"]["rush"], ", in a rush"))
    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for mode, colour, label in (("both", ORANGE, "with words"), ("audio", BLUE, "voice only")):
        for style, s, pace in paces:
            lines, each = s[f"{mode}_lines"], s[f"{mode}_core_share_a_line"]
            total = [n * share for n, share in zip(lines, each, strict=True)]
            axes.plot(lines, total, style, color=colour, label=label + pace)
            axes.plot(lines, [n * each[0] for n in lines], ":", color=GREY)
    axes.set(
        xlabel="lines in one box", ylabel="cores while all talk", xlim=(0.5, 8.5), ylim=(0, None)
    )
    axes.legend(frameon=False)
    axes.set_title("dotted: a straight line through one line's cost", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURES / "scaling.png", dpi=130)


def main(path: Path) -> None:
    """Print, draw, and put the table into its page."""
    results = json.loads(path.read_text())
    text = table(results)
    print(text)
    PICTURES.mkdir(exist_ok=True)
    draw_costs(results)
    draw_scaling(results)
    page = PAGE.read_text()
    begin, end = "<!-- measured -->", "<!-- /measured -->"
    head, _, rest = page.partition(begin)
    _, _, tail = rest.partition(end)
    PAGE.write_text(f"{head}{begin}\n{text}\n{end}{tail}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
