"""Views for tools that draw figures: counts by site and queue, never of few desks, and boxes."""

from alembic import op

revision = "0009"
down_revision = "0008"

_SINCE = {"sqlite": "datetime('now', '-56 days')", "postgresql": "now() - interval '56 days'"}
_COUNTS = (
    "calls", "negative", "positive", "undetermined", "escalate", "heard", "asr_sum", "snr_n",
    "snr_sum", "score_n", "score_sum", "lost_s", "duration_s",
)  # fmt: skip
_CASES = ("closed", "right_n", "wrong_n", "silent", "recovered", "again_known", "again")
_SUMS = ", ".join(f"SUM(h.{name}) AS {name}" for name in _COUNTS)
_CASE_SUMS = ", ".join(f"SUM(d.{name}) AS {name}" for name in _CASES)
_JUDGED = ", ".join(f"d.{name}" for name in _CASES[:4])
VIEWS = {
    "bi_sites": "SELECT d.site, COUNT(*) AS desks FROM (SELECT DISTINCT site, device, line"
    " FROM desk WHERE last_call >= {since}) AS d GROUP BY d.site HAVING COUNT(*) >= 5",
    "bi_queues": "SELECT d.site, d.queue, COUNT(*) AS desks FROM (SELECT DISTINCT site, queue,"
    " device, line FROM desk WHERE last_call >= {since}) AS d GROUP BY d.site, d.queue"
    " HAVING COUNT(*) >= 5",
    "bi_calls_by_hour": "SELECT h.hour, h.site, h.versions, {sums} FROM hourly AS h"
    " JOIN bi_sites AS s ON s.site = h.site GROUP BY h.hour, h.site, h.versions",
    "bi_calls_by_queue": "SELECT h.hour, h.site, h.queue, h.versions, {sums} FROM hourly AS h"
    " JOIN bi_queues AS q ON q.site = h.site AND q.queue = h.queue"
    " GROUP BY h.hour, h.site, h.queue, h.versions",
    "bi_causes_by_hour": "SELECT h.hour, h.site, h.cause, SUM(h.calls) AS calls"
    " FROM hourly_cause AS h JOIN bi_sites AS s ON s.site = h.site"
    " GROUP BY h.hour, h.site, h.cause",
    "bi_cases_by_day": "SELECT d.day, d.site, d.versions, d.severity, d.band, {case_sums}"
    " FROM daily_case AS d JOIN bi_sites AS s ON s.site = d.site"
    " GROUP BY d.day, d.site, d.versions, d.severity, d.band",
    "bi_case_causes_by_day": "SELECT d.day, d.site, d.cause, {judged} FROM daily_case_cause AS d"
    " JOIN bi_sites AS s ON s.site = d.site",
    "bi_boxes": "SELECT site, device, state, first_seen, last_seen, last_health, spool_depth,"
    " spool_dropped, clock_synced, lost_s, rtf, temperature_c FROM device",
}


def upgrade() -> None:
    """Make them."""
    words = {
        "since": _SINCE[op.get_bind().dialect.name],
        "sums": _SUMS,
        "case_sums": _CASE_SUMS,
        "judged": _JUDGED,
    }
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS " + query.format(**words))


def downgrade() -> None:
    """Drop them; what they show stays."""
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW {name}")
