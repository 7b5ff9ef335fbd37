"""A tenant on the memory store, with a clock that the test moves: for stories about billing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Concatenate, ParamSpec, TypeVar
from weakref import finalize

from ledger.customer import operations as customers
from ledger.customer.model import Customer
from ledger.engine.ports import Store, Work
from ledger.invoice import operations as invoices
from ledger.invoice.model import Invoice
from ledger.meter import operations as meter
from ledger.meter.model import PropertyValue, UsageEvent
from ledger.plan import operations as plans
from ledger.plan.feature import Feature
from ledger.plan.model import Plan
from ledger.plan.price import Price
from ledger.store.memory import open_memory
from ledger.subscription import operations as subscriptions
from ledger.subscription.model import CancelAt, Subscription
from ledger.types.errors import Conflict
from ledger.types.scope import Scope
from tests.invoice.making import CALLS, SEATS, at, plan_of

P = ParamSpec("P")
R = TypeVar("R")

ACME = Scope("acme")
HOUR = timedelta(hours=1)


class World:
    """One tenant, one customer called Jane (`jane`), and what happens to her."""

    def __init__(self, now: str = "2026-01-01", zone: str = "UTC") -> None:
        store = open_memory()
        finalize(self, store.close)
        self.store: Store = store
        self.store.migrate()
        self.now = at(now, zone)
        self.zone = zone
        for feature in (CALLS, SEATS):
            self.run(plans.create_feature, feature)
        self.jane: Customer = self.run(
            customers.create, "Jane", email="jane@example.com", external_id="jane", time_zone=zone
        )

    def run(
        self, operation: Callable[Concatenate[Work, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """The operation in a transaction of its own, now."""
        return self.store.run(ACME, lambda work: operation(work, *args, **kwargs), at=self.now)

    def move_to(self, now: str | datetime) -> None:
        self.now = at(now, self.zone) if isinstance(now, str) else now

    def subscribe(
        self,
        *prices: Price,
        interval: str = "month",
        feature: Feature | None = None,
        anchor: int | None = None,
        trial_days: int | None = None,
        quantities: dict[str, int] | None = None,
    ) -> Subscription:
        """Jane, on a plan of these prices from now on."""
        if feature is not None:
            self.run(plans.create_feature, feature)
        plan: Plan = self.run(plans.create, plan_of(*prices, interval=interval))
        made = self.run(
            subscriptions.create,
            self.jane.id,
            plan.key,
            anchor=anchor,
            trial_days=trial_days,
            quantities=quantities,
        )
        self.run(invoices.follow, made)
        return made

    def cancel(self, subscription: Subscription, when: CancelAt = "period_end") -> None:
        canceled = self.run(subscriptions.cancel, subscription.id, at=when)
        self.run(invoices.follow, canceled)

    def uncancel(self, subscription: Subscription) -> None:
        self.run(invoices.follow, self.run(subscriptions.uncancel, subscription.id))

    def use(
        self,
        quantity: int | str | Decimal,
        time: str | datetime,
        event: str = "api_calls",
        properties: dict[str, PropertyValue] | None = None,
    ) -> None:
        """Jane uses something; the event comes in now."""
        when = at(time, self.zone) if isinstance(time, str) else time
        used = UsageEvent(event, "jane", quantity, time=when, properties=properties or {})
        (result,) = self.run(meter.record, [used])
        assert result.outcome == "accepted", result

    def generate(
        self,
        subscription: Subscription,
        *,
        boundary: datetime | None = None,
        grace: timedelta = HOUR,
    ) -> Invoice:
        return self.run(invoices.generate, subscription.id, boundary=boundary, grace=grace)

    def generate_all(self, subscription: Subscription) -> list[Invoice]:
        """All that is due, as a billing run makes it: a boundary without lines stays noted."""

        def make(work: Work) -> Invoice | None:
            try:
                return invoices.generate(work, subscription.id)
            except Conflict as conflict:
                if conflict.code != "nothing_due":
                    raise
                return None

        made: list[Invoice] = []
        while (invoice := self.run(make)) is not None:
            made.append(invoice)
        return made

    def preview(self, subscription: Subscription) -> Invoice:
        return self.run(invoices.preview, subscription.id)

    def due(self, subscription: Subscription) -> datetime | None:
        """When the subscription is billed next."""
        return self.run(lambda work: work.due.get("billing", subscription.id))


def amounts(invoice: Invoice) -> list[int]:
    return [line.amount.amount for line in invoice.lines]


def content(invoice: Invoice) -> list[tuple[str, str, Decimal, int]]:
    """What the lines say, without their ids."""
    return [
        (line.kind, line.description, line.quantity, line.amount.amount) for line in invoice.lines
    ]
