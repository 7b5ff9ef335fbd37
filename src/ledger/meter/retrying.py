"""Retrying: usage that waits or was refused gets another chance, as it is or with other names."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import structs

from ledger.meter.acceptance import digest, stamp
from ledger.meter.config import BATCH_MAX, LATE_PERIODS
from ledger.meter.correcting import (
    all_hours,
    exchange,
    found,
    recount,
    refuse_late,
    says,
    void,
    words,
)
from ledger.meter.events import RefusedUsage, RejectedUsageDismissed, RejectedUsageRetried
from ledger.meter.matching import count_all
from ledger.meter.model import (
    EventResult,
    Reading,
    RejectedEvent,
    Retry,
    StoredEvent,
    Unmatched,
    UsageEvent,
)
from ledger.meter.ports import UsageWork
from ledger.meter.recording import judge, readers, settle
from ledger.plan.naming import check_name
from ledger.types.errors import Conflict, Invalid, NotFound
from ledger.types.ids import USAGE_EVENT, UsageEventId

PAGE = 1_000
"""How many waiting events one transaction works on."""


class Names(NamedTuple):
    """What events should have said; None: what they said."""

    customer: str | None = None
    event: str | None = None


SAME = Names()


class RetriedPage(NamedTuple):
    """A part of the events that wait: what became of them, whose usage changed, what comes next."""

    retry: Retry
    customers: frozenset[str]
    next_cursor: str | None = None


def retry_page(
    work: UsageWork,
    after: str | None,
    *,
    customer: str | None = None,
    event: str | None = None,
    names: Names = SAME,
    reason: str | None = None,
    actor: str | None = None,
) -> RetriedPage:
    """Match a page of the events that wait, those of these names; see `engine.correcting`."""
    work.usage.alone()
    page = work.usage.unmatched(after, PAGE, customer=customer, event=event)
    part = _retry(work, page.items, names, reason, actor)
    return part._replace(next_cursor=page.next_cursor)


def retry_keys(
    work: UsageWork,
    keys: Sequence[str],
    *,
    names: Names = SAME,
    reason: str | None = None,
    actor: str | None = None,
) -> RetriedPage:
    """Match the events with these keys, which wait."""
    work.usage.alone()
    return _retry(work, _waiting(work, keys), names, reason, actor)


def dismiss_unmatched(
    work: UsageWork, keys: str | Sequence[str], *, reason: str, actor: str | None = None
) -> list[StoredEvent]:
    """Give up the events with these keys, which wait for a customer or feature: they are voided.

    Raises:
        NotFound: no event has one of the keys.
        Conflict: one does not wait (`not_waiting`), or as `void`.
        Invalid: as `void`.
    """
    work.usage.alone()
    waiting = _waiting(work, [keys] if isinstance(keys, str) else keys)
    return void(work, [event.key for event in waiting], reason=reason, actor=actor)


def retry_rejected(
    work: UsageWork,
    ids: str | Sequence[str],
    *,
    as_customer: str | None = None,
    as_event: str | None = None,
    as_time: datetime | None = None,
    as_key: str | None = None,
    reason: str | None = None,
    actor: str | None = None,
) -> list[EventResult]:
    """Record refused events again, as they are or with what they should have said.

    `ids` are those of the list. An event that is accepted now, or was stored meanwhile, leaves the
    list; one that is refused again stays in it as it was. Returns a result for each, in order.

    Raises:
        NotFound: no refused event has one of the ids.
        Invalid: the id of something else (`wrong_id`), more than 10,000 (`too_many_events`), one
            key for several events (`one_key_for_several`), another key for an event that is stored
            and could only not be counted (`other_key`), or a name, time or key that is none.
    """
    why, who = _optional(reason, actor)
    work.usage.alone()
    entries = _entries(work, ids)
    if as_key is not None and len(entries) > 1:
        raise Invalid(
            f"one key cannot be that of {len(entries):,} events",
            code="one_key_for_several",
            param="as_key",
        )
    changes = {"customer": as_customer, "event": as_event, "time": as_time, "key": as_key}
    given = {name: value for name, value in changes.items() if value is not None}
    readings = [_again(work, entry, given) for entry in entries]
    results = _record_again(work, entries, readings, why, who, is_changed=bool(given))
    gone = list[UsageEventId]()
    for entry, reading, result in zip(entries, readings, results, strict=True):
        if result.outcome in {"accepted", "duplicate"}:
            gone.append(entry.id)
            refused = RefusedUsage.of(entry)
            work.events.add(
                RejectedUsageRetried(refused, why, who, result=result, customer=reading.customer)
            )
    work.usage.drop_rejected(gone)
    return results


def dismiss_rejected(
    work: UsageWork, ids: str | Sequence[str], *, reason: str, actor: str | None = None
) -> list[RejectedEvent]:
    """Give up refused events: they leave the list, and the event log keeps what they said.

    Raises:
        NotFound: no refused event has one of the ids.
        Invalid: as `retry_rejected`, or no reason (`bad_text`).
    """
    why, who = words(reason, actor)
    work.usage.alone()
    entries = _entries(work, ids)
    work.usage.drop_rejected([entry.id for entry in entries])
    for entry in entries:
        work.events.add(RejectedUsageDismissed(RefusedUsage.of(entry), why, who))
    return entries


def _waiting(work: UsageWork, keys: Sequence[str]) -> list[StoredEvent]:
    events = found(work, keys)
    for event in events:
        if event.state != "unmatched":
            raise Conflict(
                f"usage event {event.key!r} is {event.state} and waits for nothing",
                code="not_waiting",
            )
    return events


def _retry(
    work: UsageWork,
    waiting: Sequence[StoredEvent],
    names: Names,
    reason: str | None,
    actor: str | None,
) -> RetriedPage:
    """Match events that wait, under other names if any are given."""
    if names == SAME:
        return _match(work, waiting)
    why = reason or "recorded as " + ", ".join(_described(names))
    judged = judge(work, [_renamed(work, event, names) for event in waiting], LATE_PERIODS)
    fresh = [pair for pair in zip(waiting, judged, strict=True) if not says(*pair)]
    good = [(event, new) for event, new in fresh if new.refusal is None]
    exchange(work, good, *words(why, actor))
    matched = sum(new.unmatched is None for _, new in good)
    retry = Retry(matched, len(good), len(fresh) - len(good))
    return RetriedPage(retry, frozenset())  # the log tells whose usage it is


def _match(work: UsageWork, waiting: Sequence[StoredEvent]) -> RetriedPage:
    """Count those whose customer and feature are known by now."""
    unknown = {event.customer for event in waiting if event.unmatched == "unknown_customer"}
    customers = work.customers.resolve(sorted(unknown))
    by_name = readers(work, sorted({event.event for event in waiting}))
    moved = list(_moved(waiting, customers, by_name))
    count_all(work, ((event, by_name.get(event.event, [])) for event in moved))
    work.usage.match(moved)
    matched = [event for event in moved if event.unmatched is None]
    return RetriedPage(Retry(len(matched)), frozenset(event.customer for event in matched))


def _moved(
    waiting: Sequence[StoredEvent], customers: Mapping[str, str], by_name: Mapping[str, object]
) -> Iterator[StoredEvent]:
    """The events that wait for something else now, or for nothing."""
    for event in waiting:
        is_unknown = event.unmatched == "unknown_customer"
        customer = customers.get(event.customer) if is_unknown else event.customer
        unmatched: Unmatched | None = None if event.event in by_name else "unknown_event"
        if customer is not None and unmatched != event.unmatched:
            yield structs.replace(event, customer=customer, unmatched=unmatched)


def _renamed(work: UsageWork, event: StoredEvent, names: Names) -> Reading:
    said = UsageEvent(
        event=names.event or event.event,
        customer=names.customer or event.customer,
        quantity=event.quantity,
        key=event.key,
        time=event.time,
        properties={**event.properties},
        subscription=event.subscription,
    )
    # Whether its time was said is not known any more: sent again, it is the same with or without.
    return structs.replace(stamp(said, work.now), time_given=False)


def _described(names: Names) -> Iterator[str]:
    if names.customer is not None:
        yield f"of customer {names.customer}"
    if names.event is not None:
        yield f"event {names.event}"


def _entries(work: UsageWork, ids: str | Sequence[str]) -> list[RejectedEvent]:
    """The refused events with these ids, each once, in order."""
    given = [ids] if isinstance(ids, str) else ids
    if len(given) > BATCH_MAX:
        raise Invalid(
            f"{len(given):,} ids were given; at most {BATCH_MAX:,} are taken in one call",
            code="too_many_events",
            param="ids",
        )
    wanted = list(dict.fromkeys(USAGE_EVENT.check(one) for one in given))
    kept = work.usage.rejected_by_id(wanted)
    for one in wanted:
        if one not in kept:
            raise NotFound("rejected usage event", one)
    return [kept[one] for one in wanted]


def _again(work: UsageWork, entry: RejectedEvent, changes: Mapping[str, object]) -> Reading:
    """What a refused event says now. It keeps its id, under which it is refused again if at all."""
    said = structs.replace(entry.event, **changes)
    reading = stamp(said, work.now)
    return structs.replace(
        reading, id=entry.id, key=said.key or entry.id, time_given="time" in changes
    )


def _record_again(
    work: UsageWork,
    entries: Sequence[RejectedEvent],
    readings: Sequence[Reading],
    reason: str | None,
    actor: str | None,
    *,
    is_changed: bool,
) -> list[EventResult]:
    """Record what is not stored yet; count anew, or replace, what was stored and not counted."""
    keys = {digest(key): key for entry in entries if (key := entry.event.key) is not None}
    is_stored = {event.id: event for event in work.usage.find(keys).values()}
    fresh = [reading for reading in readings if reading.id not in is_stored]
    answers = iter(settle(work, judge(work, fresh, LATE_PERIODS)) if fresh else [])
    return [
        _corrected(work, event, reading, reason, actor)
        if is_changed and (event := is_stored.get(reading.id))
        else _recounted(work, event)
        if (event := is_stored.get(reading.id))
        else next(answers)
        for reading in readings
    ]


def _recounted(work: UsageWork, event: StoredEvent) -> EventResult:
    """Count a stored event again; a feature that still cannot count it lists it again."""
    work.usage.drop_rejected([event.id])
    recount(work, all_hours(work, [event]), lists=True)
    left = work.usage.rejected_by_id([event.id]).get(event.id)
    if left is not None:
        return EventResult("rejected", event.id, event.key, left.reason)
    return EventResult("accepted", event.id, event.key)


def _corrected(
    work: UsageWork, event: StoredEvent, reading: Reading, reason: str | None, actor: str | None
) -> EventResult:
    """Replace a stored event by what it should have said."""
    if reading.key != event.key:
        raise Invalid(
            f"usage event {event.key!r} is stored and could only not be counted, so its key stays",
            code="other_key",
            param="as_key",
        )
    refuse_late(work, [event], LATE_PERIODS)
    (judged,) = judge(work, [structs.replace(reading, id=USAGE_EVENT.new())], LATE_PERIODS)
    if judged.refusal is not None:
        return EventResult("rejected", event.id, event.key, judged.refusal)
    (after,) = exchange(work, [(event, judged)], reason or "retried with changes", actor)
    return EventResult("accepted", after.id, after.key, unmatched=after.unmatched)


def _optional(reason: str | None, actor: str | None) -> tuple[str | None, str | None]:
    return (
        None if reason is None else check_name(reason, "reason"),
        None if actor is None else check_name(actor, "actor"),
    )
