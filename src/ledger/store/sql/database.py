"""What differs between databases, each difference under a name of its own."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

import msgspec
import sqlalchemy as sa

from ledger.store.sql.errors import Fault
from ledger.store.sql.statement import Dialect, Entry

Value = int | str | bytes | None
Script = Sequence[str]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at in a database, and whether it is as it should be."""

    name: str
    ok: bool
    detail: str


class Database(Dialect, Protocol):
    """A database that holds the schema: transactions on it, and the statements only it has."""

    @property
    def place(self) -> str:
        """Which database it is, in words: `the database billing.db`."""
        ...

    @property
    def engines(self) -> Sequence[sa.Engine]:
        """Where its connections come from."""
        ...

    def transaction(self, *, writes: bool) -> AbstractContextManager[sa.Connection]:
        """A connection in a transaction: commits when the block ends, rolls back when it raises.

        A transaction that writes has its place among the writers from the beginning, so that it
        waits there and not half-way; one that only reads sees one snapshot.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: as the driver reports it; `fault` tells what it means.
            Unavailable: (`database_busy`) its turn did not come in time.
        """
        ...

    def script(self, text: str) -> Script:
        """The statements of a migration, one by one."""
        ...

    def fault(self, error: BaseException) -> Fault:
        """What an error of the driver means."""
        ...

    def insert_rows(
        self, connection: sa.Connection, entry: Entry, rows: Sequence[Sequence[Value]]
    ) -> int:
        """Insert many rows, values in the order of the columns; how many were stored."""
        ...

    def insert_new(
        self, connection: sa.Connection, entry: Entry, rows: Sequence[Sequence[Value]]
    ) -> bool:
        """Insert all of the rows, or none if a key is there already; whether they were stored."""
        ...

    def lock_row(
        self, connection: sa.Connection, lock: sa.Select[int], values: Mapping[str, Value]
    ) -> None:
        """Hold back every other transaction that locks the same row, until this one ends."""
        ...

    def hold(self, connection: sa.Connection, scope: int, what: str, *, shared: bool) -> None:
        """Hold back other transactions that hold `what` of a scope, until this one ends."""
        ...

    def keep_up(self, at: datetime, usage_before: datetime | None) -> list[str]:
        """Do what the database wants done now and then; what was done, in sentences.

        Raw usage events of before `usage_before` are needed by no tenant: if many can be dropped
        at once, they may be.
        """
        ...

    def findings(self) -> list[Finding]:
        """What a look at the whole database found."""
        ...

    def after_fork(self) -> None:
        """Let go of connections that belong to the parent process, without closing them."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
