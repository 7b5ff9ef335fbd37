"""Usage that waits for its customer or feature to be known, in SQL."""

from collections.abc import Sequence

import sqlalchemy as sa

from ledger.meter.model import StoredEvent, Unmatched
from ledger.store.sql.connection import chunks
from ledger.store.sql.paging import after_cursor
from ledger.store.sql.schema import INTEGER
from ledger.store.sql.statement import by, scoped
from ledger.store.sql.usage_events import (
    ALL_COLUMNS,
    SqlUsageEvents,
    stored_event,
    usage_events,
    usage_unmatched,
    uuid_of,
)
from ledger.types.errors import NotFound
from ledger.types.page import Page, encode_cursor

_e, _u = usage_events.c, usage_unmatched.c
_WAITING = ALL_COLUMNS.join(usage_unmatched, _e.position == _u.position)
_FOR_CUSTOMER = scoped(
    _WAITING.where(
        _u.reason == "unknown_customer", _u.customer.in_(sa.bindparam("refs", expanding=True))
    )
)
_FOR_FEATURE = scoped(
    _WAITING.where(_u.reason == "unknown_event", by(_u.event))
    .order_by(_u.position)
    .limit(sa.bindparam("limit", type_=INTEGER))
)
_ALL = 2**62
_PLACES = scoped(
    sa.select(_u.id, _u.position).where(_u.id.in_(sa.bindparam("ids", expanding=True)))
)
_MATCH = scoped(usage_events.update().where(by(_e.position)))
_WAIT_ON = scoped(usage_unmatched.update().where(by(_u.position)))
_WAIT_NO_MORE = scoped(usage_unmatched.delete().where(by(_u.position)))


class SqlWaitingUsage(SqlUsageEvents):
    """The part of a `UsageRepository` that keeps what did not match, until it does."""

    def unmatched(
        self,
        after: str | None,
        limit: int,
        *,
        reason: Unmatched | None = None,
        customer: str | None = None,
        event: str | None = None,
    ) -> Page[StoredEvent]:
        """Events that wait for a customer or a feature, oldest first."""
        select = _WAITING
        if reason is not None:
            select = select.where(_u.reason == reason)
        if customer is not None:
            select = select.where(_u.customer == customer)
        if event is not None:
            select = select.where(_u.event == event)
        rows = self._scope.rows(scoped(after_cursor(select, _u.position, after, limit)))
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(
            tuple(stored_event(*row) for row in rows[:limit]),
            None if last is None else encode_cursor(last[1]),
        )

    def waiting_for_customer(self, refs: Sequence[str]) -> list[StoredEvent]:
        """Events that wait for a customer with one of these refs."""
        rows = [row for some in chunks(refs) for row in self._scope.rows(_FOR_CUSTOMER, refs=some)]
        return [stored_event(*row) for row in sorted(rows, key=lambda row: row[1])]

    def waiting_for_feature(self, event: str, limit: int | None = None) -> list[StoredEvent]:
        """Events that wait for a feature that reads this event name, the oldest first."""
        most = _ALL if limit is None else limit
        rows = self._scope.rows(_FOR_FEATURE, by_event=event, limit=most)
        return [stored_event(*row) for row in rows]

    def match(self, events: Sequence[StoredEvent]) -> None:
        """Store the new `customer` and `unmatched` of events that were waiting.

        They move behind all others: what is added up now is the last to have arrived, whoever
        reads rollups or events.
        """
        places = dict[bytes, int]()
        for some in chunks([uuid_of(event) for event in events]):
            places |= self._scope.rows(_PLACES, ids=some)
        missing = [event.id for event in events if uuid_of(event) not in places]
        if missing:
            raise NotFound("waiting usage event", missing[0])
        moves = list[tuple[StoredEvent, int, int]]()
        places_now = self.positions(len(events))
        for position, event in zip(places_now, events, strict=True):
            moves.append((event, places[uuid_of(event)], position))
        self._scope.execute_many(
            _MATCH,
            [
                {
                    "position": position,
                    "customer": event.customer,
                    "unmatched": event.unmatched,
                    "by_position": place,
                }
                for event, place, position in moves
            ],
        )
        self._scope.execute_many(
            _WAIT_ON,
            [
                {
                    "position": position,
                    "customer": event.customer,
                    "reason": event.unmatched,
                    "by_position": place,
                }
                for event, place, position in moves
                if event.unmatched is not None
            ],
        )
        self._scope.execute_many(
            _WAIT_NO_MORE,
            [{"by_position": place} for event, place, _ in moves if event.unmatched is None],
        )
