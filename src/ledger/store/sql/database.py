"""What differs between databases, each difference under a name of its own."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

import msgspec
import sqlalchemy as sa

from ledger.store.sql.errors import Fault
from ledger.store.sql.statement import Dialect, Entry
from ledger.types.scope import Scope

Value = int | str | bytes | None
NO_SCOPE = 0
"""The integer of a scope that nobody wrote to: no row has it."""


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

    @property
    def patience_s(self) -> int:
        """For how long a transaction is begun again when it was undone for reasons that pass."""
        ...

    @property
    def writers(self) -> int:
        """How many transactions may write at the same time."""
        ...

    def admit(self) -> None:
        """Refuse to work as somebody whom the database would not keep inside a scope.

        Raises:
            Denied: (`superuser_refused`) and says what to do.
        """
        ...

    def transaction(
        self, *, writes: bool, scope: Scope | None = None, scope_id: int = NO_SCOPE
    ) -> AbstractContextManager[sa.Connection]:
        """A connection in a transaction: commits when the block ends, rolls back when it raises.

        The database may let it see the rows of `scope` only, which `scope_id` stands for if known.

        A transaction that writes has its place among the writers from the beginning, so that it
        waits there and not half-way; one that only reads sees one snapshot.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: as the driver reports it; `fault` tells what it means.
            Unavailable: (`database_busy`) its turn did not come in time.
        """
        ...

    def enter(self, connection: sa.Connection, scope_id: int) -> None:
        """The scope of a transaction became known only now."""
        ...

    def migration(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that may change the schema, one at a time whoever else tries."""
        ...

    def apply(self, connection: sa.Connection, script: str) -> None:
        """Run the statements of a migration."""
        ...

    def migrated(self) -> None:
        """The schema is up to date: see to what does not belong to it, such as roles."""
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
    ) -> set[Value]:
        """Insert the rows whose key is new; the keys, after the scope, that were there before.

        Whoever inserts the same key at the same time waits for this transaction to end.
        """
        ...

    def reserve(
        self, connection: sa.Connection, last: Callable[[], int], count: int
    ) -> Sequence[int]:
        """Ascending positions for new rows of a log, after `last` and after each other."""
        ...

    def due(
        self, connection: sa.Connection, kind: str, until: int, limit: int
    ) -> Sequence[tuple[str, str, str]]:
        """Tenant, app and id of what is due in any scope: the one look outside a scope."""
        ...

    def scopes(
        self, connection: sa.Connection, after: tuple[str, str], limit: int
    ) -> Sequence[tuple[str, str]]:
        """Tenant and app of all scopes, by name: those behind `after`."""
        ...

    def mend(self, fault: Fault) -> None:
        """Put right what kept a transaction from working, before it is begun again."""
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
