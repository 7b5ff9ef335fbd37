"""What the contract asks of a store, and the few words in which its tests are told."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol, TypeVar, cast

from ledger.customer.ports import CustomerRepository
from ledger.event.model import Event
from ledger.event.ports import EventLog
from ledger.invoice.ports import DueKind, DueRepository, InvoiceRepository
from ledger.meter.ports import UsageRepository
from ledger.plan.ports import FeatureRepository, PlanRepository
from ledger.subscription.ports import SubscriptionRepository
from ledger.types.errors import LedgerError
from ledger.types.page import Page
from ledger.types.scope import Scope

R = TypeVar("R")
T = TypeVar("T")

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
ACME = Scope("acme", "production")
OTHER_TENANT = Scope("globex", "production")
OTHER_APP = Scope("acme", "staging")


class RememberingLog(EventLog, Protocol):
    """An event log that tells what this transaction appended."""

    @property
    def added(self) -> Sequence[Event]:
        """The facts so far, in order."""
        ...


class Work(Protocol):
    """A transaction with every repository."""

    @property
    def now(self) -> datetime:
        """The instant that the transaction was given."""
        ...

    @property
    def features(self) -> FeatureRepository:
        """Features."""
        ...

    @property
    def plans(self) -> PlanRepository:
        """Plans."""
        ...

    @property
    def customers(self) -> CustomerRepository:
        """Customers."""
        ...

    @property
    def subscriptions(self) -> SubscriptionRepository:
        """Subscriptions."""
        ...

    @property
    def usage(self) -> UsageRepository:
        """Usage."""
        ...

    @property
    def invoices(self) -> InvoiceRepository:
        """Invoices."""
        ...

    @property
    def due(self) -> DueRepository:
        """What is due."""
        ...

    @property
    def events(self) -> RememberingLog:
        """The event log."""
        ...


class Store(Protocol):
    """What keeps the contract."""

    def run(
        self, scope: Scope, work: Callable[[Work], R], *, at: datetime, writes: bool = True
    ) -> R:
        """Run `work` in one transaction: commit when it returns, roll back when it raises."""
        ...

    def due(self, kind: DueKind, at: datetime, limit: int) -> list[tuple[Scope, str]]:
        """What is due in any scope, longest due first."""
        ...

    def scopes(self, after: Scope | None = None, limit: int = 1_000) -> list[Scope]:
        """The scopes that were ever written to, in order of their names."""
        ...

    def keep_up(self, at: datetime, usage_before: datetime | None = None) -> list[str]:
        """What the store wants done now and then."""
        ...


# The methods of repositories that change something; all others are called in a read transaction.
_WRITES = {
    "add", "add_billed", "add_boundary", "add_members", "add_up", "alone", "claim", "drop_rejected",
    "drop_rollups", "expire", "forget_marks", "forget_refused", "give_back", "lock", "mark",
    "match", "move_boundary", "next_number", "put", "put_levels", "reclaim", "reject", "save",
    "void",
}  # fmt: skip  # a list of names reads best as one


class Held:
    """A store in one scope and at one instant, so that a test reads as a story.

    Its repositories make a transaction of every call: `acme.plans.get("pro")`. What has to happen
    in one transaction is handed to `write` or `read`.
    """

    def __init__(self, store: Store, scope: Scope = ACME, at: datetime = NOW) -> None:
        self.store, self.scope, self.at = store, scope, at
        self.features = self._each(lambda work: work.features)
        self.plans = self._each(lambda work: work.plans)
        self.customers = self._each(lambda work: work.customers)
        self.subscriptions = self._each(lambda work: work.subscriptions)
        self.usage = self._each(lambda work: work.usage)
        self.invoices = self._each(lambda work: work.invoices)
        self.due = self._each(lambda work: work.due)
        self.events = self._each(lambda work: work.events)

    def write(self, work: Callable[[Work], R]) -> R:
        """Run `work` and commit."""
        return self.store.run(self.scope, work, at=self.at)

    def read(self, work: Callable[[Work], R]) -> R:
        """Run `work` in a transaction that only reads."""
        return self.store.run(self.scope, work, at=self.at, writes=False)

    def _each(self, repository: Callable[[Work], T]) -> T:
        # It answers to every method of the repository, which no type but the repository's says.
        return cast("T", _EachCall(self, repository))


class _EachCall:
    """A repository whose every call is a transaction."""

    def __init__(self, held: Held, repository: Callable[[Work], object]) -> None:
        self._held, self._repository = held, repository

    def __getattr__(self, name: str) -> Callable[..., object]:
        run = self._held.write if name in _WRITES else self._held.read

        def call(*args: object, **options: object) -> object:
            def work(work: Work) -> object:
                answer: object = getattr(self._repository(work), name)(*args, **options)
                # What is read on the way has to be read before the transaction ends.
                is_iterator = name in {"members", "stored"}
                return [*cast("Iterator[object]", answer)] if is_iterator else answer

            return run(work)

        return call


@contextmanager
def refused(kind: type[LedgerError], code: str) -> Generator[None]:
    """The block raises this error with this code, and with a sentence."""
    try:
        yield
    except kind as error:
        said = error
    else:
        raise AssertionError(f"nothing was refused, where {kind.__name__} {code} was due")
    assert said.code == code, f"refused as {said.code}, not {code}: {said}"
    assert " " in said.message


def pages(page: Callable[[str | None], Page[T]]) -> list[list[T]]:
    """All pages of a list, by following the cursors."""
    found: list[list[T]] = []
    cursor: str | None = None
    while True:
        one = page(cursor)
        found.append(list(one.items))
        cursor = one.next_cursor
        if cursor is None:
            return found
