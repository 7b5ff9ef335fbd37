"""Migrations on PostgreSQL: once, whole or not at all, and nobody who stores usage waits long."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from threading import Event, Thread
from typing import Any

import psycopg
import pytest

from ledger.meter.model import Claim
from ledger.store.postgres import open_postgres
from ledger.store.sql.migrate import migrate
from ledger.store.sql.migrations import Step, steps
from ledger.store.sql.store import SqlStore
from ledger.store.sql.work import SqlWork
from ledger.testing.contract import things
from ledger.testing.contract.store import ACME, NOW, Held
from ledger.types.errors import Broken, Conflict, Unavailable
from tests.servers import Cluster

pytestmark = pytest.mark.slow  # the fast loop has the contract, the schema and the fences

STEPS = steps("postgresql")
NEWEST = STEPS[-1].version
PROCESSES = 4
PATIENCE_S = 60

OPEN = "import sys; from ledger.store.postgres import open_postgres, Postgres; "
SAY_WHAT_WAS_DONE = OPEN + "print(len(open_postgres(sys.argv[1]).migrate()))"
DIE = (
    OPEN
    + """
import os, signal
whole, count = Postgres.apply, int(sys.argv[2])

def apply(database, connection, script):
    global count
    whole(database, connection, script)
    count -= 1
    if count < 0:
        os.kill(os.getpid(), signal.SIGKILL)

Postgres.apply = apply
open_postgres(sys.argv[1]).migrate()
"""
)


@pytest.fixture
def url(postgres: Cluster, worker_id: str) -> str:
    """An empty database."""
    return postgres.create(f"ledger_migrations_{worker_id}")


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    with closing(open_postgres(url)) as store:
        yield store


def test_migrating_again_does_nothing(store: SqlStore, url: str) -> None:
    names = [step.name for step in STEPS]
    assert store.schema_version() == 0
    assert store.pending() == names
    assert store.migrate() == names
    assert store.migrate() == []
    assert store.pending() == []
    assert store.schema_version() == NEWEST
    assert _ask(url, "SELECT version, name, checksum FROM schema_migrations ORDER BY 1") == [
        (step.version, step.name, step.checksum) for step in STEPS
    ]


def test_steps_are_numbered_without_gaps() -> None:
    assert [step.version for step in STEPS] == list(range(1, NEWEST + 1))


def test_a_database_without_a_schema_says_what_to_do(store: SqlStore) -> None:
    for ask in (
        lambda: Held(store).features.add(things.feature()),
        lambda: store.due("billing", NOW, 1),
    ):
        with pytest.raises(Unavailable, match="run the migrations") as refused:
            ask()
        assert refused.value.code == "schema_missing"


def test_a_newer_database_is_refused(store: SqlStore, url: str) -> None:
    store.migrate()
    _ask(
        url,
        "INSERT INTO schema_migrations SELECT max(version) + 1, 'later', 'x', 0"
        " FROM schema_migrations",
    )
    for ask in (store.migrate, store.pending):
        with pytest.raises(Conflict, match="a newer version has used it") as refused:
            ask()
        assert refused.value.code == "schema_too_new"


def test_a_migration_that_was_edited_is_noticed(store: SqlStore, url: str) -> None:
    store.migrate()
    _ask(url, "UPDATE schema_migrations SET checksum = 'x' WHERE version = 1")
    with pytest.raises(Broken, match="0001_first") as refused:
        store.migrate()
    assert refused.value.code == "migration_edited"


def test_a_step_that_fails_leaves_nothing_of_itself(store: SqlStore, url: str) -> None:
    store.migrate()
    before = _tables(url)
    good = "CREATE TABLE one (a bigint); INSERT INTO one SELECT 1;"
    bad = Step(NEWEST + 1, "9998_bad", f"{good} NOT SQL;")
    with pytest.raises(Exception, match="syntax error"):
        migrate(store.database, [*STEPS, bad])
    assert _tables(url) == before
    assert store.schema_version() == NEWEST
    mended = bad._replace(script=good)
    assert migrate(store.database, [*STEPS, mended]) == ["9998_bad"]
    assert _ask(url, "SELECT a FROM one") == [(1,)]


def test_processes_that_migrate_at_the_same_time_apply_each_step_once(url: str) -> None:
    running = [_python(SAY_WHAT_WAS_DONE, url) for _ in range(PROCESSES)]
    done = [int(process.communicate(timeout=PATIENCE_S)[0]) for process in running]
    assert [process.returncode for process in running] == [0] * PROCESSES
    assert sum(done) == len(STEPS)
    assert _ask(url, "SELECT count(*) FROM schema_migrations") == [(len(STEPS),)]


@pytest.mark.parametrize("place", [0, 1, len(STEPS) - 1])
def test_a_killed_migration_leaves_nothing_of_its_step(
    store: SqlStore, url: str, place: int
) -> None:
    killed = _python(DIE, url, str(place))
    killed.communicate(timeout=PATIENCE_S)
    assert killed.returncode == -signal.SIGKILL
    assert store.schema_version() == place
    assert ("scopes" in _tables(url)) == (place > 0)
    assert store.migrate() == [step.name for step in STEPS[place:]]
    Held(store).features.add(things.feature())


def test_a_migration_waits_for_who_stores_usage_and_lets_others_go_first(
    store: SqlStore, url: str
) -> None:
    store.migrate()
    Held(store).features.add(things.feature())  # the scope is known: that is not waited for
    wanted = "ALTER TABLE {} ADD COLUMN added bigint;"
    # It gets the first table and then has to wait for the second, which the ingestion is using.
    step = Step(
        NEWEST + 1, "9998_wide", wanted.format("usage_keys") + wanted.format("usage_events")
    )
    inside, release = Event(), Event()
    applied = list[str]()

    def ingest(work: SqlWork) -> None:
        work.usage.add([things.usage_event("jane")])
        inside.set()
        assert release.wait(PATIENCE_S)

    ingesting = Thread(target=lambda: store.run(ACME, ingest, at=NOW))
    migrating = Thread(target=lambda: applied.extend(migrate(store.database, [*STEPS, step])))
    ingesting.start()
    assert inside.wait(PATIENCE_S)
    migrating.start()
    try:
        for _ in range(3):
            _wait_until_somebody_waits_for_a_table(url)
            # Behind the migration in both queues; it steps back, and this goes through.
            other = Thread(target=lambda: store.run(ACME, _use_both, at=NOW))
            other.start()
            other.join(PATIENCE_S)
            assert not other.is_alive()
            assert migrating.is_alive()
            assert not applied
    finally:
        release.set()
    ingesting.join()
    migrating.join(PATIENCE_S)
    assert applied == ["9998_wide"]
    assert _ask(url, "SELECT count(*) FROM usage_keys WHERE added IS NOT NULL") == [(0,)]


def _use_both(work: SqlWork) -> None:
    work.usage.claim({b"a key of 16 byte": Claim(b"content", NOW)})
    work.usage.add([things.usage_event("jane")])


def _wait_until_somebody_waits_for_a_table(url: str) -> None:
    pause = Event()
    for _ in range(PATIENCE_S * 100):
        waiting = _ask(
            url,
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
            " AND relation = 'usage_events'::regclass",
        )
        if waiting != [(0,)]:
            return
        pause.wait(0.01)
    raise AssertionError("nobody waits for the table")


def _python(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True
    )


def _tables(url: str) -> list[Any]:
    rows = _ask(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return [name for (name,) in rows]


def _ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []
