"""docs/diagnose.md from the checks themselves: `python -m sered.diagnose.manual docs`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sered.diagnose.groups import GROUPS
from sered.diagnose.live import handset
from sered.diagnose.report import Report
from sered.diagnose.runner import WHOLE_RUN_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.diagnose.model import Check, Group

_HEAD = f"""# `sered diagnose`

<!-- made by `make docs` from device/sered/diagnose: change the checks, not this file -->

One command tells whether this box will do its job, what is wrong, and what to do. It takes less
than {WHOLE_RUN_S + 1:.0f} s, works over SSH on a narrow terminal, with the service running or not,
and disturbs neither the service nor a call.

```
sudo sered diagnose                    everything
sudo sered diagnose --only tap         one group; --skip leaves one out; both may be repeated
sudo sered diagnose --lift-handset     walk through a call: lift, press 1, speak, hang up
sudo sered diagnose --watch            a level meter to wire a tap by
sudo sered diagnose --fix              mend what can be mended safely, after asking
sudo sered diagnose --json             for machines: docs/diagnose.schema.json
sudo sered diagnose --bundle FILE      an archive for support: no secrets, no audio, no words
```

Run it with sudo: as root it looks at files and cards with the rights of the service's own user,
so that root's rights hide nothing.

**Exit status**: 0 nothing failed (there may be warnings), 1 something failed, 2 wrong command line.

**Marks**: `ok` the claim holds; `warn` it does not, and the box can live with it; `FAIL` it does
not, and the box will not do its job; `skip` not checked, and why. A check that does not answer by
its deadline is stopped and fails as `hung`; one that crashes fails as `crashed`; neither ends the
doctor. Below FAIL and warn stands what to do.

**While the service runs** the tap and the spool are asked of it, not opened: a card has one user.
The checks marked *also while the service runs* are looked at by the service every minute; what
fails there stands in its retained `status` under the reason given.

**On the broker** the doctor has a client id of its own, so the service keeps its session. It
publishes a probe on each topic, not retained, `{{"schema": "sered.probe/1"}}`: subscribers that
read `schema` first pass over it.
"""


def markdown() -> str:
    """The whole manual."""
    groups = (*GROUPS, handset.GROUP)
    return "\n".join([_HEAD, *("\n".join(_group(group)) for group in groups)]) + "\n"


def _group(group: Group) -> Iterator[str]:
    each = " (once for each line)" if group.per_line else ""
    yield f"\n## {group.title}: `{group.name}`{each}"
    for check in group.checks:
        yield from _check(check)


def _check(check: Check) -> Iterator[str]:
    yield f"\n### {check.id}: {check.claim}\n"
    yield f"{check.why} {_facts(check)}".rstrip() + "\n"
    yield "| fault | | what to do |\n|---|---|---|"
    for mark, hints in (("FAIL", check.failures), ("warn", check.warnings)):
        for name, hint in hints.items():
            shown = hint.replace("|", "\\|").replace("{", "‹").replace("}", "›")
            yield f"| `{name}` | {mark} | {shown} |"
    if check.fix:
        names = ", ".join(f"`{name}`" for name in check.fix.faults)
        yield f"\n`--fix` for {names}: {check.fix.says}."


def _facts(check: Check) -> str:
    facts = []
    if check.fatal:
        facts.append("*When it fails, the rest of its group cannot be checked.*")
    if check.cheap:
        facts.append(f"*Also while the service runs: reason `{check.cheap}`.*")
    facts.append(f"Deadline {check.deadline_s:.0f} s.")
    return " ".join(facts)


def schema() -> str:
    """The JSON Schema of `--json`."""
    made = Report.model_json_schema(by_alias=True, mode="serialization")
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(made, indent=2) + "\n"


FILES = {"diagnose.md": markdown, "diagnose.schema.json": schema}

if __name__ == "__main__":
    for name, make in FILES.items():
        (Path(sys.argv[1]) / name).write_text(make(), encoding="utf-8")
