"""Usage events that nobody needs any more, in SQL: they go by the hour, and the oldest first."""

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from ledger.meter.acceptance import digest
from ledger.store.sql.connection import Repository
from ledger.store.sql.database import Value
from ledger.store.sql.schema import INTEGER, METADATA, ScopedColumns, integer, primary_key
from ledger.store.sql.statement import Entry, by, scoped
from ledger.store.sql.usage_events import HOUR_US, usage_events
from ledger.store.sql.usage_keys import usage_keys, usage_marks
from ledger.store.sql.usage_rejected import usage_rejected
from ledger.types import ids
from ledger.types.zone import micros


class UsageHorizonColumns(ScopedColumns):
    """The hour before which raw events may be gone."""

    hour = integer()


usage_horizon: Final = sa.Table(
    "usage_horizon", METADATA, UsageHorizonColumns, primary_key(), sqlite_strict=True
)

_e, _k, _m, _r, _h = (
    table.c for table in (usage_events, usage_keys, usage_marks, usage_rejected, usage_horizon)
)
_FIRST, _LAST = sa.bindparam("first", type_=INTEGER), sa.bindparam("last", type_=INTEGER)
_BEFORE, _LIMIT = sa.bindparam("before", type_=INTEGER), sa.bindparam("limit", type_=INTEGER)
_BEGINNING: Final = -(2**40)  # long before the year 1, counted in hours

_HORIZON = scoped(sa.select(_h.hour))
_RAISE = Entry(
    usage_horizon,
    lambda new: {"hour": sa.case((new["hour"] > _h.hour, new["hour"]), else_=_h.hour)},
)
_NEXT_HOUR = scoped(
    sa.select(_e.hour).where(_e.hour >= _FIRST, _e.hour < _LAST).order_by(_e.hour).limit(1)
)
_OLDEST = scoped(sa.select(_e.hour).where(_e.hour >= _FIRST).order_by(_e.hour).limit(1))
_SOME = scoped(
    sa.select(_e.position, _e.id, _e.key)
    .where(by(_e.hour), _e.unmatched.is_(None), _e.received_at < _BEFORE)
    .limit(_LIMIT)
)
_DROP_EVENT = scoped(usage_events.delete().where(by(_e.position), by(_e.hour)))
# A key that was given to a later event, in the place of this one, stays as long as that.
_DROP_KEY = scoped(
    usage_keys.delete().where(
        by(_k.digest), sa.or_(_k.at.is_(None), _k.at < sa.bindparam("until", type_=INTEGER))
    )
)
_REFUSED = scoped(sa.select(_r.id).where(_r.at < _BEFORE).order_by(_r.at, _r.id).limit(_LIMIT))
_DROP_REFUSED = scoped(usage_rejected.delete().where(by(_r.id)))
_DROP_MARKS = scoped(usage_marks.delete().where(_m.at < _BEFORE))


class SqlUsageExpiry(Repository):
    """The part of a `UsageRepository` that forgets."""

    def expire(
        self, hours: tuple[int, int], received_before: datetime, limit: int
    ) -> tuple[int, int]:
        """Forget raw events and their keys, at most `limit`; how many, and where to go on."""
        first, last = hours
        self._scope.insert(_RAISE, {"hour": last})
        gone = 0
        while row := self._scope.one(_NEXT_HOUR, first=first, last=last):
            first = row[0]
            found = self._scope.rows(
                _SOME, by_hour=first, before=micros(received_before), limit=limit - gone
            )
            self._scope.execute_many(
                _DROP_EVENT, [{"by_position": place, "by_hour": first} for place, _, _ in found]
            )
            digests = sorted(_digest(uuid, key) for _, uuid, key in found)
            until = last * HOUR_US
            self._scope.execute_many(
                _DROP_KEY, [{"by_digest": each, "until": until} for each in digests]
            )
            gone += len(found)
            if gone >= limit:
                return gone, first
            first += 1
        return gone, last

    def expired_before(self) -> int | None:
        """The hour before which raw events may be gone."""
        row = self._scope.one(_HORIZON)
        return None if row is None else row[0]

    def oldest_hour(self, since: int | None = None) -> int | None:
        """The first hour, from `since` on, that has raw events."""
        row = self._scope.one(_OLDEST, first=_BEGINNING if since is None else since)
        return None if row is None else row[0]

    def forget_refused(self, before: datetime, limit: int) -> int:
        """Forget the events that were refused before then, the oldest `limit`."""
        found = self._scope.rows(_REFUSED, before=micros(before), limit=limit)
        self._scope.execute_many(_DROP_REFUSED, [{"by_id": uuid} for (uuid,) in found])
        return len(found)

    def forget_marks(self, before: datetime) -> None:
        """Forget the marks of writers that have stored nothing since then."""
        values: dict[str, Value] = {"before": micros(before)}
        self._scope.execute_many(_DROP_MARKS, [values])


def _digest(uuid: bytes, key: str | None) -> bytes:
    """What stands for an event's key; without one of its own it is the id."""
    return digest(ids.USAGE_EVENT.from_bytes(uuid) if key is None else key)
