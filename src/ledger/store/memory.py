"""SQLite in memory: the same store as a file, gone with the process. One connection, one lock."""

import sqlite3
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from ledger.store.lock import FairLock
from ledger.store.sql.database import NO_SCOPE, Finding
from ledger.store.sql.store import SqlStore
from ledger.store.sqlite_base import SqliteDatabase, connect, findings, transaction
from ledger.types.errors import Unavailable
from ledger.types.scope import Scope

BUSY_TIMEOUT_S = 30

_CACHE_KIB = 65_536


class SqliteMemory(SqliteDatabase):
    """A database that lives in one connection, which transactions take turns to use."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = FairLock()
        self._forked = False
        self.only = self.engine(_open, StaticPool)

    @property
    def place(self) -> str:
        """Which database it is, in words."""
        return "the database in memory"

    @property
    def engines(self) -> tuple[sa.Engine, ...]:
        """The only one."""
        return (self.only,)

    @contextmanager
    def transaction(
        self, *, writes: bool, scope: Scope | None = None, scope_id: int = NO_SCOPE
    ) -> Generator[sa.Connection]:
        """A transaction, after those that were there before.

        Raises:
            Unavailable: its turn did not come in time (`database_busy`), or this is another
                process than the one that opened it (`memory_not_shared`).
        """
        if self._forked:
            raise Unavailable(
                "a database in memory belongs to the process that opened it; after a fork open"
                " another one, or use a file",
                code="memory_not_shared",
            )
        if not self._turn.acquire(BUSY_TIMEOUT_S):
            raise Unavailable(
                f"other transactions of this process have taken {BUSY_TIMEOUT_S} s; try again",
                code="database_busy",
            )
        try:
            with transaction(self.only, "BEGIN IMMEDIATE" if writes else "BEGIN") as connection:
                yield connection
        finally:
            self._turn.release()

    def keep_up(self, at: datetime, usage_before: datetime | None) -> list[str]:
        """Nothing: memory wants nothing done."""
        return []

    def migration(self) -> AbstractContextManager[sa.Connection]:
        """A transaction like all that write."""
        return self.transaction(writes=True)

    def findings(self) -> list[Finding]:
        """What SQLite says of its memory."""
        with self.transaction(writes=False) as connection:
            return [Finding("file", ok=True, detail="in memory"), *findings(connection, "memory")]

    def after_fork(self) -> None:
        """Refuse from now on: the parent goes on alone with what it has."""
        self.forget_connections()
        self._forked = True

    def close(self) -> None:
        """Forget everything."""
        self.only.dispose()


def open_memory() -> SqlStore:
    """A store of its own in memory, empty and without a schema until it is migrated."""
    return SqlStore(SqliteMemory())


def _open() -> sqlite3.Connection:
    return connect(":memory:", BUSY_TIMEOUT_S, _CACHE_KIB, lambda _: None)
