"""The store: transactions in a scope, on whatever database holds the schema."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from threading import local
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from ledger.store.sql import migrate
from ledger.store.sql.again import Again
from ledger.store.sql.connection import ScopedConnection
from ledger.store.sql.database import Database, Finding
from ledger.store.sql.errors import PASSING, Fault, Interrupted, refusal
from ledger.store.sql.migrations import steps
from ledger.store.sql.scopes import Scopes
from ledger.store.sql.work import SqlWork
from ledger.types.errors import Broken, Conflict, LedgerError, Unavailable
from ledger.types.scope import Scope
from ledger.types.zone import micros, utc

R = TypeVar("R")


class SqlStore:
    """Where everything is kept. Any thread may use it; most methods are for whoever opens it.

    Raises, from any of its methods:
        Unavailable: the database cannot be reached, is full, or stays busy.
        Broken: it is damaged.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._steps = steps(database.name)
        self._here = local()
        self._is_open = True
        self._scopes = Scopes(database)

    def run(
        self, scope: Scope, work: Callable[[SqlWork], R], *, at: datetime, writes: bool = True
    ) -> R:
        """Run `work` in a transaction: commit when it returns, roll back when it raises.

        Args:
            scope: whose data it is.
            work: what to do; a transaction inside it is refused.
            at: the instant that `work.now` says.
            writes: without it the transaction reads one snapshot, and no other waits for it.

        Raises:
            Conflict: what was stored was changed by somebody else; the codes of the ports.
            Unavailable, Broken: as the class says.
        """
        now = utc(at)

        def once() -> R:
            known = self._scopes.known(scope)
            with self.database.transaction(
                writes=writes, scope=scope, scope_id=known
            ) as connection:
                scoped = ScopedConnection(
                    connection, self.database, self._scopes, scope, known, writes=writes
                )
                return work(SqlWork(now, scoped))

        return self._patiently(once)

    def due(self, kind: str, at: datetime, limit: int) -> list[tuple[Scope, str]]:
        """What is due in any scope at `at` or before, longest due first: scopes and ids only."""

        def once() -> list[tuple[Scope, str]]:
            with self.database.transaction(writes=False) as connection:
                rows = self.database.due(connection, kind, micros(at), limit)
            return [(Scope(tenant, app), thing) for tenant, app, thing in rows]

        return self._patiently(once)

    def scopes(self, after: Scope | None = None, limit: int = 1_000) -> list[Scope]:
        """The tenants and apps that were ever written to, by name: those behind `after`."""

        def once() -> list[Scope]:
            names = ("", "") if after is None else (after.tenant, after.app)
            with self.database.transaction(writes=False) as connection:
                rows = self.database.scopes(connection, names, limit)
            return [Scope(tenant, app) for tenant, app in rows]

        return self._patiently(once)

    def keep_up(self, at: datetime, usage_before: datetime | None = None) -> list[str]:
        """What a database wants done now and then; what was done, in sentences."""
        with self._transaction():
            return self.database.keep_up(utc(at), usage_before and utc(usage_before))

    @property
    def writers(self) -> int:
        """How many transactions may write at the same time; more than those wait their turn."""
        return self.database.writers

    def admit(self) -> None:
        """Refuse to work as somebody whom the database would not keep inside a scope.

        Raises:
            Denied: (`superuser_refused`) and says what to do.
        """
        self._patiently(self.database.admit)

    def migrate(self) -> list[str]:
        """Bring the schema up to date; the names of the steps that were missing.

        Raises:
            Conflict: (`schema_too_new`) a newer version of Ledger has used the database.
            Broken: (`migration_edited`).
        """
        applied = list[str]()

        def once() -> None:
            applied.extend(migrate.migrate(self.database, self._steps))
            self.database.migrated()

        self._patiently(once)
        return applied

    def pending(self) -> list[str]:
        """The names of the steps that `migrate` would apply, in their order.

        Raises:
            Conflict, Broken: as `migrate`.
        """
        with self._transaction(), self.database.transaction(writes=False) as connection:
            done = migrate.applied(self.database, connection)
        migrate.check(done, self._steps)
        return [step.name for step in self._steps if step.version not in done]

    def schema_version(self) -> int:
        """The number of the last migration that was applied; 0 before the first."""
        with self._transaction(), self.database.transaction(writes=False) as connection:
            return max(migrate.applied(self.database, connection), default=0)

    def check(self) -> list[Finding]:
        """A look at the whole database, for `doctor`: what was found, and whether it is right."""
        version, newest = self.schema_version(), self._steps[-1].version
        schema = Finding("schema", version == newest, f"version {version} of {newest}")
        with self._transaction():
            return [schema, *self.database.findings()]

    def after_fork(self) -> None:
        """Let go of connections that belong to the parent process."""
        self._here = local()
        self.database.after_fork()

    def close(self) -> None:
        """Let go of all connections; the store cannot be used any more."""
        self._is_open = False
        self.database.close()

    def _patiently(self, once: Callable[[], R]) -> R:
        """Do something in a transaction; again for a while, if it was undone and may be repeated.

        That is when the server had to choose among transactions that waited for each other, or when
        the connection was lost before it was to commit.
        """
        with self._transaction():
            again, fault = Again(self.database.patience_s), None
            while True:
                try:
                    if fault is not None:
                        self.database.mend(fault)
                    return once()
                except (Interrupted, SQLAlchemyError) as error:
                    fault = self._fault(error)
                    if fault.kind == "lost":
                        self._scopes.forget()
                    if fault.kind not in PASSING or not again.after(fault):
                        raise self._refusal(error) from error

    @contextmanager
    def _transaction(self) -> Generator[None]:
        if not self._is_open:
            raise Conflict("the store is closed", code="store_closed")
        if getattr(self._here, "busy", False):
            # It would wait for itself, or not see what the one around it has written.
            raise Broken("a transaction was begun inside another one", code="nested_transaction")
        self._here.busy = True
        try:
            yield
        except SQLAlchemyError as error:
            raise self._refusal(error) from error
        finally:
            self._here.busy = False

    def _fault(self, error: Interrupted | SQLAlchemyError) -> Fault:
        return error.fault if isinstance(error, Interrupted) else self.database.fault(error)

    def _refusal(self, error: Interrupted | SQLAlchemyError) -> LedgerError:
        if isinstance(error, SQLAlchemyError):
            found = refusal(self.database.fault(error), self.database.place, {}, error)
        else:
            found = error
        if isinstance(found, Interrupted):  # that it may be begun again is of no use to a caller
            return Unavailable(found.message, code=found.code)
        return found
