"""Threads and processes on PostgreSQL: they write side by side, and wait only where they must."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from threading import Barrier, Event, Thread

import pytest

from ledger.meter.model import Claim
from ledger.store.postgres import open_postgres
from ledger.store.sql.store import SqlStore
from ledger.store.sql.work import SqlWork
from ledger.testing.contract import things
from ledger.testing.contract.store import ACME, NOW, Held, Work
from ledger.types.errors import Unavailable
from ledger.types.ids import CustomerId
from tests.store.aside import forked, started

pytestmark = pytest.mark.slow  # the fast loop has the contract, the schema and the fences

Step = Callable[[Work], object]

PATIENCE_S = 60
A_WHILE_S = 0.3

FORK = """
import gc, os, sys
from ledger.store.postgres import open_postgres
from ledger.testing.contract import things
from ledger.testing.contract.store import Held

store = open_postgres(sys.argv[1])
acme = Held(store)
acme.customers.add(things.customer("parent"))
child = os.fork()
if not child:
    store.after_fork()
    acme.customers.add(things.customer("child"))
    gc.collect()
    store.close()
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
acme.customers.add(things.customer("again"))
print(sorted(customer.external_id for customer in acme.customers.page(None, 9).items))
store.close()
"""


def test_writers_of_one_scope_do_not_wait_for_each_other(postgres_store: SqlStore) -> None:
    acme = Held(postgres_store)
    acme.features.add(things.feature())
    with _Lingering(postgres_store, lambda work: work.usage.add([things.usage_event("jane")])):
        assert acme.usage.newest_id() is None
        acme.usage.add([things.usage_event("joe")])
        acme.customers.add(things.customer("joe"))
    assert len(list(acme.usage.stored(NOW, NOW.replace(second=1)))) == 2


@pytest.mark.parametrize("what", ["a customer", "the usage", "the log"])
def test_who_needs_to_be_alone_is(postgres_store: SqlStore, what: str) -> None:
    acme, customer = Held(postgres_store), things.customer()
    acme.customers.add(customer)
    pairs: dict[str, tuple[Step, Step]] = {
        "a customer": (_lock(customer.id), _lock(customer.id)),
        "the usage": (lambda work: work.usage.alone(), _claim),
        "the log": (_note, _note),
    }
    hold, wait = pairs[what]
    with _Lingering(postgres_store, hold):
        done = started(lambda: acme.write(wait))
        assert not done.wait(A_WHILE_S)
    assert done.wait(PATIENCE_S)


def test_who_waits_for_each_other_is_parted_and_both_get_done(postgres_store: SqlStore) -> None:
    acme = Held(postgres_store)
    first, second = things.customer("first"), things.customer("second")
    for customer in (first, second):
        acme.customers.add(customer)
    both, attempts = Barrier(2, timeout=PATIENCE_S), list[str]()

    def crossed(one: str, other: str) -> Callable[[SqlWork], None]:
        def cross(work: SqlWork) -> None:
            attempts.append(one)
            work.customers.lock(work.customers.get(one).id)
            if len(attempts) <= 2:  # the second attempt of one is alone
                both.wait()
            work.customers.lock(work.customers.get(other).id)
            work.due.put("billing", one, NOW)

        return cross

    works = crossed("first", "second"), crossed("second", "first")
    done = [started(partial(postgres_store.run, ACME, work, at=NOW)) for work in works]
    assert all(one.wait(PATIENCE_S) for one in done)
    assert len(attempts) == 3
    assert acme.due.list("billing", NOW, 9) == ["first", "second"]


def test_more_threads_than_connections_take_turns(postgres_url: str) -> None:
    with closing(open_postgres(f"{postgres_url}?pool_size=2")) as store:
        acme, numbers = Held(store), list[int]()

        def count() -> None:
            numbers.extend(acme.invoices.next_number("INV") for _ in range(10))

        threads = [Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(numbers) == list(range(1, 81))


def test_a_lock_that_does_not_come_is_unavailable_and_nothing_is_stored(
    postgres_store: SqlStore, postgres_url: str
) -> None:
    acme, customer = Held(postgres_store), things.customer()
    acme.customers.add(customer)
    with closing(open_postgres(f"{postgres_url}?lock_wait_s=1")) as impatient:
        with _Lingering(postgres_store, _lock(customer.id)):
            with pytest.raises(Unavailable) as refused:
                Held(impatient).write(_lock(customer.id, then="x"))
            assert refused.value.code == "database_busy"
        assert acme.due.list("billing", NOW, 9) == []
        Held(impatient).write(_lock(customer.id, then="x"))
    assert acme.due.list("billing", NOW, 9) == ["x"]


def test_a_child_process_has_connections_of_its_own(postgres_url: str) -> None:
    # A warning of the driver's would tell of a connection that the child let go of.
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORK, postgres_url],
        check=False, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.stdout == "['again', 'child', 'parent']\n"
    assert done.stderr == ""


def test_a_child_process_may_be_born_in_the_middle_of_a_transaction(
    postgres_store: SqlStore,
) -> None:
    acme = Held(postgres_store)

    def in_child() -> None:
        postgres_store.after_fork()
        assert acme.customers.find("parent") is None
        acme.due.put("billing", "child", NOW)
        postgres_store.close()

    def fork_inside(work: SqlWork) -> int:
        work.customers.add(things.customer("parent"))
        return forked(in_child)

    acme.features.add(things.feature())
    assert postgres_store.run(ACME, fork_inside, at=NOW) == 0
    assert acme.customers.find("parent") is not None
    assert acme.due.list("billing", NOW, 9) == ["child"]


class _Lingering:
    """A transaction that has done something, and commits when the block ends."""

    def __init__(self, store: SqlStore, what: Callable[[SqlWork], object]) -> None:
        self._store, self._what = store, what
        self._inside, self._release = Event(), Event()

    def __enter__(self) -> None:
        def work(work: SqlWork) -> None:
            self._what(work)
            self._inside.set()
            assert self._release.wait(PATIENCE_S)

        self._done = started(lambda: self._store.run(ACME, work, at=NOW))
        assert self._inside.wait(PATIENCE_S)

    def __exit__(self, *_: object) -> None:
        self._release.set()
        assert self._done.wait(PATIENCE_S)


def _lock(customer: CustomerId, then: str | None = None) -> Callable[[Work], None]:
    def work(work: Work) -> None:
        work.customers.lock(customer)
        if then is not None:
            work.due.put("billing", then, NOW)

    return work


def _claim(work: Work) -> None:
    work.usage.claim({b"a key of 16 byte": Claim(b"content", NOW)})


def _note(work: Work) -> None:
    work.events.add(things.Noted("2"))
