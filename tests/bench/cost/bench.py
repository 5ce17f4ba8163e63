"""What sered costs beside what it replaces: `make bench` runs all, writes JSON, a table and plots.

Usage: bench.py JSON PROTOTYPE_PYTHON [STAGE...]. The table and the pictures of docs/performance.md
come from the JSON file. With stages only those are measured anew. Every comparison is run in turns
on the same sound and told as medians and ratios.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cost.measure import ROOT, interleaved, middle, processes, run, said, script, sered

if TYPE_CHECKING:
    from collections.abc import Mapping

CALLS = 5
CLIPS = 100
RUSH = "8"
"""Times the clock's pace at which many lines are measured besides."""
LINES = {"audio": (1, 4, 8), "both": (1, 2, 4)}
SHORT_CALLS, SHORT_LINES = "104", "8"


def longer_call(folder: Path) -> Path:
    """The demo call, CALLS times back to back."""
    out = folder / "calls.wav"
    with wave.open(str(ROOT / "device/sered/demo/call.wav")) as demo:
        sound = demo.readframes(demo.getnframes())
        with wave.open(str(out), "wb") as longer:
            longer.setparams(demo.getparams())
            for _ in range(CALLS):
                longer.writeframes(sound)
    return out


def customers_voice(folder: Path, call: Path) -> Path:
    """The customer's side as an array, for programs that read no recordings."""
    out = folder / "customer.npy"
    code = (
        "import numpy, soundfile, soxr, sys; s, r = soundfile.read(sys.argv[1], dtype='int16');"
        "numpy.save(sys.argv[2], numpy.asarray(soxr.resample(s[:, 1], r, 16000), 'int16'))"
    )
    subprocess.run([sys.executable, "-c", code, str(call), str(out)], check=True)
    return out


def emotion(folder: Path, call: Path, prototype: str) -> dict[str, Any]:
    """Features and inference of a 3 s utterance against the prototype's."""
    voice = str(customers_voice(folder, call))
    costs = interleaved(
        {
            "sered": script("emotion.py", voice, str(CLIPS)),
            "prototype": script("prototype.py", voice, str(CLIPS), python=prototype),
        }
    )
    ours, theirs = costs["sered"], costs["prototype"]
    return {
        "sered_ms": said(ours, "each_s") * 1e3,
        "prototype_ms": said(theirs, "each_s") * 1e3,
        "cpu_ratio": said(theirs, "each_s") / said(ours, "each_s"),
        "sered_mb": middle(ours, "peak_mb"),
        "prototype_mb": middle(theirs, "peak_mb"),
        "memory_ratio": middle(theirs, "peak_mb") / middle(ours, "peak_mb"),
        "processes": processes(costs),
    }


def mfcc(call: Path, prototype: str) -> dict[str, Any]:
    """MFCCs per second of speech in the device's environment; librosa's in the prototype's."""
    costs = interleaved(
        {
            "device": script("mfcc.py", str(call)),
            "served": script("mfcc.py", str(call), "served"),
            "librosa": script("mfcc.py", str(call), python=prototype),
        }
    )
    names = ("sered", "python_speech_features", "difference")
    figures = {name: said(costs["device"], name) for name in names}
    figures["librosa"] = said(costs["librosa"], "librosa")
    served = {name: said(costs["served"], name) for name in names[:2]}
    return {
        "sered_us": figures["sered"] * 1e6,
        "python_speech_features_us": figures["python_speech_features"] * 1e6,
        "librosa_us": figures["librosa"] * 1e6,
        "ratio": figures["python_speech_features"] / figures["sered"],
        "difference": figures["difference"],
        "served": {
            "sered_us": served["sered"] * 1e6,
            "python_speech_features_us": served["python_speech_features"] * 1e6,
            "ratio": served["python_speech_features"] / served["sered"],
        },
        "processes": processes(costs),
    }


def whole_line(call: Path) -> dict[str, Any]:
    """A call through everything against Vosk alone on the customer's side; and without words."""
    with wave.open(str(call)) as sound:
        seconds = sound.getnframes() / sound.getframerate()
    model = str(ROOT / "models/vosk-mini/model")
    costs = interleaved(
        {
            "sered": sered("analyze", "--json", str(call)),
            "bare vosk": script("bare_vosk.py", str(call), "2", model),
            "without words": sered("analyze", "--json", "--mode", "audio", str(call)),
            "idle": script("idle.py", "3600"),
        }
    )
    return {
        "sound_s": seconds,
        "sered_cpu_s": middle(costs["sered"]),
        "vosk_cpu_s": middle(costs["bare vosk"]),
        "ratio": middle(costs["sered"]) / middle(costs["bare vosk"]),
        "audio_only_core_share": middle(costs["without words"]) / seconds,
        "idle_core_share": said(costs["idle"], "cpu_s") / 3600,
        "sered_mb": middle(costs["sered"], "peak_mb"),
        "vosk_mb": middle(costs["bare vosk"], "peak_mb"),
        "audio_only_mb": middle(costs["without words"], "peak_mb"),
        "processes": processes(costs),
    }


