"""What a change of PostgreSQL's tables takes from the programs that knew them as they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text

from sered.central.store import months

if TYPE_CHECKING:
    from sqlalchemy import Connection

_COLUMNS = """SELECT table_name, column_name, data_type, character_maximum_length,
 is_nullable = 'YES', is_nullable = 'YES' OR column_default IS NOT NULL OR is_identity = 'YES'
 FROM information_schema.columns WHERE table_schema = 'public'"""
_RULES = """SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid)
 FROM pg_constraint WHERE connamespace = 'public'::regnamespace
 AND contype IN ('p', 'u', 'c', 'f', 'x')
 UNION SELECT indrelid::regclass::text, 'i', pg_get_indexdef(indexrelid) FROM pg_index
 JOIN pg_class ON pg_class.oid = indexrelid
 WHERE indisunique AND relnamespace = 'public'::regnamespace"""
_FILES = """SELECT oid::regclass::text, relfilenode FROM pg_class WHERE relkind = 'r'
 AND relnamespace::regnamespace::text IN ('public', :months)"""
_INDEXES = "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND tablename IN :big"


@dataclass(frozen=True, slots=True)
class Column:
    """One of a table or a view."""

    kind: str
    most: int | None
    """Characters."""
    nullable: bool
    optional: bool
    """A row may leave it out."""

    def takes(self, before: Column) -> bool:
        """Whether all that the one before took and gave is taken and given as it was."""
        as_long = self.most is None or (before.most is not None and self.most >= before.most)
        text_kinds = {"character varying", "text"}
        same = self.kind == before.kind or {self.kind, before.kind} <= text_kinds
        return same and as_long and (self.nullable or not before.nullable)


@dataclass(frozen=True, slots=True)
class Tables:
    """As they are."""

    columns: dict[tuple[str, str], Column]
    rules: set[tuple[str, str, str]]
    """Table, kind and words of each constraint."""
    files: dict[str, int]
    """In which file a table lies: another one when it was written anew."""
    indexes: set[str]
    """Of the tables that grow with the calls."""


def described(connection: Connection) -> Tables:
    """The tables of a store."""
    run = connection.execute
    big = text(_INDEXES).bindparams(bindparam("big", months.TABLES, expanding=True))
    return Tables(
        {(table, name): Column(*rest) for table, name, *rest in run(text(_COLUMNS))},
        {(table, kind, rule) for table, kind, rule in run(text(_RULES))},
        {row[0]: row[1] for row in run(text(_FILES), {"months": months.SCHEMA})},
        {name for (name,) in run(big)},
    )


def lost(before: Tables, after: Tables) -> list[str]:
    """What somebody misses who reads and writes as before."""
    known = {table for table, _ in before.columns}
    found = [
        f"{'.'.join(key)} is gone or takes less"
        for key, was in before.columns.items()
        if key not in after.columns or not after.columns[key].takes(was)
    ]
    found += [
        f"{'.'.join(key)} must be filled"
        for key, now in after.columns.items()
        if key[0] in known and key not in before.columns and not now.optional
    ]
    found += [f"new rule: {rule}" for rule in after.rules - before.rules if rule[0] in known]
    # ON CONFLICT names its columns
    found += [
        f"no key: {rule}" for rule in before.rules - after.rules if rule[1] in {"p", "u", "i"}
    ]
    return found


def holds_up(before: Tables, after: Tables) -> list[str]:
    """Where nobody writes for as long as the change takes, which grows with the store."""
    found = [
        f"{table} is written anew"
        for table, file in before.files.items()
        if after.files.get(table, file) != file
    ]
    return found + [f"index {name}" for name in after.indexes - before.indexes if before.indexes]
