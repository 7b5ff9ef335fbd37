"""Usage added up by the hour, in SQL: an hour is a row, its quarters are columns.

The customer comes first in the key, because every question is about one customer's feature in a
range of hours. Sums of wholes and of billionths are kept apart and never carried over in SQL, where
a number beyond 64 bits would become a float; the tables refuse one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from ledger.meter.model import QUARTERS, Merging, Quarter, Rollup, RollupKey
from ledger.store.sql import usage_levels, usage_uniques
from ledger.store.sql.connection import Repository
from ledger.store.sql.database import Value
from ledger.store.sql.schema import (
    INTEGER,
    METADATA,
    ScopedColumns,
    integer,
    integer_or_null,
    primary_key,
    text,
)
from ledger.store.sql.statement import Entry, Excluded, by, latest, scoped, within
from ledger.store.sql.usage_events import VOIDED
from ledger.types.errors import Invalid
from ledger.types.ids import CustomerId, FeatureId
from ledger.types.quantity import join, split
from ledger.types.zone import from_micros, micros


class RollupColumns(ScopedColumns):
    """An hour: for each quarter how many values, what they come to, and when the last one was.

    `added_at` is when it was last added to; null if that is not known.
    """

    customer = text()
    feature = text()
    hour = integer()
    subscription = text()
    dimensions = text()
    q0_count = integer()
    q0_whole = integer()
    q0_billionths = integer()
    q0_at = integer_or_null()
    q1_count = integer()
    q1_whole = integer()
    q1_billionths = integer()
    q1_at = integer_or_null()
    q2_count = integer()
    q2_whole = integer()
    q2_billionths = integer()
    q2_at = integer_or_null()
    q3_count = integer()
    q3_whole = integer()
    q3_billionths = integer()
    q3_at = integer_or_null()
    added_at = integer_or_null()

    __row_pos__: tuple[int, str, str, int, str, str, *tuple[Any, ...]]


usage_rollups: Final = sa.Table(
    "usage_rollups",
    METADATA,
    RollupColumns,
    primary_key("customer", "feature", "hour", "subscription", "dimensions"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

_c = usage_rollups.c
_KEY: Final = (_c.hour, _c.subscription, _c.dimensions)
PARTS: Final = tuple(
    (_c[f"q{q}_count"], _c[f"q{q}_whole"], _c[f"q{q}_billionths"], _c[f"q{q}_at"])
    for q in range(QUARTERS)
)
_FIELDS: Final = len(PARTS[0])
_ZERO: Final = sa.literal_column("0", INTEGER)  # written out: many rows share one statement
_NOTHING: Final = (0, 0, 0, None)
_BEGINNING: Final = -(2**40)  # long before the year 1, counted in hours

Columns = Mapping[str, sa.ColumnElement[Any]]


def _merge(aggregation: Merging, new: Excluded) -> Columns:
    """What a stored row becomes when `new` is added to it; in step with `meter.aggregation`."""
    return {
        name: value
        for count, whole, billionths, at in PARTS
        for name, value in _merged_quarter(aggregation, new, count, whole, billionths, at).items()
    } | latest(_c.added_at, new)


def _merged_quarter(
    aggregation: Merging,
    new: Excluded,
    count: sa.Column[int],
    whole: sa.Column[int],
    billionths: sa.Column[int],
    at: sa.Column[int | None],
) -> Columns:
    some = new[count.name] > _ZERO
    is_later = sa.and_(some, sa.or_(count == _ZERO, at.is_(None), new[at.name] >= at))
    values: Columns
    if aggregation in {"count", "sum"}:
        values = {part.name: part + new[part.name] for part in (whole, billionths)}
    else:
        is_greater = sa.tuple_(new[whole.name], new[billionths.name]) > sa.tuple_(whole, billionths)
        wins = (
            is_later if aggregation == "last" else sa.and_(some, sa.or_(count == _ZERO, is_greater))
        )
        values = {
            part.name: sa.case((wins, new[part.name]), else_=part) for part in (whole, billionths)
        }
    return {
        count.name: count + new[count.name],
        **values,
        at.name: sa.case((is_later, new[at.name]), else_=at),
    }


_ADD_UP: Final[Mapping[Merging, Entry]] = {
    "count": Entry(usage_rollups, lambda new: _merge("count", new)),
    "sum": Entry(usage_rollups, lambda new: _merge("sum", new)),
    "max": Entry(usage_rollups, lambda new: _merge("max", new)),
    "last": Entry(usage_rollups, lambda new: _merge("last", new)),
}
_OF_FEATURE: Final = (
    by(_c.feature),
    _c.hour >= sa.bindparam("first", type_=INTEGER),
    _c.hour < sa.bindparam("last", type_=INTEGER),
)
IN_RANGE: Final = (by(_c.customer), *_OF_FEATURE)
_HOURS = scoped(sa.select(usage_rollups).where(*IN_RANGE).order_by(*_KEY))
_newest = (
    within(
        sa.select(_c.subscription, _c.dimensions, sa.func.max(_c.hour).label("newest")).where(
            *IN_RANGE
        )
    )
    .group_by(_c.subscription, _c.dimensions)
    .subquery("newest")
)
_NEWEST = scoped(
    sa.select(usage_rollups)
    .join(
        _newest,
        sa.and_(
            _c.hour == _newest.c.newest,
            _c.subscription == _newest.c.subscription,
            _c.dimensions == _newest.c.dimensions,
        ),
    )
    .where(*IN_RANGE)
    .order_by(*_KEY)
)
_TOUCHED = scoped(
    sa.select(_c.hour)
    .distinct()
    .where(
        *IN_RANGE, sa.or_(_c.added_at.is_(None), _c.added_at > sa.bindparam("after", type_=INTEGER))
    )
)
_SOME_ROW = scoped(sa.select(_c.hour).where(by(_c.feature)).limit(1))
_DROP = scoped(usage_rollups.delete().where(*_OF_FEATURE))
_DROP_OF_ONE = scoped(usage_rollups.delete().where(*IN_RANGE))


class SqlRollups(Repository):
    """The part of a `UsageRepository` that keeps usage added up."""

    _now: datetime

    def add_up(self, aggregation: Merging, rollups: Sequence[Rollup]) -> None:
        """Merge rollups into the stored ones.

        Raises:
            Invalid: (`usage_out_of_range`) an hour comes to more than 64 bits hold.
        """
        # In the order of the key, so that neighbours are written together. Equal keys keep theirs.
        ordered = sorted(rollups, key=lambda rollup: _place(rollup.key))
        now = micros(self._now)
        self._scope.hold("usage", shared=True)
        try:
            self._scope.insert_rows(_ADD_UP[aggregation], [_row(rollup, now) for rollup in ordered])
        except Invalid as error:
            raise Invalid(
                "the usage of a customer adds up to more than 2^63 within an hour, which cannot be"
                " stored; one of these events has too large a quantity",
                code="usage_out_of_range",
            ) from error

    def rollups(
        self, customer: CustomerId, feature: FeatureId, first_hour: int, last_hour: int
    ) -> list[Rollup]:
        """The stored hours from `first_hour` to before `last_hour`, in order of time."""
        values = {"by_customer": customer, "by_feature": feature}
        rows = self._scope.rows(_HOURS, **values, first=first_hour, last=last_hour)
        return [_rollup(*row) for row in rows]

    def rollup_before(self, customer: CustomerId, feature: FeatureId, hour: int) -> list[Rollup]:
        """For each subscription and dimensions the newest hour before `hour` that has a value."""
        return self._newest(customer, feature, _BEGINNING, hour)

    def drop_rollups(
        self,
        feature: FeatureId,
        *,
        customer: CustomerId | None = None,
        hours: tuple[int, int] | None = None,
    ) -> None:
        """Forget rollups of a feature: all, or those of one customer, or of [first, last) hours.

        Its values and levels too.
        """
        first, last = hours or (_BEGINNING, -_BEGINNING)
        where: dict[str, Value] = {"by_feature": feature, "first": first, "last": last}
        if customer is None:
            drops = (_DROP, usage_uniques.DROP, usage_levels.DROP)
        else:
            where["by_customer"] = customer
            drops = (_DROP_OF_ONE, usage_uniques.DROP_OF_ONE, usage_levels.DROP_OF_ONE)
        for drop in drops:
            self._scope.execute_many(drop, [where])

    def has_rollups(self, feature: FeatureId) -> bool:
        """Whether anything was ever added up for a feature."""
        some = (_SOME_ROW, usage_uniques.SOME_ROW)
        return any(self._scope.one(query, by_feature=feature) is not None for query in some)

    def touched(
        self,
        customer: CustomerId,
        feature: FeatureId,
        after: datetime,
        hours: tuple[int, int] | None = None,
    ) -> set[int]:
        """The hours that were added to, or taken from, after an instant; or it is not known."""
        first, last = hours or (_BEGINNING, -_BEGINNING)
        values: dict[str, Value] = {"by_customer": customer, "by_feature": feature}
        values |= {"after": micros(after), "first": first, "last": last}
        # An hour whose only event was voided has no row that could tell.
        queries = (_TOUCHED, usage_uniques.TOUCHED, VOIDED)
        return {row[0] for query in queries for row in self._scope.rows(query, **values)}

    def _newest(
        self, customer: CustomerId, feature: FeatureId, first_hour: int, last_hour: int
    ) -> list[Rollup]:
        values = {"by_customer": customer, "by_feature": feature}
        rows = self._scope.rows(_NEWEST, **values, first=first_hour, last=last_hour)
        return [_rollup(*row) for row in rows]


def _place(key: RollupKey) -> tuple[str, str, int, str, str]:
    return key.customer, key.feature, key.hour, key.subscription, key.dimensions


def _row(rollup: Rollup, now: int) -> tuple[Value, ...]:
    row: list[Value] = [*_place(rollup.key)]
    for quarter in rollup.quarters:
        if quarter is None or not quarter.count:
            row += _NOTHING
        else:
            whole, billionths = split(quarter.value)
            row += (
                quarter.count,
                whole,
                billionths,
                None if quarter.at is None else micros(quarter.at),
            )
    return (*row, now)


def _rollup(
    _scope: int,
    customer: str,
    feature: str,
    hour: int,
    subscription: str,
    dimensions: str,
    *parts: Any,  # noqa: ANN401  four columns for each quarter, of which one may be null, and one more
) -> Rollup:
    first, second, third, fourth = (
        _quarter(*parts[start : start + _FIELDS]) for start in range(0, QUARTERS * _FIELDS, _FIELDS)
    )
    key = RollupKey(CustomerId(customer), FeatureId(feature), hour, subscription, dimensions)
    return Rollup(key, (first, second, third, fourth))


def _quarter(count: int, whole: int, billionths: int, at: int | None) -> Quarter | None:
    if not count:
        return None
    return Quarter(count, join(whole, billionths), None if at is None else from_micros(at))
