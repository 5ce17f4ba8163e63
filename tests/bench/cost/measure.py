"""Runs a command as a process of its own and tells what it cost; imports nothing heavy itself.

A child's peak memory starts at its parent's, so whoever measures must be small.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent.parent.parent
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Cost:
    """What one process cost."""

    cpu_s: float
    """User and system."""
    wall_s: float
    peak_mb: float
    """Largest resident set."""
    said: dict[str, float]
    """Figures that it printed about itself: its last line, as JSON, if that is an object."""


def run(command: list[str], env: dict[str, str] | None = None) -> Cost:
    """Run to its end; a command that fails ends the benchmark with its own words."""
    began = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | (env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        out = process.stdout.read()
        err = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.perf_counter() - began
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{err.decode()}")
    last = out.decode().strip().rpartition("\n")[2]
    said = json.loads(last) if last.startswith("{") and last.endswith("}") else {}
    return Cost(usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss / 1024.0, said)


def sered(*arguments: str) -> list[str]:
    """The installed command line."""
    return [str(Path(sys.executable).parent / "sered"), *arguments]


def script(name: str, *arguments: str, python: str = sys.executable) -> list[str]:
    """One of the programs beside this file."""
    return [python, str(HERE / name), *arguments]


def interleaved(commands: dict[str, list[str]], runs: int = 3) -> dict[str, list[Cost]]:
    """Each command `runs` times, in turns, so that a noisy machine is noisy to all alike."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for number in range(runs):
        for name, command in commands.items():
            print(f"  {name} ({number + 1}/{runs})", file=sys.stderr, flush=True)
            costs[name].append(run(command))
    return costs


def middle(costs: list[Cost], figure: str = "cpu_s") -> float:
    """Median of one figure."""
    return float(median(getattr(cost, figure) for cost in costs))


def said(costs: list[Cost], figure: str) -> float:
    """Median of one figure that the processes told about themselves."""
    return median(cost.said[figure] for cost in costs)


def processes(costs: dict[str, list[Cost]]) -> dict[str, dict[str, float]]:
    """Medians of the whole processes, import and all, as the kernel accounts them."""
    figures = ("cpu_s", "wall_s", "peak_mb")
    return {
        name: {figure: round(middle(each, figure), 4) for figure in figures}
        for name, each in costs.items()
    }
