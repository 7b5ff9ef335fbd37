"""Usage as a subscription counts it: all of its customer's, or what names it (SEMANTICS §6)."""

from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from ledger.invoice.drafting import Need
from ledger.invoice.explanation import HourUsage
from ledger.invoice.ports import InvoiceWork
from ledger.meter.quantities import quantity_in
from ledger.meter.rollup import HOUR_US, meter_of
from ledger.meter.table import Table
from ledger.meter.usage import attributed
from ledger.subscription.model import Subscription
from ledger.types.period import Period
from ledger.types.zone import from_micros, micros


def quantity_of(work: InvoiceWork, subscription: Subscription, need: Need) -> Decimal:
    """What the customer used of a feature in a period, as far as it counts for a subscription."""
    return quantity_in(
        work,
        subscription.customer,
        need.feature,
        need.period,
        subscription.id,
        subscription.attribution,
        need.whole,
    )


def hours_of(work: InvoiceWork, subscription: Subscription, need: Need) -> tuple[HourUsage, ...]:
    """The hours of a period in which something was used, oldest first, each aggregated alone.

    A level that is weighted by time is used in every hour in which there is one.
    """
    names = attributed(subscription.id, subscription.attribution)
    cut = _hours(need.period)
    table = Table(work, subscription.customer, need.feature, cut, names=names)
    found = table.quantities()
    is_weighted = meter_of(need.feature).aggregation == "weighted_sum"
    return tuple(
        HourUsage(from_micros(micros(cut[place[0]][0]) // HOUR_US * HOUR_US), quantity)
        for place, quantity in sorted(found.items())
        if (quantity if is_weighted else place in table.touched)
    )


def _hours(period: Period) -> list[tuple[datetime, datetime]]:
    """The period, cut where hours of UTC begin."""
    start, end = micros(period.start), micros(period.end)
    cuts = [start, *range((start // HOUR_US + 1) * HOUR_US, end, HOUR_US), end]
    return [(from_micros(one), from_micros(other)) for one, other in pairwise(cuts)]
