"""Transactions: all or nothing, one after another, and reading what was true at one instant."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, Event, Thread

from ledger.meter.model import Claim
from ledger.testing.contract import things
from ledger.testing.contract.store import ACME, NOW, Held, Store, Work, refused
from ledger.types.errors import Broken, Conflict, LedgerError, NotFound

THREADS = 8
ROUNDS = 10


class _OnPurpose(LedgerError):  # noqa: N818  it is nobody's error
    """What a test raises."""

    def __init__(self) -> None:
        super().__init__("raised on purpose", code="on_purpose")


class TransactionContract:
    """What `run` promises."""

    def test_what_work_returns_is_returned_and_what_it_stored_is_there(self, store: Store) -> None:
        acme, feature = Held(store), things.feature()

        def add(work: Work) -> str:
            work.features.add(feature)
            return "done"

        assert acme.write(add) == "done"
        assert acme.features.get("api_calls") == feature

    def test_the_work_knows_the_instant_that_it_was_given(self, store: Store) -> None:
        at = NOW - timedelta(days=400, microseconds=1)
        assert Held(store, at=at).read(lambda work: work.now) == at
        assert Held(store, at=at).write(lambda work: work.now) == at

    def test_an_exception_leaves_nothing_behind(self, store: Store) -> None:
        acme = Held(store)

        def fail(work: Work) -> None:
            work.features.add(things.feature())
            work.customers.add(things.customer("user_1"))
            work.usage.claim({b"k" * 16: Claim(b"content", NOW)})
            work.events.add(things.Noted("never"))
            raise _OnPurpose

        with refused(_OnPurpose, "on_purpose"):
            acme.write(fail)
        with refused(NotFound, "feature_not_found"):
            acme.features.get("api_calls")
        assert acme.customers.find("user_1") is None
        assert not acme.events.page(None, 10).items
        assert acme.usage.claim({b"k" * 16: Claim(b"other", NOW)}) == {}

    def test_a_transaction_sees_what_it_has_written(self, store: Store) -> None:
        def add_and_look(work: Work) -> bool:
            work.customers.add(things.customer("user_1"))
            return work.customers.find("user_1") is not None

        assert Held(store).write(add_and_look)

    def test_a_refusal_is_told_inside_the_work(self, store: Store) -> None:
        acme = Held(store)
        acme.customers.add(things.customer("user_1"))

        def add_twice(work: Work) -> None:
            with refused(Conflict, "customer_exists"):
                work.customers.add(things.customer("user_1"))
            raise _OnPurpose

        with suppress(_OnPurpose):
            acme.write(add_twice)
        assert acme.customers.page(None, 10).items[0].name == "Jane"

    def test_a_transaction_that_only_reads_cannot_write(self, store: Store) -> None:
        with refused(Broken, "read_only_work"):
            Held(store).read(lambda work: work.features.add(things.feature()))

    def test_a_transaction_inside_another_is_refused(self, store: Store) -> None:
        acme = Held(store)
        with refused(Broken, "nested_transaction"):
            acme.write(lambda _: acme.write(lambda work: work.now))
        with refused(Broken, "nested_transaction"):
            acme.write(lambda _: store.due("billing", NOW, 1))
        acme.features.add(things.feature())

    def test_reading_a_scope_that_nobody_wrote_to_finds_nothing(self, store: Store) -> None:
        assert not Held(store).plans.page(None, 10).items
        assert Held(store).usage.newest_id() is None

    def test_a_reader_sees_one_snapshot(self, store: Store) -> None:
        acme, stored = Held(store), Event()

        def add() -> None:
            acme.customers.add(things.customer())
            stored.set()

        other = Thread(target=add)

        def look_twice(work: Work) -> tuple[int, int]:
            before = len(work.customers.page(None, 10))
            other.start()
            stored.wait(timeout=1)  # a store with one connection lets the writer wait
            return before, len(work.customers.page(None, 10))

        assert acme.read(look_twice) == (0, 0)
        other.join()
        assert len(acme.customers.page(None, 10)) == 1

    def test_of_racing_changes_to_one_version_one_wins(self, store: Store) -> None:
        acme, customer, barrier = Held(store), things.customer(), Barrier(THREADS)
        acme.customers.add(customer)
        won: list[int] = []

        def race(number: int) -> None:
            barrier.wait()
            with suppress(Conflict):
                acme.customers.save(customer.archived())
                won.append(number)

        _in_threads(race)
        assert len(won) == 1

    def test_racing_writers_lose_nothing(self, store: Store) -> None:
        acme = Held(store)
        taken: list[int] = []

        def count(_number: int) -> None:
            taken.extend(acme.invoices.next_number("INV") for _ in range(ROUNDS))

        _in_threads(count)
        assert sorted(taken) == list(range(1, THREADS * ROUNDS + 1))

    def test_racing_first_writers_share_one_scope(self, store: Store) -> None:
        acme, barrier = Held(store, ACME), Barrier(THREADS)

        def first(number: int) -> None:
            barrier.wait()
            acme.customers.add(things.customer(f"user_{number}"))

        _in_threads(first)
        assert len(acme.customers.page(None, 100)) == THREADS


def _in_threads(work: Callable[[int], None]) -> None:
    failed: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001  told to the test's own thread below
            failed.append(error)

    threads = [Thread(target=guarded, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
