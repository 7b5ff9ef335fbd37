"""What subscriptions need of a store."""

from collections.abc import Sequence
from typing import Protocol

from ledger.customer.ports import CustomerWork
from ledger.plan.ports import PlanWork
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


class SubscriptionWork(CustomerWork, PlanWork, Protocol):
    """A transaction that can read and write subscriptions."""

    @property
    def subscriptions(self) -> SubscriptionRepository: ...
