"""The facts of subscriptions."""

from ledger.event.model import Event
from ledger.subscription.model import Subscription


class SubscriptionEvent(Event, frozen=True):
    """A fact about a subscription, as it is after the fact."""

    subscription: Subscription

    @property
    def entity_id(self) -> str:
        """The subscription's id."""
        return self.subscription.id

    @property
    def version(self) -> int:
        """The subscription's version after the fact."""
        return self.subscription.version


class SubscriptionCreated(SubscriptionEvent, frozen=True):
    """A customer subscribed, from now or from a later start."""


class SubscriptionCanceled(SubscriptionEvent, frozen=True):
    """An end was set: now, or at a later instant."""


class SubscriptionUncanceled(SubscriptionEvent, frozen=True):
    """A cancellation that had not taken effect was undone."""
