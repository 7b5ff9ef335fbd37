"""The schema as PostgreSQL's catalogue has it: keys start with the scope, every row is fenced."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg
import pytest
import sqlalchemy as sa

from ledger.store import postgres_commits, postgres_role
from ledger.store.sql.schema import METADATA

UNSCOPED: Final = {"scopes", "schema_migrations"}
OWN: Final = {postgres_commits.TABLE}
"""Tables of PostgreSQL alone, whose rows are nobody's: random numbers of transactions."""

ACROSS_SCOPES: Final = {"due_anywhere"}
# Where events lie in months their key says which: only here the two descriptions part.
PARTITION_KEY: Final = {"pk_usage_events": ("scope_id", "position", "hour")}
TYPES: Final = {sa.BigInteger: "bigint", sa.Text: "text", sa.LargeBinary: "bytea"}
TABLES: Final = sorted(METADATA.tables)

Key = tuple[str, tuple[str, ...]]
Connection = psycopg.Connection[Any]

_RELATIONS: Final = """
SELECT c.oid, c.relname, c.relkind::text, c.relispartition, c.relrowsecurity, c.relforcerowsecurity,
  pg_get_userbyid(c.relowner)
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""
_COLUMNS: Final = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, co.collname,
  a.attidentity::text
FROM pg_attribute a LEFT JOIN pg_collation co ON co.oid = a.attcollation
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_INDEXES: Final = """
SELECT i.relname, x.indisunique, x.indpred IS NOT NULL,
  ARRAY(SELECT a.attname::text FROM unnest(x.indkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.number ORDER BY k.place)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = %s::regclass
"""
_REFERENCES: Final = """
SELECT f.relname, c.condeferrable AND c.condeferred, c.convalidated,
  ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number ORDER BY k.place),
  ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number ORDER BY k.place)
