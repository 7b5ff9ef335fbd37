"""What metering talks about: usage events, readings, rollups, and what became of each event."""

from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from ledger.types.ids import CustomerId, FeatureId, UsageEventId
from ledger.types.period import Schedule

PropertyValue = str | int | bool | Decimal | None
"""What a caller may give as a property."""
Property = str | int | bool | None
"""What is kept of it: a Decimal is kept as its text, which says the same and loses no digit."""
Outcome = Literal["accepted", "duplicate", "conflict", "rejected"]
Unmatched = Literal["unknown_customer", "unknown_event"]
UsageState = Literal["matched", "unmatched", "voided"]
Merging = Literal["count", "sum", "max", "last"]
"""How rollups are added to each other."""
MERGINGS: tuple[Merging, ...] = ("count", "sum", "max", "last")

QUARTERS = 4
QUARTER_S = 900
HOUR_S = 3_600
MICROSECONDS = 1_000_000


class UsageEvent(msgspec.Struct, frozen=True, gc=False):
    """Something a customer used, as the caller says it.

    `customer` is an id or an external id; `quantity` an int, a decimal string or a Decimal; `key`
    the identity of the event (one is made when None, so give one if you may send it again);
    `time` when it happened (now when None); `subscription` the subscription it is meant for.
    """

    event: str
    customer: str
    quantity: int | str | Decimal = 1
    key: str | None = None
    time: datetime | None = None
    properties: dict[str, PropertyValue] = {}
    subscription: str | None = None


class Reading(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A usage event that was checked and stamped: exact quantity, id, key and time are there.

    `time_given` tells whether the caller said when it happened: only then the time is part of the
    content that tells a duplicate from a conflict. The spool keeps readings as arrays, so a new
    field goes to the end and has a default.
    """

    id: UsageEventId
    key: str
    event: str
    customer: str
    quantity: Decimal
    time: datetime
    time_given: bool = False
    properties: dict[str, Property] = {}
    subscription: str | None = None


class EventResult(msgspec.Struct, frozen=True):
    """What became of one event of a batch.

    accepted: stored and counted · duplicate: the same event was stored before · conflict: its key
    was stored before with other content, which stays · rejected: not stored, for `reason`.
    `unmatched` says that an accepted event waits for its customer or feature to be known.
    """

    outcome: Outcome
    id: UsageEventId | None
    key: str | None
    reason: str | None = None
    unmatched: Unmatched | None = None


class Claim(NamedTuple):
    """What a key stands for: a digest of the event's content, and when the event happened.

    `time` is None for a key that was claimed before times were kept.
    """

    content: bytes
    time: datetime | None


class StoredEvent(msgspec.Struct, frozen=True):
    """A usage event as stored: `customer` is the customer's id, or the ref while it is unknown.

    One that was voided says when and why; it counts nowhere.
    """

    id: UsageEventId
    key: str
    event: str
    customer: str
    quantity: Decimal
    time: datetime
    properties: dict[str, Property]
    subscription: str | None
    received_at: datetime
    unmatched: Unmatched | None = None
    voided_at: datetime | None = None
    void_reason: str | None = None

    @property
    def state(self) -> UsageState:
        """Whether it is matched, waits for its customer or feature, or was voided."""
        if self.voided_at is not None:
            return "voided"
        return "matched" if self.unmatched is None else "unmatched"


class RejectedEvent(msgspec.Struct, frozen=True):
    """A usage event that was refused after `meter()` had returned, kept so that it is not lost."""

    id: UsageEventId
    at: datetime
    outcome: Outcome
    reason: str
    event: UsageEvent


class Retry(msgspec.Struct, frozen=True):
    """What became of events that waited: how many are matched now, were replaced, or were refused.

    One that was replaced may wait under its new name; one that was refused waits as it was.
    """

    matched: int = 0
    replaced: int = 0
    refused: int = 0


class Quarter(msgspec.Struct, frozen=True):
    """A quarter of an hour of one feature: how many values, and what they come to.

    `value` is the sum, the greatest or the last value, as the feature aggregates; without values
    (`count` 0) it means nothing. `at` is the time of the last value.
    """

    count: int
    value: Decimal
    at: datetime | None = None


class RollupKey(msgspec.Struct, frozen=True, order=True):
    """What a rollup row adds up: one customer, feature, set of dimensions and hour.

    `subscription` is empty unless the events named one. `dimensions` is canonical JSON of the
    declared dimensions, empty without any. `hour` counts from 1970-01-01T00:00Z.
    """

    customer: CustomerId
    feature: FeatureId
    hour: int
    subscription: str = ""
    dimensions: str = ""


class Rollup(msgspec.Struct, frozen=True):
    """An hour of usage in its four quarters."""

    key: RollupKey
    quarters: tuple[Quarter | None, Quarter | None, Quarter | None, Quarter | None]


class Membership(msgspec.Struct, frozen=True):
    """That a value occurred in an hour, for a meter that counts different values.

    `member` are 16 bytes that stand for the value; bit n of `quarters` is set if it occurred in
    the n-th quarter of the hour.
    """

    key: RollupKey
    member: bytes
    quarters: int


class Stretch(msgspec.Struct, frozen=True, array_like=True):
    """What a quarter of an hour does to a level, whatever the level was before.

    `lead` is for how many microseconds the level before goes on; `area` is what the rest of the
    quarter comes to, level × microseconds. `value` is the level then, or by how much it has
    changed; `first` and `last` are when the first and the last event were, in microseconds.
    """

    first: int
    last: int
    lead: int
    area: Decimal
    value: Decimal


class LevelHour(msgspec.Struct, frozen=True):
    """An hour of a level in its four quarters."""

    key: RollupKey
    quarters: tuple[Stretch | None, Stretch | None, Stretch | None, Stretch | None]


class ServiceTimes(msgspec.Struct, frozen=True):
    """When a subscription serves its customer: [start, end), with the trial, and how it is billed.

    `schedule` begins where the trial ends, or at `start` without one. `end` is None while no end
    is set.
    """

    start: datetime
    schedule: Schedule
    end: datetime | None = None


class UsageRow(msgspec.Struct, frozen=True):
    """Usage of a feature in a window; `group` holds the values grouped by."""

    start: datetime
    end: datetime
    quantity: Decimal
    group: dict[str, str] = {}
