"""One message on its way to the broker, and what there is to say of it when it gets lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sered.delivery.spool_row import Message


@dataclass(slots=True)
class Flight:
    """A message on its way, or a question to which any answer will do."""

    number: int
    """In which order it was sent."""
    at: float
    leaf: str
    """Empty: a question."""
    size: int = 0
    message: Message | None = None
    """None: it is not from the spool."""
    acked_at: float | None = None
    """Acknowledged, but it has not come back yet."""
    heard: bool = False
    """It came back."""

    @property
    def name(self) -> str:
        """What it is known by when connections end on it."""
        return self.message.key if self.message else self.leaf

    def too_large(self, topic: str) -> str:
        """What to say of one that does not come back while others of its topic do."""
        return (
            f"{topic}: a message of {self.size} bytes was acknowledged, but thrown away: others "
            "come back to us. Raise the broker's size limits."
        )

    def unproven(self, topic: str, root: str) -> str:
        """The same where nothing of its topic has come back."""
        return (
            f"{topic}: a message of {self.size} bytes was acknowledged, but does not come back, so "
            "it was probably thrown away: MQTT 3.1.1 has no other way to say no. Let this box "
            f"write and read {root}# in the broker's ACL, or use a broker with MQTT 5. It is kept "
            "meanwhile."
        )
