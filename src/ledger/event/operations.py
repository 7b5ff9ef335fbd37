"""Read the event log."""

from ledger.event.model import LoggedEvent
from ledger.event.ports import EventWork
from ledger.types.page import Page


def page(work: EventWork, *, after: str | None = None, limit: int = 100) -> Page[LoggedEvent]:
    """Facts of this tenant, oldest first: what was created, changed, billed, and when."""
    return work.events.page(after, limit)
