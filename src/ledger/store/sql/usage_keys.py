"""Which usage events came before, in SQL: keys, and the marks of writers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from ledger.meter.model import Claim
from ledger.store.sql.connection import Repository, chunks
from ledger.store.sql.schema import (
    METADATA,
    ScopedColumns,
    blob,
    integer,
    integer_or_null,
    primary_key,
    text,
)
from ledger.store.sql.statement import Entry, by, scoped
from ledger.types.errors import NotFound
from ledger.types.zone import from_micros, micros


class UsageKeyColumns(ScopedColumns):
    """A key that was claimed, a digest of the event that has it, and when that happened.

    The digest of a key that Ledger made is the UUID of the event, so that it goes to the end.
    """

    digest = blob()
    content = blob()
    at = integer_or_null()


class UsageMarkColumns(ScopedColumns):
    """How far a writer of batches has come, and when."""

    writer = text()
    batch = integer()
    at = integer()


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

_k, _m = usage_keys.c, usage_marks.c
_CLAIM = Entry(usage_keys, keep=True)
CLAIMED: Final = scoped(
    sa.select(_k.digest, _k.content, _k.at).where(
        _k.digest.in_(sa.bindparam("digests", expanding=True))
    )
)
_RECLAIM = scoped(usage_keys.update().where(by(_k.digest)))
_MARK = Entry(
    usage_marks,
    lambda new: {
        "batch": sa.case((new["batch"] > _m.batch, new["batch"]), else_=_m.batch),
        "at": new["at"],
    },
)
_MARKED = scoped(sa.select(_m.batch).where(by(_m.writer)))


class SqlUsageKeys(Repository):
    """The part of a `UsageRepository` that tells new events from old ones."""

    _now: datetime

    def claim(self, keys: Mapping[bytes, Claim]) -> dict[bytes, Claim]:
        """Store the keys that are new; what is stored for those that were there before."""
        if not keys:
            return {}
        self._scope.hold("usage", shared=True)
        rows = [(digest, claim.content, _micros(claim.time)) for digest, claim in keys.items()]
        known = self._scope.insert_new(_CLAIM, sorted(rows))
        before = dict[bytes, Claim]()
        for some in chunks([digest for digest in keys if digest in known]):
            for digest, content, at in self._scope.rows(CLAIMED, digests=some):
                before[digest] = Claim(content, None if at is None else from_micros(at))
        return before

    def reclaim(self, keys: Mapping[bytes, Claim]) -> None:
        """Let keys that were claimed stand for something else."""
        rows = [
            {"by_digest": digest, "content": claim.content, "at": _micros(claim.time)}
            for digest, claim in sorted(keys.items())
        ]
        if self._scope.execute_many(_RECLAIM, rows) < len(rows):
            raise NotFound("usage key", min(keys).hex())

    def mark(self, writer: str, batch: int) -> None:
        """Note, with this transaction, that a writer's batches up to `batch` are stored."""
        self._scope.insert(_MARK, {"writer": writer, "batch": batch, "at": micros(self._now)})

    def marked(self, writer: str) -> int:
        """The last batch of a writer that this transaction can see; 0 before the first."""
        row = self._scope.one(_MARKED, by_writer=writer)
        return 0 if row is None else row[0]


def _micros(time: datetime | None) -> int | None:
    return None if time is None else micros(time)
