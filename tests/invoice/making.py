"""What the tests of invoices are about: features, plans, subscriptions, and facts to draft from."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from ledger.invoice.drafting import Billed, ChainKey, Facts, charges_due, draft_lines, needs
from ledger.invoice.model import LineItem
from ledger.plan.feature import Feature
from ledger.plan.model import Plan
from ledger.plan.price import Price
from ledger.subscription.model import Subscription
from ledger.types import ids
from ledger.types.period import Anchor
from ledger.types.zone import local_date, midnight

CALLS = Feature("api_calls", "metered", unit="call", name="API calls")
SEATS = Feature("seats", "licensed", unit="seat")
FEATURES = {"api_calls": CALLS, "seats": SEATS}


def at(text: str, zone: str = "UTC") -> datetime:
    """An instant: a local date stands for its midnight, else a UTC time."""
    if len(text) == len("2026-01-31"):
        return midnight(date.fromisoformat(text), zone)
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def plan_of(*prices: Price, interval: str = "month", currency: str = "USD") -> Plan:
    return Plan("pro", "Pro", currency, interval, prices)


def subscribed(
    plan: Plan,
    start: str,
    *,
    end: str | None = None,
    trial_end: str | None = None,
    anchor: int | date | None = None,
    zone: str = "UTC",
    quantities: Mapping[str, int] | None = None,
) -> Subscription:
    begins = at(start, zone)
    billed_from = begins if trial_end is None else at(trial_end, zone)
    return Subscription(
        id=ids.SUBSCRIPTION.new(),
        customer=ids.CUSTOMER.new(),
        plan=plan.id,
        plan_version=plan.version,
        currency=plan.currency,
        time_zone=zone,
        start=begins,
        trial_end=None if trial_end is None else billed_from,
        anchor=Anchor.of(anchor, local_date(billed_from, zone)),
        interval=plan.interval,
        quantities={key: Decimal(value) for key, value in (quantities or {}).items()},
        end=None if end is None else at(end, zone),
        created_at=begins,
        as_of=begins,
    )


def lines_at(
    plan: Plan,
    subscription: Subscription,
    boundary: str,
    usage: int | str | Mapping[str, int] = 0,
    *,
    closed: tuple[str, ...] = (),
    billed: Mapping[ChainKey, Billed] | None = None,
) -> tuple[LineItem, ...]:
    """The lines at a boundary. `usage` is the quantity of a period, or one per period's start."""
    zone = subscription.time_zone
    when = at(boundary, zone)
    charges = charges_due(subscription, plan, FEATURES, when, [at(each, zone) for each in closed])
    facts = Facts(
        subscription=subscription,
        plan=plan,
        boundary=when,
        now=when,
        charges=charges,
        billed=billed or {},
        usage={need.key: _of(usage, str(need.period.start_date)) for need in needs(charges)},
    )
    return draft_lines(facts)


def _of(usage: int | str | Mapping[str, int], start: str) -> Decimal:
    return Decimal(usage.get(start, 0) if isinstance(usage, Mapping) else usage)


def told(lines: tuple[LineItem, ...]) -> list[tuple[str, str, int]]:
    """First and first unpaid day of each line, and its amount."""
    return [
        (str(line.service_period.start_date), str(line.service_period.end_date), line.amount.amount)
        for line in lines
    ]
