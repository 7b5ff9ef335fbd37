"""Migrations run once, whole or not at all, whoever else runs them, and say what does not fit."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ledger.store.sql.migrate import migrate
from ledger.store.sql.migrations import Step, steps
from ledger.store.sql.store import SqlStore
from ledger.store.sqlite import open_sqlite
from ledger.store.sqlite_base import statements
from ledger.testing.contract.store import ACME, NOW
from ledger.testing.contract.things import feature
from ledger.types.errors import Broken, Conflict, Unavailable

NEWEST = steps("sqlite")[-1].version
PROCESSES = 6

MIGRATE = "import sys; from ledger.store.sqlite import open_sqlite; "
SAY_WHAT_WAS_DONE = MIGRATE + "print(len(open_sqlite(sys.argv[1]).migrate()))"


def test_migrating_again_does_nothing(path: Path) -> None:
    store = open_sqlite(path)
    assert store.schema_version() == 0
    assert store.pending() == [step.name for step in steps("sqlite")]
    assert store.migrate() == [step.name for step in steps("sqlite")]
    assert store.migrate() == []
    assert store.pending() == []
    assert store.schema_version() == NEWEST
    store.close()
    again = open_sqlite(path)
    assert again.migrate() == []
    again.close()


def test_what_was_applied_is_recorded(file: SqlStore, path: Path) -> None:
    rows = _ask(path, "SELECT version, name, checksum FROM schema_migrations ORDER BY version")
    assert rows == [(step.version, step.name, step.checksum) for step in steps("sqlite")]


def test_steps_are_numbered_without_gaps() -> None:
    assert [step.version for step in steps("sqlite")] == list(range(1, NEWEST + 1))


def test_a_database_without_a_schema_says_what_to_do(path: Path) -> None:
    store = open_sqlite(path)
    with pytest.raises(Unavailable, match="run the migrations") as refused:
        store.run(ACME, lambda work: work.features.add(feature()), at=NOW)
    assert refused.value.code == "schema_missing"
    store.close()


def test_a_newer_database_is_refused(file: SqlStore, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO schema_migrations VALUES (?, '9999_later', 'x', 0)", (NEWEST + 1,)
        )
    connection.close()
    for ask in (file.migrate, file.pending):
        with pytest.raises(Conflict, match="a newer version has used it") as refused:
            ask()
        assert refused.value.code == "schema_too_new"


def test_a_migration_that_was_edited_is_noticed(file: SqlStore, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE schema_migrations SET checksum = 'x' WHERE version = 1")
    connection.close()
    with pytest.raises(Broken, match="0001_first") as refused:
        file.migrate()
    assert refused.value.code == "migration_edited"


def test_a_step_that_fails_leaves_nothing_of_itself(file: SqlStore, path: Path) -> None:
    before = _ask(path, "SELECT name FROM sqlite_schema ORDER BY name")
    good = "CREATE TABLE one (a INTEGER) STRICT;\nINSERT INTO one VALUES (1);\n"
    bad = Step(NEWEST + 1, "9998_bad", f"{good}NOT SQL;\n")
    with pytest.raises(Exception, match="syntax error"):
        migrate(file.database, [*steps("sqlite"), bad])
    assert _ask(path, "SELECT name FROM sqlite_schema ORDER BY name") == before
    assert file.schema_version() == NEWEST
    mended = bad._replace(script=good)
    assert migrate(file.database, [*steps("sqlite"), mended]) == ["9998_bad"]


def test_a_statement_may_hold_semicolons_of_its_own(file: SqlStore) -> None:
    script = "-- a; b\nCREATE TABLE a (b TEXT DEFAULT ';') STRICT;\n\nDROP TABLE a;\n"
    found = statements(script)
    assert [one.split()[-2:] for one in found] == [["';')", "STRICT;"], ["TABLE", "a;"]]
    with pytest.raises(Broken, match="ends in the middle"):
        statements("CREATE TABLE a (b TEXT)")


@pytest.mark.slow
def test_processes_that_migrate_at_the_same_time_apply_each_step_once(path: Path) -> None:
    running = [_python(SAY_WHAT_WAS_DONE, path) for _ in range(PROCESSES)]
    done = sorted(int(process.communicate(timeout=60)[0]) for process in running)
    assert [process.returncode for process in running] == [0] * PROCESSES
    assert done == [0] * (PROCESSES - 1) + [len(steps("sqlite"))]


@pytest.mark.slow
def test_a_killed_migration_is_done_again_from_its_beginning(path: Path) -> None:
    count = len(statements(steps("sqlite")[0].script))
    for place in range(0, count, 4):
        _forget(path)
        killed = _python(_die_at(place), path)
        killed.communicate(timeout=60)
        assert killed.returncode == -signal.SIGKILL
        assert _ask(path, "SELECT name FROM sqlite_schema") == []
    store = open_sqlite(path)
    assert store.migrate() == [step.name for step in steps("sqlite")]
    store.run(ACME, lambda work: work.features.add(feature()), at=NOW)
    store.close()


def _die_at(place: int) -> str:
    """A program that kills itself before statement `place` of the first migration."""
    return MIGRATE + (
        "import os, signal\n"
        "store = open_sqlite(sys.argv[1])\n"
        "from ledger.store import sqlite_base\n"
        "whole = sqlite_base.statements\n"
        "def statements(script):\n"
        "    for number, statement in enumerate(whole(script)):\n"
        f"        if number == {place}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        yield statement\n"
        "sqlite_base.statements = statements\n"
        "store.migrate()\n"
    )


def _python(program: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    )


def _forget(path: Path) -> None:
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        name.unlink(missing_ok=True)


def _ask(path: Path, statement: str) -> Sequence[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()
