"""Behind a transaction pooler: whoever gets a connection next finds nothing of whoever had it."""

from collections.abc import Iterator
from threading import Thread

import psycopg
import pytest

import ledger
from ledger import Feature, UsageEvent
from ledger.store.postgres import open_postgres
from ledger.store.sql.guard import watch
from ledger.store.sql.store import SqlStore
from ledger.testing.contract.isolation import IsolationContract
from ledger.testing.contract.rollups import RollupContract
from ledger.testing.contract.transactions import TransactionContract
from ledger.testing.contract.usage import UsageContract
from tests.pooler import Pooler, pooler
from tests.servers import Cluster

pytestmark = pytest.mark.slow  # the fast loop has the contract, the schema and the fences

SERVERS = 3
ENGINES = 2
THREADS = 4
BATCHES = (1, 7, 40, 3, 65)


@pytest.fixture(scope="module")
def shared(postgres: Cluster) -> Iterator[Pooler]:
    with pooler(postgres.admin, SERVERS) as made:
        yield made


class TestPooled(TransactionContract, IsolationContract, UsageContract, RollupContract):
    """The part of the contract that says most to a connection, with few of them."""

    @pytest.fixture
    def store(self, shared: Pooler, postgres_url: str) -> Iterator[SqlStore]:
        store = open_postgres(shared.url(postgres_url))
        watch(store)
        yield store
        store.close()
        assert shared.prepared == []


def test_more_clients_than_connections_of_two_tenants_stay_apart(
    shared: Pooler, postgres_url: str
) -> None:
    clients, handed_out = shared.clients, shared.handed_out
    engines = [
        ledger.open(f"{shared.url(postgres_url)}?pool_size={THREADS}") for _ in range(ENGINES)
    ]
    names = ("acme", "globex")
    for number, name in enumerate(names):
        tenant = engines[number].tenant(name)
        tenant.features.create(Feature("calls", "metered"))
        tenant.customers.create(name=name, external_id="jane")
    failed = list[BaseException]()

    def use(engine: ledger.Engine, name: str, quantity: int, thread: int) -> None:
        try:
            tenant = engine.tenant(name)
            for batch, size in enumerate(BATCHES):
                key = f"{thread}.{batch}"
                events = [
                    UsageEvent("calls", "jane", quantity, key=f"{key}.{n}") for n in range(size)
                ]
                results = tenant.usage.record(events) + tenant.usage.record(events[:3])
                assert {result.outcome for result in results} <= {"accepted", "duplicate"}
                tenant.customers.create(name=name, external_id=key)
                assert {customer.name for customer in tenant.customers.list()} == {name}
        except BaseException as error:  # noqa: BLE001  told to the test's own thread below
            failed.append(error)

    threads = [
        Thread(target=use, args=(engine, name, 1 + 6 * which, number * ENGINES + at))
        for which, name in enumerate(names)
        for at, engine in enumerate(engines)
        for number in range(THREADS // 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed
    for which, name in enumerate(names):
        tenant = engines[0].tenant(name)
        used = ENGINES * THREADS // 2 * sum(BATCHES) * (1 + 6 * which)
        assert tenant.usage.total("jane", "calls") == used
        assert len(list(tenant.customers.list())) == 1 + ENGINES * THREADS // 2 * len(BATCHES)
    for engine in engines:
        engine.close()
    assert shared.prepared == []
    assert shared.clients - clients > SERVERS
    assert shared.handed_out - handed_out > 100


def test_the_pooler_of_these_tests_hides_nothing(postgres: Cluster) -> None:
    with pooler(postgres.admin, servers=1) as made:
        url = made.url(postgres.admin)
        first, second = (psycopg.connect(url, autocommit=True) for _ in range(2))
        with first, second:
            first.execute("SET ledger.scope = '7'")
            first.execute("CREATE TEMPORARY TABLE left_behind (a int)")
            assert second.execute("SHOW ledger.scope").fetchone() == ("7",)
            assert second.execute("SELECT count(*) FROM left_behind").fetchone() == (0,)
            second.execute("SELECT 1", prepare=True)
        assert made.prepared == ["_pg3_0"]
