"""What PostgreSQL refuses is told in one sentence with one code, and without the password."""

from collections.abc import Iterator
from contextlib import closing
from socket import socket

import psycopg
import pytest

import ledger
from ledger.engine.engine import Engine
from ledger.store.postgres import open_postgres
from ledger.store.sql.store import SqlStore
from ledger.testing.contract import things
from ledger.testing.contract.store import Held, Work
from ledger.types.clock import monotonic
from ledger.types.errors import Unavailable
from tests.servers import OWNER, Cluster, server

pytestmark = pytest.mark.slow  # the fast loop has the contract, the schema and the fences

SECRET = "hunter2%40s3cret"  # noqa: S105 - of nobody


@pytest.fixture
def broken(postgres: Cluster, postgres_url: str) -> Iterator[psycopg.Connection[tuple[object]]]:
    """A superuser in the database who tampers with it, and puts it in order again."""
    name = postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres.superuser_url(name), autocommit=True) as connection:
        yield connection
        connection.execute("DROP TRIGGER IF EXISTS failing ON customers")
        connection.execute("DROP FUNCTION IF EXISTS failing")
        connection.execute(f"ALTER ROLE {OWNER} RESET ALL".encode())
        connection.execute(f"ALTER ROLE {OWNER} CONNECTION LIMIT -1".encode())


def fail_with(connection: psycopg.Connection[tuple[object]], state: str) -> None:
    """Let every new customer be refused with this SQLSTATE."""
    body = f"BEGIN RAISE 'could not extend the file' USING ERRCODE = '{state}'; END"
    connection.execute(
        f"CREATE FUNCTION failing() RETURNS trigger LANGUAGE plpgsql AS $${body}$$".encode()
    )
    connection.execute(
        "CREATE TRIGGER failing BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION failing()"
    )


def note_and_add(work: Work) -> None:
    work.events.add(things.Noted("no"))
    work.customers.add(things.customer())


@pytest.mark.parametrize(
    ("state", "code", "says"),
    [
        ("53100", "disk_full", "disk of the PostgreSQL database .* is full, so nothing was stored"),
        ("53200", "database_busy", "short of memory, connections or the like"),
        ("53400", "database_busy", "short of memory"),
        ("57014", "database_busy", "try again"),
        ("25006", "database_read_only", "takes no writes"),
        ("58030", "disk_failing", "reported an error while reading or writing"),
    ],
)
def test_what_the_server_cannot_do_is_told_and_nothing_is_stored(
    state: str,
    code: str,
    says: str,
    postgres_store: SqlStore,
    broken: psycopg.Connection[tuple[object]],
) -> None:
    acme = Held(postgres_store)
    acme.events.add(things.Noted("before"))
    fail_with(broken, state)
    with pytest.raises(Unavailable, match=says) as refused:
        acme.write(note_and_add)
    assert refused.value.code == code
    broken.execute("DROP TRIGGER failing ON customers")
    acme.customers.add(things.customer())
    assert [entry.entity_id for entry in acme.events.page(None, 10).items] == ["before"]


def test_a_server_that_only_reads_says_so_and_can_be_read(
    postgres_url: str, postgres_store: SqlStore, broken: psycopg.Connection[tuple[object]]
) -> None:
    Held(postgres_store).customers.add(things.customer())
    broken.execute(f"ALTER ROLE {OWNER} SET default_transaction_read_only = on".encode())
    with closing(open_postgres(postgres_url)) as standby:
        with pytest.raises(Unavailable, match="it is a standby, or") as refused:
            Held(standby).customers.add(things.customer())
        assert refused.value.code == "database_read_only"
        assert len(Held(standby).customers.page(None, 10)) == 1


def test_a_server_that_has_no_connection_to_spare_is_short_of_them(
    postgres_url: str, postgres_store: SqlStore, broken: psycopg.Connection[tuple[object]]
) -> None:
    Held(postgres_store).customers.add(things.customer())
    broken.execute(f"ALTER ROLE {OWNER} CONNECTION LIMIT 1".encode())
    with pytest.raises(Unavailable, match=r"has no connection left .*too many con") as refused:
        open_postgres(f"{postgres_url}?patience_s=1")
    assert refused.value.code == "database_busy"


@pytest.mark.parametrize(
    ("user", "database", "says"),
    [
        (OWNER, "ledger_nowhere", "does not exist"),
        ("nobody_at_all", "postgres", "does not exist|authentication failed"),
    ],
)
def test_a_login_that_is_wrong_is_told_at_once_and_without_the_password(
    user: str, database: str, says: str, postgres: Cluster
) -> None:
    began = monotonic()
    with pytest.raises(Unavailable, match=f"does not let Ledger in .*({says})") as refused:
        ledger.open(postgres.url(database, user, SECRET))
    assert refused.value.code == "database_unreachable"
    assert monotonic() - began < 5
    _tells_no_secret(refused.value)


def test_a_password_that_is_wrong_is_told_at_once_and_not_repeated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with server() as made:
        cluster = Cluster(made.admin)
        cluster.create("ledger_locked")
        asking = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (made.folder / "data" / "pg_hba.conf").write_text(asking, encoding="ascii")
        cluster.execute(made.admin, "SELECT pg_reload_conf()")
        ledger.open(cluster.url("ledger_locked")).close()
        began = monotonic()
        with pytest.raises(Unavailable, match=r"does not let Ledger in .*password auth") as refused:
            ledger.open(cluster.url("ledger_locked", password=SECRET))
        assert monotonic() - began < 5
    assert refused.value.code == "database_unreachable"
    _tells_no_secret(refused.value)
    assert "hunter2" not in caplog.text


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)  # it takes the connection, and says nothing
        port, began = silent.getsockname()[1], monotonic()
        with pytest.raises(Unavailable, match="cannot be reached") as refused:
            _opened(f"127.0.0.1:{port}", "connect_timeout=2&patience_s=1")
    assert refused.value.code == "database_unreachable"
    assert monotonic() - began < 15
    _tells_no_secret(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-host.invalid"])
def test_a_host_that_is_not_there_is_told(host: str) -> None:
    with pytest.raises(Unavailable, match="check that the server runs") as refused:
        _opened(host, "patience_s=0")
    assert refused.value.code == "database_unreachable"
    _tells_no_secret(refused.value)


def _opened(host: str, settings: str) -> Engine:
    return ledger.open(f"postgresql://ledger:{SECRET}@{host}/ledger?{settings}")


def _tells_no_secret(error: BaseException) -> None:
    """Neither an error nor what it came from repeats the password."""
    told: BaseException | None = error
    while told is not None:
        assert "hunter2" not in f"{told} {told!r} {told.args} {vars(told)}"
        told = told.__cause__ or told.__context__
