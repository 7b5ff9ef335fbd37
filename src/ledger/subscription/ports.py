"""What subscriptions need of a store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ledger.customer.ports import CustomerRepository
from ledger.event.ports import EventLog
from ledger.plan.ports import FeatureRepository, PlanRepository
from ledger.subscription.model import Subscription, SubscriptionStatus
from ledger.types.ids import CustomerId, SubscriptionId
from ledger.types.page import Page


class SubscriptionRepository(Protocol):
    """Subscriptions by id, or all of a customer."""

    def add(self, subscription: Subscription) -> None:
        """Store a new subscription."""
        ...

    def get(self, id: SubscriptionId) -> Subscription:
        """The subscription with this id, as of now, or NotFound."""
        ...

    def save(self, subscription: Subscription) -> None:
        """Replace version `subscription.version - 1`; Conflict `subscription_changed` otherwise."""
        ...

    def of(self, customers: Sequence[CustomerId]) -> list[Subscription]:
        """All subscriptions of these customers, oldest first, ended ones included."""
        ...

    def page(
        self,
        after: str | None,
        limit: int,
        *,
        customer: CustomerId | None = None,
        status: SubscriptionStatus | None = None,
    ) -> Page[Subscription]:
        """Subscriptions, oldest first."""
        ...


class SubscriptionWork(Protocol):
    """A transaction that can read and write subscriptions."""

    @property
    def now(self) -> datetime: ...
    @property
    def features(self) -> FeatureRepository: ...
    @property
    def plans(self) -> PlanRepository: ...
    @property
    def customers(self) -> CustomerRepository: ...
    @property
    def subscriptions(self) -> SubscriptionRepository: ...
    @property
    def events(self) -> EventLog: ...
