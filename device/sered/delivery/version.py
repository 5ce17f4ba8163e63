"""Which MQTT is spoken: what the configuration says, or 3.1.1 where the broker knows no 5."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from sered.delivery.broker import UnansweredError

if TYPE_CHECKING:
    from sered.errors import BrokerError

Spoken = Literal["5", "3.1.1"]

_DOUBTS = 2
"""CONNECTs of MQTT 5 in a row that a broker leaves without an answer before 3.1.1 is tried."""
_AGAIN_S = 3600.0
"""How long 3.1.1 is spoken before a new connection tries 5 again."""


class Version:
    """Falls back from MQTT 5 to 3.1.1, once, where the broker does not know 5.

    A broker that has spoken 5 to us is not suspected for a silence: it was being restarted.
    """

    def __init__(self, wanted: Spoken) -> None:
        self.spoken: Spoken = wanted
        """What the next connection speaks."""
        self.fault: tuple[str, str] | None = None
        """(reason, sentence) while 3.1.1 is spoken although 5 is wanted."""
        self._wanted = wanted
        self._knows_5 = False
        self._doubts = 0
        self._refused = ""
        self._refused_at = 0.0

    def refused(self, error: BrokerError) -> None:
        """A connection did not come about."""
        if self.spoken != self._wanted:
            # 3.1.1 is no better: it was not the version
            self.spoken, self._doubts = self._wanted, 0
            return
        if self.spoken != "5":
            return
        silent = isinstance(error, UnansweredError) and not self._knows_5
        self._doubts = self._doubts + 1 if silent else 0
        if error.reason == "version" or self._doubts >= _DOUBTS:
            self.spoken, self._refused_at = "3.1.1", time.monotonic()
            self._refused = "leaves it unanswered" if silent else "says so"

    def stands(self, where: str) -> None:
        """A connection to `where` came about."""
        self._doubts, self.fault = 0, None
        self._knows_5 = self._knows_5 or self.spoken == "5"
        if self.spoken != self._wanted:
            self.fault = (
                "version",
                f"The broker {where} speaks no MQTT 5 ({self._refused}): 3.1.1 is spoken instead. "
                'Set [mqtt] version = "3.1.1", or upgrade the broker.',
            )

    def lost(self) -> None:
        """A connection that stood is over."""
        if self.spoken != self._wanted and time.monotonic() - self._refused_at > _AGAIN_S:
            self.spoken = self._wanted
