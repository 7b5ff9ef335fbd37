"""What can be done with usage: record it, match it, read it. Each in the caller's transaction."""

from collections.abc import Sequence

from ledger.meter.acceptance import stamp
from ledger.meter.config import BATCH_MAX, LATE_PERIODS
from ledger.meter.matching import match_customer, match_feature
from ledger.meter.model import (
    EventResult,
    Reading,
    RejectedEvent,
    StoredEvent,
    Unmatched,
    UsageEvent,
)
from ledger.meter.ports import UsageWork
from ledger.meter.quantities import quantity_in
from ledger.meter.querying import current_period, query, total
from ledger.meter.recording import judge, rejected, settle
from ledger.types.errors import Invalid
from ledger.types.page import Page

__all__ = [
    "current_period",
    "match_customer",
    "match_feature",
    "quantity_in",
    "query",
    "record",
    "record_readings",
    "refuse",
    "rejected_page",
    "total",
    "unmatched_page",
]


def record(
    work: UsageWork, events: Sequence[UsageEvent], *, late_periods: int = LATE_PERIODS
) -> list[EventResult]:
    """Store usage events and say what became of each, in order.

    An event that is malformed is `rejected` with the reason and kept nowhere; the others are
    stored and counted in this transaction. Events that are too early, too late, or in conflict
    with a stored one are kept in the list of rejected events. `late_periods` is how many billing
    periods back an event is taken.

    Raises:
        Invalid: (`too_many_events`) more than 10,000.
    """
    if len(events) > BATCH_MAX:
        raise Invalid(
            f"{len(events):,} events were given; at most {BATCH_MAX:,} are recorded in one call",
            code="too_many_events",
            param="events",
        )
    stamped = [_stamped(work, event) for event in events]
    readings = [one for one in stamped if isinstance(one, Reading)]
    answers = iter(record_readings(work, readings, late_periods=late_periods))
    return [next(answers) if isinstance(one, Reading) else one for one in stamped]


def record_readings(
    work: UsageWork,
    readings: Sequence[Reading],
    writer: str | None = None,
    batch: int = 0,
    *,
    late_periods: int = LATE_PERIODS,
) -> list[EventResult]:
    """Store readings and say what became of each, in order.

    With a `writer` the transaction also notes that its batches up to `batch` are stored, so that
    whoever reads usage knows which of the writer's events it saw; batches count from 1. Storing
    readings twice adds nothing.
    """
    results = settle(work, judge(work, readings, late_periods)) if readings else []
    if writer is not None and batch:
        work.usage.mark(writer, batch)
    return results


def refuse(work: UsageWork, readings: Sequence[Reading], reason: str) -> None:
    """Keep readings that cannot be stored in the list of rejected events, with the reason."""
    work.usage.reject([rejected(work, reading, reason) for reading in readings])


def unmatched_page(
    work: UsageWork,
    *,
    after: str | None = None,
    limit: int = 100,
    reason: Unmatched | None = None,
) -> Page[StoredEvent]:
    """Stored events that wait until their customer or event name is known, oldest first."""
    return work.usage.unmatched(after, limit, reason=reason)


def rejected_page(
    work: UsageWork, *, after: str | None = None, limit: int = 100
) -> Page[RejectedEvent]:
    """Events that were refused after `meter()` had returned, or in a batch, with the reason."""
    return work.usage.rejected(after, limit)


def _stamped(work: UsageWork, event: UsageEvent) -> Reading | EventResult:
    try:
        return stamp(event, work.now)
    except Invalid as error:
        key = event.key if isinstance(event, UsageEvent) and isinstance(event.key, str) else None
        return EventResult("rejected", None, key, f"{error.code}: {error.message}")