def scaling() -> dict[str, Any]:
    """CPU a line with few and many lines in a box at the clock's pace; more counts in a rush."""
    ends = {mode: (counts[0], counts[-1]) for mode, counts in LINES.items()}
    return lines_at("1", ends) | {"rush": lines_at(RUSH, LINES)}


def lines_at(pace: str, wanted: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """The same for one pace: by mode, lists that go with its counts of lines."""
    call = str(ROOT / "device/sered/demo/call.wav")
    costs = interleaved(
        {
            f"{mode} {count}": script("lines.py", call, str(count), mode, pace)
            for mode, counts in wanted.items()
            for count in counts
        },
        runs=1,
    )
    figures: dict[str, Any] = {"processes": processes(costs)}
    for mode, counts in wanted.items():
        found = [costs[f"{mode} {count}"] for count in counts]
        figures[f"{mode}_lines"] = counts
        figures[f"{mode}_core_share_a_line"] = [
            said(each, "cpu_s") / said(each, "sound_s") / count
            for count, each in zip(counts, found, strict=True)
        ]
        figures[f"{mode}_late_s"] = [said(each, "late_s") for each in found]
        figures[f"{mode}_mb"] = [said(each, "peak_mb") for each in found]
    return figures


def start() -> dict[str, Any]:
    """From a command to its first use."""
    costs = interleaved({"help": sered("--help"), "ready": script("ready.py")}, runs=5)
    return {
        "help_s": middle(costs["help"], "wall_s"),
        "ready_s": said(costs["ready"], "ready_s"),
        "stop_s": said(costs["ready"], "stop_s"),
        "processes": processes(costs),
    }


def size() -> dict[str, float]:
    """Megabytes that `pip install sered` puts into an empty environment, by package."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        target = Path(folder) / "lib"
        command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(target), str(ROOT)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        sizes: dict[str, float] = {}
        for entry in target.iterdir():
            name = entry.name.split(".")[0].removesuffix("_libs")
            files = entry.rglob("*") if entry.is_dir() else [entry]
            used = sum(file.stat().st_size for file in files if file.is_file())
            if name == "sered":
                models = entry / "models"
                used -= sum(f.stat().st_size for f in models.rglob("*") if f.is_file())
            sizes[name] = sizes.get(name, 0.0) + used / 1e6
    ten = dict(sorted(sizes.items(), key=lambda item: -item[1])[:10])
    return {"total": sum(sizes.values())} | ten


def main(file: Path, prototype: str, wanted: list[str]) -> None:
    """Measure all stages, or those that are wanted anew, and write the figures."""
    file.parent.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONPATH"] = str(ROOT / "device")
    results: dict[str, Any] = json.loads(file.read_text()) if wanted and file.exists() else {}
    set_up = (Path(prototype).parent.parent / ".ready").read_text()
    results.setdefault("took_s", {})["set-up"] = float(set_up)
    results["machine"] = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    with tempfile.TemporaryDirectory() as folder:
        call = longer_call(Path(folder))
        stages = {
            "start": start,
            "whole_line": lambda: whole_line(call),
            "scaling": scaling,
            "mfcc": lambda: mfcc(call, prototype),
            "emotion": lambda: emotion(Path(folder), call, prototype),
            "latency": lambda: run(script("latency.py", SHORT_CALLS, SHORT_LINES)).said,
            "size_mb": size,
        }
        if unknown := set(wanted) - set(stages):
            sys.exit(f"no stage {', '.join(sorted(unknown))}: there are {', '.join(stages)}")
        for name, stage in stages.items():
            if wanted and name not in wanted:
                continue
            print(f"{name} ...", file=sys.stderr, flush=True)
            began = time.monotonic()
            results[name] = stage()
            results["took_s"][name] = round(time.monotonic() - began, 1)
            file.write_text(json.dumps(results, indent=2) + "\n")
    if missing := [name for name in stages if name not in results]:
        print(json.dumps({name: results[name] for name in wanted}, indent=2))
        print(f"No table yet: {', '.join(missing)} not measured.", file=sys.stderr)
    else:
        subprocess.run(script("show.py", str(file)), check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
