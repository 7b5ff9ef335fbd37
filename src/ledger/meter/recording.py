"""Recording: a batch of readings becomes stored events, rollups, and an answer for each event."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from ledger.meter.acceptance import content, digest, member_of, value_of
from ledger.meter.lateness import Bounds
from ledger.meter.levels import add_levels
from ledger.meter.model import (
    Claim,
    EventResult,
    Outcome,
    Reading,
    RejectedEvent,
    StoredEvent,
    Unmatched,
    UsageEvent,
)
from ledger.meter.ports import UsageWork
from ledger.meter.rollup import Count, by_quarter, meter_of, roll_up
from ledger.meter.uniques import memberships
from ledger.plan.feature import Feature
from ledger.types.errors import Invalid
from ledger.types.ids import CustomerId

_ONE = Decimal(1)


class Lookup:
    """The customers and features that a batch speaks of, each looked up once."""

    def __init__(self, work: UsageWork, readings: Sequence[Reading]) -> None:
        self.customers = work.customers.resolve(sorted({r.customer for r in readings}))
        names = sorted({r.event for r in readings})
        self.readers = readers(work, names)
        unread = [name for name in names if name not in self.readers]
        self._keys = work.features.find(unread) if unread else {}

    def other_event(self, name: str) -> str | None:
        """The event that the feature of this key reads, if it is one whose events nobody reads."""
        feature = self._keys.get(name)
        if feature is None or feature.meter is None:
            return None
        return feature.meter.event


class Judged(NamedTuple):
    """A reading with what is to become of it, as far as that follows from itself."""

    reading: Reading
    customer: CustomerId | None
    counts: Sequence[Count] = ()
    unmatched: Unmatched | None = None
    refusal: str | None = None


def readers(work: UsageWork, events: Sequence[str]) -> dict[str, list[Feature]]:
    """The metered features that read these events, by the event's name."""
    found: defaultdict[str, list[Feature]] = defaultdict(list)
    for feature in work.features.metering(events):
        found[meter_of(feature).event].append(feature)
    return dict(found)


def judge(work: UsageWork, readings: Sequence[Reading], late_periods: int) -> list[Judged]:
    """What follows from each event itself: who used what, or why it is refused."""
    lookup = Lookup(work, readings)
    bounds = Bounds(work, readings, lookup.customers, late_periods)
    return [_judge(reading, lookup, bounds) for reading in readings]


def _judge(reading: Reading, lookup: Lookup, bounds: Bounds) -> Judged:
    customer = lookup.customers.get(reading.customer)
    features = lookup.readers.get(reading.event, [])
    refusal = bounds.refusal(reading.time, customer)
    if not features and (other := lookup.other_event(reading.event)):
        refusal = refusal or (
            f"reads_another_event: feature {reading.event} counts the event {other};"
            f" meter {other} instead"
        )
    if refusal is not None:
        return Judged(reading, customer, refusal=refusal)
    try:
        counts = count(features, reading, customer)
    except Invalid as error:
        return Judged(reading, customer, refusal=f"{error.code}: {error.message}")
    if customer is None:
        return Judged(reading, None, unmatched="unknown_customer")
    return Judged(reading, customer, counts, None if features else "unknown_event")


def count(
    features: Iterable[Feature], event: Reading | StoredEvent, customer: CustomerId | None
) -> list[Count]:
    """How the features that read an event count it; nothing as long as its customer is unknown.

    Raises:
        Invalid: a feature meters a property that is no number, or computes none (as `value_of`).
    """
    counts: list[Count] = []
    for feature in features:
        meter = meter_of(feature)
        try:
            if meter.aggregation == "unique":
                member = member_of(meter, event)
                value = None if member is None else _ONE
            else:
                member, value = None, value_of(meter, event)
        except Invalid as error:
            raise Invalid(
                f"feature {feature.key} cannot count the event: {error.message}", code=error.code
            ) from error
        if value is not None and customer is not None:
            counts.append(
                Count(
                    feature,
                    customer,
                    event.time,
                    value,
                    event.subscription,
                    event.properties,
                    member or "",
                    event.id,
                )
            )
    return counts


