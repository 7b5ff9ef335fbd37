"""What entitlement checks need of a store."""

from typing import Protocol

from ledger.meter.ports import UsageWork
from ledger.subscription.ports import SubscriptionRepository


class EntitlementWork(UsageWork, Protocol):
    """A transaction that can read what a decision needs."""

    @property
    def subscriptions(self) -> SubscriptionRepository: ...
