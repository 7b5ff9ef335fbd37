"""SQLite in a file: nothing to install or run. One transaction writes, others read beside it.

Every connection has WAL, `synchronous = FULL` and foreign keys. Threads that write queue in the
order in which they came; other processes are waited for.
"""

import os
import sqlite3
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from ledger.store.lock import FairLock
from ledger.store.sql.database import NO_SCOPE, Finding
from ledger.store.sql.store import SqlStore
from ledger.store.sqlite_base import SqliteDatabase, connect, findings, transaction
from ledger.types.clock import monotonic
from ledger.types.errors import Unavailable
from ledger.types.scope import Scope

BUSY_TIMEOUT_S = 30
READERS = 8

_WRITER_CACHE_KIB = 65_536
_READER_CACHE_KIB = 16_384
# A checkpoint writes a changed page once, however often it changed: with random keys a long log
# costs much less than a short one.
_CHECKPOINT_PAGES = 25_000
_LOG_BYTES_KEPT = 128 * 1024 * 1024


class SqliteFile(SqliteDatabase):
    """A database in a file, with a connection that writes and a pool of those that read."""

    def __init__(self, path: str, *, readers: int, busy_timeout_s: int) -> None:
        super().__init__()
        self.path, self._readers_max, self._busy_timeout_s = path, readers, busy_timeout_s
        self._start()

    def _start(self) -> None:
        self._turn = FairLock()
        self.writer = self.engine(self._open_writer, QueuePool, pool_size=1, max_overflow=0)
        self.readers = self.engine(
            self._open_reader,
            QueuePool,
            pool_size=self._readers_max,
            max_overflow=0,
            pool_timeout=self._busy_timeout_s,
        )

    @property
    def place(self) -> str:
        """Which database it is, in words."""
        return f"the database {self.path}"

    @property
    def engines(self) -> tuple[sa.Engine, ...]:
        """The one that writes, and the one that reads."""
        return self.writer, self.readers

    @contextmanager
    def transaction(
        self, *, writes: bool, scope: Scope | None = None, scope_id: int = NO_SCOPE
    ) -> Generator[sa.Connection]:
        """A transaction: it waits its turn to write, or reads what was committed before it began.

        Raises:
            Unavailable: (`database_busy`) its turn did not come in time.
        """
        if not writes:
            with transaction(self.readers, "BEGIN") as connection:
                yield connection
            return
        with self._written(), transaction(self.writer, "BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _written(self) -> Generator[None]:
        """The turn of this thread to use the connection that writes."""
        if not self._turn.acquire(self._busy_timeout_s):
            raise Unavailable(
                f"other transactions of this process have written for {self._busy_timeout_s} s;"
                " try again",
                code="database_busy",
            )
        try:
            yield
        finally:
            self._turn.release()

    def keep_up(self, at: datetime, usage_before: datetime | None) -> list[str]:
        """Move the log into the file, as far as nobody reads what is older.

        So that a long log does not make reading slow and the next opening long.
        """
        with self._written(), self.writer.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
        return []

    def migration(self) -> AbstractContextManager[sa.Connection]:
        """A transaction like all that write."""
        return self.transaction(writes=True)

    def findings(self) -> list[Finding]:
        """What SQLite says of the file."""
        with self.transaction(writes=False) as connection:
            return [Finding("file", ok=True, detail=self.path), *findings(connection, "wal")]

    def after_fork(self) -> None:
        """Open connections of our own; the parent's stay open and untouched."""
        self.forget_connections()
        self._start()

    def close(self) -> None:
        """Close all connections; the last one of all processes tidies the log away."""
        self.readers.dispose()
        self.writer.dispose()

    def _open_writer(self) -> sqlite3.Connection:
        def prepare(connection: sqlite3.Connection) -> None:
            self._keep_log(connection)
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES_KEPT}")

        return connect(self.path, self._busy_timeout_s, _WRITER_CACHE_KIB, prepare)

    def _open_reader(self) -> sqlite3.Connection:
        return connect(self.path, self._busy_timeout_s, _READER_CACHE_KIB, self._keep_log)

    def _keep_log(self, connection: sqlite3.Connection) -> None:
        write_ahead(connection, self.path, self._busy_timeout_s)


def open_sqlite(
    path: str | os.PathLike[str], *, readers: int = READERS, busy_timeout_s: int = BUSY_TIMEOUT_S
) -> SqlStore:
    """The store in the file `path`, which is made if it is not there; its folder must be.

    Args:
        path: where the file is.
        readers: how many transactions may read at the same time.
        busy_timeout_s: how long a transaction waits for others before it is `Unavailable`.

    Raises:
        Unavailable: (`database_unreachable`, `database_read_only`, `not_a_database`,
            `database_busy`, `sqlite_too_old`, `no_write_ahead_log`) the file cannot be used.
        Broken: (`database_damaged`).
    """
    store = SqlStore(SqliteFile(os.fspath(path), readers=readers, busy_timeout_s=busy_timeout_s))
    store.schema_version()
    return store


def write_ahead(connection: sqlite3.Connection, path: str, timeout_s: int) -> None:
    """Make the file keep a write-ahead log; once is enough for ever.

    Raises:
        sqlite3.Error: the file cannot be used.
        Unavailable: its file system does not allow one (`no_write_ahead_log`), or others have kept
            the file busy (`database_busy`).
    """
    give_up = monotonic() + timeout_s
    while (mode := _journal_mode(connection)) == "busy":
        if monotonic() > give_up:
            raise Unavailable(
                f"{path} was kept busy by other processes for {timeout_s} s; try again",
                code="database_busy",
            )
        # Switching does not wait when another process is about to do the same. This does.
        connection.execute("BEGIN IMMEDIATE")
        connection.rollback()
    if mode != "wal":
        raise Unavailable(
            f"{path} is on a file system where SQLite cannot keep a write-ahead log; put the"
            " database on a local disk",
            code="no_write_ahead_log",
        )


def _journal_mode(connection: sqlite3.Connection) -> str:
    """The journal of the file, after it was told to have a write-ahead log; or that it is busy."""
    try:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal":
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_BUSY":
            raise
        return "busy"
    return str(mode)
