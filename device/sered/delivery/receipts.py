"""Acknowledgements and what they are worth: when the broker has a message for good."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sered.delivery.flight import Flight

_MUTE = 5
"""Connections that end on our question about a message before its acknowledgement is enough."""


@dataclass(slots=True)
class Receipts:
    """What is acknowledged and not yet believed; used by the publisher's thread alone.

    Mosquitto stores nothing for a message that it hands to a connected subscriber. A question (an
    UNSUBSCRIBE) makes it save everything, but only when it has answered: so a message is believed
    when a question behind it is answered, and so is something that was sent after that answer.
    """

    _landed: list[tuple[int, str]] = field(default_factory=list)
    """(number, key) of what is acknowledged."""
    _stored: list[tuple[int, str]] = field(default_factory=list)
    """(number of what was sent last by then, key) of what a later question was answered, too."""
    _unanswered: dict[str, int] = field(default_factory=dict)
    """Key of a message to the times that the connection ended on our question about it."""

    def new_connection(self) -> None:
        """What was not believed on the last one will be sent again."""
        self._landed.clear()
        self._stored.clear()

    @property
    def keys(self) -> set[str]:
        """Of all that is acknowledged and not yet believed."""
        return {key for _, key in self._landed + self._stored}

    def acknowledged(self, number: int, key: str) -> bool:
        """Take in an acknowledgement; whether it is enough: the broker hangs up on questions."""
        if self._unanswered.get(key, 0) >= _MUTE:
            del self._unanswered[key]
            return True
        self._landed.append((number, key))
        return False

    def answered(self, flight: Flight, last: int) -> list[str]:
        """An answer to `flight`, when `last` was sent last: keys that the broker has for good."""
        safe = [key for number, key in self._stored if number < flight.number]
        self._stored = [each for each in self._stored if each[0] >= flight.number]
        if not flight.leaf:
            self._stored += [(last, key) for number, key in self._landed if number < flight.number]
            self._landed = [each for each in self._landed if each[0] >= flight.number]
        for key in safe:
            self._unanswered.pop(key, None)
        return safe

    def wants_answer(self, flights: Iterable[Flight]) -> bool:
        """Whether something must be asked behind `flights`, which are on their way."""
        flights = list(flights)
        asked = any(not flight.leaf for flight in flights)
        last = max((flight.number for flight in flights), default=0)
        waits = any(flight.message and flight.acked_at is None for flight in flights)
        open_ = bool(self._landed) or waits
        return (open_ and not asked) or (bool(self._stored) and last <= self._stored[-1][0])

    def ended_on_question(self) -> None:
        """The connection is over, and only a question was on its way."""
        for key in self.keys:
            self._unanswered[key] = self._unanswered.get(key, 0) + 1
