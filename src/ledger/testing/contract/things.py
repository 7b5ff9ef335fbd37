"""Things to store: each valid, each with something in every field that a store could lose."""

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from ledger.customer.model import Address, Customer, TaxId
from ledger.event.model import Event
from ledger.invoice.model import Buyer, Invoice, LineItem
from ledger.meter.model import Outcome, RejectedEvent, StoredEvent, Unmatched, UsageEvent
from ledger.plan.feature import Feature, Meter
from ledger.plan.model import Limit, Plan
from ledger.plan.price import FlatPrice, Price, Tier
from ledger.rating.derivation import Derivation
from ledger.subscription.model import Subscription
from ledger.testing.contract.store import NOW, Work
from ledger.types import ids
from ledger.types.ids import CustomerId
from ledger.types.money import USD
from ledger.types.period import Anchor, Interval, Period

MONTH = timedelta(days=31)


class Noted(Event, frozen=True):
    """A fact of the contract's own."""

    what: str

    @property
    def entity_id(self) -> str:
        """What it is about."""
        return self.what


def feature(key: str = "api_calls", event: str | None = None) -> Feature:
    """A metered feature that groups by model."""
    meter = Meter(event=event or key, aggregation="sum", dimensions=("model",))
    return Feature(key=key, kind="metered", meter=meter, unit="call", created_at=NOW)


def plan(key: str = "pro", version: int = 1) -> Plan:
    """A plan with a flat price, tiers and limits."""
    tiers = [Tier(up_to=10_000, unit="0"), Tier(unit="0.05", flat="1.5")]
    return Plan(
        key=key,
        name=f"The {key} plan",
        currency="USD",
        interval="month",
        prices=[Price.flat(USD(4900)), Price.graduated("api_calls", tiers)],
        entitlements={"api_calls": Limit(1_000_000), "sso": True, "seats": False},
        metadata={"é": "ü"},
        version=version,
        created_at=NOW,
    )


def customer(external_id: str | None = None, name: str = "Jane") -> Customer:
    """A customer in Berlin."""
    return Customer(
        id=ids.CUSTOMER.new(),
        name=name,
        email="jane@example.com",
        external_id=external_id,
        address=Address(line1="Allee 1", city="Berlin", country="DE"),
        time_zone="Europe/Berlin",
        tax_ids=(TaxId("eu_vat", "DE123456789"),),
        metadata={"segment": "a"},
        created_at=NOW,
    )


def subscription(
    customer: Customer,
    plan: Plan,
    start: datetime = NOW,
    trial_end: datetime | None = None,
    end: datetime | None = None,
) -> Subscription:
    """A monthly subscription with seats."""
    return Subscription(
        id=ids.SUBSCRIPTION.new(),
        customer=customer.id,
        plan=plan.id,
        plan_version=plan.version,
        currency="USD",
        time_zone=customer.time_zone,
        start=start,
        trial_end=trial_end,
        anchor=Anchor.on(start.date()),
        interval=Interval.of("month"),
        quantities={"seats": Decimal("5.5")},
        end=end,
        created_at=NOW,
        as_of=NOW,
    )


def invoice(subscription: Subscription, boundary: datetime = NOW) -> Invoice:
    """A draft with one line."""
    amount = USD(4900)
    return Invoice(
        id=ids.INVOICE.new(),
        customer=subscription.customer,
        subscription=subscription.id,
        boundary=boundary,
        currency="USD",
        lines=(_line(subscription, boundary),),
        subtotal=amount,
        discount=USD(0),
        tax=USD(0),
        total=amount,
        amount_due=amount,
        buyer=Buyer("Jane", "jane@example.com"),
        created_at=NOW,
        finalize_at=NOW,
    )


def _line(subscription: Subscription, boundary: datetime) -> LineItem:
    price = ids.PRICE.new()
    derivation = Derivation(
        price=price,
        plan=subscription.plan,
        plan_version=subscription.plan_version,
        model=FlatPrice(Decimal(4900)),
        quantity=Decimal(1),
        priced=Decimal(1),
        full="4900",
        exact="4900",
        rounded=4900,
    )
    return LineItem(
        id=ids.LINE_ITEM.new(),
        kind="recurring",
        description="The pro plan",
        subscription=subscription.id,
        price=price,
        service_period=Period(boundary, boundary + MONTH, "Europe/Berlin"),
        quantity=Decimal(1),
        amount=USD(4900),
        derivation=derivation,
    )


def usage_event(
    customer: str,
    event: str = "api_calls",
    at: datetime = NOW,
    key: str | None = None,
    unmatched: Unmatched | None = None,
) -> StoredEvent:
    """A usage event with a fraction and properties."""
    own = ids.USAGE_EVENT.new()
    return StoredEvent(
        id=own,
        key=own if key is None else key,
        event=event,
        customer=customer,
        quantity=Decimal("-2.000000001"),
        time=at,
        properties={"model": "größer", "n": 3, "cached": True, "none": None},
        subscription=None,
        received_at=NOW,
        unmatched=unmatched,
    )


def voided(event: StoredEvent, at: datetime = NOW) -> StoredEvent:
    """The event, taken back."""
    return replace(event, voided_at=at, void_reason="größer gemeldet")


def rejected_event(
    at: datetime = NOW,
    number: int = 1,
    outcome: Outcome = "rejected",
    reason: str = "too_late: it came too late.",
) -> RejectedEvent:
    """A usage event that was refused; an odd one says its time and an exact fraction."""
    said = UsageEvent(
        event="api_calls",
        customer="user_1",
        quantity="1.5" if number % 2 else number,
        key=f"key_{number}",
        time=NOW if number % 2 else None,
        properties={"model": "ü", "n": number, "cached": True, "none": None},
    )
    own = ids.USAGE_EVENT.new()
    return RejectedEvent(own, at, outcome, reason, said)


def subscribed(work: Work) -> Subscription:
    """A customer of the plan `pro`, stored with all that it needs."""
    known, sold = customer(), plan(f"plan_{ids.PLAN.new()[-10:]}")
    work.customers.add(known)
    work.plans.add(sold)
    bought = subscription(known, sold)
    work.subscriptions.add(bought)
    return bought


def unknown_customer() -> CustomerId:
    """The id of nobody."""
    return ids.CUSTOMER.new()
