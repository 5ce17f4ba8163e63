"""Calls, cases and verdicts for the tests of figures: many rows, whose truth is known."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from central_stage import call_id, negative
from sered.central.cases import opening
from sered.central.store.tables import call, call_cause, cases, feedback

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sered.central.context import Central


class Calls:
    """Puts calls straight into the store."""

    def __init__(self, central: Central) -> None:
        self._central = central
        self._made = 500_000

    def add(self, ended: datetime, count: int = 1, **over: Any) -> list[str]:
        """So many calls that ended then; six desks of berlin in turn, content unless said."""
        causes: tuple[str, ...] = over.pop("causes", ())
        rows, keys = [], []
        for number in range(count):
            self._made += 1
            keys.append(call_id(self._made))
            values = {
                "call_id": keys[-1], "site": "berlin", "device": f"desk{number % 6}",
                "line": "line1", "queue": "", "started_at": ended - timedelta(seconds=60),
                "ended_at": ended, "duration_s": 60.0, "clock_synced": True,
                "clock_doubtful": False, "end_reason": "hang_up_tone", "mode": "both",
                "mixed": False, "category": None, "score": 0.0, "confidence": 0.5,
                "undetermined": "neutral", "escalate": False, "asr_confidence": 0.8,
                "snr_db": 20.0, "lost_s": 0.0, "versions": "0.2.0", "arrived_late": False,
                "received_at": self._central.now(),
            }  # fmt: skip
            rows.append(values | over)
        with self._central.store.writing() as connection:
            connection.execute(insert(call), rows)
            named = [{"call_id": key, "cause": cause} for key in keys for cause in causes]
            if named:
                connection.execute(insert(call_cause), named)
        return keys

    def unhappy(self, ended: datetime, count: int = 1, **over: Any) -> list[str]:
        """The same for negative ones."""
        return self.add(
            ended, count, **{"category": "negative", "undetermined": None, "score": -0.8} | over
        )

    def closed(self, keys: Iterable[str], verdict: str | None, **over: Any) -> None:
        """A closed case for each of these calls, judged so."""
        now = self._central.now()
        for key in keys:
            with self._central.store.writing() as connection:
                one = negative(self._central, call_id=key, **{"ended_at": now} | over)
                (case_id,) = opening.open_cases(connection, self._central.settings, [one])
                done = {"state": "closed", "closed_at": now, "outcome": "recovered"}
                connection.execute(cases.update().where(cases.c.id == case_id).values(**done))
                if verdict:
                    said = {"call_id": key, "case_id": case_id, "verdict": verdict,
                            "by_role": "agent", "at": now}  # fmt: skip
                    connection.execute(insert(feedback).values(**said))
