"""Usage events in SQL."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, get_args

import sqlalchemy as sa

from ledger.meter.model import HOUR_S, MICROSECONDS, Property, StoredEvent, Unmatched
from ledger.store.sql.connection import Repository
from ledger.store.sql.database import Value
from ledger.store.sql.schema import (
    INTEGER,
    METADATA,
    ScopedColumns,
    blob,
    index,
    integer,
    integer_or_null,
    primary_key,
    text,
    text_or_null,
    unique,
)
from ledger.store.sql.statement import Entry, by, scoped
from ledger.types import ids
from ledger.types.ids import UsageEventId
from ledger.types.json import decode, encode
from ledger.types.quantity import join, split
from ledger.types.zone import from_micros, micros


class UsageEventColumns(ScopedColumns):
    """A usage event. `position` counts the events of a scope in the order in which they count.

    `key` is null when it is the event's own id; `customer` is an id, or the ref while it is
    unknown; `hour` counts from 1970-01-01T00:00Z.
    """

    position = integer()
    id = blob()
    key = text_or_null()
    event = text()
    customer = text()
    whole = integer()
    billionths = integer()
    time = integer()
    hour = integer()
    properties = text_or_null()
    subscription = text_or_null()
    received_at = integer()
    unmatched = text_or_null()
    voided_at = integer_or_null()
    void_reason = text_or_null()

    __row_pos__: tuple[
        int,
        int,
        bytes,
        str | None,
        str,
        str,
        int,
        int,
        int,
        int,
        str | None,
        str | None,
        int,
        str | None,
        int | None,
        str | None,
    ]


class UsageUnmatchedColumns(ScopedColumns):
    """That an event waits, and what for."""

    position = integer()
    id = blob()
    reason = text()
    customer = text()
    event = text()


usage_events: Final = sa.Table(
    "usage_events",
    METADATA,
    UsageEventColumns,
    primary_key("position"),
    index("usage_events_by_hour", "hour", "customer", "time"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
sa.Index(
    "usage_events_voided",
    usage_events.c.scope_id,
    usage_events.c.customer,
    usage_events.c.voided_at,
    sqlite_where=usage_events.c.voided_at.is_not(None),
)
usage_unmatched: Final = sa.Table(
    "usage_unmatched",
    METADATA,
    UsageUnmatchedColumns,
    primary_key("position"),
    unique("usage_unmatched_id", "id"),
    index("usage_unmatched_by_customer", "reason", "customer"),
    index("usage_unmatched_by_event", "reason", "event"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

_c = usage_events.c
_NEW = Entry(usage_events)
_WAITS = Entry(usage_unmatched)
_LAST = scoped(sa.select(_c.position, _c.id).order_by(_c.position.desc()).limit(1))
ALL_COLUMNS = sa.select(usage_events)
_FROM, _TO = sa.bindparam("from", type_=INTEGER), sa.bindparam("to", type_=INTEGER)
_NEXT_HOUR = scoped(
    sa.select(_c.hour)
    .where(_c.hour >= sa.bindparam("first", type_=INTEGER))
    .order_by(_c.hour)
    .limit(1)
)
_OF_HOUR = ALL_COLUMNS.where(by(_c.hour), _c.time >= _FROM, _c.time < _TO).order_by(_c.position)
_GOOD_OF_HOUR = _OF_HOUR.where(_c.voided_at.is_(None))
_IN_HOUR, _IN_HOUR_OF_ONE = scoped(_GOOD_OF_HOUR), scoped(_GOOD_OF_HOUR.where(by(_c.customer)))
_ALL_IN_HOUR, _ALL_IN_HOUR_OF_ONE = scoped(_OF_HOUR), scoped(_OF_HOUR.where(by(_c.customer)))
VOIDED = scoped(
    sa.select(_c.hour)
    .distinct()
    .where(
        by(_c.customer),
        _c.voided_at > sa.bindparam("after", type_=INTEGER),
        _c.hour >= sa.bindparam("first", type_=INTEGER),
        _c.hour < sa.bindparam("last", type_=INTEGER),
    )
)
"""In which hours events of a customer were voided after an instant."""

HOUR_US: Final = HOUR_S * MICROSECONDS


class SqlUsageEvents(Repository):
    """The part of a `UsageRepository` that keeps the events themselves."""

    def add(self, events: Sequence[StoredEvent]) -> None:
        """Store events whose keys were claimed in this transaction."""
        placed = list(zip(self.positions(len(events)), events, strict=True))
        self._scope.insert_rows(_NEW, [_row(position, event) for position, event in placed])
        waiting = [
            (position, uuid_of(event), event.unmatched, event.customer, event.event)
            for position, event in placed
            if event.unmatched is not None
        ]
        self._scope.insert_rows(_WAITS, waiting)

    def stored(
        self,
        start: datetime,
        end: datetime,
        *,
        customer: str | None = None,
        voided: bool = False,
    ) -> Iterator[StoredEvent]:
        """Events by their own time in [start, end), in order of arrival within an hour."""
        since, until = micros(start), micros(end)
        values: dict[str, Value] = {"from": since, "to": until}
        query = _ALL_IN_HOUR if voided else _IN_HOUR
        if customer is not None:
            query = _ALL_IN_HOUR_OF_ONE if voided else _IN_HOUR_OF_ONE
            values["by_customer"] = customer
        # Hour by hour: an hour can be put in order without reading all that follows.
        hour = since // HOUR_US
        while (row := self._scope.one(_NEXT_HOUR, first=hour)) and row[0] * HOUR_US < until:
            for columns in self._scope.stream(query, **values, by_hour=row[0]):
                yield stored_event(*columns)
            hour = row[0] + 1

    def newest_id(self) -> UsageEventId | None:
        """The id of the event stored last."""
        row = self._scope.one(_LAST)
        return None if row is None else ids.USAGE_EVENT.from_bytes(row[1])

    def positions(self, count: int) -> Sequence[int]:
        """Where the next events go."""
        return self._scope.reserve(self._last_position, count)

    def _last_position(self) -> int:
        row = self._scope.one(_LAST)
        return 0 if row is None else row[0]


def uuid_of(event: StoredEvent) -> bytes:
    """The id of an event as it is stored."""
    return ids.USAGE_EVENT.uuid_bytes(event.id)


def _row(position: int, event: StoredEvent) -> tuple[Value, ...]:
    whole, billionths = split(event.quantity)
    time = micros(event.time)
    return (
        position,
        uuid_of(event),
        None if event.key == event.id else event.key,
        event.event,
        event.customer,
        whole,
        billionths,
        time,
        time // HOUR_US,
        encode(event.properties).decode() if event.properties else None,
        event.subscription,
        micros(event.received_at),
        event.unmatched,
        None if event.voided_at is None else micros(event.voided_at),
        event.void_reason,
    )


def stored_event(
    _scope: int,
    _position: int,
    uuid: bytes,
    key: str | None,
    event: str,
    customer: str,
    whole: int,
    billionths: int,
    time: int,
    _hour: int,
    properties: str | None,
    subscription: str | None,
    received_at: int,
    unmatched: str | None,
    voided_at: int | None,
    void_reason: str | None,
) -> StoredEvent:
    """The event that is in these columns, all of `usage_events`."""
    event_id = ids.USAGE_EVENT.from_bytes(uuid)
    return StoredEvent(
        id=event_id,
        key=event_id if key is None else key,
        event=event,
        customer=customer,
        quantity=join(whole, billionths),
        time=from_micros(time),
        properties={} if properties is None else decode(properties, _PROPERTIES),
        subscription=subscription,
        received_at=from_micros(received_at),
        unmatched=_UNMATCHED[unmatched],
        voided_at=None if voided_at is None else from_micros(voided_at),
        void_reason=void_reason,
    )


_PROPERTIES: Final = dict[str, Property]
_UNMATCHED: Final[Mapping[str | None, Unmatched | None]] = {
    None: None,
    **{reason: reason for reason in get_args(Unmatched)},
}
