"""Whom facts concern: whose answers may be others after them. Pure."""

from collections.abc import Sequence

from ledger.customer.events import CustomerArchived, CustomerCreated, CustomerUpdated
from ledger.event.model import Event
from ledger.meter.events import (
    FeatureBackfilled,
    RejectedUsageRetried,
    UsageCorrected,
    UsageReplaced,
)
from ledger.plan.events import (
    FeatureArchived,
    FeatureCreated,
    FeatureUpdated,
    PlanArchived,
    PlanCreated,
    PlanPublished,
    PlanUpdated,
)
from ledger.subscription.events import SubscriptionEvent

_Catalog = (
    PlanCreated
    | PlanUpdated
    | PlanPublished
    | PlanArchived
    | FeatureCreated
    | FeatureUpdated
    | FeatureArchived
    | FeatureBackfilled
)


def concerned(events: Sequence[Event]) -> frozenset[str] | None:
    """The names of the customers whom these facts concern; None when they may concern everybody."""
    refs: set[str] = set()
    for event in events:
        match event:
            case SubscriptionEvent(subscription=subscription):
                refs.add(subscription.customer)
            case CustomerUpdated(customer=customer, refs_before=before):
                refs.update(customer.refs, before)
            case CustomerCreated(customer=customer) | CustomerArchived(customer=customer):
                refs.update(customer.refs)
            case UsageReplaced(usage=after, before=before):
                refs.update((after.customer, before.customer))
            case UsageCorrected(usage=usage):
                refs.add(usage.customer)
            case RejectedUsageRetried(customer=customer):
                refs.add(customer)
            case _ if isinstance(event, _Catalog):
                return None
            case _:
                pass  # an invoice, say, allows nobody anything
    return frozenset(refs)
