"""The schema: keys start with the scope, types are exact, and the two descriptions of it agree."""

import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ledger.store.memory import open_memory
from ledger.store.sql.schema import METADATA
from ledger.store.sql.store import SqlStore
from ledger.store.sqlite_base import connect

UNSCOPED = {"scopes", "schema_migrations"}
ACROSS_SCOPES = {"due_anywhere"}
TABLES = sorted(METADATA.tables)

Row = tuple[object, ...]


@pytest.fixture
def schema(memory: SqlStore) -> Iterator[sa.Connection]:
    with memory.database.transaction(writes=False) as connection:
        yield connection


@pytest.mark.parametrize("table", TABLES)
def test_every_key_starts_with_the_scope(table: str, schema: sa.Connection) -> None:
    if table in UNSCOPED:
        assert "scope_id" not in METADATA.tables[table].c
        return
    keys = {name: columns for name, _, columns in _indexes(schema, table)}
    for other, local, remote in _references(schema, table):
        keys |= {f"from {other}": local, f"to {other}": remote}
    (first,) = [row[1] for row in _pragma(schema, "table_info", table) if row[5] == 1]
    assert first == "scope_id"
    assert {name for name, columns in keys.items() if columns[0] != "scope_id"} <= ACROSS_SCOPES


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_strict_and_has_integers_text_and_bytes_only(
    table: str, schema: sa.Connection
) -> None:
    assert [row[5] for row in _pragma(schema, "table_list", table)] == [1]
    assert {row[2] for row in _pragma(schema, "table_info", table)} <= {"INTEGER", "TEXT", "BLOB"}


def test_the_migrated_schema_is_the_one_that_the_statements_are_written_for(
    schema: sa.Connection,
) -> None:
    described = connect(":memory:", 1, 1024, lambda _: None)
    engine = sa.create_engine("sqlite://", creator=lambda: described)
    METADATA.create_all(engine)
    with engine.connect() as connection:
        assert _shape(schema) == _shape(connection)
    engine.dispose()


def test_the_planner_is_told_the_size_of_every_index(schema: sa.Connection) -> None:
    sizes = schema.exec_driver_sql("SELECT tbl, idx, stat FROM sqlite_stat1").all()
    told = {(row[0], row[1]): len(row[2].split()) - 1 for row in sizes}
    for table in sorted(set(TABLES) - UNSCOPED):
        for name, kind, columns in _indexes(schema, table):
            # The primary key of a table without rowid has the name of the table.
            is_table = "from pk" in kind and (table, table) in told
            assert told.pop((table, table if is_table else name)) == len(columns)
    assert told == {}


def test_a_float_has_nowhere_to_go(schema: sa.Connection) -> None:
    with pytest.raises(IntegrityError, match="cannot store REAL value in INTEGER column"):
        schema.exec_driver_sql(
            "INSERT INTO number_series (scope_id, series, last) VALUES (1, 'INV', 1.5)"
        )


def test_two_stores_in_memory_are_two_databases(memory: SqlStore) -> None:
    other = open_memory()
    assert other.schema_version() == 0
    assert memory.schema_version() > 0
    other.close()


def _shape(connection: sa.Connection) -> dict[str, object]:
    """Columns, keys, indexes and references of every table, whatever their order."""
    made = connection.exec_driver_sql("SELECT name, type, tbl_name, sql FROM sqlite_schema").all()
    indexes = {row[0]: re.sub(r"\s+", " ", row[3] or "") for row in made if row[1] == "index"}
    return {
        table: (
            [row[1:4] + row[5:] for row in _pragma(connection, "table_info", table)],
            [row[4:] for row in _pragma(connection, "table_list", table)],
            sorted(
                (indexes.get(name, ""), kind, cols)
                for name, kind, cols in _indexes(connection, table)
            ),
            sorted(_references(connection, table)),
        )
        for table in (row[0] for row in made if row[1] == "table" and row[0] != "sqlite_stat1")
    }


def _indexes(connection: sa.Connection, table: str) -> list[tuple[str, str, list[str]]]:
    """The indexes of a table: name, what kind, columns."""
    return [
        (
            str(row[1]),
            f"unique {row[2]}, from {row[3]}, partial {row[4]}",
            [str(column[2]) for column in _pragma(connection, "index_info", str(row[1]))],
        )
        for row in _pragma(connection, "index_list", table)
    ]


def _references(connection: sa.Connection, table: str) -> list[tuple[str, list[str], list[str]]]:
    """The foreign keys of a table: the other table, the columns here and there."""
    found: dict[object, tuple[str, list[str], list[str]]] = {}
    for number, _, other, here, there, *_ in _pragma(connection, "foreign_key_list", table):
        _, local, remote = found.setdefault(number, (str(other), [], []))
        local.append(str(here))
        remote.append(str(there))
    return list(found.values())


def _pragma(connection: sa.Connection, name: str, of: str) -> list[Row]:
    return [tuple(row) for row in connection.exec_driver_sql(f'PRAGMA {name}("{of}")')]
