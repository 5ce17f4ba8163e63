"""What may be told of a day: sums of five desks and more, which pages and views are made of."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
# a desk has a version in its key, which programs of before do not write
usable_from = "0012"
holds_up_writers = "cases get an index, and there are few of them"

_INTEGERS = (
    "calls", "negative", "positive", "undetermined", "escalate", "heard", "snr_n", "score_n",
)  # fmt: skip
_FLOATS = ("asr_sum", "snr_sum", "score_sum", "lost_s", "duration_s")
_SINCE = {"sqlite": "datetime('now', '-56 days')", "postgresql": "now() - interval '56 days'"}
_WEEK = {
    "sqlite": "date(d.day, '-6 days', 'weekday 1')",
    "postgresql": "date_trunc('week', d.day AT TIME ZONE 'UTC')::date",
}
_COUNTS = (
    "calls", "negative", "positive", "undetermined", "escalate", "heard", "asr_sum", "snr_n",
    "snr_sum", "score_n", "score_sum", "lost_s", "duration_s",
)  # fmt: skip
_SUMS = ", ".join(_COUNTS)
_CASES = ("closed", "right_n", "wrong_n", "silent", "recovered", "again_known", "again")
_CASE_SUMS = ", ".join(f"SUM(d.{name}) AS {name}" for name in _CASES)
_JUDGED = ", ".join(f"SUM(d.{name}) AS {name}" for name in _CASES[:4])
VIEWS = {
    "bi_sites": "SELECT d.site, COUNT(*) AS desks FROM (SELECT DISTINCT site, device, line"
    " FROM desk WHERE last_call >= {since}) AS d GROUP BY d.site HAVING COUNT(*) >= 5",
    "bi_calls_by_day": "SELECT day, site, {sums} FROM told_day WHERE kind = 'site'",
    "bi_calls_by_hour": "SELECT hour, hours, site, {sums} FROM told_hour",
    "bi_calls_by_queue": "SELECT day, site, name AS queue, {sums} FROM told_day"
    " WHERE kind = 'queue'",
    "bi_calls_by_version": "SELECT day, site, name AS versions, {sums} FROM told_day"
    " WHERE kind = 'version'",
    "bi_causes_by_day": "SELECT day, site, cause, calls FROM told_cause WHERE kind = 'site'",
    "bi_cases_by_week": "SELECT {week} AS week, d.site, d.severity, d.band, {case_sums}"
    " FROM daily_case AS d JOIN bi_sites AS s ON s.site = d.site"
    " GROUP BY {week}, d.site, d.severity, d.band",
    "bi_case_causes_by_week": "SELECT {week} AS week, d.site, d.cause, {judged}"
    " FROM daily_case_cause AS d JOIN bi_sites AS s ON s.site = d.site"
    " GROUP BY {week}, d.site, d.cause",
    "bi_boxes": "SELECT site, device, state, first_seen, last_seen, last_health, spool_depth,"
    " spool_dropped, clock_synced, lost_s, rtf, temperature_c FROM device",
}


def upgrade() -> None:
    """Desks by version, and tables for what is told; the running central counts all anew."""
    _views_of_before().downgrade()
    op.drop_table("desk")
    moment = sa.DateTime(timezone=True)
    keys = {"site": 128, "queue": 128, "device": 128, "line": 128, "versions": 200}
    _table("desk", _texts(keys), [sa.Column("last_call", moment, nullable=False)])
    _table("day_due", [_day(), *_texts({"site": 128})])
    _table("told_on", _texts({"site": 128}), [_day()])
    names = {"site": 128, "name": 200}
    _table("told_day", [*_texts({"kind": 8}), _day(), *_texts(names)], _sums())
    _table(
        "told_hour",
        [sa.Column("hour", moment, nullable=False), *_texts({"site": 128})],
        [_day(), sa.Column("hours", sa.Integer(), nullable=False), *_sums()],
    )
    op.create_index(op.f("ix_told_hour_day"), "told_hour", ["day"])
    _table(
        "told_cause",
        [*_texts({"kind": 8}), _day(), *_texts(names | {"cause": 64})],
        [sa.Column("calls", sa.Integer(), nullable=False)],
    )
    _table(
        "daily_open",
        [
            *_texts({"arm": 8}),
            sa.Column("day", moment, nullable=False),
            *_texts({"site": 128}),
            sa.Column("hundredth", sa.Integer(), nullable=False),
        ],
        [
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("opened", "marked", "again_known", "again")
        ],
    )
    op.create_index(op.f("ix_cases_opened_at"), "cases", ["opened_at"])
    op.execute("DELETE FROM rolled_up")
    op.execute("DELETE FROM daily_case")
    op.execute("DELETE FROM daily_case_cause")
    dialect = op.get_bind().dialect.name
    words = {
        "since": _SINCE[dialect],
        "week": _WEEK[dialect],
        "sums": _SUMS,
        "case_sums": _CASE_SUMS,
        "judged": _JUDGED,
    }
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS " + query.format(**words))


def downgrade() -> None:
    """Drop them; desks and counts are made anew from the rows."""
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW {name}")
    op.drop_index(op.f("ix_cases_opened_at"), "cases")
    told = ("told_cause", "told_hour", "told_day", "told_on")
    for name in ("daily_open", *told, "day_due", "desk"):
        op.drop_table(name)
    keys = {"site": 128, "queue": 128, "device": 128, "line": 128}
    last = sa.Column("last_call", sa.DateTime(timezone=True), nullable=False)
    _table("desk", _texts(keys), [last])
    op.execute("DELETE FROM rolled_up")
    _views_of_before().upgrade()


def _views_of_before() -> Any:
    return op.get_context().opts["script"].get_revision("0009").module


def _day() -> sa.Column[Any]:
    return sa.Column("day", sa.Date(), nullable=False)


def _texts(lengths: dict[str, int]) -> list[sa.Column[Any]]:
    return [sa.Column(n, sa.String(length=most), nullable=False) for n, most in lengths.items()]


def _sums() -> list[sa.Column[Any]]:
    whole = [sa.Column(name, sa.Integer(), nullable=False) for name in _INTEGERS]
    return [*whole, *(sa.Column(name, sa.Float(), nullable=False) for name in _FLOATS)]


def _table(name: str, keys: list[sa.Column[Any]], rest: list[sa.Column[Any]] | None = None) -> None:
    primary = sa.PrimaryKeyConstraint(*(key.name for key in keys), name=op.f(f"pk_{name}"))
    op.create_table(name, *keys, *(rest or ()), primary)
