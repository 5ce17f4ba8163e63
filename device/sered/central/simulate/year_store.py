"""Puts the simulated year's rows into the store, many at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from sered.central.cases import routing
from sered.central.cases.holdout import HOLD
from sered.central.store.tables import call, call_cause, cases, courtesy, feedback, pbx_call

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

    from sered.central.context import Central
    from sered.central.simulate.year_truth import Plan

_AT_ONCE = 2000
_ALWAYS = {
    "clock_synced": True, "clock_doubtful": False, "end_reason": "hang_up_tone", "mixed": False,
    "change": None, "lost_s": 0.0, "arrived_late": False, "archived": False,
}  # fmt: skip
_COURTESY_ANSWERED = 0.8


class Rows:
    """Rows of all tables, until `write`."""

    def __init__(self, central: Central) -> None:
        self._central = central
        with central.store.reading() as connection:
            self._next = (connection.scalar(select(func.max(cases.c.id))) or 0) + 1
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._week: list[dict[str, Any]] = []

    def call(self, made: dict[str, Any]) -> None:
        """One call with its truth (`unhappy`) and causes."""
        values = {name: value for name, value in made.items() if name not in {"unhappy", "causes"}}
        self._add("call", values | _ALWAYS)
        for cause in made["causes"]:
            self._add("call_cause", {"call_id": made["call_id"], "cause": cause})
        if not made["escalate"]:
            self._week.append(made)

    def case(
        self,
        made: dict[str, Any],
        *,
        called_at: datetime | None,
        verdict: str | None,
        outcome: str,
        known: bool,
        again_at: datetime | None,
        arm: str,
    ) -> None:
        """The closed case of a call, what was said of it, and the caller's next call."""
        number, self._next = self._next, self._next + 1
        ended = made["ended_at"]
        closed = called_at or ended + timedelta(hours=3)
        mark = self._central.vault.mark(made["call_id"]) if known else None
        team = routing.team_for(self._central.settings, made["causes"], made["site"], "")
        held = arm == HOLD
        row = {name: made[name] for name in ("call_id", "site", "device", "line", "queue", "score")}
        row |= {
            "id": number, "team": team.name, "causes": list(made["causes"]), "confidence": 0.8,
            "call_ended_at": ended, "arrived_late": False, "state": "held" if held else "closed",
            "opened_at": ended, "due_at": ended + timedelta(seconds=300), "called_at": called_at,
            "closed_at": None if held else closed, "outcome": None if held else outcome,
            "caller_hmac": mark, "arm": arm, "attempts": 1, "round": 1, "step": 0, "version": 3,
        }  # fmt: skip
        self._add("cases", row)
        if verdict and not held:
            said = {"call_id": made["call_id"], "case_id": number, "verdict": verdict,
                    "by_role": "agent", "at": closed}  # fmt: skip
            self._add("feedback", said)
        if mark and again_at and again_at < self._central.now():
            self._add("pbx_call", {
                "pbx_id": f"again {made['call_id']}", "extension": "200", "direction": "in",
                "number_enc": None, "number_hmac": mark, "started": again_at, "answered": again_at,
                "ended": again_at + timedelta(minutes=3), "source": "csv", "received_at": again_at,
            })  # fmt: skip

    def courtesy(self, plan: Plan, random: Random, week_end: datetime) -> None:
        """Draw and make the week's courtesy calls of a site."""
        pool, self._week = self._week, []
        if not plan.courtesy_a_week or not pool:
            return
        p = min(1.0, plan.courtesy_a_week / len(pool))
        for made in random.sample(pool, min(plan.courtesy_a_week, len(pool))):
            reached = random.random() < _COURTESY_ANSWERED
            self._add("courtesy", {
                "call_id": made["call_id"], "week": week_end - timedelta(days=6),
                "site": plan.site, "team": self._central.settings.cases.fallback,
                "drawn_at": week_end, "p": p, "unhappy": made["unhappy"] if reached else None,
                "done_at": week_end + timedelta(days=1),
            })  # fmt: skip

    def write(self) -> None:
        """Everything, in short transactions."""
        tables = (call, call_cause, cases, feedback, pbx_call, courtesy)
        for table in tables:
            rows = self._rows.pop(table.name, [])
            for begin in range(0, len(rows), _AT_ONCE):
                with self._central.store.writing() as connection:
                    connection.execute(insert(table), rows[begin : begin + _AT_ONCE])

    def _add(self, table: str, row: dict[str, Any]) -> None:
        self._rows.setdefault(table, []).append(row)