FROM pg_constraint c JOIN pg_class f ON f.oid = c.confrelid
WHERE c.contype = 'f' AND c.conrelid = %s::regclass
"""


@pytest.fixture
def catalogue(postgres_url: str) -> Iterator[Connection]:
    with psycopg.connect(postgres_url) as connection:
        yield connection


def test_the_tables_are_those_that_the_statements_are_written_for(catalogue: Connection) -> None:
    made = {name for _, name, _, is_month, *_ in catalogue.execute(_RELATIONS) if not is_month}
    assert made == set(TABLES) | OWN


@pytest.mark.parametrize("table", TABLES)
def test_every_key_starts_with_the_scope(table: str, catalogue: Connection) -> None:
    keys = {name: columns for name, _, _, columns in catalogue.execute(_INDEXES, [table])}
    for other, _, _, here, there in catalogue.execute(_REFERENCES, [table]):
        keys |= {f"from {other} {here}": here, f"to {other} {here}": there}
    assert keys
    if table in UNSCOPED:
        assert not any("scope_id" in columns for columns in keys.values())
        return
    assert {name for name, columns in keys.items() if columns[0] != "scope_id"} <= ACROSS_SCOPES


@pytest.mark.parametrize("table", TABLES)
def test_columns_are_those_of_the_statements(table: str, catalogue: Connection) -> None:
    found = {
        name: (kind, is_required)
        for name, kind, is_required, _, _ in catalogue.execute(_COLUMNS, [table])
    }
    assert list(found.items()) == [
        (column.name, (_type(column), not column.nullable)) for column in METADATA.tables[table].c
    ]


@pytest.mark.parametrize("table", TABLES)
def test_text_compares_by_its_bytes(table: str, catalogue: Connection) -> None:
    collations = {
        name: collation
        for name, kind, _, collation, _ in catalogue.execute(_COLUMNS, [table])
        if kind == "text"
    }
    assert set(collations.values()) <= {"C"}


@pytest.mark.parametrize("table", TABLES)
def test_keys_and_references_are_those_of_the_statements(table: str, catalogue: Connection) -> None:
    found = {
        name: (is_unique, is_partial, tuple(columns))
        for name, is_unique, is_partial, columns in catalogue.execute(_INDEXES, [table])
    }
    assert found == _wanted_indexes(METADATA.tables[table])
    references = catalogue.execute(_REFERENCES, [table]).fetchall()
    assert all(is_deferred and is_valid for _, is_deferred, is_valid, _, _ in references)
    assert {(tuple(here), other, tuple(there)) for other, _, _, here, there in references} == {
        (
            tuple(column.name for column in key.columns),
            key.referred_table.name,
            tuple(element.column.name for element in key.elements),
        )
        for key in METADATA.tables[table].foreign_key_constraints
    }


def test_every_table_and_every_month_has_a_fence_that_holds_its_owner(
    catalogue: Connection,
) -> None:
    relations = catalogue.execute(_RELATIONS).fetchall()
    fenced = {name for _, name, _, _, is_on, is_forced, _ in relations if is_on and is_forced}
    assert {name for _, name, *_ in relations} - fenced == {"schema_migrations", *OWN}
    months = [name for _, name, _, is_month, *_ in relations if is_month]
    assert len(months) >= 3
    policies = _policies(catalogue)
    for name in months:  # nobody is let through, by way of the month itself
        assert name not in policies
    for name in set(TABLES) - {"schema_migrations"}:
        assert "in_scope" in policies[name]
        assert policies[name].keys() - {"in_scope"} <= (
            {"due_anywhere"} if name in {"due", "scopes"} else set()
        )


def test_a_fence_is_for_all_commands_and_everybody(catalogue: Connection) -> None:
    for policies in _policies(catalogue).values():
        command, is_for_all, is_permissive = policies["in_scope"]
        assert (command, is_for_all, is_permissive) == ("*", True, True)
        if "due_anywhere" in policies:
            command, is_for_all, _ = policies["due_anywhere"]
            assert (command, is_for_all) == ("r", False)


def test_the_role_that_transactions_work_as_owns_nothing_and_may_only_touch_rows(
    catalogue: Connection,
) -> None:
    role = postgres_role.NAME
    (attributes,) = catalogue.execute(
        "SELECT ARRAY[rolsuper, rolbypassrls, rolcanlogin, rolcreaterole, rolcreatedb,"
        " rolreplication] FROM pg_roles WHERE rolname = %s",
        [role],
    ).fetchone() or (None,)
    assert attributes == [False] * 6
    owned = "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = %s"
    assert catalogue.execute(owned, [role]).fetchone() == (0,)
    for _, name, _, is_month, *_ in catalogue.execute(_RELATIONS).fetchall():
        rights = _rights(catalogue, role, name)
        if is_month:
            assert rights == set(), name
        elif name == "schema_migrations":
            assert rights == {"SELECT"}
        else:
            assert rights == {"SELECT", "INSERT", "UPDATE", "DELETE"}, name


def test_functions_that_work_as_their_owner_look_nowhere_else_and_are_not_for_everybody(
    catalogue: Connection,
) -> None:
    found = catalogue.execute(
        "SELECT proname, proconfig, has_function_privilege('public', oid, 'EXECUTE')"
        " FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    ).fetchall()
    assert {name for name, *_ in found} == {
        "ledger_due",
        "ledger_drop_months",
        "ledger_make_month",
        "ledger_scopes",
    }
    for _, settings, is_for_everybody in found:
        assert settings == ["search_path=public, pg_temp"]
        assert not is_for_everybody


def _type(column: sa.Column[Any]) -> str:
    return next(name for base, name in TYPES.items() if isinstance(column.type, base))


def _wanted_indexes(table: sa.Table[Any]) -> Mapping[str, tuple[bool, bool, tuple[str, ...]]]:
    wanted: dict[str, tuple[bool, bool, tuple[str, ...]]] = {}
    for key in table.constraints:
        if isinstance(key, sa.PrimaryKeyConstraint | sa.UniqueConstraint):
            name = str(key.name or f"pk_{table.name}")
            columns = tuple(column.name for column in key.columns)
            wanted[name] = True, False, PARTITION_KEY.get(name, columns)
    for index in table.indexes:
        is_partial = index.dialect_options["sqlite"]["where"] is not None
        columns = tuple(column.name for column in index.columns)
        wanted[str(index.name)] = bool(index.unique), is_partial, columns
    return wanted


def _policies(connection: Connection) -> Mapping[str, Mapping[str, tuple[str, bool, bool]]]:
    """For each table its policies: for which command, whether for everybody, whether it lets in."""
    found: defaultdict[str, dict[str, tuple[str, bool, bool]]] = defaultdict(dict)
    for table, name, command, is_for_all, is_permissive in connection.execute(
        "SELECT polrelid::regclass::text, polname, polcmd::text, polroles = '{0}', polpermissive"
        " FROM pg_policy"
    ):
        found[table][name] = command, is_for_all, is_permissive
    return found


def _rights(connection: Connection, role: str, table: str) -> set[str]:
    every = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    row = connection.execute(
        "SELECT ARRAY(SELECT r FROM unnest(%s::text[]) AS r WHERE has_table_privilege(%s, %s, r))",
        [list(every), role, table],
    ).fetchone()
    return set(row[0]) if row else set()
