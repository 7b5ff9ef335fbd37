"""Matching: usage that came before its customer or feature was known is counted once it is."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
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

_BEGINNING = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)


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


def match_feature(work: UsageWork, feature: Feature) -> int:
    """Count the events of the name that a new metered feature reads, all that were ever stored.

    Returns how many there were: those that waited for the feature, or, when another feature reads
    the same events, every one whose customer is known.
    """
    if feature.meter is None:
        return 0
    name, matched = feature.meter.event, 0
    has_company = any(other.id != feature.id for other in work.features.metering([name]))
    for events in chunks(_stored(work, name) if has_company else _waiting(work, name)):
        count_all(work, ((event, [feature]) for event in events))
        if not has_company:
            work.usage.match([replace(event, unmatched=None) for event in events])
        matched += len(events)
    return matched


def _stored(work: UsageWork, name: str) -> Iterator[StoredEvent]:
    for event in work.usage.stored(_BEGINNING, _END):
        if event.event == name and event.unmatched is None:
            yield event


def _waiting(work: UsageWork, name: str) -> Iterator[StoredEvent]:
    return iter(work.usage.waiting_for_feature(name))


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
