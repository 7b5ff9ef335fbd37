"""Quantities: what a customer used of a feature in a period, however the feature aggregates."""

from decimal import Decimal
from typing import Literal

from ledger.meter.aggregation import quantity_of
from ledger.meter.ports import UsageWork
from ledger.meter.rollup import meter_of
from ledger.meter.uniques import distinct_in
from ledger.meter.usage import Names, attributed, total_in
from ledger.meter.weighing import weighted_in
from ledger.plan.feature import Feature
from ledger.types.ids import CustomerId
from ledger.types.period import Period


def quantity_in(
    work: UsageWork,
    customer: CustomerId,
    feature: Feature,
    period: Period,
    subscription: str | None = None,
    attribution: Literal["customer", "named"] = "customer",
    whole: Period | None = None,
) -> Decimal:
    """What a customer used of a metered feature in a period.

    Of all subscriptions when `subscription` is None. Empty means the events that name none. An id
    means the events that name it and, when its attribution is `customer`, those that name none.

    A weighted sum is what it has come to by now. `whole` is the anchored period that an average is
    over, of which `period` may be a part, so that parts add up (SEMANTICS §4).
    """
    names = attributed(subscription, attribution)
    return quantity_of_names(work, customer, feature, period, names, whole)


def quantity_of_names(
    work: UsageWork,
    customer: CustomerId,
    feature: Feature,
    period: Period,
    names: Names,
    whole: Period | None = None,
) -> Decimal:
    """As `quantity_in`, of the subscriptions that `names` says."""
    match meter_of(feature).aggregation:
        case "unique":
            found = distinct_in(work, customer, feature, period.start, period.end, names)
            return Decimal(found)
        case "weighted_sum":
            return weighted_in(work, customer, feature, period, names, whole)
        case _:
            return quantity_of(total_in(work, customer, feature, period, names))
