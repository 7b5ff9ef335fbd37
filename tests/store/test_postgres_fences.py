"""The fences of PostgreSQL: whatever a statement forgets, a transaction has its own rows only."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.sql import SQL, Identifier

from ledger.store import postgres_role
from ledger.store.postgres import open_postgres
from ledger.store.sql.schema import METADATA
from ledger.store.sql.store import SqlStore
from ledger.store.sql.usage_events import HOUR_US
from ledger.testing.contract import things
from ledger.testing.contract.store import ACME, NOW, OTHER_APP, OTHER_TENANT, Held
from ledger.types.errors import Conflict
from ledger.types.scope import Scope
from ledger.types.zone import micros
from tests.servers import Cluster

SCOPES: Final = (ACME, OTHER_TENANT, OTHER_APP)
HOUR: Final = micros(NOW) // HOUR_US
FENCED: Final = sorted(table.name for table in METADATA.tables.values() if "scope_id" in table.c)

Connection = psycopg.Connection[Any]


@pytest.fixture
def full(postgres: Cluster, postgres_url: str) -> dict[Scope, int]:
    """A row of three scopes in every table; the integers that stand for the scopes."""
    numbers = {scope: number for number, scope in enumerate(SCOPES, 1_000)}
    url = postgres.superuser_url(urlsplit(postgres_url).path[1:])
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT ledger_make_month(%s)", [HOUR])
        cursor.execute("SET session_replication_role = replica")  # rows refer to nothing that is
        for scope, number in numbers.items():
            names = {"id": number, "tenant": scope.tenant, "app": scope.app}
            _insert(cursor, "scopes", names)
            for table in FENCED:
                columns = METADATA.tables[table].c
                _insert(cursor, table, {c.name: _some(c) for c in columns} | {"scope_id": number})
    return numbers


def _insert(cursor: psycopg.Cursor[Any], table: str, row: Mapping[str, object]) -> None:
    names = SQL(", ").join(map(Identifier, row))
    values = SQL(", ").join(SQL("%s") * len(row))
    statement = SQL("INSERT INTO {} ({}) VALUES ({})").format(Identifier(table), names, values)
    cursor.execute(statement, list(row.values()))


def _some(column: sa.Column[Any]) -> int | str | bytes:
    """A value of the column's type; a number is an hour of a month that has a table."""
    match column.type:
        case sa.BigInteger():
            return HOUR
        case sa.Text():
            return "billing"
        case _:
            return b"billing"


