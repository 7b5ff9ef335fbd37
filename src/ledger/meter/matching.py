"""Matching: usage that came before its customer or feature was known is counted once it is."""

from collections.abc import Iterable, Iterator
from itertools import islice

from msgspec.structs import replace

from ledger.customer.model import Customer
from ledger.meter.model import RejectedEvent, StoredEvent, Unmatched
from ledger.meter.ports import UsageWork
from ledger.meter.recording import add_up, count, readers, rejected
from ledger.meter.rollup import Count
from ledger.plan.feature import Feature
from ledger.types.errors import Invalid
from ledger.types.ids import CustomerId

CHUNK = 10_000
"""How many events are held in memory while others are added up."""


def match_customer(work: UsageWork, customer: Customer) -> int:
    """Count the events that wait for a customer of one of this customer's names.

    For when a customer becomes known or gets another external id. Returns how many waited.
    """
    waiting = work.usage.waiting_for_customer(customer.refs)
    by_name = readers(work, sorted({event.event for event in waiting})) if waiting else {}
    for events in chunks(iter(waiting)):
        matched: list[StoredEvent] = []
        for event in events:
            unmatched: Unmatched | None = None if event.event in by_name else "unknown_event"
            matched.append(replace(event, customer=customer.id, unmatched=unmatched))
        count_all(work, ((event, by_name.get(event.event, [])) for event in matched))
        work.usage.match(matched)
    return len(waiting)


def match_feature(work: UsageWork, feature: Feature, limit: int = CHUNK) -> int:
    """Count events that wait for a feature that reads their name, at most `limit`; how many.

    They count for every feature that reads that name now. Events that did not wait, because
    another feature reads the same, stay uncounted until the feature is filled from them.
    """
    if feature.meter is None:
        return 0
    if not work.usage.waiting_for_feature(feature.meter.event, 1):
        return 0
    work.usage.alone()  # two that match at once would both count the same
    waiting = work.usage.waiting_for_feature(feature.meter.event, limit)
    if waiting:
        counting = readers(work, [feature.meter.event])[feature.meter.event]
        count_all(work, ((event, counting) for event in waiting))
        work.usage.match([replace(event, unmatched=None) for event in waiting])
    return len(waiting)


def chunks(events: Iterator[StoredEvent]) -> Iterator[list[StoredEvent]]:
    """As many events at a time as are held in memory."""
    while chunk := list(islice(events, CHUNK)):
        yield chunk


def count_all(
    work: UsageWork, events: Iterable[tuple[StoredEvent, list[Feature]]], *, lists: bool = True
) -> None:
    """Add events up. One that a feature cannot count stays stored and, with `lists`, is listed."""
    counts: list[Count] = []
    uncountable: list[RejectedEvent] = []
    for event, features in events:
        for feature in features:
            try:
                counts += count([feature], event, CustomerId(event.customer))
            except Invalid as error:
                uncountable.append(rejected(work, event, f"{error.code}: {error.message}"))
    add_up(work, counts)
    if uncountable and lists:
        work.usage.reject(uncountable)
