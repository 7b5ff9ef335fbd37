"""Facts to decide on, and instants that are easy to read."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from ledger.entitlement.model import EntitlementFacts, Holding
from ledger.plan.feature import Aggregation, Feature, Meter
from ledger.plan.model import Included
from ledger.subscription.model import Attribution, Subscription
from ledger.types import ids
from ledger.types.period import Anchor, Interval
from ledger.types.zone import local_date, parse_instant

JANE = ids.CUSTOMER.new()
CALLS = Feature("calls", "metered")
SEATS = Feature("seats", "licensed")
SSO = Feature("sso", "boolean")


def at(text: str) -> datetime:
    """An instant of 2026 in UTC: `"03-01"` or `"03-01 12:30"`."""
    day, _, time = text.partition(" ")
    return parse_instant(f"2026-{day}T{time or '00:00'}Z")


def subscription_of(
    start: str = "01-01",
    *,
    trial_end: str | None = None,
    end: str | None = None,
    zone: str = "UTC",
    interval: str = "month",
    quantities: Mapping[str, int] | None = None,
    attribution: Attribution = "customer",
) -> Subscription:
    begins = at(start)
    trial = None if trial_end is None else at(trial_end)
    return Subscription(
        id=ids.SUBSCRIPTION.new(),
        customer=JANE,
        plan=ids.PLAN.new(),
        plan_version=1,
        currency="USD",
        time_zone=zone,
        start=begins,
        trial_end=trial,
        anchor=Anchor.on(local_date(trial or begins, zone)),
        interval=Interval.of(interval),
        quantities={key: Decimal(quantity) for key, quantity in (quantities or {}).items()},
        attribution=attribution,
        end=None if end is None else at(end),
        created_at=begins,
        as_of=begins,
    )


def facts_of(
    *holdings: tuple[Subscription, Included], now: str | datetime, feature: Feature = CALLS
) -> EntitlementFacts:
    return EntitlementFacts(
        customer=JANE,
        refs=(JANE, "user_42"),
        feature=feature,
        holdings=tuple(Holding(subscription, included) for subscription, included in holdings),
        at=at(now) if isinstance(now, str) else now,
        time_zone="UTC",
    )


def metered(aggregation: Aggregation) -> Feature:
    return Feature("calls", "metered", Meter("calls", aggregation))
