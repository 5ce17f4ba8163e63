"""What the broker refuses, how it says so, and when it may be asked again."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sered.delivery.spool_row import Message

log = logging.getLogger(__name__)

_BLOCK_S = (5.0, 300.0)
"""First and longest wait before a leaf that was refused is tried again."""
_UNHEARD_S = (0.5, 30.0)
"""The same where nobody is subscribed."""
_HOLD_S = 600.0
"""Wait before a single message that cannot pass is tried again."""
_STRIKES = 5
"""Connections in a row that end on the same message alone before it has to wait."""


@dataclass(slots=True)
class _Block:
    """A leaf that the broker refuses."""

    sentence: str
    reason: str
    until: float
    """When one message may try whether it still does."""
    delay_s: float


@dataclass(slots=True)
class _Hold:
    """A message that cannot pass for now."""

    sentence: str
    reason: str
    until: float
    said: bool
    """The broker told us its limit when we connected: it may tell another one next time."""


@dataclass(slots=True)
class Refusals:
    """Leaves and messages that have to wait; used by the publisher's thread alone."""

    blocks: dict[str, _Block] = field(default_factory=dict)
    holds: dict[str, _Hold] = field(default_factory=dict)
    _strikes: dict[str, int] = field(default_factory=dict)
    fresh: bool = False
    """Whether the broker refused something on the connection that is, or was last."""

    def new_connection(self) -> None:
        """A limit that the broker announced may be another one now."""
        self.fresh = False
        self.holds = {key: hold for key, hold in self.holds.items() if not hold.said}

    def block(self, leaf: str, reason: str, sentence: str) -> None:
        """Let a whole leaf wait."""
        self.fresh |= reason in ("denied", "refused")
        old = self.blocks.get(leaf)
        first, longest = _UNHEARD_S if reason == "unheard" else _BLOCK_S
        now = time.monotonic()
        if old and old.until > now:
            # not a probe: it was on its way when the first one was refused
            return
        delay_s = min(old.delay_s * 2, longest) if old else first
        if old is None:
            log.error("broker.refuses %s", sentence)
        self.blocks[leaf] = _Block(sentence, reason, now + delay_s, delay_s)

    def allow(self, leaf: str) -> bool:
        """The leaf passes; whether it did not before."""
        self._strikes.clear()
        return self.blocks.pop(leaf, None) is not None

    def may_try(self, leaf: str) -> bool:
        """Whether a blocked leaf may be tried with one message now."""
        return leaf in self.blocks and self.blocks[leaf].until <= time.monotonic()

    def hold(
        self, message: Message, sentence: str, reason: str = "too_large", *, said: bool = False
    ) -> None:
        """Let one message wait; said and logged unless its whole leaf is blocked for it."""
        self.fresh |= reason != "unproven" and not said
        if reason != "unproven":
            log.error("broker.refuses %s", sentence)
        self.holds[message.key] = _Hold(sentence, reason, time.monotonic() + _HOLD_S, said)

    def held(self) -> tuple[set[str], bool]:
        """Keys that have to wait; whether some no longer have to."""
        now = time.monotonic()
        over = [key for key, hold in self.holds.items() if hold.until <= now]
        for key in over:
            del self.holds[key]
        return set(self.holds), bool(over)

    def strike(self, name: str) -> bool:
        """The connection ended on this one alone; whether that came so often that it waits."""
        strikes = self._strikes[name] = self._strikes.get(name, 0) + 1
        if strikes >= _STRIKES:
            self._strikes.clear()
        return strikes >= _STRIKES

    @property
    def faults(self) -> list[tuple[str, str]]:
        """(reason, sentence) of all that is refused just now; from any thread."""
        found = [(block.reason, block.sentence) for block in list(self.blocks.values())]
        if holds := list(self.holds.values()):
            more = f" (and {len(holds) - 1} more)" if len(holds) > 1 else ""
            found.append((holds[0].reason, holds[0].sentence + more))
        return list(dict.fromkeys(found))
