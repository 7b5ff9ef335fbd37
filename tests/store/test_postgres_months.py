"""Events lie in a table for each month, which is there when the first event of the month comes."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import psycopg
import pytest
from msgspec.structs import replace

from ledger.meter.model import StoredEvent
from ledger.store.postgres import open_postgres
from ledger.store.postgres_upkeep import AHEAD, hours_ahead
from ledger.store.sql.store import SqlStore
from ledger.store.sql.usage_events import HOUR_US, uuid_of
from ledger.store.sql.work import SqlWork
from ledger.testing.contract import things
from ledger.testing.contract.store import ACME, NOW, OTHER_TENANT, Held
from ledger.types.clock import SystemClock
from ledger.types.errors import Unavailable
from ledger.types.zone import from_micros, micros
from tests.servers import Cluster

pytestmark = pytest.mark.slow  # the fast loop has the contract, the schema and the fences

TICK = timedelta(microseconds=1)
PROCESSES = 3
MONTHS = 12

ADD = """
import sys
from datetime import UTC, datetime
from ledger.store.postgres import open_postgres
from ledger.testing.contract import things
from ledger.testing.contract.store import Held

store = open_postgres(sys.argv[1])
acme = Held(store)
print("ready", flush=True)
sys.stdin.readline()
for month in range(1, int(sys.argv[2]) + 1):
    acme.usage.add([things.usage_event("jane", at=datetime(2050, month, 9, tzinfo=UTC))])