@pytest.fixture(params=["app", "owner"])
def somebody(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[Connection]:
    """A connection that says its own SQL, as the role of transactions or as the tables' owner."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        if request.param == "app":
            connection.execute(f"SET ROLE {postgres_role.NAME}".encode())
        yield connection


def _count(connection: Connection, table: str, where: str = "true") -> int:
    row = connection.execute(f"SELECT count(*) FROM {table} WHERE {where}".encode()).fetchone()  # noqa: S608 - our own words
    assert row is not None
    return int(row[0])


def _enter(connection: Connection, scope_id: int) -> None:
    connection.execute("SELECT set_config('ledger.scope', %s, false)", [str(scope_id)])


def test_without_a_setting_there_are_no_rows(full: dict[Scope, int], somebody: Connection) -> None:
    assert {table: _count(somebody, table) for table in [*FENCED, "scopes"]} == dict.fromkeys(
        [*FENCED, "scopes"], 0
    )


@pytest.mark.parametrize("nothing", ["", "0"])
def test_a_setting_that_names_no_scope_finds_no_rows(
    full: dict[Scope, int], somebody: Connection, nothing: str
) -> None:
    somebody.execute("SELECT set_config('ledger.scope', %s, false)", [nothing])
    somebody.execute("SELECT set_config('ledger.tenant', '', false)")
    somebody.execute("SELECT set_config('ledger.app', '', false)")
    assert not any(_count(somebody, table) for table in [*FENCED, "scopes"])


def test_a_setting_shows_the_rows_of_its_scope_only(
    full: dict[Scope, int], somebody: Connection
) -> None:
    for scope_id in full.values():
        _enter(somebody, scope_id)
        for table in FENCED:
            assert _count(somebody, table, f"scope_id = {scope_id}") > 0, table
            assert _count(somebody, table, f"scope_id <> {scope_id}") == 0, table


def test_the_names_of_other_scopes_are_not_told(
    full: dict[Scope, int], somebody: Connection
) -> None:
    somebody.execute("SELECT set_config('ledger.tenant', %s, false)", [ACME.tenant])
    somebody.execute("SELECT set_config('ledger.app', %s, false)", [ACME.app])
    found = somebody.execute("SELECT id, tenant, app FROM scopes").fetchall()
    assert found == [(full[ACME], ACME.tenant, ACME.app)]


def test_rows_of_another_scope_cannot_be_changed_removed_or_made(
    full: dict[Scope, int], somebody: Connection
) -> None:
    for table in FENCED:
        _attack(somebody, table, full[ACME], full[OTHER_TENANT])


def _attack(somebody: Connection, table: str, mine: int, theirs: int) -> None:
    names = [column.name for column in METADATA.tables[table].c if column.name != "scope_id"]
    of, columns = Identifier(table), SQL(", ").join(map(Identifier, names))
    _enter(somebody, mine)
    for harmless in (
        SQL("UPDATE {} SET scope_id = scope_id WHERE scope_id = %s").format(of),
        SQL("DELETE FROM {} WHERE scope_id = %s").format(of),
    ):
        assert somebody.execute(harmless, [theirs]).rowcount == 0
    for refused in (
        SQL("INSERT INTO {0} (scope_id, {1}) SELECT %s, {1} FROM {0}").format(of, columns),
        SQL("UPDATE {} SET scope_id = %s").format(of),
    ):
        with pytest.raises(psycopg.Error) as error:
            somebody.execute(refused, [theirs])
        # A finalized invoice is kept by its trigger before the fence is asked.
        assert error.value.sqlstate in {"42501", "LF001"}
    _enter(somebody, theirs)
    assert _count(somebody, table) == _count(somebody, table, f"scope_id = {theirs}") > 0


def test_nobody_gets_round_the_fence_by_way_of_a_month(
    full: dict[Scope, int], somebody: Connection
) -> None:
    _enter(somebody, full[ACME])
    role = somebody.execute("SELECT current_user").fetchone()
    if role == (postgres_role.NAME,):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            _count(somebody, "usage_events_2026_03")
    else:
        assert _count(somebody, "usage_events_2026_03") == 0


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE customers CASCADE",
        "ALTER TABLE customers DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE customers NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY in_scope ON customers",
        "CREATE POLICY mine ON customers USING (true)",
        "DROP TABLE customers",
        "INSERT INTO schema_migrations VALUES (9, 'mine', 'x', 0)",
        "SET SESSION AUTHORIZATION postgres",
    ],
)
def test_the_role_cannot_take_a_fence_down(postgres_url: str, statement: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute(f"SET ROLE {postgres_role.NAME}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_the_one_way_over_the_fences_tells_scopes_and_ids_only(
    full: dict[Scope, int], somebody: Connection
) -> None:
    cursor = somebody.execute("SELECT * FROM ledger_due('billing', %s, 10)", [2**62])
    assert [column.name for column in cursor.description or ()] == ["tenant", "app", "id"]
    found = cursor.fetchall()
    assert {(tenant, app) for tenant, app, _ in found} == {
        (scope.tenant, scope.app) for scope in SCOPES
    }
    assert {thing for *_, thing in found} == {"billing"}
    # It closes the way behind itself, inside the same transaction too.
    with somebody.transaction():
        somebody.execute("SELECT * FROM ledger_due('billing', %s, 10)", [2**62])
        assert _count(somebody, "due") == _count(somebody, "scopes") == 0


def test_the_way_over_the_fences_is_not_opened_by_a_setting(
    full: dict[Scope, int], postgres_url: str
) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute(f"SET ROLE {postgres_role.NAME}".encode())
        connection.execute("SET ledger.due = 'on'")
        assert not any(_count(connection, table) for table in [*FENCED, "scopes"])


@pytest.mark.parametrize("ends", ["commits", "reads", "fails"])
def test_a_transaction_that_is_over_leaves_nothing_on_its_connection(
    postgres_url: str, ends: str
) -> None:
    store = open_postgres(f"{postgres_url}?pool_size=1")
    acme = Held(store)
    acme.customers.add(things.customer("jane"))
    match ends:
        case "commits":
            acme.customers.add(things.customer())
        case "reads":
            acme.customers.page(None, 10)
        case _:
            with pytest.raises(Conflict):
                acme.customers.add(things.customer("jane"))
    said = "current_setting('ledger.{}', true)"
    with store.database.engines[0].connect() as connection:
        row = connection.exec_driver_sql(
            "SELECT current_user <> session_user, "
            + ", ".join(said.format(name) for name in ("scope", "tenant", "app", "due"))
        ).one()
    assert row[0] is False
    assert {value or "" for value in row[1:]} == {""}
    store.close()


@pytest.mark.parametrize(
    "scope",
    [Scope("o'brien"), Scope('"; DROP TABLE scopes; --'.replace(" ", "_")), Scope("50%s\\'"),
     Scope("$1", "%(a)s"), Scope("x" * 128, "y" * 128)],
    ids=["quote", "statement", "backslash", "placeholder", "long"],
)  # fmt: skip
def test_a_scope_may_have_any_name(postgres_store: SqlStore, scope: Scope) -> None:
    Held(postgres_store, scope).customers.add(things.customer("jane"))
    for again in (postgres_store, postgres_store):
        assert Held(again, scope).customers.find("jane") is not None
    assert Held(postgres_store, Scope(scope.tenant, "other")).customers.find("jane") is None
