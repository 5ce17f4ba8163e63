"""The cheap checks, as the running service looks at them for its `status`: one truth for both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.diagnose import runner
from sered.diagnose.checks import system
from sered.diagnose.model import Context, Mark

if TYPE_CHECKING:
    from sered.settings import Settings


def faults(settings: Settings) -> tuple[tuple[str, str], ...]:
    """(reason, sentence) of each cheap check that fails now; a few milliseconds, no process."""
    results = runner.cheap([system.GROUP], Context(settings))
    return tuple(
        (result.check.cheap, f"{result.check.id}: {result.found}. {result.hint}")
        for result in results
        if result.mark is Mark.FAIL and result.check.cheap and result.fault != "crashed"
    )
