"""PostgreSQL finds rows by its indexes, behind the fences too, and in no month that it need not."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import psycopg as dialects

from ledger.store import postgres_role
from ledger.store.sql.schema import METADATA
from tests.servers import Cluster
from tests.store.statements import built, compiled
from tests.store.test_query_plans import MEANT

pytestmark = pytest.mark.slow  # the fast loop has the contract, the schema and the fences

ROWS: Final = 6_000
SCOPES: Final = 4
SCOPE: Final = 3
HOURS: Final = range(490_896, 490_896 + 181 * 24)  # six months from 2026-01 on
VALUE: Final = "'491896'"
"""The value of every parameter: a number, a text, bytes, and an hour of February."""

STATEMENTS: Final = sorted(built(), key=lambda found: found[0])
DIALECT: Final = dialects.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # by its author

Plan = Mapping[str, Any]


@pytest.fixture(scope="module")
def connection(postgres: Cluster, worker_id: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the role, in a scope of a database that has rows."""
    url = postgres.database(f"ledger_plans_{worker_id}")
    name = url.rpartition("/")[2]
    with psycopg.connect(postgres.superuser_url(name), autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")  # rows refer to nothing
        for hour in HOURS[::700]:
            superuser.execute("SELECT ledger_make_month(%s)", [hour])
        for table in METADATA.tables.values():
            if "scope_id" in table.c:
                superuser.execute(_fill(table).encode())
        superuser.execute(
            "INSERT INTO scopes (id, tenant, app) SELECT n, n, n FROM generate_series(1, %s) AS n",
            [SCOPES],
        )
        superuser.execute("ANALYZE")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SET ROLE {postgres_role.NAME}".encode())
        connection.execute(f"SET ledger.scope = '{SCOPE}'".encode())
        connection.execute("SET plan_cache_mode = force_generic_plan")
        yield connection


def _fill(table: sa.Table[Any]) -> str:
    """The statement that fills a table with rows of several scopes that differ in all columns."""
    values = {
        "scope_id": f"n % {SCOPES} + 1",
        "hour": f"{HOURS.start} + n % {len(HOURS)}",
        "kind": "'row ' || n % 5",
        "status": "'row ' || n % 3",
        "reason": "'row ' || n % 2",
    }
    kinds = {sa.BigInteger: "n", sa.Text: "'row ' || n", sa.LargeBinary: "int8send(n)"}
    names = ", ".join(column.name for column in table.c)
    row = ", ".join(
        values.get(column.name)
        or next(value for kind, value in kinds.items() if isinstance(column.type, kind))
        for column in table.c
    )
    return (
        f"INSERT INTO {table.name} ({names}) SELECT {row} FROM generate_series(1, {ROWS}) AS n"  # noqa: S608 - our own names
        " ON CONFLICT DO NOTHING"  # some have a row for each scope only
    )


def _plan(connection: psycopg.Connection[Any], statement: str) -> Plan:
    """How a statement is run whatever its values are."""
    count = len(set(re.findall(r"\$\d+", statement)))
    values = f"({', '.join([VALUE] * count)})" if count else ""
    connection.execute(f"PREPARE looked_at AS {statement}".encode())
    try:
        row = connection.execute(
            f"EXPLAIN (FORMAT json, COSTS off) EXECUTE looked_at{values}".encode()
        ).fetchone()
    finally:
        connection.execute("DEALLOCATE looked_at")
    assert row is not None
    found: Plan = row[0][0]["Plan"]
    return found


def _steps(plan: Plan) -> Iterator[Plan]:
    yield plan
    parts: Sequence[Plan] = plan.get("Plans", ())
    for part in parts:
        yield from _steps(part)


def _text(statement: Any) -> str:
    few = "'1', '2', '3'"
    return re.sub(r"__\[POSTCOMPILE_[^\]]+\]", few, str(compiled(statement, DIALECT)))


@pytest.mark.parametrize(("name", "statement"), STATEMENTS, ids=[name for name, _ in STATEMENTS])
def test_a_statement_searches_by_more_than_the_scope(
    connection: psycopg.Connection[Any], name: str, statement: Any
) -> None:
    steps = list(_steps(_plan(connection, _text(statement))))
    scans = [step for step in steps if "Scan" in step["Node Type"]]
    read_whole = {step["Relation Name"] for step in scans if step["Node Type"] == "Seq Scan"}
    assert not read_whole - _short(connection)
    searches = [step for step in scans if "Index Name" in step]
    assert searches or read_whole
    if name not in MEANT:
        for step in searches:
            condition = re.sub(r"\(?\w*\.?scope_id = [^)]*\)+(::bigint\))?", "", _cond(step))
            assert "(" in condition, (name, step)


def _short(connection: psycopg.Connection[Any]) -> set[str]:
    """Tables that are on one page, such as a month without events: there is nothing to search."""
    rows = connection.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relpages <= 1")
    return {name for (name,) in rows}


def _cond(step: Plan) -> str:
    return str(step.get("Index Cond", ""))


def test_the_events_of_an_hour_are_looked_for_in_its_month_only(
    connection: psycopg.Connection[Any],
) -> None:
    of_an_hour = {
        name: text
        for name, statement in STATEMENTS
        if "usage_events.hour = " in (text := _text(statement))
    }
    assert len(of_an_hour) >= 4
    for name, text in of_an_hour.items():
        steps = _steps(_plan(connection, text))
        tables = {step["Relation Name"] for step in steps if "Index Name" in step}
        assert tables - {"usage_unmatched"} == {"usage_events_2026_02"}, name


def test_drafts_are_not_looked_for_among_all_drafts(
    connection: psycopg.Connection[Any],
) -> None:
    steps = _steps(_plan(connection, _text(dict(STATEMENTS)["invoices._SAVE_DRAFT"])))
    assert {"pk_invoices"} == {step["Index Name"] for step in steps if "Index Name" in step}


def test_what_is_due_anywhere_is_found_by_its_date(
    connection: psycopg.Connection[Any], postgres: Cluster, worker_id: str
) -> None:
    url = postgres.superuser_url(f"ledger_plans_{worker_id}")
    with psycopg.connect(url) as superuser:
        row = superuser.execute(
            "SELECT prosrc FROM pg_proc WHERE proname = 'ledger_due'"
        ).fetchone()
        assert row is not None
        query = re.split(r"RETURN QUERY|;", row[0])[2]
        for name, value in {"of_kind": "'row 4'", "until": "900", "many": "10"}.items():
            query = re.sub(rf"\b{name}\b", value, query)
        superuser.execute(f"SET ROLE {_owner(superuser)}".encode())
        superuser.execute("SET ledger.due = 'on'")
        indexes = {step.get("Index Name") for step in _steps(_plan(superuser, query))}
    assert "due_anywhere" in indexes
    assert "due_by_date" not in indexes


def _owner(connection: psycopg.Connection[Any]) -> str:
    row = connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'due'").fetchone()
    assert row is not None
    return str(row[0])


def test_there_are_statements_to_look_at() -> None:
    assert len(STATEMENTS) > 40
    assert {name for name, _ in STATEMENTS} >= MEANT
