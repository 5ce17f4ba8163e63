"""`--fix`: which faults can be mended safely, and mending them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sered.diagnose.model import Context, Fix, Result


def possible(results: Sequence[Result]) -> list[tuple[Result, Fix]]:
    """The faults that were found and have a cure, in order."""
    return [
        (result, result.check.fix)
        for result in results
        if result.check.fix is not None and result.fault in result.check.fix.faults
    ]


def apply(cure: Fix, context: Context) -> str:
    """Do it; empty when it went well, else why not."""
    try:
        cure.do(context)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or b"").decode(errors="replace").strip()
        return f"could not be done: {said or error}"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"could not be done: {error}. Try with sudo."
    return ""
