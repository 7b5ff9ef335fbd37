"""Rebuilding: hours of a feature counted anew from the events, where adding to them is not enough.

A void takes away what a greatest or last value does not give back, and a new definition counts
events in another way. Whoever rebuilds holds back those who add, so that nothing is counted twice.
"""

from collections.abc import Iterator

from ledger.meter.matching import chunks, count_all
from ledger.meter.model import StoredEvent
from ledger.meter.ports import UsageWork
from ledger.meter.rollup import HOUR_US, meter_of
from ledger.plan.feature import Feature
from ledger.types.errors import Conflict
from ledger.types.ids import CustomerId
from ledger.types.zone import from_micros, instant_text


def rebuild(
    work: UsageWork,
    feature: Feature,
    hours: tuple[int, int],
    customer: CustomerId | None = None,
    *,
    lists: bool = True,
) -> int:
    """Count the hours [first, last) of a feature anew; of one customer, or of all.

    Returns how many events it read. An event that the feature cannot count is listed as refused,
    unless `lists` says that this was done when it was counted before.

    Raises:
        Conflict: (`usage_expired`) events of that time may have been removed for good.
    """
    work.usage.alone()
    refuse_expired(work, feature, hours[0])
    work.usage.drop_rollups(feature.id, customer=customer, hours=hours)
    read = 0
    for events in chunks(_counting(work, feature, hours, customer)):
        count_all(work, ((event, [feature]) for event in events), lists=lists)
        read += len(events)
    return read


def refuse_expired(work: UsageWork, feature: Feature, first_hour: int) -> None:
    """Refuse to count from `first_hour` on, if there the events may be gone that would count.

    Raises:
        Conflict: (`usage_expired`).
    """
    expired = work.usage.expired_before()
    if expired is not None and first_hour < expired:
        raise Conflict(
            f"usage events of before {instant_text(from_micros(expired * HOUR_US))} have been"
            f" removed, so {feature.key} cannot be counted from them; what it came to stays",
            code="usage_expired",
            feature=feature.key,
        )


def _counting(
    work: UsageWork, feature: Feature, hours: tuple[int, int], customer: CustomerId | None
) -> Iterator[StoredEvent]:
    first, last = (from_micros(hour * HOUR_US) for hour in hours)
    for event in work.usage.stored(first, last, customer=customer):
        if event.event == meter_of(feature).event and event.unmatched is None:
            yield event
