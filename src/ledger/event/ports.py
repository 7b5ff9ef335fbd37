"""What the event log needs of a store."""

from typing import Protocol

from ledger.event.model import Event, LoggedEvent
from ledger.types.page import Page


class EventLog(Protocol):
    """Appends facts in the current transaction and reads them in order."""

    def add(self, event: Event) -> None:
        """Append a fact; it becomes visible with the commit, or not at all."""
        ...

    def page(self, after: str | None, limit: int) -> Page[LoggedEvent]:
        """The entries after a cursor, oldest first."""
        ...


class EventWork(Protocol):
    """A transaction that can read the event log."""

    @property
    def events(self) -> EventLog: ...
