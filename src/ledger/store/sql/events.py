"""The event log in SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
import sqlalchemy as sa

from ledger.event.model import Event, LoggedEvent
from ledger.store.sql.connection import Repository, ScopedConnection
from ledger.store.sql.paging import Listing, page
from ledger.store.sql.schema import METADATA, ScopedColumns, integer, primary_key, text
from ledger.store.sql.statement import Entry, scoped
from ledger.types import ids
from ledger.types.ids import MessageId
from ledger.types.json import encode
from ledger.types.page import Page
from ledger.types.zone import from_micros, micros


class EventLogColumns(ScopedColumns):
    """A fact; `sequence` counts inside the scope."""

    sequence = integer()
    id = text()
    at = integer()
    type = text()
    entity_id = text()
    version = integer()
    payload = text()


event_log: Final = sa.Table(
    "event_log", METADATA, EventLogColumns, primary_key("sequence"), sqlite_strict=True
)

_c = event_log.c
_NEW = Entry(event_log)
_LAST = scoped(sa.select(_c.sequence).order_by(_c.sequence.desc()).limit(1))
_ALL = Listing(
    sa.select(
        _c.sequence, _c.sequence, _c.id, _c.at, _c.type, _c.entity_id, _c.version, _c.payload
    ),
    _c.sequence,
)


class SqlEventLog(Repository):
    """The facts of a scope; an `EventLog` that remembers what this transaction added."""

    def __init__(self, scope: ScopedConnection, now: datetime) -> None:
        super().__init__(scope)
        self._now = now
        self._added: list[Event] = []
        self._last: int | None = None

    @property
    def added(self) -> Sequence[Event]:
        """The facts of this transaction so far, in order."""
        return self._added

    def add(self, event: Event) -> None:
        """Append a fact; it becomes visible with the commit, or not at all."""
        if self._last is None:
            # Whoever numbers facts is alone until the commit: none is missing, and none comes late.
            self._scope.hold("events")
            row = self._scope.one(_LAST)
            self._last = 0 if row is None else row[0]
        self._last += 1
        self._scope.insert(
            _NEW,
            {
                "sequence": self._last,
                "id": ids.MESSAGE.new(),
                "at": micros(self._now),
                "type": event.type,
                "entity_id": event.entity_id,
                "version": event.version,
                "payload": encode(event).decode(),
            },
        )
        self._added.append(event)

    def page(self, after: str | None, limit: int) -> Page[LoggedEvent]:
        """The entries after a cursor, oldest first."""
        return page(_ALL.rows(self._scope, after, limit), limit, _logged)


def _logged(
    sequence: int,
    message: str,
    at: int,
    name: str,
    entity_id: str,
    version: int,
    payload: str,
) -> LoggedEvent:
    return LoggedEvent(
        id=MessageId(message),
        sequence=sequence,
        at=from_micros(at),
        type=name,
        entity_id=entity_id,
        version=version,
        payload=msgspec.Raw(payload),
    )
