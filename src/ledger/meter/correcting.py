"""Correcting: stored usage events are taken back or replaced by their keys, and the log says why.

Nothing is changed that was said: the event stays as it is, marked as void. The hours that it was
counted in are counted anew, so whatever the aggregation, usage is as if it had never come.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from msgspec import structs

from ledger.meter.acceptance import REF_MAX, digest, stamp
from ledger.meter.config import BATCH_MAX, LATE_PERIODS
from ledger.meter.events import UsageReplaced, UsageVoided
from ledger.meter.lateness import Bounds
from ledger.meter.model import Reading, StoredEvent, UsageEvent
from ledger.meter.ports import UsageWork
from ledger.meter.rebuilding import rebuild
from ledger.meter.recording import Judged, claim_of, judge, readers, store, stored
from ledger.meter.rollup import HOUR_US, meter_of
from ledger.plan.feature import Feature
from ledger.plan.naming import check_name, check_text
from ledger.types.errors import Conflict, Invalid, NotFound
from ledger.types.ids import CustomerId
from ledger.types.zone import instant_text, micros


class Counted(NamedTuple):
    """Hours [first, last) of a customer's, and a feature that counts in them."""

    feature: Feature
    customer: CustomerId
    hours: tuple[int, int]


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
    hours = counted_hours(work, events)
    voided = take_back(work, events, why)
    recount(work, hours)
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


def counted_hours(work: UsageWork, events: Iterable[StoredEvent]) -> list[Counted]:
    """Where features that read these events have counted something in their hours.

    Where one has not, it came later and was not filled from what is stored: there is nothing to
    take away, and a correction does not fill it.
    """
    found: list[Counted] = []
    for feature, customer, hours in _hours(work, events):
        there = _counted_in(work, feature, customer, hours[0], hours[-1] + 1)
        some = [hour for hour in hours if hour in there]
        found += [Counted(feature, customer, stretch) for stretch in _stretches(some)]
    return found


def all_hours(work: UsageWork, events: Iterable[StoredEvent]) -> list[Counted]:
    """Where features read these events, whether they have counted anything there or not."""
    return [
        Counted(feature, customer, stretch)
        for feature, customer, hours in _hours(work, events)
        for stretch in _stretches(hours)
    ]


def recount(work: UsageWork, hours: Iterable[Counted], *, lists: bool = False) -> None:
    """Count hours anew. With `lists` an event that cannot be counted is listed as refused."""
    for feature, customer, stretch in hours:
        rebuild(work, feature, stretch, customer, lists=lists)


def exchange(
    work: UsageWork,
    pairs: Sequence[tuple[StoredEvent, Judged]],
    reason: str,
    actor: str | None,
) -> list[StoredEvent]:
    """Replace stored events by others that were judged good, under the same keys."""
    valid = [before for before, _ in pairs if before.voided_at is None]
    hours = counted_hours(work, valid)
    voided = {event.id: event for event in take_back(work, valid, reason)}
    store(work, [new for _, new in pairs])
    work.usage.reclaim({digest(before.key): claim_of(new) for before, new in pairs})
    recount(work, hours)  # with the new ones that are in them
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
    work: UsageWork, events: Iterable[StoredEvent]
) -> Iterator[tuple[Feature, CustomerId, list[int]]]:
    """The hours that these events are in, of each customer, for each feature that reads them."""
    hours = defaultdict[tuple[str, str], set[int]](set)
    for event in events:
        if event.unmatched is None:
            hours[event.event, event.customer].add(micros(event.time) // HOUR_US)
    by_name = readers(work, sorted({name for name, _ in hours}))
    for (name, customer), some in sorted(hours.items()):
        for feature in sorted(by_name.get(name, []), key=lambda one: one.id):
            yield feature, CustomerId(customer), sorted(some)


def _counted_in(
    work: UsageWork, feature: Feature, customer: CustomerId, first: int, last: int
) -> set[int]:
    """The hours of [first, last) in which a feature has counted something of a customer."""
    if meter_of(feature).aggregation == "unique":
        members = work.usage.members(customer, feature.id, first, last)
        return {member.key.hour for member in members}
    rollups = work.usage.rollups(customer, feature.id, first, last)
    return {rollup.key.hour for rollup in rollups}


def _stretches(hours: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Hours that follow each other, as one: [first, last)."""
    for _, run in groupby(enumerate(hours), key=lambda numbered: numbered[1] - numbered[0]):
        some = [hour for _, hour in run]
        yield some[0], some[-1] + 1
