"""Usage as a subscription counts it: all of its customer's, or what names it (SEMANTICS §6)."""

from decimal import Decimal

from ledger.invoice.drafting import Need
from ledger.invoice.explanation import HourUsage
from ledger.invoice.ports import InvoiceWork
from ledger.meter.rollup import HOUR_US
from ledger.meter.usage import Total, attributed, pieces, quantity_in
from ledger.subscription.model import Subscription
from ledger.types.zone import from_micros


def quantity_of(work: InvoiceWork, subscription: Subscription, need: Need) -> Decimal:
    """What the customer used of a feature in a period, as far as it counts for a subscription."""
    return quantity_in(
        work,
        subscription.customer,
        need.feature,
        need.period,
        subscription.id,
        subscription.attribution,
    )


def hours_of(work: InvoiceWork, subscription: Subscription, need: Need) -> tuple[HourUsage, ...]:
    """The hours of a period in which something was used, oldest first, each aggregated alone."""
    keep = attributed(subscription.id, subscription.attribution)
    customer, feature, period = subscription.customer, need.feature, need.period
    hours: dict[int, Total] = {}
    for piece in pieces(work, customer, feature, period.start, period.end):
        hour = piece.at // HOUR_US * HOUR_US
        hours.setdefault(hour, Total(work, customer, feature, keep)).add(piece)
    return tuple(
        HourUsage(from_micros(hour), total.quantity())
        for hour, total in sorted(hours.items())
        if not total.is_empty
    )
