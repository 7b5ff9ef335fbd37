"""Which usage events came before, in SQL: keys, the marks of writers, and what was refused."""

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
from ledger.types.json import decode, encode
from ledger.types.page import Page, decode_cursor, encode_cursor
from ledger.types.zone import from_micros, micros


class UsageKeyColumns(ScopedColumns):
    """A key that was claimed, and a digest of the event that has it.

    The digest of a key that Ledger made is the UUID of the event, so that it goes to the end.
    """

    digest = blob()
    content = blob()


class UsageMarkColumns(ScopedColumns):
    """How far a writer of batches has come, and when."""

    writer = text()
    batch = integer()
    at = integer()


class UsageRejectedColumns(ScopedColumns):
    """A usage event that was refused after its caller had gone."""

    id = blob()
    at = integer()
    outcome = text()
    reason = text()
    document = text()


usage_keys: Final = sa.Table(
    "usage_keys",
    METADATA,
    UsageKeyColumns,
    primary_key("digest"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
usage_marks: Final = sa.Table(
    "usage_marks",
    METADATA,
    UsageMarkColumns,
    primary_key("writer"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
usage_rejected: Final = sa.Table(
    "usage_rejected",
    METADATA,
    UsageRejectedColumns,
    primary_key("id"),
    index("usage_rejected_by_date", "at", "id"),
    sqlite_strict=True,
)

_k, _m, _r = usage_keys.c, usage_marks.c, usage_rejected.c
_CLAIM = Entry(usage_keys, keep=True)
_CLAIMED = scoped(
    sa.select(_k.digest, _k.content).where(_k.digest.in_(sa.bindparam("digests", expanding=True)))
)
_MARK = Entry(
    usage_marks,
    lambda new: {
        "batch": sa.case((new["batch"] > _m.batch, new["batch"]), else_=_m.batch),
        "at": new["at"],
    },
)
_MARKED = scoped(sa.select(_m.batch).where(by(_m.writer)))
_REJECT = Entry(usage_rejected, keep=True)


class _Refused(msgspec.Struct, frozen=True):
    """A `UsageEvent` as it is kept: decimals as their text, which says the same."""

    event: str
    customer: str
    quantity: int | str = 1
    key: str | None = None
    time: datetime | None = None
    properties: dict[str, Property] = {}
    subscription: str | None = None


class SqlUsageKeys(Repository):
    """The part of a `UsageRepository` that tells new events from old and bad ones."""

    _now: datetime

    def claim(self, keys: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """Store the keys that are new; the stored contents of those that were there before."""
        if not keys:
            return {}
        self._scope.hold("usage", shared=True)
        known = self._scope.insert_new(_CLAIM, sorted(keys.items()))
        before = dict[bytes, bytes]()
        for some in chunks([digest for digest in keys if digest in known]):
            before |= self._scope.rows(_CLAIMED, digests=some)
        return before

    def mark(self, writer: str, batch: int) -> None:
        """Note, with this transaction, that a writer's batches up to `batch` are stored."""
        self._scope.insert(_MARK, {"writer": writer, "batch": batch, "at": micros(self._now)})

    def marked(self, writer: str) -> int:
        """The last batch of a writer that this transaction can see; 0 before the first."""
        row = self._scope.one(_MARKED, by_writer=writer)
        return 0 if row is None else row[0]

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

    def rejected(self, after: str | None, limit: int) -> Page[RejectedEvent]:
        """Refused events, oldest first."""
        select = sa.select(_r.id, _r.at, _r.outcome, _r.reason, _r.document)
        if after is not None:
            at, uuid = decode_cursor(after, tuple[int, bytes])
            select = select.where(sa.tuple_(_r.at, _r.id) > sa.tuple_(at, uuid))
        rows = self._scope.rows(scoped(select.order_by(_r.at, _r.id).limit(limit + 1)))
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(
            tuple(_rejected(*row) for row in rows[:limit]),
            None if last is None else encode_cursor((last[1], last[0])),
        )


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
