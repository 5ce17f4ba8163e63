"""When the plug might have been pulled in the first start, kept beside the log of its writes."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from emulated import writes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Moment:
    """Seconds since the power came on, writes by then, verdicts kept by then."""

    at_s: float
    entries: int
    ended: tuple[str, ...]


def keep(folder: Path, port: int, moments: Sequence[Moment]) -> None:
    """For the steps that go on from here; `port` is the broker's that the card knows."""
    text = json.dumps({"port": port, "moments": [*map(asdict, moments)]})
    (folder / "moments.json").write_text(text)


def kept(folder: Path) -> tuple[int, list[Moment]]:
    """The broker's port and the moments; ends with a sentence where no start left them whole."""
    for name in ("moments.json", "before.img", "writes.log"):
        if not (folder / name).exists():
            sys.exit(f"{folder} has no {name}: the step start makes it, run that first.")
    found = json.loads((folder / "moments.json").read_text())
    moments = [Moment(**{**each, "ended": tuple(each["ended"])}) for each in found["moments"]]
    if not moments:
        sys.exit(f"{folder}/moments.json has no moment: the step start ended too early, repeat it.")
    logged, wanted = writes.count(folder / "writes.log"), moments[-1].entries
    if logged < wanted:
        sys.exit(
            f"{folder}/writes.log has {logged} writes, and the start that moments.json is of had"
            f" made {wanted}: it is another start's log, repeat the step start."
        )
    return int(found["port"]), moments
