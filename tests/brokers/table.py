"""What brokers that people have keep: shown in docs/mqtt, held to by `make test-brokers`."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Literal


@dataclass(frozen=True)
class Keeps:
    """One broker's row."""

    suite: str
    kind: Literal["mosquitto", "rabbitmq", "nats"]
    name: str
    five: bool
    """Whether it speaks MQTT 5."""
    lost: int
    """Of 120 calls over three kills, with a subscriber whose session is older than the calls."""
    retained: bool
    """To a late subscriber that names the topic."""
    wildcard: bool
    """To one that names a wildcard, as central does."""
    will: bool
    shared: bool
    """`$share`, several subscribers to one queue."""
    acl: str
    """How a box learns that it may not write a topic; the call stays on the box in any case."""
    size: str
    """How it learns that a message is too large."""

    @property
    def limit(self) -> bool:
        """Whether there is a limit that it could refuse by."""
        return self.size != TAKES_ALL


TAKES_ALL = "takes all"
SILENT = "acknowledged in silence, only its echo is missed"
CUT = "the link is cut"
HEADS = ("broker", "MQTT 5", "calls lost", "retained", "… by wildcard", "last will", "`$share`",
         "refusal by ACL", "refusal by size")  # fmt: skip
ROWS = (
    Keeps("bookworm", "mosquitto", "Mosquitto 2.0.11", True, 0, True, True, True, True,
          "said; 3.1.1: acknowledged, then cut", f"{CUT}; 3.1.1: {SILENT}"),
    Keeps("trixie", "mosquitto", "Mosquitto 2.0.21", True, 0, True, True, True, True,
          f"said; 3.1.1: {SILENT}", f"{CUT}; 3.1.1: {SILENT}"),
    Keeps("trixie", "rabbitmq", "RabbitMQ 4.0.5", True, 0, True, False, True, False,
          CUT, f"announced; 3.1.1: {CUT}"),
    Keeps("trixie", "nats", "NATS 2.10", False, 0, True, True, True, False,
          SILENT, TAKES_ALL),
    Keeps("bookworm", "rabbitmq", "RabbitMQ 3.10", False, 0, True, False, True, False,
          CUT, TAKES_ALL),
)  # fmt: skip


def markdown() -> str:
    """The table of docs/mqtt."""
    lines = [" | ".join(HEADS), " | ".join(["---"] * len(HEADS))]
    for row in ROWS:
        _, _, *cells = astuple(row)
        yes = {True: "yes", False: "**no**"}
        words = [yes[cell] if isinstance(cell, bool) else cell for cell in cells]
        lines.append(" | ".join(map(str, words)))
    return "".join(f"| {line} |\n" for line in lines)
