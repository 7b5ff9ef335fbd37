"""Runs transactions, reads the clock once for each, and tells what happened after the commit."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from ledger.engine.ports import Store, Work
from ledger.event.model import Event
from ledger.types.clock import Clock
from ledger.types.scope import Scope

R = TypeVar("R")
Listener = Callable[[Scope, Sequence[Event]], None]


class Runner:
    """The way to the store. Listeners hear of facts once they are true, never before."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Hand the facts of each committed transaction to `listener`, in this process."""
        self._listeners.append(listener)

    def run(self, scope: Scope, work: Callable[[Work], R], *, writes: bool) -> R:
        """Run `work` in one transaction; see `Store.run`."""
        told: list[Event] = []

        def collected(open_work: Work) -> R:
            result = work(open_work)
            told[:] = open_work.events.added  # replaced when the store runs the work again
            return result

        result = self.store.run(scope, collected, at=self.clock.now(), writes=writes)
        if told:
            for listener in self._listeners:
                listener(scope, told)
        return result
