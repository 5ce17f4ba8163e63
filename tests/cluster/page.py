"""The page of the cluster's figures, from docs/performance/cluster.json."""

from __future__ import annotations

import json
from typing import Any

from project import ROOT

RESULTS = ROOT / "docs" / "performance" / "cluster.json"
PAGE = ROOT / "docs" / "central-cluster.md"

_HEAD = """# What a cluster survives
Measured by `make cluster` ({machine}, {at} UTC, load {load_before} before it began): the hosts of
[central-scale.md](central-scale.md) as network namespaces of one machine, their disks in memory,
RabbitMQ and PostgreSQL {postgresql} of Debian 13. Boxes published {a_second:.0f} calls a second all
the time, one in ten escalating, and sent again what nobody acknowledged.
"""
_TOLD = """A notification that is told again has the same key: its receiver drops it. A step is late
while no database takes writes.
"""


def write(found: dict[str, Any]) -> None:
    """Keep the figures, and write the page from them."""
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    PAGE.write_text(of(found))


def of(found: dict[str, Any]) -> str:
    """The whole page."""
    cases = f"{found['cases']} ({found['cases_wanted']})"
    stall, latest = f"{found['longest_stall_s']:.0f} s", f"{found['latest_s']:.0f} s"
    names = ("sent", "stored", "lost", "twice")
    told = ("notifications", "untold", "told_again")
    parts = [
        _HEAD.format(**found),
        _table(
            ["sent", "stored", "lost", "twice", "cases (wanted)", "cases twice", "longest stall"],
            [[*(found[name] for name in names), cases, found["cases_twice"], stall]],
        ),
        _table(
            ["steps of escalation", "late by more than 30 s", "latest", "notifications",
             "never told", "told again"],
            [[found["steps"], found["steps_late"], latest, *(found[name] for name in told)]],
        ),
        _TOLD,
        _table(
            ["what was done", "nothing was stored for", "steps meanwhile", "late", "latest"],
            [[one["what"], f"{one['stall_s']:.1f} s", one["steps"], one["steps_late"],
              f"{one['latest_s']:.0f} s"] for one in found["events"]],
        ),
    ]  # fmt: skip
    if found["left_out"]:
        parts.append("Not done in this run, for want of time:\n")
        parts.append("".join(f"- {name}\n" for name in found["left_out"]))
    if found.get("note"):
        # beside the figures that it is about
        parts.insert(2, f"{found['note']}\n")
    return "\n".join(parts)


def _table(heading: list[str], rows: list[list[Any]]) -> str:
    lines = ["| " + " | ".join(heading) + " |", "|" + "---|" * len(heading)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(of(json.loads(RESULTS.read_text())))
