"""A desk at which operations are done one after another, on a store in memory."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Concatenate, ParamSpec, TypeVar

import pytest

from ledger.event import operations as event
from ledger.store.memory import open_memory
from ledger.store.sql.work import SqlWork
from ledger.types.errors import LedgerError
from ledger.types.scope import Scope

P = ParamSpec("P")
R = TypeVar("R")

SCOPE = Scope("acme", "test")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


class Desk:
    """Does operations at `now`, each in a transaction of its own."""

    def __init__(self, now: datetime = NEW_YEAR) -> None:
        self.now = now
        self.store = open_memory()
        self.store.migrate()

    def do(
        self, operation: Callable[Concatenate[SqlWork, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        return self.store.run(SCOPE, lambda work: operation(work, *args, **kwargs), at=self.now)

    def refusal(
        self,
        operation: Callable[Concatenate[SqlWork, P], object],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> LedgerError:
        """How an operation is refused; it has told nothing to the event log."""
        told = self.told()
        with pytest.raises(LedgerError) as refused:
            self.do(operation, *args, **kwargs)
        assert self.told() == told
        return refused.value

    def told(self) -> list[str]:
        """The names of the facts in the event log, oldest first."""
        return [entry.type for entry in self.do(event.page, limit=1000)]


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.store.close()
