"""A week in which fewer than five desks worked is told with the next one in the views of cases."""

from typing import Any

from alembic import op

revision = "0014"
down_revision = "0013"

_CASES = ("closed", "right_n", "wrong_n", "silent", "recovered", "again_known", "again")
_CASE_SUMS = ", ".join(f"SUM(d.{name}) AS {name}" for name in _CASES)
_JUDGED = ", ".join(f"SUM(d.{name}) AS {name}" for name in _CASES[:4])
_MONDAY = {
    "sqlite": "date({}, '-6 days', 'weekday 1')",
    "postgresql": "date_trunc('week', ({})::timestamp)::date",
}
_DAY = {"sqlite": "date(c.day)", "postgresql": "(c.day AT TIME ZONE 'UTC')"}
_TOLD = "FROM told_day AS t WHERE t.kind = 'site' AND t.site = c.site"
_OF = (
    "SELECT {of} AS week, c.* FROM {table} AS c JOIN bi_sites AS s ON s.site = c.site"
    " WHERE EXISTS (SELECT 1 {told})"
)
VIEWS = {
    "bi_cases_by_week": "SELECT d.week, d.site, d.severity, d.band, {case_sums}"
    " FROM ({daily_case}) AS d GROUP BY d.week, d.site, d.severity, d.band",
    "bi_case_causes_by_week": "SELECT d.week, d.site, d.cause, {judged}"
    " FROM ({daily_case_cause}) AS d GROUP BY d.week, d.site, d.cause",
}


def upgrade() -> None:
    """The week of a case is the next one that a day of the site is told of, or the last one."""
    dialect = op.get_bind().dialect.name
    monday = _MONDAY[dialect]
    told = (
        f"COALESCE((SELECT MIN(t.day) {_TOLD} AND t.day >= {monday.format(_DAY[dialect])}),"
        f" (SELECT MAX(t.day) {_TOLD}))"
    )
    words = {"case_sums": _CASE_SUMS, "judged": _JUDGED} | {
        table: _OF.format(of=monday.format(told), table=table, told=_TOLD)
        for table in ("daily_case", "daily_case_cause")
    }
    for name, query in VIEWS.items():
        _replace(name, query.format(**words))


def downgrade() -> None:
    """By the week of their closing alone."""
    before: Any = op.get_context().opts["script"].get_revision("0012").module
    dialect = op.get_bind().dialect.name
    words = {"week": before._WEEK[dialect], "case_sums": _CASE_SUMS, "judged": _JUDGED}
    for name in VIEWS:
        _replace(name, before.VIEWS[name].format(**words))


def _replace(name: str, query: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        # who may read it may read it still
        op.execute(f"CREATE OR REPLACE VIEW {name} AS {query}")
        return
    op.execute(f"DROP VIEW {name}")
    op.execute(f"CREATE VIEW {name} AS {query}")
