"""How long a live tap waits before it tries its card again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds; each wait is twice the one before, up to the longest."""

    first_s: float = 1.0
    longest_s: float = 30.0
    longest_blind_s: float = 5.0
    """For inputs whose coming the kernel does not show: an ALSA PCM, the default."""
    look_s: float = 1.0
    """Between two looks at the kernel's list of cards."""
    beat_s: float = 30.0
    """Of an outage, until it is handed on as silence."""

    def after(self, wait_s: float, *, changed: bool, shown: bool) -> float:
        """The wait that follows one of `wait_s`.

        `changed`: the cards did meanwhile; one that has just come may need a moment more, but not
        the end of a long back-off. `shown`: the kernel would show that this input comes.
        """
        if changed:
            return self.first_s
        return min(wait_s * 2, self.longest_s if shown else self.longest_blind_s)


def spread(wait_s: float, die: Random) -> float:
    """A quarter sooner or later, so that the lines of a box do not all try at once."""
    return wait_s * die.uniform(0.75, 1.25)