store.close()
"""


@pytest.fixture(scope="module")
def url(postgres: Cluster, worker_id: str) -> str:
    """A database of its own: months stay."""
    made = postgres.create(f"ledger_months_{worker_id}")
    with closing(open_postgres(made)) as store:
        store.migrate()
    return made


@pytest.fixture
def admin(postgres: Cluster, url: str) -> str:
    """The URL of somebody who sees all rows."""
    return postgres.superuser_url(url.rpartition("/")[2])


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    with closing(open_postgres(url)) as store:
        yield store


def _of(*instants: datetime) -> list[StoredEvent]:
    return [things.usage_event("jane", at=at) for at in instants]


def _where(admin: str, event: StoredEvent) -> str:
    """The table in which an event lies."""
    with psycopg.connect(admin) as connection:
        row = connection.execute(
            "SELECT tableoid::regclass::text FROM usage_events WHERE id = %s",
            [uuid_of(event)],
        ).fetchone()
    return "" if row is None else str(row[0])


@pytest.mark.parametrize(
    ("at", "table"),
    [
        (datetime(1969, 12, 31, 23, 59, tzinfo=UTC), "usage_events_1969_12"),
        (datetime(1970, 1, 1, tzinfo=UTC), "usage_events_1970_01"),
        (datetime(2000, 1, 1, tzinfo=UTC) - TICK, "usage_events_1999_12"),
        (datetime(2024, 2, 29, 12, tzinfo=UTC), "usage_events_2024_02"),
        (datetime(2024, 3, 1, tzinfo=UTC), "usage_events_2024_03"),
        (datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC), "usage_events_2038_01"),
        (datetime(2100, 3, 1, tzinfo=UTC) - TICK, "usage_events_2100_02"),
        (datetime(2200, 12, 31, 23, 59, 59, tzinfo=UTC), "usage_events_2200_12"),
    ],
)
def test_an_event_of_any_month_finds_its_table(
    store: SqlStore, admin: str, at: datetime, table: str
) -> None:
    (event,) = events = _of(at)
    Held(store).usage.add(events)
    assert _where(admin, event) == table
    assert list(Held(store).usage.stored(at, at + TICK)) == [event]


@pytest.mark.parametrize("many", [1, 30], ids=["few", "many"])
def test_a_batch_may_span_months_that_have_no_table(store: SqlStore, admin: str, many: int) -> None:
    starts = [datetime(2060 + many, month, 1, tzinfo=UTC) for month in range(8, 13)]
    events = _of(*(start + timedelta(hours=n) for n in range(many) for start in starts))
    Held(store).usage.add(events)
    found = list(Held(store).usage.stored(starts[0], starts[-1] + timedelta(days=9)))
    assert sorted(found, key=lambda event: event.id) == events
    assert {_where(admin, event) for event in events[:5]} == {
        f"usage_events_{2060 + many}_{month:02}" for month in range(8, 13)
    }


def test_processes_that_need_the_same_months_at_the_same_time_all_get_them(
    store: SqlStore, url: str
) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", ADD, url, str(MONTHS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(PROCESSES)
    ]  # fmt: skip
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.communicate("go\n", timeout=60)
    assert [process.returncode for process in running] == [0] * PROCESSES
    year = datetime(2050, 1, 1, tzinfo=UTC)
    assert len(list(Held(store).usage.stored(year, year.replace(year=2051)))) == PROCESSES * MONTHS


def test_a_new_month_waits_for_nobody_who_stores_or_reads(store: SqlStore) -> None:
    inside, release = Event(), Event()

    def linger(work: SqlWork) -> None:
        work.usage.add(_of(NOW))
        list(work.usage.stored(NOW, NOW + TICK))
        inside.set()
        assert release.wait(30)

    thread = Thread(target=lambda: store.run(ACME, linger, at=NOW))
    thread.start()
    assert inside.wait(30)
    Held(store).usage.add(_of(datetime(2070, 1, 1, tzinfo=UTC)))
    release.set()
    thread.join()


def test_the_first_event_of_a_month_may_come_twice_at_once(store: SqlStore) -> None:
    at = datetime(2071, 1, 1, tzinfo=UTC)
    threads = [Thread(target=Held(store).usage.add, args=(_of(at),)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(Held(store).usage.stored(at, at + TICK))) == 6


@pytest.mark.parametrize(
    ("day", "months"),
    [
        ((2026, 1, 31), [(2026, 1), (2026, 2), (2026, 3)]),
        ((2026, 3, 1), [(2026, 3), (2026, 4), (2026, 5)]),
        ((2025, 11, 30), [(2025, 11), (2025, 12), (2026, 1)]),
        ((2025, 12, 31), [(2025, 12), (2026, 1), (2026, 2)]),
    ],
)
def test_no_month_is_left_out_ahead(
    day: tuple[int, int, int], months: list[tuple[int, int]]
) -> None:
    starts = [from_micros(hour * HOUR_US) for hour in hours_ahead(datetime(*day, tzinfo=UTC))]
    assert starts == [datetime(year, month, 1, tzinfo=UTC) for year, month in months]
    assert len(starts) == AHEAD


def test_migrating_makes_the_months_ahead(url: str) -> None:
    with psycopg.connect(url) as connection:
        made = {name for (name,) in connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'usage_events'::regclass"
        )}  # fmt: skip
    ahead = (from_micros(hour * HOUR_US) for hour in hours_ahead(SystemClock().now()))
    assert made >= {f"usage_events_{start:%Y_%m}" for start in ahead}


def test_a_month_that_was_taken_away_is_not_made_again_beside_it(store: SqlStore, url: str) -> None:
    at = datetime(2080, 1, 1, tzinfo=UTC)
    Held(store).usage.add(_of(at))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE usage_events DETACH PARTITION usage_events_2080_01")
    with pytest.raises(Unavailable) as refused:
        Held(store).usage.add(_of(at))
    assert refused.value.code == "month_missing"
    assert list(Held(store).usage.stored(at, at + TICK)) == []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE usage_events_2080_01")
    Held(store).usage.add(_of(at))
    assert len(list(Held(store).usage.stored(at, at + TICK))) == 1


def test_a_batch_is_stored_whole_or_not_at_all_where_a_month_is_missing(
    store: SqlStore, url: str
) -> None:
    at = datetime(2081, 1, 1, tzinfo=UTC)
    Held(store).usage.add(_of(at))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE usage_events DETACH PARTITION usage_events_2081_01")
    before = at.replace(year=2080, month=12)
    kept = replace(things.usage_event("jane"), time=before)
    with pytest.raises(Unavailable):
        Held(store).usage.add([kept, *_of(at)])
    assert list(Held(store).usage.stored(before, before + TICK)) == []


def test_a_month_whose_events_have_all_expired_goes(store: SqlStore, url: str) -> None:
    gone, kept = datetime(1990, 3, 5, tzinfo=UTC), datetime(1990, 4, 5, tzinfo=UTC)
    acme, other = Held(store), Held(store, OTHER_TENANT)
    for held in (acme, other):
        held.usage.add(_of(gone, kept))
    march = micros(datetime(1990, 4, 1, tzinfo=UTC)) // HOUR_US
    later = datetime(2100, 1, 1, tzinfo=UTC)
    acme.usage.expire((0, march), later, 1_000)
    assert not any("1990" in said for said in store.keep_up(NOW, later))  # another tenant has some
    other.usage.expire((0, march), later, 1_000)
    with psycopg.connect(url) as reader:  # somebody looks at it just now
        reader.execute("SELECT count(*) FROM usage_events")
        assert not any("1990" in said for said in store.keep_up(NOW, later))
    assert not any("1990" in said for said in store.keep_up(NOW, gone))  # the month is not over
    said = store.keep_up(NOW, later)
    assert [one for one in said if "1990" in one] == [
        "dropped usage_events_1990_03, whose events had all expired"
    ]
    assert len(list(acme.usage.stored(kept, kept + TICK))) == 1
    acme.usage.add(_of(gone))  # and comes back when it is needed
    assert len(list(acme.usage.stored(gone, gone + TICK))) == 1
