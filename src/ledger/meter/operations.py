"""What can be done with usage: record, match, read, correct. Each in the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime

from ledger.meter.acceptance import stamp
from ledger.meter.config import BATCH_MAX, LATE_PERIODS
from ledger.meter.correcting import get, replace, void
from ledger.meter.matching import match_customer, match_feature
from ledger.meter.model import (
    EventResult,
    Outcome,
    Reading,
    RejectedEvent,
    StoredEvent,
    Unmatched,
    UsageEvent,
    UsageState,
)
from ledger.meter.ports import UsageWork
from ledger.meter.quantities import quantity_in
from ledger.meter.querying import current_period, query, total
from ledger.meter.recording import judge, rejected, settle
from ledger.meter.retrying import dismiss_rejected, dismiss_unmatched, retry_rejected
from ledger.types.errors import Invalid
from ledger.types.page import Page
from ledger.types.zone import utc

__all__ = [
    "current_period",
    "dismiss_rejected",
    "dismiss_unmatched",
    "get",
    "match_customer",
    "match_feature",
    "page",
    "quantity_in",
    "query",
    "record",
    "record_readings",
    "refuse",
    "rejected_page",
    "replace",
    "retry_rejected",
    "total",
    "unmatched_page",
    "void",
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


def page(
    work: UsageWork,
    *,
    after: str | None = None,
    limit: int = 100,
    customer: str | None = None,
    event: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    state: UsageState | None = None,
) -> Page[StoredEvent]:
    """Stored usage events in order of arrival.

    Those of a customer by id or external id, or by the name that is not known; of an event name;
    of a time in [start, end); in a state: `matched`, `unmatched`, or `voided`. Without a state all
    that are not voided.
    """
    known = None if customer is None else work.customers.find(customer)
    return work.usage.page(
        after,
        limit,
        customer=customer if known is None else known.id,
        event=event,
        start=None if start is None else utc(start),
        end=None if end is None else utc(end),
        state=state,
    )


def unmatched_page(
    work: UsageWork,
    *,
    after: str | None = None,
    limit: int = 100,
    reason: Unmatched | None = None,
    customer: str | None = None,
    event: str | None = None,
) -> Page[StoredEvent]:
    """Stored events that wait until their customer or event name is known, oldest first.

    All, or those that wait for a `reason`, of a customer (as they say it) or of an event name.
    """
    return work.usage.unmatched(after, limit, reason=reason, customer=customer, event=event)


def rejected_page(
    work: UsageWork,
    *,
    after: str | None = None,
    limit: int = 100,
    outcome: Outcome | None = None,
    code: str | None = None,
) -> Page[RejectedEvent]:
    """Events that were refused after `meter()` had returned, or in a batch, with the reason.

    All, or those of an `outcome` (`rejected` or `conflict`), or whose reason begins with a code,
    such as `too_late`.
    """
    return work.usage.rejected(after, limit, outcome=outcome, code=code)


def _stamped(work: UsageWork, event: UsageEvent) -> Reading | EventResult:
    try:
        return stamp(event, work.now)
    except Invalid as error:
        key = event.key if isinstance(event, UsageEvent) and isinstance(event.key, str) else None
        return EventResult("rejected", None, key, f"{error.code}: {error.message}")
