"""Correcting: stored usage events are taken back or replaced by their keys, and the log says why.

Nothing is changed that was said: the event stays as it is, marked as void. The hours that it was
counted in are counted anew, so whatever the aggregation, usage is as if it had never come.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import structs

from ledger.meter.acceptance import REF_MAX, digest, stamp
from ledger.meter.config import BATCH_MAX, LATE_PERIODS
from ledger.meter.events import UsageReplaced, UsageVoided
from ledger.meter.lateness import Bounds
from ledger.meter.model import Reading, StoredEvent, UsageEvent
from ledger.meter.ports import UsageWork
from ledger.meter.rebuilding import rebuild
from ledger.meter.recording import Judged, claim_of, judge, readers, store, stored
from ledger.meter.rollup import HOUR_US
from ledger.plan.feature import Feature
from ledger.plan.naming import check_name, check_text
from ledger.types.errors import Conflict, Invalid, NotFound
from ledger.types.ids import CustomerId
from ledger.types.zone import instant_text, micros


def get(work: UsageWork, key: str) -> StoredEvent:
    """The usage event with this key, voided or not; of several the one that was stored last.

    The key of an event that was sent without one is the id it got.

    Raises:
        NotFound: no event has this key.
    """
    return found(work, [key])[0]


def void(
    work: UsageWork,
    keys: str | Sequence[str],
    *,
    reason: str,
    actor: str | None = None,
    late_periods: int = LATE_PERIODS,
) -> list[StoredEvent]:
    """Take back the usage events with these keys, all or none: they count nowhere any more.

    What they said stays, marked as void with the `reason`. Sent again they are duplicates, and do
    not count. What was invoiced stays as it is: the next invoice makes up for it as far as more is
    owed. `actor` is who asked for it, for the event log.

    Raises:
        NotFound: no event has one of the keys.
        Conflict: one is void already (`already_voided`), or so old that it could not be recorded
            any more (`too_late`).
        Invalid: no reason (`bad_text`), or more than 10,000 keys (`too_many_events`).
    """
    why, who = words(reason, actor)
    work.usage.alone()
    events = found(work, [keys] if isinstance(keys, str) else keys)
    for event in events:
        if event.voided_at is not None:
            raise Conflict(
                f"usage event {event.key!r} is void already, since {instant_text(event.voided_at)}",
                code="already_voided",
            )
    refuse_late(work, events, late_periods)
    voided = take_back(work, events, why)
    recount(work, events)
    for event in voided:
        work.events.add(UsageVoided(event, why, who))
    return voided


def replace(
    work: UsageWork,
    key: str,
    event: UsageEvent,
    *,
    reason: str,
    actor: str | None = None,
    late_periods: int = LATE_PERIODS,
) -> StoredEvent:
    """Store another usage event under a key: the one that had it is void, the new one counts.

    Without a `time` the new event has that of the one it replaces. Sent again the new one is a
    duplicate, the old one a conflict. Replacing an event by what it says already changes nothing; a
    voided event can be replaced too. `reason` and `actor` as for `void`.

    Raises:
        NotFound: no event has this key.
        Conflict: (`too_late`) the stored event is so old that it could not be recorded any more.
        Invalid: the new event has another key (`other_key`), could not be recorded (the code says
            why, such as `bad_decimal`, `too_late`, `in_the_future`), or no reason (`bad_text`).
    """
    why, who = words(reason, actor)
    work.usage.alone()
    (before,) = found(work, [key])
    if before.voided_at is None:
        refuse_late(work, [before], late_periods)
    (judged,) = judge(work, [_reading(work, event, before)], late_periods)
    if judged.refusal is not None:
        code, _, sentence = judged.refusal.partition(": ")
        raise Invalid(f"usage event {key!r} is not replaced: {sentence}", code=code, param="event")
    if says(before, judged):
        return before
    return exchange(work, [(before, judged)], why, who)[0]


def found(work: UsageWork, keys: Sequence[str]) -> list[StoredEvent]:
    """The events with these keys, each once, in the order of the keys.

    Raises:
        NotFound: no event has one of them.
        Invalid: too many keys (`too_many_events`), or one that is no text (`bad_text`).
    """
    if len(keys) > BATCH_MAX:
        raise Invalid(
            f"{len(keys):,} keys were given; at most {BATCH_MAX:,} are taken in one call",
            code="too_many_events",
            param="keys",
        )
    wanted = list(dict.fromkeys(check_text(key, "key", REF_MAX) for key in keys))
    stored_events = work.usage.find({digest(key): key for key in wanted})
    for key in wanted:
        if key not in stored_events:
            raise NotFound("usage event", key)
    return [stored_events[key] for key in wanted]


def words(reason: str, actor: str | None) -> tuple[str, str | None]:
    """Why something is corrected, and who asked for it, as they can be kept."""
    return check_name(reason, "reason"), None if actor is None else check_name(actor, "actor")


def refuse_late(work: UsageWork, events: Sequence[StoredEvent], late_periods: int) -> None:
    """Raise Conflict (`too_late`) for events of a time that is closed."""
    customers = {event.customer: customer for event in events if (customer := _customer(event))}
    bounds = Bounds(work, events, customers, late_periods)
    for event in events:
        code, _, sentence = (bounds.refusal(event.time, _customer(event)) or "").partition(": ")
        if code == "too_late":
            raise Conflict(
                f"usage event {event.key!r} can no longer be corrected: {sentence}", code="too_late"
            )


def take_back(work: UsageWork, events: Sequence[StoredEvent], reason: str) -> list[StoredEvent]:
    """Mark events as void. Whether a feature could not count them does not matter any more."""
    voided = [structs.replace(each, voided_at=work.now, void_reason=reason) for each in events]
    work.usage.void(voided)
    work.usage.drop_rejected([event.id for event in events])
    return voided


def recount(work: UsageWork, events: Iterable[StoredEvent], *, lists: bool = False) -> None:
    """Count the hours of these events anew, for every feature that reads them."""
    counted = [event for event in events if event.unmatched is None]
    by_name = readers(work, sorted({event.event for event in counted}))
    for feature, customer, hours in _hours(counted, by_name):
        rebuild(work, feature, hours, customer, lists=lists)


def exchange(
    work: UsageWork,
    pairs: Sequence[tuple[StoredEvent, Judged]],
    reason: str,
    actor: str | None,
) -> list[StoredEvent]:
    """Replace stored events by others that were judged good, under the same keys."""
    valid = [before for before, _ in pairs if before.voided_at is None]
    voided = {event.id: event for event in take_back(work, valid, reason)}
    store(work, [new for _, new in pairs])
    work.usage.reclaim({digest(before.key): claim_of(new) for before, new in pairs})
    recount(work, valid)  # with the new ones that are in the same hours
    exchanged = [stored(work, new) for _, new in pairs]
    for (before, _), after in zip(pairs, exchanged, strict=True):
        was = voided.get(before.id, before)
        work.events.add(UsageReplaced(after, reason, actor, before=was))
    return exchanged


def says(event: StoredEvent, judged: Judged) -> bool:
    """Whether a stored event counts, and says what is to replace it."""
    new = judged.reading
    return (
        event.voided_at is None
        and event.event == new.event
        and event.customer == (judged.customer or new.customer)
        and event.quantity == new.quantity
        and event.time == new.time
        and event.properties == new.properties
        and event.subscription == new.subscription
    )


def _reading(work: UsageWork, event: UsageEvent, before: StoredEvent) -> Reading:
    reading = stamp(event, work.now)
    if event.key not in {None, before.key}:
        raise Invalid(
            f"the new event has the key {event.key!r}, and is to replace {before.key!r}",
            code="other_key",
            param="event",
        )
    time = before.time if event.time is None else reading.time
    return structs.replace(reading, key=before.key, time=time)


def _customer(event: StoredEvent) -> CustomerId | None:
    return None if event.unmatched == "unknown_customer" else CustomerId(event.customer)


def _hours(
    events: Iterable[StoredEvent], by_name: Mapping[str, Sequence[Feature]]
) -> Iterator[tuple[Feature, CustomerId, tuple[int, int]]]:
    """The hours [first, last) of each feature and customer that these events are in."""
    hours = defaultdict[tuple[str, str], set[int]](set)
    for event in events:
        hours[event.event, event.customer].add(micros(event.time) // HOUR_US)
    for (name, customer), some in sorted(hours.items()):
        for feature in sorted(by_name.get(name, []), key=lambda one: one.id):
            for stretch in _stretches(sorted(some)):
                yield feature, CustomerId(customer), stretch


def _stretches(hours: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Hours that follow each other, as one."""
    first = last = hours[0]
    for hour in hours[1:]:
        if hour != last + 1:
            yield first, last + 1
            first = hour
        last = hour
    yield first, last + 1
