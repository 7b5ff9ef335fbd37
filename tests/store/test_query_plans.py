"""No statement reads all of a tenant where an index was made for its question."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy.dialects import sqlite

from ledger.store.sql.schema import METADATA
from ledger.store.sql.store import SqlStore
from tests.store.statements import built, compiled

# They want all of a scope, the newest of it, one of the few features that a tenant has, or an event
# whose time was not kept with its key.
MEANT = {
    "events._LAST", "usage_events._LAST", "rollups._DROP", "usage_uniques.DROP",
    "usage_levels.DROP", "features._BY_EVENTS", "usage_corrections._KEYED",
    "usage_expiry._DROP_MARKS", "rollups._SOME_ROW", "usage_uniques.SOME_ROW",
}  # fmt: skip  # a list of names reads best as one
MANY = ", ".join("?" * 500)


def _statements() -> Iterator[tuple[str, str]]:
    for name, statement in built():
        text = str(compiled(statement, sqlite.dialect()))
        yield name, re.sub(r"__\[POSTCOMPILE_\w+\]", MANY, text)


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
