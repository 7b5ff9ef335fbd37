"""A subscription to test with, and instants that are easy to read."""

from datetime import UTC, datetime

from ledger.subscription.model import Subscription
from ledger.types import ids
from ledger.types.period import Anchor, Interval
from ledger.types.zone import local_date


def at(text: str) -> datetime:
    """An instant of 2026 in UTC: `"03-01"` or `"03-01 12:30"`."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


def subscription_of(
    start: str = "03-01",
    *,
    trial_end: str | None = None,
    end: str | None = None,
    zone: str = "UTC",
    interval: str = "month",
) -> Subscription:
    begins = at(start)
    trial = None if trial_end is None else at(trial_end)
    return Subscription(
        id=ids.SUBSCRIPTION.new(),
        customer=ids.CUSTOMER.new(),
        plan=ids.PLAN.new(),
        plan_version=1,
        currency="USD",
        time_zone=zone,
        start=begins,
        trial_end=trial,
        anchor=Anchor.on(local_date(trial or begins, zone)),
        interval=Interval.of(interval),
        end=None if end is None else at(end),
        created_at=begins,
        as_of=begins,
    )
