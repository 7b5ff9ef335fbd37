"""Retention: raw usage events that nobody needs any more are removed; what they came to stays.

An event is needed while one of its time could still come in (then it has to be known as sent twice)
and while a period that holds it can still be billed from it.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec

from ledger.engine.core import TenantCore
from ledger.engine.ports import Work
from ledger.meter.config import LATE_PERIODS
from ledger.meter.rollup import HOUR_US
from ledger.plan.model import Plan
from ledger.types.errors import Invalid
from ledger.types.period import Interval
from ledger.types.zone import from_micros, instant_text, micros, utc

KEPT = timedelta(days=35)
"""How long an event's key is known at least, whatever the billing periods. Source: SEMANTICS §6."""

CHUNK = 5_000
"""How many events go in one transaction."""

Progress = Callable[[int, int], None]
"""Told hours done and hours in all."""

_MONTH_DAYS = 31
_DATES = timedelta(days=2)  # no zone's date is further from UTC's
_FOREVER = datetime.max.replace(tzinfo=UTC)
_PAGE = 100


class Expiry(msgspec.Struct, frozen=True):
    """What was removed: usage events of before `before`, and refused ones."""

    before: datetime
    events: int
    refused: int


def expirable(work: Work) -> datetime:
    """The instant before which usage events can be removed: none is accepted or billed any more.

    An event is taken back to the start of the third billing period before the present one. So that
    is four of the longest period that any plan has, at least 35 days, before now, or before the
    oldest boundary that is due and not billed. To the hour.
    """
    due = [_oldest_due(work), work.now]
    longest = max(_periods(work), default=timedelta(days=_MONTH_DAYS))
    window = max((LATE_PERIODS + 1) * longest + _DATES, KEPT)
    return _hour(min(due) - window)


def expire(core: TenantCore, before: datetime, on_progress: Progress | None = None) -> Expiry:
    """Remove raw usage events of before an instant, with their keys, and refused ones as old.

    What they came to stays: totals, invoices, entitlements. Usage of that time can no longer be
    grouped by a property that is no dimension, voided or counted anew, and is told by whole
    quarters of an hour. Events that wait for their customer or feature stay. A few thousand go in a
    transaction; when it is interrupted, say it again to go on. `on_progress` is called with the
    hours that are done and all there are.

    Raises Invalid for an instant after which events may still come in or be billed
    (`expiry_too_late`; the sentence names it) or that has no time zone.
    """
    wanted = _hour(before)
    earliest = core.run(expirable, writes=False)
    if wanted > earliest:
        raise Invalid(
            f"usage events of before {instant_text(earliest)} can be removed, not of before"
            f" {instant_text(wanted)}: later ones may still come in or be billed",
            code="expiry_too_late",
            param="before",
        )
    events = _expire_events(core, micros(wanted) // HOUR_US, on_progress)
    refused = 0
    while gone := core.run(lambda work: work.usage.forget_refused(wanted, CHUNK), writes=True):
        refused += gone
    core.run(lambda work: work.usage.forget_marks(work.now - KEPT), writes=True)
    return Expiry(wanted, events, refused)


def _expire_events(core: TenantCore, last: int, on_progress: Progress | None) -> int:
    oldest = core.run(lambda work: work.usage.oldest_hour(), writes=False)
    first = last if oldest is None else min(oldest, last)
    events, hour = 0, first
    while hour < last:
        gone, hour = core.run(partial(_chunk, hour, last), writes=True)
        events += gone
        if on_progress is not None:
            on_progress(hour - first, last - first)
    return events


def _chunk(first: int, last: int, work: Work) -> tuple[int, int]:
    return work.usage.expire((first, last), work.now - KEPT, CHUNK)


def _oldest_due(work: Work) -> datetime:
    """The oldest boundary that is, or will be, billed, or whose draft is not final yet."""
    coming = [work.due.get("billing", thing) for thing in work.due.list("billing", _FOREVER, 1)]
    drafts = [
        work.invoices.get(draft).boundary for draft in work.due.list("finalize", _FOREVER, _PAGE)
    ]
    return min((date for date in (*coming, *drafts) if date is not None), default=work.now)


def _periods(work: Work) -> Iterator[timedelta]:
    """How long a period of each version of each plan can be."""
    for plan in _plans(work):
        yield from (_longest(plan.interval_of(price)) for price in plan.prices)
        yield _longest(plan.interval)


def _plans(work: Work) -> Iterator[Plan]:
    after: str | None = None
    while True:
        page = work.plans.page(after, _PAGE)
        for plan in page.items:
            yield from work.plans.versions(plan.id)
        after = page.next_cursor
        if after is None:
            return


def _longest(interval: Interval) -> timedelta:
    return timedelta(days=interval.days + interval.months * _MONTH_DAYS)


def _hour(at: datetime) -> datetime:
    return from_micros(micros(utc(at)) // HOUR_US * HOUR_US)
