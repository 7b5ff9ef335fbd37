"""Which values occurred in an hour, in SQL: a row for each, its quarters are bits.

The customer comes first in the key, as in the rollups, so that a count of different values reads
one range.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from ledger.meter.model import QUARTERS, Membership, RollupKey
from ledger.store.sql.connection import Param, Repository, chunks
from ledger.store.sql.schema import (
    BYTES,
    INTEGER,
    METADATA,
    TEXT,
    ScopedColumns,
    blob,
    integer,
    integer_or_null,
    primary_key,
    text,
)
from ledger.store.sql.statement import Entry, by, latest, scoped
from ledger.types.ids import CustomerId, FeatureId
from ledger.types.zone import micros


class UniqueColumns(ScopedColumns):
    """That a value occurred in an hour; `quarters` has a bit for each quarter in which it did.

    `added_at` is when it was last noted; null if that is not known.
    """

    customer = text()
    feature = text()
    hour = integer()
    subscription = text()
    dimensions = text()
    member = blob()
    quarters = integer()
    added_at = integer_or_null()

    __row_pos__: tuple[int, str, str, int, str, str, bytes, int, int | None]


usage_uniques: Final = sa.Table(
    "usage_uniques",
    METADATA,
    UniqueColumns,
    primary_key("customer", "feature", "hour", "subscription", "dimensions", "member"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

_ALL: Final = (1 << QUARTERS) - 1

_c = usage_uniques.c
_NOTE = Entry(
    usage_uniques,
    lambda new: {
        "quarters": _c.quarters.op("|")(new["quarters"]),
        **latest(_c.added_at, new),
    },
)


def _param(name: str) -> sa.BindParameter[int]:
    return sa.bindparam(name, type_=INTEGER)


def _has(bits: str) -> sa.ColumnElement[bool]:
    return _c.quarters.op("&")(_param(bits)) != sa.literal_column("0", INTEGER)


_OF_ONE: Final = (by(_c.customer), by(_c.feature))
_HOURS = scoped(
    sa.select(usage_uniques)
    .where(*_OF_ONE, _c.hour >= _param("first"), _c.hour < _param("last"))
    .order_by(_c.hour, _c.subscription, _c.dimensions, _c.member)
)
# The first and the last hour may count in part: then only some of their quarters do.
_QUARTERS: Final = (
    *_OF_ONE,
    _c.hour >= _param("first"),
    _c.hour <= _param("last"),
    sa.or_(_c.hour > _param("first"), _has("first_bits")),
    sa.or_(_c.hour < _param("last"), _has("last_bits")),
)
_NAMED = _c.subscription.in_(sa.bindparam("names", expanding=True, type_=TEXT))
_AMONG = _c.member.in_(sa.bindparam("of", expanding=True, type_=BYTES))
_COUNT = scoped(sa.select(sa.func.count(_c.member.distinct())).where(*_QUARTERS))
_COUNT_NAMED = scoped(sa.select(sa.func.count(_c.member.distinct())).where(*_QUARTERS, _NAMED))
_MEMBERS = sa.select(_c.member).distinct().where(*_QUARTERS).limit(_param("most"))
_SOME, _SOME_NAMED = scoped(_MEMBERS), scoped(_MEMBERS.where(_NAMED))
_SOME_OF, _SOME_NAMED_OF = scoped(_MEMBERS.where(_AMONG)), scoped(_MEMBERS.where(_NAMED, _AMONG))
_DROP_HOURS: Final = (
    by(_c.feature),
    _c.hour >= _param("first"),
    _c.hour < _param("last"),
)
TOUCHED = scoped(
    sa.select(_c.hour)
    .distinct()
    .where(
        by(_c.customer), *_DROP_HOURS, sa.or_(_c.added_at.is_(None), _c.added_at > _param("after"))
    )
)
SOME_ROW = scoped(sa.select(_c.hour).where(by(_c.feature)).limit(1))
DROP = scoped(usage_uniques.delete().where(*_DROP_HOURS))
DROP_OF_ONE = scoped(usage_uniques.delete().where(by(_c.customer), *_DROP_HOURS))
_UNLIMITED: Final = 2**62


class SqlUniques(Repository):
    """The part of a `UsageRepository` that tells different values from each other."""

    _now: datetime

    def add_members(self, members: Sequence[Membership]) -> None:
        """Note which values occurred when; what was noted before stays."""
        now = micros(self._now)
        rows = [
            (
                one.key.customer,
                one.key.feature,
                one.key.hour,
                one.key.subscription,
                one.key.dimensions,
                one.member,
                one.quarters,
                now,
            )
            for one in members
        ]
        # In the order of the key, so that nobody waits for another who waits for them.
        self._scope.insert_rows(_NOTE, sorted(rows))

    def members(
        self, customer: CustomerId, feature: FeatureId, first_hour: int, last_hour: int
    ) -> Iterator[Membership]:
        """Which values occurred in the hours from `first_hour` to before `last_hour`."""
        values = {"by_customer": customer, "by_feature": feature}
        for row in self._scope.stream(_HOURS, **values, first=first_hour, last=last_hour):
            _, _, _, hour, subscription, dimensions, member, quarters, _ = row
            key = RollupKey(customer, feature, hour, subscription, dimensions)
            yield Membership(key, member, quarters)

    def distinct(
        self,
        customer: CustomerId,
        feature: FeatureId,
        first: int,
        last: int,
        subscriptions: Collection[str] | None = None,
    ) -> int:
        """How many different values occurred from quarter `first` to before quarter `last`."""
        if first >= last:
            return 0
        values = _range(customer, feature, first, last)
        if subscriptions is None:
            row = self._scope.one(_COUNT, **values)
        else:
            row = self._scope.one(_COUNT_NAMED, **values, names=sorted(subscriptions))
        return 0 if row is None else row[0]

    def distinct_members(
        self,
        customer: CustomerId,
        feature: FeatureId,
        first: int,
        last: int,
        subscriptions: Collection[str] | None = None,
        *,
        of: Sequence[bytes] | None = None,
        limit: int | None = None,
    ) -> list[bytes]:
        """The different values themselves, in any order: those among `of`, at most `limit`."""
        if first >= last:
            return []
        values = dict(_range(customer, feature, first, last))
        values["most"] = _UNLIMITED if limit is None else limit
        if subscriptions is not None:
            values["names"] = sorted(subscriptions)
        if of is None:
            query = _SOME if subscriptions is None else _SOME_NAMED
            return [row[0] for row in self._scope.rows(query, **values)]
        query = _SOME_OF if subscriptions is None else _SOME_NAMED_OF
        found = [
            row[0] for some in chunks(of) for row in self._scope.rows(query, **values, of=some)
        ]
        return found[:limit]


def _range(customer: CustomerId, feature: FeatureId, first: int, last: int) -> Mapping[str, Param]:
    """The hours that hold quarters, and which bits of the first and the last hour count."""
    first_hour, from_quarter = divmod(first, QUARTERS)
    last_hour, to_quarter = divmod(last - 1, QUARTERS)
    first_bits = _ALL << from_quarter & _ALL
    last_bits = _ALL >> QUARTERS - 1 - to_quarter
    if first_hour == last_hour:
        first_bits = last_bits = first_bits & last_bits
    return {
        "by_customer": customer,
        "by_feature": feature,
        "first": first_hour,
        "last": last_hour,
        "first_bits": first_bits,
        "last_bits": last_bits,
    }
