"""All tables of the store, in SQLAlchemy Core for both databases; times are UTC."""

from sered.central.store.tables.boxes import (
    alert,
    call,
    call_cause,
    call_report,
    device,
    line_map,
    quarantine,
    set_aside,
)
from sered.central.store.tables.callers import clock_offset, number_match, pbx_call, pbx_file
from sered.central.store.tables.cases import (
    attempt,
    cases,
    channel_state,
    claim_token,
    feedback,
    note,
    outbox,
    step_fired,
    undo,
)
from sered.central.store.tables.columns import metadata
from sered.central.store.tables.enrolment import enrolment, revocation_list
from sered.central.store.tables.insight import (
    courtesy,
    daily_case,
    daily_case_cause,
    desk,
    hourly,
    hourly_cause,
    rolled_up,
)
from sered.central.store.tables.people import api_token, audit, login_try, sessions, users

__all__ = [
    "alert",
    "api_token",
    "attempt",
    "audit",
    "call",
    "call_cause",
    "call_report",
    "cases",
    "channel_state",
    "claim_token",
    "clock_offset",
    "courtesy",
    "daily_case",
    "daily_case_cause",
    "desk",
    "device",
    "enrolment",
    "feedback",
    "hourly",
    "hourly_cause",
    "line_map",
    "login_try",
    "metadata",
    "note",
    "number_match",
    "outbox",
    "pbx_call",
    "pbx_file",
    "quarantine",
    "revocation_list",
    "rolled_up",
    "sessions",
    "set_aside",
    "step_fired",
    "undo",
    "users",
]
