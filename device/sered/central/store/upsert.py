"""`INSERT ... ON CONFLICT` in the dialect of the store: what makes deliveries idempotent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection, Select, Table


def insert_new(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], key: str
) -> set[Any]:
    """Insert the rows that are not there yet; the `key` column of those that were inserted."""
    if not rows:
        return set()
    statement = _insert(connection, table).on_conflict_do_nothing().returning(table.c[key])
    return set(connection.scalars(statement, list(rows)))


def insert_if_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """The same where nobody asks which were new."""
    if not rows:
        return
    statement = _insert(connection, table).on_conflict_do_nothing()
    if connection.dialect.name == "postgresql":
        # asking for something back makes it one statement, not one a row
        statement = statement.returning(next(iter(table.primary_key)))
    connection.execute(statement, list(rows))


def put(
    connection: Connection,
    table: Table,
    row: dict[str, Any],
    key: Collection[str],
    only_insert: Collection[str] = (),
) -> None:
    """Insert the row, or replace its values where the key is there; `only_insert` are kept then."""
    put_all(connection, table, [row], key, only_insert)


def put_all(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    key: Collection[str],
    only_insert: Collection[str] = (),
) -> None:
    """The same for many rows of the same columns, in one go."""
    if not rows:
        return
    statement = _insert(connection, table)
    kept = {*key, *only_insert}
    fresh = {name: statement.excluded[name] for name in rows[0] if name not in kept}
    update = statement.on_conflict_do_update(index_elements=list(key), set_=fresh)
    connection.execute(update, list(rows))


def put_later(
    connection: Connection, table: Table, names: Sequence[str], rows: Select[Any]
) -> None:
    """Insert what the query finds; where the key is there, the later of its last column is kept."""
    *key, last = names
    statement = _insert(connection, table).from_select(list(names), rows)
    newer = statement.excluded[last]
    update = statement.on_conflict_do_update(
        index_elements=key, set_={last: newer}, where=table.c[last] < newer
    )
    connection.execute(update)


def _insert(connection: Connection, table: Table) -> Any:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)
