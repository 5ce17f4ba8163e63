"""What the broker has for good: the spool forgets it in batches, one write each."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sered.delivery.spool import Spool

_BATCH_S = 0.2
"""How long it may wait for others to be forgotten with."""


@dataclass(slots=True)
class Delivered:
    """Gathers keys of delivered messages; one that is gathered is in the spool still."""

    spool: Spool
    most: int
    """Of a batch."""
    count: int = 0
    """Since the start."""
    keys: list[str] = field(default_factory=list)
    """Not forgotten yet."""
    _since: float = 0.0

    def add(self, key: str) -> None:
        """The broker has it for good."""
        if not self.keys:
            self._since = time.monotonic()
        self.keys.append(key)
        self.count += 1

    def flush_due(self, *, idle: bool) -> None:
        """Forget what is gathered once it is many, has waited, or nothing comes to join it."""
        late = time.monotonic() - self._since > _BATCH_S
        if self.keys and (late or idle or len(self.keys) >= self.most):
            self.flush()

    def flush(self) -> None:
        """Let the spool forget what was delivered."""
        if self.keys:
            self.spool.done(self.keys)
            self.keys.clear()
