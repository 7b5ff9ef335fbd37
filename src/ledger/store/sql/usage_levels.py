"""Hours of a level in SQL: a row for an hour, its quarters in a document.

They are read and put together in Python: an area is a level times microseconds, which 64 bits do
not hold.
"""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from ledger.meter.model import LevelHour, RollupKey, Stretch
from ledger.store.sql.connection import Repository
from ledger.store.sql.schema import (
    INTEGER,
    METADATA,
    ScopedColumns,
    integer,
    primary_key,
    text,
)
from ledger.store.sql.statement import Entry, by, scoped
from ledger.types.ids import CustomerId, FeatureId
from ledger.types.json import decode, encode


class LevelColumns(ScopedColumns):
    """An hour of a level."""

    customer = text()
    feature = text()
    hour = integer()
    subscription = text()
    dimensions = text()
    quarters = text()

    __row_pos__: tuple[int, str, str, int, str, str, str]


usage_levels: Final = sa.Table(
    "usage_levels",
    METADATA,
    LevelColumns,
    primary_key("customer", "feature", "hour", "subscription", "dimensions"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

_c = usage_levels.c
_PUT = Entry(usage_levels, lambda new: {"quarters": new["quarters"]})
_OF_FEATURE: Final = (
    by(_c.feature),
    _c.hour >= sa.bindparam("first", type_=INTEGER),
    _c.hour < sa.bindparam("last", type_=INTEGER),
)
_HOURS = scoped(
    sa.select(usage_levels)
    .where(by(_c.customer), *_OF_FEATURE)
    .order_by(_c.hour, _c.subscription, _c.dimensions)
)
DROP = scoped(usage_levels.delete().where(*_OF_FEATURE))
DROP_OF_ONE = scoped(usage_levels.delete().where(by(_c.customer), *_OF_FEATURE))

_QUARTERS: Final = tuple[Stretch | None, Stretch | None, Stretch | None, Stretch | None]


class SqlLevels(Repository):
    """The part of a `UsageRepository` that keeps levels over time."""

    def levels(
        self, customer: CustomerId, feature: FeatureId, first_hour: int, last_hour: int
    ) -> list[LevelHour]:
        """The hours of a level from `first_hour` to before `last_hour`, in order of time."""
        values = {"by_customer": customer, "by_feature": feature}
        rows = self._scope.rows(_HOURS, **values, first=first_hour, last=last_hour)
        return [
            LevelHour(
                RollupKey(customer, feature, hour, subscription, dimensions),
                decode(quarters, _QUARTERS),
            )
            for _, _, _, hour, subscription, dimensions, quarters in rows
        ]

    def put_levels(self, hours: Sequence[LevelHour]) -> None:
        """Store hours of a level in the place of those that have their keys."""
        rows = [
            (
                hour.key.customer,
                hour.key.feature,
                hour.key.hour,
                hour.key.subscription,
                hour.key.dimensions,
                encode(hour.quarters).decode(),
            )
            for hour in hours
        ]
        self._scope.insert_rows(_PUT, sorted(rows))
