"""Connections to PostgreSQL that are cut: what was asked is done once, or the caller is told."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event, Thread, Timer

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

import ledger
from ledger import Feature, UsageEvent
from ledger.engine.engine import Engine
from ledger.engine.face import Blocking
from ledger.engine.tenant import Tenant
from ledger.store.postgres import open_postgres
from ledger.store.sql.store import SqlStore
from ledger.store.sql.work import SqlWork
from ledger.testing.contract import things
from ledger.testing.contract.store import ACME, NOW, Held
from ledger.types.clock import monotonic
from ledger.types.errors import Unavailable
from tests.faults.proxy import COMMIT, Proxy, Where, proxy
from tests.servers import Cluster, Server, server

pytestmark = pytest.mark.slow  # the fast loop has the contract, the schema and the fences

Acme = Tenant[Blocking]
Story = Callable[[Acme], object]

MANY = 100
"""Enough events for them to come in by COPY."""


@pytest.fixture
def wire(postgres_url: str) -> Iterator[Proxy]:
    """The way to the database, which can be cut."""
    with proxy(postgres_url) as made:
        yield made


@pytest.fixture
def engine(wire: Proxy, postgres_url: str) -> Iterator[Engine]:
    with ledger.open(wire.url(postgres_url, patience_s=10)) as engine:
        yield engine


@pytest.fixture
def acme(engine: Engine) -> Acme:
    acme = engine.tenant("acme")
    acme.features.create(Feature(key="api_calls", kind="metered"))
    acme.customers.create(name="Jane", external_id="user_42")
    return acme


@pytest.fixture
def impatient(wire: Proxy, postgres_url: str, acme: Acme) -> Iterator[Acme]:
    """The same tenant, through an engine that waits for a second only."""
    with ledger.open(wire.url(postgres_url, patience_s=1)) as engine:
        yield engine.tenant("acme")


def used(acme: Acme) -> Decimal:
    """What is counted, which no key keeps from being counted twice."""
    return acme.usage.total("user_42", "api_calls", *_today())


def recorded(acme: Acme, count: int = 1) -> None:
    results = acme.usage.record([UsageEvent("api_calls", "user_42", 5)] * count)
    assert [result.outcome for result in results] == ["accepted"] * count


def metered(acme: Acme) -> None:
    acme.meter("user_42", "api_calls", 5)
    acme.flush()


def created(acme: Acme) -> None:
    acme.customers.create(name="Joe", external_id="user_43")


@pytest.mark.parametrize("where", ["before", "after", "late"])
def test_a_commit_whose_answer_is_lost_takes_place_once(
    where: Where, wire: Proxy, acme: Acme
) -> None:
    wire.cut(where, COMMIT)
    recorded(acme)
    assert wire.cuts == 1
    assert used(acme) == 5
    wire.cut(where, COMMIT)
    metered(acme)
    wire.cut(where, COMMIT)
    created(acme)
    assert wire.cuts == 3
    assert used(acme) == 10
    assert acme.customers.get("user_43").name == "Joe"


@pytest.mark.parametrize(
    "word", ["BEGIN", "usage_keys", "COPY", "usage_rollups", "nextval", "usage_events"]
)
def test_a_connection_that_is_cut_in_the_middle_of_a_statement_is_no_news(
    word: str, wire: Proxy, acme: Acme
) -> None:
    for where in ("before", "after"):
        wire.cut(where, word)
        recorded(acme, MANY)
    assert wire.cuts == 2
    assert used(acme) == 2 * 5 * MANY


def test_few_events_come_through_a_cut_too(wire: Proxy, acme: Acme) -> None:
    for word in ("usage_keys", "usage_rollups", "usage_events"):
        wire.cut("after", word)
        recorded(acme)
    assert wire.cuts == 3
    assert used(acme) == 15


def test_a_read_goes_on_after_a_cut(wire: Proxy, acme: Acme) -> None:
    recorded(acme)
    for word in ("BEGIN", "customers", "usage_rollups"):
        wire.cut("after", word)
        assert used(acme) == 5
    wire.cut_all()
    assert [customer.name for customer in acme.customers.list()] == ["Jane"]
    assert wire.cuts == 3


def test_a_server_that_lets_nobody_in_for_a_while_is_waited_for(wire: Proxy, acme: Acme) -> None:
    def later() -> None:
        Event().wait(1)
        wire.admit()

    for where in ("before", "after"):
        wire.refuse()
        wire.cut(where, COMMIT)
        Thread(target=later).start()
        recorded(acme)
    wire.refuse()
    wire.cut_all()
    Thread(target=later).start()
    assert used(acme) == 10


@pytest.mark.parametrize("where", ["before", "after"])
def test_if_it_stays_away_the_caller_is_told_that_the_commit_is_unknown(
    where: Where, wire: Proxy, impatient: Acme
) -> None:
    events = [UsageEvent("api_calls", "user_42", 5, key="a")]
    wire.cut(where, COMMIT, then=wire.refuse)
    with pytest.raises(Unavailable, match="is not known whether it did") as refused:
        impatient.usage.record(events)
    assert refused.value.code == "commit_unknown"
    wire.admit()
    (result,) = impatient.usage.record(events)
    assert result.outcome == ("accepted" if where == "before" else "duplicate")
    assert used(impatient) == 5


def test_a_transaction_that_nobody_ends_leaves_its_commit_unknown(
    wire: Proxy, impatient: Acme
) -> None:
    events = [UsageEvent("api_calls", "user_42", 5, key="a")]
    wire.cut("held", COMMIT)
    with pytest.raises(Unavailable) as refused:
        impatient.usage.record(events)
    assert refused.value.code == "commit_unknown"
    wire.let_go()
    assert [result.outcome for result in impatient.usage.record(events)] == ["accepted"]
    assert used(impatient) == 5


@pytest.mark.parametrize("word", [COMMIT, "usage_keys", "BEGIN"])
def test_a_server_that_says_nothing_any_more_is_given_up(
    word: str, wire: Proxy, postgres_url: str, acme: Acme
) -> None:
    settings = {"patience_s": 3, "lock_wait_s": 1, "answer_s": 1}
    with ledger.open(wire.url(postgres_url, **settings)) as engine:
        wire.cut("silent", word, then=Timer(9.5, wire.let_go).start)
        recorded(engine.tenant("acme"))
    assert wire.cuts == 1
    assert used(acme) == 5


def test_a_statement_has_its_time(
    postgres_url: str, postgres_store: SqlStore, postgres: Cluster
) -> None:
    Held(postgres_store).customers.add(things.customer())
    sleep = "BEGIN PERFORM pg_sleep(5); RETURN NEW; END"
    postgres.execute(
        postgres_url,
        f"CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $${sleep}$$;"
        "CREATE TRIGGER slow BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION slow()",
    )
    try:
        with (
            closing(open_postgres(f"{postgres_url}?answer_s=1")) as hasty,
            pytest.raises(Unavailable, match="did not finish a statement") as refused,
        ):
            Held(hasty).customers.add(things.customer())
    finally:
        postgres.execute(postgres_url, "DROP FUNCTION slow CASCADE")
    assert refused.value.code == "database_busy"


@pytest.mark.parametrize("work", [recorded, used, created])
def test_if_it_stays_away_before_the_commit_nothing_is_stored(
    work: Story, wire: Proxy, impatient: Acme
) -> None:
    began = monotonic()
    wire.refuse()
    wire.cut_all()
    with pytest.raises(Unavailable, match=r"cannot be reached .*[Cc]onnection refused") as refused:
        work(impatient)
    assert refused.value.code == "database_unreachable"
    assert 1 <= monotonic() - began < 5
    wire.admit()
    assert used(impatient) == 0
    assert [customer.name for customer in impatient.customers.list()] == ["Jane"]


def test_a_connection_that_is_lost_again_and_again_is_told(wire: Proxy, impatient: Acme) -> None:
    wire.cut("before", "usage_keys", times=1_000)
    with pytest.raises(Unavailable, match="was lost and does not come back") as refused:
        recorded(impatient)
    assert refused.value.code == "database_lost"
    wire.cut("before", COMMIT, times=0)
    assert used(impatient) == 0


def test_a_backend_that_is_terminated_is_replaced(
    postgres_store: SqlStore, postgres: Cluster
) -> None:
    acme, attempts = Held(postgres_store), list[int]()

    def work(work: SqlWork) -> None:
        work.customers.add(things.customer(f"user_{len(attempts)}"))
        attempts.append(1)
        if len(attempts) < 3:
            _terminate_all(postgres, postgres_store)
        work.events.add(things.Noted("done"))

    postgres_store.run(ACME, work, at=NOW)
    assert len(attempts) == 3
    assert [customer.external_id for customer in acme.customers.page(None, 10)] == ["user_2"]
    _terminate_all(postgres, postgres_store)
    assert len(acme.events.page(None, 10)) == 1


@pytest.mark.parametrize("writes", [True, False])
def test_a_transaction_that_is_silent_for_a_minute_is_ended_by_the_server(
    writes: bool, postgres_store: SqlStore
) -> None:
    setting, database = "idle_in_transaction_session_timeout", postgres_store.database
    with database.transaction(writes=writes) as connection:
        assert connection.exec_driver_sql(f"SHOW {setting}").scalar_one() == "1min"

    def silent() -> None:
        with database.transaction(writes=writes) as connection:
            connection.exec_driver_sql(f"SET LOCAL {setting} = '50ms'")
            Event().wait(0.5)  # as if the client's machine were gone
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(DBAPIError) as ended:
        silent()
    assert database.fault(ended.value).kind == "lost"  # which is begun again


def test_an_error_of_the_work_is_told_although_the_connection_is_lost(
    postgres_store: SqlStore, postgres: Cluster
) -> None:
    def work(_work: SqlWork) -> None:
        _terminate_all(postgres, postgres_store)
        raise ValueError("of the work")

    with pytest.raises(ValueError, match="of the work"):
        postgres_store.run(ACME, work, at=NOW)
    Held(postgres_store).customers.add(things.customer())


def test_one_connection_is_enough(postgres_url: str) -> None:
    with ledger.open(f"{postgres_url}?pool_size=1&lock_wait_s=2") as engine:
        engine.tenant("acme").customers.create(name="Jane", external_id="user_42")
        with ledger.open(f"{postgres_url}?pool_size=1&lock_wait_s=2", migrate=False) as other:
            assert other.tenant("acme").customers.get("user_42").name == "Jane"


def test_what_transactions_leave_to_prove_themselves_is_dropped(
    postgres_store: SqlStore, postgres_url: str, postgres: Cluster
) -> None:
    acme, name = Held(postgres_store), postgres_url.rpartition("/")[2]
    postgres.execute(postgres_url, "DELETE FROM commits")  # of the tests before this one
    for number in range(250):
        acme.events.add(things.Noted(str(number)))
    with psycopg.connect(postgres.superuser_url(name), autocommit=True) as connection:
        connection.execute("UPDATE commits SET at = 0")
        assert _count(connection) < 250
        with closing(open_postgres(postgres_url)) as another:
            another.migrate()
        assert _count(connection) < 10


@pytest.fixture
def own() -> Iterator[Server]:
    """A server that a test may stop and kill."""
    with server(durable=True) as made:
        yield made


def test_the_numbers_that_a_crashed_server_gives_out_again_prove_nothing(own: Server) -> None:
    url = Cluster(own.admin).create("ledger_crashed")
    with proxy(url) as wire, ledger.open(wire.url(url)) as engine:
        acme = engine.tenant("acme")

        def crash() -> None:
            own.kill()
            own.start()
            with psycopg.connect(own.admin, autocommit=True) as other:
                for number in range(20):  # somebody else gets the number
                    other.execute(f"CREATE TABLE t{number} (a int)".encode())

        wire.cut("before", COMMIT, then=crash)
        created(acme)
        assert wire.cuts == 1
        assert acme.customers.get("user_43").name == "Joe"


def test_readers_and_writers_go_on_while_the_server_is_stopped_and_started(own: Server) -> None:
    url = Cluster(own.admin).create("ledger_restarted")
    with ledger.open(url) as engine:
        acme = engine.tenant("acme")
        acme.features.create(Feature(key="api_calls", kind="metered"))
        acme.customers.create(name="Jane", external_id="user_42")
        stop, told, errors = Event(), list[int](), list[BaseException]()

        def go(work: Story) -> None:
            try:
                while not stop.is_set():
                    work(acme)
                    told.append(1)
            except BaseException as error:  # noqa: BLE001 - shown below
                errors.append(error)

        writers = [Thread(target=go, args=(recorded,)) for _ in range(3)]
        threads = [*writers, *(Thread(target=go, args=(used,)) for _ in range(3))]
        for thread in threads:
            thread.start()
        for _ in range(4):
            before = len(told)
            stop.wait(0.3)
            own.stop()
            own.start()
            while len(told) < before + 20 and not errors:
                stop.wait(0.05)
        stop.set()
        for thread in threads:
            thread.join()
        assert errors == []
        name = "ledger_restarted"
        with psycopg.connect(Cluster(own.admin).superuser_url(name)) as connection:
            row = connection.execute("SELECT sum(whole) FROM usage_events").fetchone()
        assert row is not None
        assert used(acme) == row[0]


def _terminate_all(postgres: Cluster, store: SqlStore) -> None:
    """End every connection of the store's role to the database that it uses."""
    place = store.database.place
    with psycopg.connect(postgres.admin, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'ledger' AND position(datname in %s) > 0",
            [place],
        )


def _count(connection: psycopg.Connection[tuple[int]]) -> int:
    row = connection.execute("SELECT count(*) FROM commits").fetchone()
    assert row is not None
    return row[0]


def _today() -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return now - timedelta(days=1), now + timedelta(hours=1)
