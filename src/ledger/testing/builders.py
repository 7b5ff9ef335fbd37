"""Builders: the things that most tests of billing begin with, in one line each.

A test says only what it is about; the rest is an ordinary plan of $49.00 a month in advance and
$0.0005 a call, sold to a customer called Jane.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from ledger.engine.face import Blocking
from ledger.engine.tenant import Tenant
from ledger.meter.model import UsageEvent
from ledger.plan.feature import Feature
from ledger.plan.model import Included, Limit, Plan
from ledger.plan.price import Price
from ledger.subscription.model import Subscription
from ledger.types.errors import NotFound
from ledger.types.money import USD
from ledger.types.period import Interval

CALLS = "api_calls"


def a_feature(key: str = CALLS) -> Feature:
    """A metered feature that sums the quantity of the events of its own key."""
    return Feature(key, "metered", unit="call")


def a_plan(
    key: str = "pro",
    *,
    prices: Sequence[Price] | None = None,
    entitlements: dict[str, Included] | None = None,
    interval: Interval | str = "month",
    trial_days: int = 0,
) -> Plan:
    """A plan in USD: $49.00 in advance, $0.0005 a call, at most a million calls a month."""
    usual = [Price.flat(USD(4900)), Price.per_unit(CALLS, "0.05")]
    return Plan(
        key,
        key.capitalize(),
        "USD",
        interval,
        usual if prices is None else prices,
        {CALLS: Limit(1_000_000)} if entitlements is None else entitlements,
        trial_days,
    )


def subscribed(
    tenant: Tenant[Blocking],
    customer: str = "jane",
    plan: Plan | None = None,
    *,
    start: datetime | None = None,
) -> Subscription:
    """A subscription of `customer` (an external id) to `plan`, with all that it needs.

    Features, plan and customer are made unless they exist under their keys. Features that the plan
    mentions and that do not exist are metered.
    """
    plan = a_plan() if plan is None else plan
    for key in sorted(plan.feature_keys()):
        try:
            tenant.features.get(key)
        except NotFound:
            tenant.features.create(a_feature(key))
    try:
        tenant.plans.get(plan.key)
    except NotFound:
        tenant.plans.create(plan)
    try:
        tenant.customers.get(customer)
    except NotFound:
        tenant.customers.create(name=customer.capitalize(), external_id=customer)
    return tenant.subscriptions.create(customer, plan.key, start=start)


def some_usage(
    count: int,
    *,
    start: datetime,
    every: timedelta = timedelta(hours=1),
    customer: str = "jane",
    event: str = CALLS,
    quantity: int | str | Decimal = 1,
) -> list[UsageEvent]:
    """`count` events, `every` so often from `start` on, each with a key of its own."""
    return [
        UsageEvent(
            event, customer, quantity, f"{event}-{customer}-{number}", start + number * every
        )
        for number in range(count)
    ]
