"""Boundaries: the instants at which a subscription is billed. Pure. Source: SEMANTICS §3, §9.

They are the start of billing, every boundary of the intervals of its prices, and its end.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from ledger.meter.config import LATE_PERIODS
from ledger.plan.model import Plan
from ledger.subscription.model import Subscription

_INSTANT = timedelta(microseconds=1)


def next_boundary(
    subscription: Subscription, plan: Plan, last: datetime | None = None
) -> datetime | None:
    """The first boundary after `last`, or boundary 0; None when no more is to come.

    A subscription that ended before its billing started, or whose plan has no price in its
    currency, has none.
    """
    start, end = subscription.billing_start, subscription.end
    intervals = {plan.interval_of(price) for price in plan.prices_in(subscription.currency)}
    if not intervals or (end is not None and end <= start):
        return None
    if last is None or last < start:
        return start
    if end is not None and end <= last:
        return None
    # Not of the shortest interval alone: of 2 and 3 months in half a year neither holds the other.
    coming = min(subscription.schedule(each).next_boundary(last) for each in intervals)
    return coming if end is None else min(coming, end)


def boundaries_after(
    subscription: Subscription, plan: Plan, last: datetime | None = None
) -> Iterator[datetime]:
    """All boundaries after `last`, or from boundary 0 on; without end, unless there is one."""
    boundary = next_boundary(subscription, plan, last)
    while boundary is not None:
        yield boundary
        boundary = next_boundary(subscription, plan, boundary)


def late_since(subscription: Subscription, boundary: datetime) -> datetime:
    """The start of the oldest period whose late usage an invoice at `boundary` still bills.

    It lies `LATE_PERIODS` billing periods before the one that ends at `boundary`: usage that came
    in until then can be that old.
    """
    schedule = subscription.schedule()
    if boundary <= schedule.start:
        return schedule.start
    return schedule.boundary(max(schedule.completed(boundary - _INSTANT) - LATE_PERIODS, 0))
