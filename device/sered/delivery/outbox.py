"""From what the contract says to what the spool takes, and how alerts end that a kill left open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.contract.messages import Alert, CallReport, encode
from sered.delivery.spool_row import Draft

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


def draft(message: CallReport | Alert) -> Draft:
    """The message as it waits for the broker, under the key of which one may wait."""
    if isinstance(message, Alert):
        key = f"{message.call_id}/{message.state}"
        return Draft("alerts", key, message.line, encode(message))
    return Draft("calls", message.call_id, message.line, encode(message))


def ends_of(left_open: Iterable[Draft], now: datetime) -> list[Draft]:
    """The alerts that end provisional ones whose call was cut off by a kill or a power cut.

    They are confirmed, with the figures of the provisional one: what was heard spoke for a
    customer to call back, and nothing spoke against it.
    """
    found = [Alert.model_validate_json(each.payload) for each in left_open]
    return [draft(each.model_copy(update={"state": "confirmed", "at": now})) for each in found]
