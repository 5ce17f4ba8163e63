"""Which cases are left without a call back at random, so that what calling helps can be told. Pure.

Only those that are hardly unhappy, only while it is switched on, and decided by the call's id
alone: nobody can choose, and a second look decides the same.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from sered.central.sections import HoldoutSettings

CALL, HOLD, NONE = "call", "hold", ""


def arm(settings: HoldoutSettings, call_id: str, score: float | None, now: datetime) -> str:
    """`hold`, `call`, or empty: it does not take part."""
    running = settings.share > 0.0 and settings.until is not None and now.date() <= settings.until
    if not running or score is None or score < settings.score_above:
        return NONE
    digest = hashlib.sha256(f"holdout {call_id}".encode()).digest()
    return HOLD if int.from_bytes(digest[:8], "big") / 2**64 < settings.share else CALL
