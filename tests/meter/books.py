"""One tenant's part of a store, with shorthands for the things that usage speaks of."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from ledger.customer.model import Customer
from ledger.meter.operations import match_customer, match_feature
from ledger.plan.feature import Feature, Meter
from ledger.plan.model import Plan
from ledger.store.sql.store import SqlStore
from ledger.store.sql.work import SqlWork
from ledger.subscription.model import Subscription
from ledger.types import ids
from ledger.types.period import Anchor, Interval
from ledger.types.scope import Scope

R = TypeVar("R")
MONTH = Interval("month")
NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


class Books:
    """One tenant's part of a store, at a time that a test sets."""

    def __init__(self, store: SqlStore, tenant: str) -> None:
        self._store, self._scope = store, Scope(tenant)
        self.now = NOW

    def run(self, work: Callable[[SqlWork], R]) -> R:
        """Do something in one transaction."""
        return self._store.run(self._scope, work, at=self.now)

    def customer(self, external_id: str, time_zone: str = "UTC") -> Customer:
        """A customer becomes known."""
        customer = Customer(
            id=ids.CUSTOMER.new(),
            name=external_id,
            external_id=external_id,
            time_zone=time_zone,
            created_at=self.now,
        )

        def create(work: SqlWork) -> Customer:
            work.customers.add(customer)
            match_customer(work, customer)
            return customer

        return self.run(create)

    def feature(self, key: str, meter: Meter | None = None) -> Feature:
        """A metered feature is created."""
        feature = Feature(key, "metered", meter)

        def create(work: SqlWork) -> Feature:
            work.features.add(feature)
            while match_feature(work, feature):
                pass
            return feature

        return self.run(create)

    def subscription(
        self,
        customer: Customer,
        start: datetime,
        interval: Interval = MONTH,
        *,
        trial_end: datetime | None = None,
        end: datetime | None = None,
    ) -> Subscription:
        """A customer subscribes."""
        plan = Plan(
            key=f"plan_{ids.PLAN.new()[-20:]}", name="Pro", currency="USD", interval=interval
        )
        anchor = Anchor.on((trial_end or start).date())
        subscription = Subscription(
            id=ids.SUBSCRIPTION.new(),
            customer=customer.id,
            plan=plan.id,
            plan_version=1,
            currency="USD",
            time_zone=customer.time_zone,
            start=start,
            trial_end=trial_end,
            anchor=anchor,
            interval=interval,
            end=end,
            created_at=start,
            as_of=start,
        )

        def create(work: SqlWork) -> Subscription:
            work.plans.add(plan)
            work.subscriptions.add(subscription)
            return subscription

        return self.run(create)
