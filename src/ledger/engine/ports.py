"""What the engine needs of a store: transactions that give the repositories of every slice."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from ledger.event.model import Event
from ledger.event.ports import EventLog
from ledger.invoice.ports import DueKind, InvoiceWork
from ledger.types.scope import Scope

R = TypeVar("R")


class CollectingLog(EventLog, Protocol):
    """An event log that remembers what this transaction appended."""

    @property
    def added(self) -> Sequence[Event]:
        """The facts of this transaction so far, oldest first."""
        ...


class Work(InvoiceWork, Protocol):
    """A transaction in one scope, with a repository for every noun. It cannot name a tenant."""

    @property
    def events(self) -> CollectingLog: ...


class Store(Protocol):
    """Where everything is kept. Any object with these methods can be one.

    `ledger.testing.contract` says whether it keeps its promises.
    """

    def run(
        self, scope: Scope, work: Callable[[Work], R], *, at: datetime, writes: bool = True
    ) -> R:
        """Run `work` in a transaction that commits when it returns and rolls back when it raises.

        `at` is the instant that `work.now` says. Without `writes` it reads one snapshot.
        Raises Unavailable when the database cannot be reached or stays busy.
        """
        ...

    @property
    def writers(self) -> int:
        """How many transactions may write at the same time; the awaited face has so many threads.

        One where whoever writes holds everything.
        """
        ...

    def due(self, kind: DueKind, at: datetime, limit: int) -> list[tuple[Scope, str]]:
        """What is due in any scope at `at` or before: scopes and ids, nothing else."""
        ...

    def scopes(self, after: Scope | None = None, limit: int = 1_000) -> list[Scope]:
        """The tenants and apps that were ever written to, by name: those behind `after`."""
        ...

    def keep_up(self, at: datetime, usage_before: datetime | None = None) -> list[str]:
        """What the store wants done now and then; a worker calls it. What was done, in sentences.

        No tenant needs raw usage events of before `usage_before` any more: a store that can drop
        many at once may do so. Events that wait for a customer or feature stay.
        """
        ...

    def migrate(self) -> list[str]:
        """Bring the schema up to date; returns the names of the steps that were missing."""
        ...

    def after_fork(self) -> None:
        """Let go of connections that belong to the parent process."""
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...
