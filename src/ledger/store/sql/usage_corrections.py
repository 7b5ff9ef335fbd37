"""Usage events one by one, in SQL: found by their keys, listed as they came, and voided."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from ledger.meter.model import StoredEvent, UsageState
from ledger.store.sql.connection import Row, chunks
from ledger.store.sql.paging import after_cursor
from ledger.store.sql.statement import by, scoped, within
from ledger.store.sql.usage_events import (
    ALL_COLUMNS,
    HOUR_US,
    SqlUsageEvents,
    stored_event,
    usage_events,
    usage_unmatched,
    uuid_of,
)
from ledger.store.sql.usage_keys import CLAIMED
from ledger.types.errors import NotFound
from ledger.types.page import Page, encode_cursor
from ledger.types.zone import micros

_e, _u = usage_events.c, usage_unmatched.c
_HAS_KEY = sa.or_(
    _e.key.in_(sa.bindparam("keys", expanding=True)),
    # An event whose key is its own id does not say it twice; the digest of such a key is the UUID.
    sa.and_(_e.key.is_(None), _e.id.in_(sa.bindparam("digests", expanding=True))),
)
_at = usage_events.alias("at_times")
# The index alone says where the events of an hour are that happened at these times: only they are
# looked at, and not all of the hour.
_AT_TIMES = within(
    sa.select(_at.c.position).where(
        by(_at.c.hour), _at.c.time.in_(sa.bindparam("times", expanding=True))
    )
)
_IN_HOUR = ALL_COLUMNS.where(by(_e.hour), _e.position.in_(_AT_TIMES))
_KEYED_IN_HOUR = scoped(_IN_HOUR.where(_HAS_KEY).order_by(_e.position))
_KEYED = scoped(ALL_COLUMNS.where(_HAS_KEY).order_by(_e.position))
_PLACES = scoped(
    sa.select(_e.id, _e.customer, _e.time, _e.position).where(
        by(_e.hour),
        _e.position.in_(_AT_TIMES),
        _e.id.in_(sa.bindparam("ids", expanding=True)),
    )
)
_VOID = scoped(usage_events.update().where(by(_e.position), by(_e.hour)))
_WAIT_NO_MORE = scoped(usage_unmatched.delete().where(by(_u.id)))


class SqlUsageCorrections(SqlUsageEvents):
    """The part of a `UsageRepository` that looks at single events."""

    def find(self, keys: Mapping[bytes, str]) -> dict[str, StoredEvent]:
        """The events that have these keys, the one that was stored last of each."""
        found = dict[str, StoredEvent]()
        for some in chunks(list(keys)):
            times = {digest: at for digest, _, at in self._scope.rows(CLAIMED, digests=some)}
            for event in self._keyed(times, keys):
                found[event.key] = event  # in order of position
        return found

    def _keyed(
        self, times: Mapping[bytes, int | None], keys: Mapping[bytes, str]
    ) -> Iterator[StoredEvent]:
        """The events with these keys, hour by hour; where the time is not known, from all hours."""
        by_hour = defaultdict[int | None, list[bytes]](list)
        for digest, at in times.items():
            by_hour[None if at is None else at // HOUR_US].append(digest)
        for hour, digests in by_hour.items():
            names = [keys[digest] for digest in digests]
            if hour is None:
                rows = self._scope.rows(_KEYED, keys=names, digests=digests)
            else:
                known = [time for digest in digests if (time := times[digest]) is not None]
                rows = self._scope.rows(
                    _KEYED_IN_HOUR, by_hour=hour, times=known, keys=names, digests=digests
                )
            for row in rows:
                yield stored_event(*row)

    def page(
        self,
        after: str | None,
        limit: int,
        *,
        customer: str | None = None,
        event: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        state: UsageState | None = None,
    ) -> Page[StoredEvent]:
        """Events in order of arrival, without voided ones unless these are asked for."""
        conditions: list[sa.ColumnElement[bool]] = [
            _e.voided_at.is_not(None) if state == "voided" else _e.voided_at.is_(None)
        ]
        if state == "matched":
            conditions.append(_e.unmatched.is_(None))
        if state == "unmatched":
            conditions.append(_e.unmatched.is_not(None))
        if customer is not None:
            conditions.append(_e.customer == customer)
        if event is not None:
            conditions.append(_e.event == event)
        if start is not None:
            since = micros(start)
            conditions += [_e.hour >= since // HOUR_US, _e.time >= since]
        if end is not None:
            until = micros(end)
            conditions += [_e.hour <= until // HOUR_US, _e.time < until]
        select = after_cursor(ALL_COLUMNS.where(*conditions), _e.position, after, limit)
        rows = self._scope.rows(scoped(select))
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(
            tuple(stored_event(*row) for row in rows[:limit]),
            None if last is None else encode_cursor(last[1]),
        )

    def void(self, events: Sequence[StoredEvent]) -> None:
        """Store when and why these events were voided; they wait for nothing any more."""
        places = self._places(events)
        rows = list[Row]()
        for event in events:
            place = places.get((uuid_of(event), event.customer, micros(event.time)))
            if place is None:
                raise NotFound("usage event", event.key)
            rows.append(
                {
                    "voided_at": None if event.voided_at is None else micros(event.voided_at),
                    "void_reason": event.void_reason,
                    "by_position": place,
                    "by_hour": micros(event.time) // HOUR_US,
                }
            )
        self._scope.execute_many(_VOID, rows)
        self._scope.execute_many(
            _WAIT_NO_MORE,
            [{"by_id": uuid_of(event)} for event in events if event.unmatched is not None],
        )

    def _places(self, events: Sequence[StoredEvent]) -> dict[tuple[bytes, str, int], int]:
        """Where events are: many at once, because many may be of one instant."""
        by_hour = defaultdict[int, list[StoredEvent]](list)
        for event in events:
            by_hour[micros(event.time) // HOUR_US].append(event)
        found = dict[tuple[bytes, str, int], int]()
        for hour, its in by_hour.items():
            for some in chunks(its):
                ids = [uuid_of(event) for event in some]
                times = sorted({micros(event.time) for event in some})
                for uuid, customer, time, position in self._scope.rows(
                    _PLACES, by_hour=hour, times=times, ids=ids
                ):
                    found[uuid, customer, time] = position
        return found
