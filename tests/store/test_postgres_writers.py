"""Many write to PostgreSQL at once: they wait for each other, and every number is exact."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from threading import Barrier, Event, Thread

import psycopg
import pytest

import ledger
from ledger import Feature, Meter, MeterConfig, UsageEvent
from ledger.engine.engine import Engine
from ledger.engine.face import Blocking
from ledger.engine.tenant import Tenant
from ledger.store.postgres import open_postgres
from ledger.store.sql.store import SqlStore
from ledger.store.sql.work import SqlWork
from ledger.testing.clock import MovableClock
from ledger.testing.contract import things
from ledger.testing.contract.store import ACME, NOW, Held
from ledger.types.clock import monotonic
from ledger.types.errors import LedgerError, Unavailable
from ledger.types.ids import CustomerId
from ledger.types.scope import Scope
from tests.servers import Cluster

pytestmark = pytest.mark.slow  # the fast loop has the contract, the schema and the fences

Acme = Tenant[Blocking]
WRITERS = 8
CUSTOMERS = ("jane", "joe", "jim")
DAY = timedelta(days=1)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
FEATURES = [
    Feature("calls", "metered"),
    Feature("by_model", "metered", Meter("calls", dimensions=("model",))),
    Feature("events", "metered", Meter("calls", "count")),
    Feature("most", "metered", Meter("calls", "max", property="n")),
    Feature("last", "metered", Meter("calls", "last")),
    Feature("users", "metered", Meter("calls", "unique", property="n")),
    Feature("level", "metered", Meter("calls", "weighted_sum", property="n", per="hour")),
    Feature("seats", "metered", Meter("calls", "weighted_sum", level="change", per="day")),
]


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    with ledger.open(postgres_url, clock=MovableClock(NEW_YEAR)) as engine:
        yield engine


@pytest.fixture
def acme(engine: Engine) -> Acme:
    return prepared(engine)


def prepared(engine: Engine) -> Acme:
    acme = engine.tenant("acme")
    for feature in FEATURES:
        acme.features.create(feature)
    for name in CUSTOMERS:
        acme.customers.create(name=name, external_id=name)
    return acme


def some_events(count: int, chance: random.Random) -> list[UsageEvent]:
    """Events of a day and a half, each at an instant of its own, so that no order is a tie."""
    instants = chance.sample(range(36 * 60 * 60 * 1000), count)
    return [
        UsageEvent(
            "calls",
            chance.choice(CUSTOMERS),
            chance.randint(-2, 9),
            f"key-{number}",
            NEW_YEAR - DAY * 3 + timedelta(milliseconds=at),
            {"n": chance.randint(0, 20), "model": chance.choice("ab")},
        )
        for number, at in enumerate(instants)
    ]


def all_totals(acme: Acme) -> dict[tuple[str, str], Decimal]:
    period = NEW_YEAR - DAY * 4, NEW_YEAR - timedelta(hours=7, minutes=13)
    return {
        (customer, feature.key): acme.usage.total(customer, feature.key, *period)
        for customer in CUSTOMERS
        for feature in FEATURES
    }


def one_after_another(events: Sequence[UsageEvent]) -> dict[tuple[str, str], Decimal]:
    """What these events come to where nobody is in anybody's way."""
    with ledger.open("sqlite:///:memory:", clock=MovableClock(NEW_YEAR)) as engine:
        acme = prepared(engine)
        acme.usage.record(events)
        return all_totals(acme)


