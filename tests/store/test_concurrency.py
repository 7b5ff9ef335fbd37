"""Threads and processes on one database: they wait for each other, and nothing is lost."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from ledger.store.memory import open_memory
from ledger.store.sql.store import SqlStore
from ledger.store.sql.work import SqlWork
from ledger.store.sqlite import open_sqlite
from ledger.testing.contract import things
from ledger.testing.contract.store import ACME, NOW, Held
from ledger.types.clock import monotonic
from ledger.types.errors import Unavailable
from tests.store.aside import forked, started

PROCESSES = 4
EACH = 60

COUNT = """
import sys
from ledger.store.sqlite import open_sqlite
from ledger.testing.contract import things
from ledger.testing.contract.store import Held

acme = Held(open_sqlite(sys.argv[1]))

def count(work):
    number = work.invoices.next_number("INV")
    work.events.add(things.Noted(str(number)))
    return number

for _ in range(int(sys.argv[2])):
    print(acme.write(count))
"""


@pytest.mark.slow
def test_several_processes_write_to_one_file(file: SqlStore, path: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", COUNT, str(path), str(EACH)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(PROCESSES)
    ]
    numbers = [int(line) for process in running for line in process.communicate()[0].split()]
    assert [process.returncode for process in running] == [0] * PROCESSES
    assert sorted(numbers) == list(range(1, PROCESSES * EACH + 1))
    entries = Held(file).events.page(None, 10_000).items
    assert [entry.sequence for entry in entries] == list(range(1, PROCESSES * EACH + 1))
    assert [int(entry.entity_id) for entry in entries] == sorted(numbers)


def test_a_writer_waits_for_another_process_to_finish(file: SqlStore, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    done = started(lambda: Held(file).customers.add(things.customer()))
    assert not done.wait(timeout=1)
    other.execute("COMMIT")
    assert done.wait(timeout=20)
    other.close()


def test_a_database_that_stays_locked_is_unavailable(file: SqlStore, path: Path) -> None:
    impatient = open_sqlite(path, busy_timeout_s=1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = monotonic()
    with pytest.raises(Unavailable, match="try again") as refused:
        Held(impatient).customers.add(things.customer())
    assert refused.value.code == "database_busy"
    assert monotonic() - began >= 1
    assert len(Held(impatient).customers.page(None, 10)) == 0
    other.execute("ROLLBACK")
    Held(impatient).customers.add(things.customer())
    other.close()
    impatient.close()


def test_a_transaction_that_takes_too_long_lets_the_others_of_its_process_know(
    file: SqlStore, path: Path
) -> None:
    impatient = open_sqlite(path, busy_timeout_s=1)
    release, inside = Event(), Event()

    def linger(_work: SqlWork) -> None:
        inside.set()
        release.wait(timeout=20)

    done = started(lambda: impatient.run(ACME, linger, at=NOW))
    assert inside.wait(timeout=20)
    with pytest.raises(Unavailable) as refused:
        Held(impatient).customers.add(things.customer())
    assert refused.value.code == "database_busy"
    release.set()
    assert done.wait(timeout=20)
    Held(impatient).customers.add(things.customer())
    impatient.close()


def test_readers_do_not_wait_for_a_writer(file: SqlStore) -> None:
    release, inside = Event(), Event()

    def linger(work: SqlWork) -> None:
        work.customers.add(things.customer())
        inside.set()
        release.wait(timeout=20)

    done = started(lambda: file.run(ACME, linger, at=NOW))
    assert inside.wait(timeout=20)
    assert len(Held(file).customers.page(None, 10)) == 0
    release.set()
    assert done.wait(timeout=20)
    assert len(Held(file).customers.page(None, 10)) == 1


def test_more_readers_than_connections_take_turns(path: Path) -> None:
    store = open_sqlite(path, readers=2)
    store.migrate()
    found: list[int] = []

    def read() -> None:
        found.extend(len(Held(store).customers.page(None, 10)) for _ in range(20))

    threads = [Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [0] * 160
    store.close()


def test_a_child_process_has_connections_of_its_own(file: SqlStore, path: Path) -> None:
    acme = Held(file)
    acme.customers.add(things.customer("parent"))

    def in_child() -> None:
        file.after_fork()
        assert acme.customers.find("parent") is not None
        acme.customers.add(things.customer("child"))
        file.close()

    assert forked(in_child) == 0
    assert acme.customers.find("child") is not None
    acme.customers.add(things.customer("again"))
    assert sorted(c.external_id or "" for c in acme.customers.page(None, 10)) == [
        "again",
        "child",
        "parent",
    ]
    assert [finding for finding in file.check() if not finding.ok] == []


def test_a_child_process_may_be_born_in_the_middle_of_a_transaction(file: SqlStore) -> None:
    acme = Held(file)

    def in_child() -> None:
        file.after_fork()
        assert acme.customers.find("parent") is None
        file.close()

    def fork_inside(work: SqlWork) -> int:
        work.customers.add(things.customer("parent"))
        return forked(in_child)

    assert file.run(ACME, fork_inside, at=NOW) == 0
    assert acme.customers.find("parent") is not None


def test_a_database_in_memory_stays_with_its_process() -> None:
    store = open_memory()
    store.migrate()
    acme = Held(store)

    def in_child() -> None:
        store.after_fork()
        with pytest.raises(Unavailable, match="belongs to the process that opened it"):
            acme.customers.page(None, 10)

    assert forked(in_child) == 0
    acme.customers.add(things.customer())
    store.close()
