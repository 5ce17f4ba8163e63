"""What can go wrong in central, each as one calm sentence that a page may show."""

from __future__ import annotations

from sered.errors import SeredError


class StoreError(SeredError):
    """The store cannot be reached, read or written; nothing was changed.

    `reason` is one word: `away`, `full`, `locked`, `busy`, `schema`, `url`, `broken`.
    """

    def __init__(self, message: str, reason: str = "broken") -> None:
        super().__init__(message)
        self.reason = reason


class NotNowError(SeredError):
    """The case is not in a state for this: taken, over, or changed in between."""


class NotAllowedError(SeredError):
    """The person's roles or teams do not allow this."""


class NotFoundError(SeredError):
    """There is no such thing within what the person may see."""


class InputError(SeredError):
    """What was typed or sent cannot be used; says what was wanted."""


class DeliveryError(SeredError):
    """A channel did not take a message; says why."""