def all_at_once(works: Sequence[Callable[[], object]]) -> None:
    """Each in a thread of its own, begun at the same moment; what one raised is raised."""
    barrier, errors = Barrier(len(works)), list[BaseException]()

    def go(work: Callable[[], object]) -> None:
        barrier.wait(60)
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [Thread(target=go, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


def add_somebody(held: Held) -> None:
    held.customers.add(things.customer())


@pytest.mark.parametrize("size", [7, 60])  # a statement for each, and COPY
def test_writers_of_the_same_events_count_each_once(size: int, acme: Acme) -> None:
    chance = random.Random(size)
    events = some_events(240, chance)
    outcomes = Counter[tuple[str | None, str]]()

    def writer(number: int) -> Callable[[], None]:
        # Half of all events each, in an order of its own, some twice in the same batch.
        own = random.Random(number)
        mine = own.sample(events, len(events) // 2)
        batches = [mine[i : i + size] for i in range(0, len(mine), size)]

        def write() -> None:
            for batch in batches:
                doubled = [*batch, *own.sample(batch, len(batch) // 4)]
                own.shuffle(doubled)
                results = acme.usage.record(doubled)
                told.extend(
                    (event.key, result.outcome)
                    for event, result in zip(doubled, results, strict=True)
                )

        return write

    told = list[tuple[str | None, str]]()
    all_at_once([writer(number) for number in range(WRITERS)])
    outcomes.update(told)
    sent = {key for key, _ in told}
    assert {outcome for _, outcome in told} == {"accepted", "duplicate"}
    assert all(outcomes[key, "accepted"] == 1 for key in sent)
    assert all_totals(acme) == one_after_another([e for e in events if e.key in sent])


def test_engines_that_meter_the_same_events_count_each_once(postgres_url: str, acme: Acme) -> None:
    events = some_events(200, random.Random(3))

    def writer(number: int) -> Callable[[], None]:
        def write() -> None:
            config = MeterConfig(spool=False, batch_size=20, flush_interval_s=0.01)
            clock = MovableClock(NEW_YEAR)
            with ledger.open(postgres_url, clock=clock, migrate=False, meter=config) as engine:
                for event in random.Random(number).sample(events, len(events)):
                    engine.tenant("acme").meter(
                        event.customer,
                        event.event,
                        event.quantity,
                        key=event.key,
                        time=event.time,
                        properties=event.properties,
                    )

        return write

    all_at_once([writer(number) for number in range(4)])
    assert all_totals(acme) == one_after_another(events)


def test_hours_that_are_counted_anew_while_others_add_are_exact(acme: Acme) -> None:
    chance = random.Random(5)
    events, wrong = some_events(300, chance), some_events(340, chance)[300:]
    acme.usage.record(wrong)
    batches = [events[i : i + 15] for i in range(0, len(events), 15)]

    def write(number: int) -> None:
        for batch in batches[number::4]:
            acme.usage.record(batch)

    def count_anew() -> None:
        for feature in FEATURES:
            acme.features.backfill(feature.key)

    def take_back() -> None:
        for event in wrong:
            assert event.key is not None
            acme.usage.void(event.key, reason="sent by mistake")

    writers = [partial(write, number) for number in range(4)]
    all_at_once([*writers, count_anew, take_back])
    assert all_totals(acme) == one_after_another(events)


def test_numbers_and_the_event_log_have_no_gap(postgres_store: SqlStore) -> None:
    acme, numbers, each = Held(postgres_store), list[int](), 25

    def count(work: SqlWork) -> int:
        number = work.invoices.next_number("INV")
        work.events.add(things.Noted(str(number)))
        return number

    def fail(work: SqlWork) -> None:
        count(work)
        raise ArithmeticError

    def write() -> None:
        for turn in range(each):
            if turn % 3 == 0:
                with pytest.raises(ArithmeticError):
                    postgres_store.run(ACME, fail, at=NOW)
            numbers.append(postgres_store.run(ACME, count, at=NOW))

    all_at_once([write] * WRITERS)
    assert sorted(numbers) == list(range(1, WRITERS * each + 1))
    entries = acme.events.page(None, 10_000).items
    assert [entry.sequence for entry in entries] == list(range(1, WRITERS * each + 1))
    assert [int(entry.entity_id) for entry in entries] == sorted(numbers)


def test_a_deadlock_is_begun_again_and_nobody_hears_of_it(postgres_store: SqlStore) -> None:
    acme, both = Held(postgres_store), Barrier(2)
    one, other = things.customer("one"), things.customer("other")
    acme.customers.add(one)
    acme.customers.add(other)
    attempts = list[str]()

    def crossing(first: CustomerId, second: CustomerId) -> Callable[[SqlWork], None]:
        own = list[int]()

        def work(work: SqlWork) -> None:
            own.append(1)
            attempts.append(first)
            work.customers.lock(first)
            if len(own) == 1:
                both.wait(20)  # each now has what the other one wants
            work.customers.lock(second)
            work.events.add(things.Noted(first))

        return work

    works = [crossing(one.id, other.id), crossing(other.id, one.id)]
    all_at_once([partial(postgres_store.run, ACME, work, at=NOW) for work in works])
    assert len(attempts) == 3
    noted = [entry.entity_id for entry in acme.events.page(None, 10).items]
    assert sorted(noted) == sorted([one.id, other.id])


@pytest.mark.parametrize("table", ["customers", "usage_keys", "usage_rollups", "scopes"])
def test_a_lock_that_is_held_too_long_is_told(
    table: str, postgres_url: str, acme: Acme, postgres: Cluster
) -> None:
    name = postgres_url.rpartition("/")[2]
    event = UsageEvent("calls", "jane", 5, "a", NEW_YEAR)
    clock = MovableClock(NEW_YEAR)
    with (
        psycopg.connect(postgres.superuser_url(name)) as holder,
        ledger.open(f"{postgres_url}?lock_wait_s=1", clock=clock, migrate=False) as engine,
    ):
        impatient, began = engine.tenant("acme"), monotonic()
        holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        with pytest.raises(Unavailable, match="stayed locked by somebody else") as refused:
            impatient.usage.record([event])
        assert refused.value.code == "database_busy"
        assert 1 <= monotonic() - began < 10
        holder.rollback()
        assert [result.outcome for result in impatient.usage.record([event])] == ["accepted"]
        assert impatient.usage.total("jane", "calls", NEW_YEAR - DAY, NEW_YEAR + DAY) == 5


def test_more_threads_than_connections_take_turns_or_are_told(postgres_url: str) -> None:
    store = open_postgres(f"{postgres_url}?pool_size=1&lock_wait_s=1")
    try:
        release, inside = Event(), Event()

        def linger(_work: SqlWork) -> None:
            inside.set()
            release.wait(30)

        thread = Thread(target=lambda: store.run(ACME, linger, at=NOW))
        thread.start()
        assert inside.wait(30)
        with pytest.raises(Unavailable, match="stayed in use too long") as refused:
            Held(store).customers.add(things.customer())
        release.set()
        thread.join(30)
        assert refused.value.code == "database_busy"
        all_at_once([partial(add_somebody, Held(store))] * WRITERS)
        assert len(Held(store).customers.page(None, 100)) == WRITERS
    finally:
        store.close()


def test_a_scope_that_many_write_to_first_is_one(postgres_store: SqlStore) -> None:
    for turn in range(5):
        held = Held(postgres_store, Scope(f"tenant_{turn}"))
        all_at_once([partial(add_somebody, held)] * WRITERS)
        assert len(held.customers.page(None, 100)) == WRITERS
    assert postgres_store.scopes() == [Scope(f"tenant_{turn}") for turn in range(5)]


def test_a_name_that_many_want_goes_to_one(postgres_store: SqlStore) -> None:
    acme, refusals = Held(postgres_store), list[str]()

    def take() -> None:
        try:
            acme.customers.add(things.customer("user_42"))
        except LedgerError as error:
            refusals.append(error.code)

    all_at_once([take] * WRITERS)
    assert refusals == ["customer_exists"] * (WRITERS - 1)
    assert len(acme.customers.page(None, 100)) == 1
