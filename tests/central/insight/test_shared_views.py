"""Views, Parquet and metrics: what they are said to be, and of no person."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from sqlalchemy import insert, text

from insight_stage import Calls
from project import ROOT
from sered.central.insight import keeping, shared_views
from sered.central.store import tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from central_stage import Clock
    from sered.central.context import Central

PAGE = (ROOT / "docs" / "central-views.md").read_text(encoding="utf-8")


def filled(central: Central) -> None:
    """Sixty calls of six desks, twelve of a site with two, a judged case of each; a box."""
    at = central.now() - timedelta(days=2)
    calls = Calls(central)
    calls.add(at, 50)
    calls.closed(calls.unhappy(at, 10, causes=("delay",)), "right")
    for desk in ("d1", "d2"):
        keys = calls.unhappy(at, 6, site="tiny", device=desk, queue="q", causes=("delay",))
        calls.closed(keys, "wrong", site="tiny", device=desk)
    row = {
        "site": "berlin", "device": "desk1", "first_seen": at, "last_seen": central.now(),
        "state": "online", "reasons": [], "spool_depth": 3, "clock_synced": True,
    }  # fmt: skip
    with central.store.writing() as connection:
        connection.execute(insert(tables.device).values(**row))
    keeping.count(central)


def test_the_page_has_every_view_and_column(central: Central) -> None:
    """docs/central-views.md names the views and their columns as the database has them."""
    said = dict(re.findall(r"^\| `(bi_\w+)` \|[^|]*\| `([^`]*)` \|$", PAGE, re.MULTILINE))
    assert set(said) == set(shared_views.VIEWS)
    with central.store.reading() as connection:
        for view in shared_views.VIEWS:
            found = connection.execute(text(f"SELECT * FROM {view}")).keys()
            assert list(found) == said[view].split(", "), view


def test_views_are_of_no_small_group(
    make_central: Callable[..., Central], clock: Clock, tmp_path: Path
) -> None:
    """What is shared are the counts, without the site of two desks, in Parquet as in the views."""
    clock.at = datetime.now(UTC)
    central = make_central()
    filled(central)
    written = shared_views.to_parquet(central, tmp_path / "figures")
    hours = pq.read_table(tmp_path / "figures" / "bi_calls_by_hour.parquet").to_pylist()
    assert (sum(r["calls"] for r in hours), sum(r["negative"] for r in hours)) == (60, 10)
    cases = pq.read_table(tmp_path / "figures" / "bi_cases_by_week.parquet").to_pylist()
    assert sum(r["right_n"] for r in cases) == 10
    assert set(written) == set(shared_views.VIEWS)
    for view in set(shared_views.VIEWS):
        rows = pq.read_table(tmp_path / "figures" / f"{view}.parquet").to_pylist()
        assert "tiny" not in str(rows), view
        if view != "bi_boxes":
            assert "desk1" not in str(rows), view