def settle(work: UsageWork, judged: Sequence[Judged]) -> list[EventResult]:
    """Claim the keys, store what is new, add it up, and answer for each event in order."""
    results: list[EventResult | None] = [_refused(one) for one in judged]
    claimed = [(i, digest(one.reading.key)) for i, one in enumerate(judged) if not results[i]]
    firsts: dict[bytes, int] = {}
    for i, key in claimed:
        firsts.setdefault(key, i)
    claims = {key: claim_of(judged[i]) for key, i in firsts.items()}
    before = work.usage.claim(claims)
    new: list[Judged] = []
    for i, key in claimed:
        one = judged[i]
        if firsts[key] == i and key not in before:
            new.append(one)
            results[i] = EventResult(
                "accepted", one.reading.id, one.reading.key, unmatched=one.unmatched
            )
        else:
            results[i] = _repeated(work, one, before.get(key, claims[key]))
    store(work, new)
    answers = [result for result in results if result is not None]
    _keep_refused(
        work, [(one.reading, answer) for one, answer in zip(judged, answers, strict=True)]
    )
    return answers


def _refused(one: Judged) -> EventResult | None:
    if one.refusal is None:
        return None
    return EventResult("rejected", one.reading.id, one.reading.key, one.refusal)


def claim_of(one: Judged) -> Claim:
    """What the key of an event stands for."""
    return Claim(content(one.reading, one.customer or one.reading.customer), one.reading.time)


def _repeated(work: UsageWork, one: Judged, stored: Claim) -> EventResult:
    """An event whose key is there: the same event again, or another one under its key."""
    reading = one.reading
    if _is_same(work, one, stored.content) or (
        # At the very instant that is stored it does not matter whether somebody said the time: an
        # export says it, and the call that was exported may not have.
        reading.time == stored.time and _is_same(work, _otherwise_timed(one), stored.content)
    ):
        # Only a key that was made here tells which event was the first.
        same = reading.id if reading.id == reading.key else None
        return EventResult("duplicate", same, reading.key)
    return EventResult(
        "conflict",
        reading.id,
        reading.key,
        f"conflict: an event with the key {reading.key!r} and other content is stored, and stays",
    )


def _otherwise_timed(one: Judged) -> Judged:
    return one._replace(reading=replace(one.reading, time_given=not one.reading.time_given))


def _is_same(work: UsageWork, one: Judged, stored: bytes) -> bool:
    """Whether it says what is stored, or did while its customer was known by name only."""
    if claim_of(one).content == stored:
        return True
    if one.customer is None:
        return False
    names = {one.reading.customer, *work.customers.get(one.customer).refs}
    return any(content(one.reading, name) == stored for name in names)


def store(work: UsageWork, new: Sequence[Judged]) -> None:
    """Store events whose keys were claimed, and add them up."""
    if not new:
        return
    # Added up first: whoever adds to the same hour waits there, so that the events are in the order
    # in which they were added up.
    add_up(work, (counted for one in new for counted in one.counts))
    work.usage.add([stored(work, one) for one in new])


def add_up(work: UsageWork, counts: Iterable[Count]) -> None:
    """Add counts to the stored rollups, in one order for all, so that none waits in a circle.

    Levels after them: who has added to the rollup of an hour is alone with its level.
    """
    quarters = by_quarter(counts)
    for merging, rollups in sorted(roll_up(quarters).items()):
        work.usage.add_up(merging, rollups)
    add_levels(work, quarters)
    if members := memberships(quarters):
        work.usage.add_members(members)


def stored(work: UsageWork, one: Judged) -> StoredEvent:
    """An event as it is stored now."""
    reading = one.reading
    return StoredEvent(
        id=reading.id,
        key=reading.key,
        event=reading.event,
        customer=one.customer or reading.customer,
        quantity=reading.quantity,
        time=reading.time,
        properties=reading.properties,
        subscription=reading.subscription,
        received_at=work.now,
        unmatched=one.unmatched,
    )


def _keep_refused(work: UsageWork, answers: Iterable[tuple[Reading, EventResult]]) -> None:
    kept = [
        rejected(work, reading, answer.reason, answer.outcome)
        for reading, answer in answers
        if answer.reason is not None
    ]
    if kept:
        work.usage.reject(kept)


def rejected(
    work: UsageWork, event: Reading | StoredEvent, reason: str, outcome: Outcome = "rejected"
) -> RejectedEvent:
    """An event for the list of those that were refused, as its caller could send it again."""
    return RejectedEvent(
        id=event.id,
        at=work.now,
        outcome=outcome,
        reason=reason,
        event=UsageEvent(
            event=event.event,
            customer=event.customer,
            quantity=event.quantity,
            key=event.key,
            time=event.time,
            properties={**event.properties},
            subscription=event.subscription,
        ),
    )
