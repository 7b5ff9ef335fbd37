"""At one instant one subscription prices a customer's usage of a feature. Source: SEMANTICS §6."""

from ledger.subscription.model import Subscription
from ledger.subscription.ports import SubscriptionWork
from ledger.types.errors import Conflict


def check_priced_once(work: SubscriptionWork, subscription: Subscription) -> None:
    """Refuse a subscription that would price usage which another one prices, at any instant.

    Usage that names its subscription cannot be priced by two. Whoever calls holds the customer's
    lock, so that two at once cannot both find nothing.

    Raises:
        Conflict: (`feature_already_priced`) it would; the facts name feature and subscription.
    """
    if subscription.attribution == "named":
        return
    for other in work.subscriptions.of([subscription.customer]):
        beside = other.id != subscription.id and other.overlaps(subscription)
        if beside and other.attribution == "customer":
            _check_pair(work, subscription, other)


def _check_pair(work: SubscriptionWork, subscription: Subscription, other: Subscription) -> None:
    both = _priced(work, subscription) & _priced(work, other)
    for key, feature in sorted(work.features.find(sorted(both)).items()):
        if feature.kind == "metered":
            raise Conflict(
                f"subscription {other.id} prices what customer {other.customer} uses of {key!r};"
                " a second one takes the attribution 'named', so that only usage events that name"
                " it count for it",
                code="feature_already_priced",
                feature=key,
                subscription=other.id,
            )


def _priced(work: SubscriptionWork, subscription: Subscription) -> set[str]:
    """The keys of the features whose quantities a subscription pays for."""
    plan = work.plans.get(subscription.plan, subscription.plan_version)
    return {
        price.feature
        for price in plan.prices_in(subscription.currency)
        if price.feature is not None and price.is_by_quantity
    }
