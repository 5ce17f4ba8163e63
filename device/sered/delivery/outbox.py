"""From what the contract says to what the spool takes, and how alerts end that a kill left open."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sered.contract.messages import Alert, CallReport, encode
from sered.delivery.spool_row import Draft, call_id

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
    at = now.isoformat().replace("+00:00", "Z")
    ends = []
    for each in left_open:
        # as it was written: a release before this one may have, with other fields
        body = json.loads(each.payload) | {"state": "confirmed", "at": at}
        key = f"{call_id(each.key)}/confirmed"
        payload = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        ends.append(Draft(each.leaf, key, each.line, payload))
    return ends
