"""Usage events that were refused, in SQL: kept until somebody retries or dismisses them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, get_args

import msgspec
import sqlalchemy as sa

from ledger.meter.model import Outcome, Property, RejectedEvent, UsageEvent
from ledger.store.sql.connection import Repository, chunks
from ledger.store.sql.schema import (
    METADATA,
    ScopedColumns,
    blob,
    index,
    integer,
    primary_key,
    text,
)
from ledger.store.sql.statement import Entry, by, scoped
from ledger.types import ids
from ledger.types.ids import UsageEventId
from ledger.types.json import decode, encode
from ledger.types.page import Page, decode_cursor, encode_cursor
from ledger.types.zone import from_micros, micros


class UsageRejectedColumns(ScopedColumns):
    """A usage event that was refused after its caller had gone."""

    id = blob()
    at = integer()
    outcome = text()
    reason = text()
    document = text()


usage_rejected: Final = sa.Table(
    "usage_rejected",
    METADATA,
    UsageRejectedColumns,
    primary_key("id"),
    index("usage_rejected_by_date", "at", "id"),
    sqlite_strict=True,
)

_r = usage_rejected.c
_REJECT = Entry(usage_rejected, keep=True)
_ALL = sa.select(_r.id, _r.at, _r.outcome, _r.reason, _r.document)
_BY_IDS = scoped(_ALL.where(_r.id.in_(sa.bindparam("ids", expanding=True))))
_DROP = scoped(usage_rejected.delete().where(by(_r.id)))


class _Refused(msgspec.Struct, frozen=True):
    """A `UsageEvent` as it is kept: decimals as their text, which says the same."""

    event: str
    customer: str
    quantity: int | str = 1
    key: str | None = None
    time: datetime | None = None
    properties: dict[str, Property] = {}
    subscription: str | None = None


class SqlRejectedUsage(Repository):
    """The part of a `UsageRepository` that keeps what was refused."""

    def reject(self, events: Sequence[RejectedEvent]) -> None:
        """Keep events that were refused; one that is kept already stays as it is."""
        self._scope.insert_rows(
            _REJECT,
            [
                (
                    ids.USAGE_EVENT.uuid_bytes(event.id),
                    micros(event.at),
                    event.outcome,
                    event.reason,
                    encode(event.event).decode(),
                )
                for event in events
            ],
        )

    def rejected(
        self,
        after: str | None,
        limit: int,
        *,
        outcome: Outcome | None = None,
        code: str | None = None,
    ) -> Page[RejectedEvent]:
        """Refused events, oldest first."""
        select = _ALL
        if after is not None:
            at, uuid = decode_cursor(after, tuple[int, bytes])
            select = select.where(sa.tuple_(_r.at, _r.id) > sa.tuple_(at, uuid))
        if outcome is not None:
            select = select.where(_r.outcome == outcome)
        if code is not None:
            begin = f"{code}:"
            select = select.where(sa.func.substr(_r.reason, 1, len(begin)) == begin)
        rows = self._scope.rows(scoped(select.order_by(_r.at, _r.id).limit(limit + 1)))
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(
            tuple(_rejected(*row) for row in rows[:limit]),
            None if last is None else encode_cursor((last[1], last[0])),
        )

    def rejected_by_id(self, ids: Sequence[UsageEventId]) -> dict[UsageEventId, RejectedEvent]:
        """Those of these refused events that are kept."""
        found = dict[UsageEventId, RejectedEvent]()
        for some in chunks([_uuid(one) for one in ids]):
            for row in self._scope.rows(_BY_IDS, ids=some):
                event = _rejected(*row)
                found[event.id] = event
        return found

    def drop_rejected(self, ids: Sequence[UsageEventId]) -> None:
        """Forget refused events."""
        self._scope.execute_many(_DROP, [{"by_id": uuid} for uuid in sorted(map(_uuid, ids))])


def _uuid(id: UsageEventId) -> bytes:
    return ids.USAGE_EVENT.uuid_bytes(id)


def _rejected(id: bytes, at: int, outcome: str, reason: str, document: str) -> RejectedEvent:
    said = decode(document, _Refused)
    return RejectedEvent(
        id=ids.USAGE_EVENT.from_bytes(id),
        at=from_micros(at),
        outcome=_OUTCOMES[outcome],
        reason=reason,
        event=UsageEvent(**msgspec.structs.asdict(said)),
    )


_OUTCOMES: Final[Mapping[str, Outcome]] = {outcome: outcome for outcome in get_args(Outcome)}
