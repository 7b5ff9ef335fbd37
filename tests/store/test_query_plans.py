"""No statement reads all of a tenant where an index was made for its question."""

import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

import ledger.store.sql
from ledger.store.sql.schema import METADATA
from ledger.store.sql.statement import Change, Query
from ledger.store.sql.store import SqlStore

# They want all of a scope, the newest of it, one of the few features that a tenant has, or an event
# whose time was not kept with its key.
MEANT = {
    "events._LAST", "usage_events._LAST", "rollups._DROP", "usage_uniques.DROP",
    "usage_levels.DROP", "features._BY_EVENTS", "usage_corrections._KEYED",
    "usage_expiry._DROP_MARKS", "rollups._SOME_ROW", "usage_uniques.SOME_ROW",
}  # fmt: skip  # a list of names reads best as one
MANY = ", ".join("?" * 500)


def _statements() -> Iterator[tuple[str, str]]:
    """Every statement that was built when a module was loaded, by name."""
    for module in iter_modules(ledger.store.sql.__path__):
        loaded = import_module(f"ledger.store.sql.{module.name}")
        for name, value in vars(loaded).items():
            kind = value.__class__.__name__  # a query of whatever rows has no type to narrow to
            if kind == Query.__name__:
                yield f"{module.name}.{name}", _text(value.select)
            if kind == Change.__name__:
                yield f"{module.name}.{name}", _text(value.statement)


def _text(statement: sa.Select[Any] | sa.Update | sa.Delete) -> str:
    columns: list[str] | None = None
    if isinstance(statement, sa.Update):
        table = METADATA.tables[str(statement.table)]
        columns = [column.name for column in table.c if not column.primary_key]
    text = str(statement.compile(dialect=sqlite.dialect(), column_keys=columns))
    return re.sub(r"__\[POSTCOMPILE_\w+\]", MANY, text)


STATEMENTS = sorted(_statements())


@pytest.mark.parametrize(("name", "statement"), STATEMENTS, ids=[name for name, _ in STATEMENTS])
def test_a_statement_searches_by_more_than_the_scope(
    memory: SqlStore, name: str, statement: str
) -> None:
    values = (1,) * statement.count("?")
    with memory.database.transaction(writes=False) as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    steps = [str(row[3]) for row in rows]
    scanned = {step.split()[1] for step in steps if step.startswith("SCAN")}
    assert not scanned & set(METADATA.tables)
    if name not in MEANT:
        assert not [step for step in steps if step.endswith("(scope_id=?)")]


def test_there_are_statements_to_look_at() -> None:
    assert len(STATEMENTS) > 40
    assert {name for name, _ in STATEMENTS} >= MEANT
