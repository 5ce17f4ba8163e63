"""The views that any tool may read, and the same as Parquet: counts that are of no person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from sered.central.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from sered.central.context import Central

VIEWS = (
    "bi_sites", "bi_calls_by_day", "bi_calls_by_hour", "bi_calls_by_queue", "bi_calls_by_version",
    "bi_causes_by_day", "bi_cases_by_week", "bi_case_causes_by_week", "bi_boxes",
)  # fmt: skip
"""docs/central-views.md has every column."""


def to_parquet(central: Central, folder: Path) -> dict[str, int]:
    """Write every view as FOLDER/VIEW.parquet; rows by view. Raises InputError."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - 100 MB, for who exports only
        import pyarrow.parquet as pq  # noqa: PLC0415 - as above
    except ImportError:
        msg = "Parquet needs pyarrow, which is not here. Run: pip install 'sered[parquet]'"
        raise InputError(msg) from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{folder}: cannot be made ({error.strerror}). Name a folder of yours."
        raise InputError(msg) from None
    written = {}
    for view in VIEWS:
        with central.store.reading() as connection:
            # the names are ours
            found = connection.execute(text(f"SELECT * FROM {view}"))  # noqa: S608 - as above
            columns = list(found.keys())
            rows = [dict(zip(columns, row, strict=True)) for row in found]
        table = pa.table({name: [row[name] for row in rows] for name in columns})
        pq.write_table(table, folder / f"{view}.parquet")
        written[view] = len(rows)
    return written
