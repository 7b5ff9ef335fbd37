"""Many hours of usage as one, in SQL: so that a month costs a check no more than an hour does.

Exact like all else: a sum of wholes is made of the sums of their upper and their lower 32 bits,
which cannot overflow, and is put together in Python.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from msgspec.structs import replace

from ledger.meter.model import Merging, Quarter, RollupKey
from ledger.store.sql.database import Value
from ledger.store.sql.rollups import IN_RANGE, PARTS, SqlRollups, usage_rollups
from ledger.store.sql.schema import INTEGER
from ledger.store.sql.statement import scoped, within
from ledger.types.ids import CustomerId, FeatureId
from ledger.types.quantity import join
from ledger.types.zone import from_micros

_BITS: Final = 32
_NEVER: Final = -(2**62)  # earlier than every instant, less than every billionth

Number = sa.ColumnElement[int]


def _number(value: int) -> Number:
    return sa.literal_column(str(value), INTEGER)


def _greatest(numbers: list[Number]) -> Number:
    """The greatest of all numbers of all rows."""
    first, second, third, fourth = (
        sa.func.coalesce(sa.func.max(number), _number(_NEVER)) for number in numbers
    )
    return _greater(_greater(first, second), _greater(third, fourth))


def _greater(one: Number, other: Number) -> Number:
    return sa.case((one >= other, one), else_=other)


def _sum(numbers: list[Number]) -> Number:
    first, second, third, fourth = numbers
    # Elsewhere a sum of integers is a decimal, because it might not fit; these do.
    return sa.cast(sa.func.sum(first + second + third + fourth), INTEGER)


_c = usage_rollups.c
_UPPER: list[Number] = [whole.op(">>")(_number(_BITS)) for _, whole, _, _ in PARTS]
_LOWER: list[Number] = [whole.op("&")(_number(2**_BITS - 1)) for _, whole, _, _ in PARTS]
_GROUP: Final = (_c.subscription, _c.dimensions)
_TOTALS: Final = (
    _sum([count for count, *_ in PARTS]),
    _sum(_UPPER),
    _sum(_LOWER),
    _sum([billionths for _, _, billionths, _ in PARTS]),
    _greatest([at for *_, at in PARTS]),
)
_SUMS = scoped(sa.select(*_GROUP, *_TOTALS).where(*IN_RANGE).group_by(*_GROUP))
# Nearly always there is one group; then nothing has to be sorted, which is half of the work.
_SUM_OF_ONE = scoped(
    sa.select(
        sa.func.min(_c.subscription),
        sa.func.max(_c.subscription),
        sa.func.min(_c.dimensions),
        sa.func.max(_c.dimensions),
        *_TOTALS,
    ).where(*IN_RANGE)
)
_WHOLE: list[Number] = [sa.case((count > _number(0), whole)) for count, whole, *_ in PARTS]
_top = (
    within(sa.select(*_GROUP, _greatest(_WHOLE).label("whole")).where(*IN_RANGE))
    .group_by(*_GROUP)
    .subquery("top")
)
_BILLIONTHS: list[Number] = [
    sa.case((sa.and_(count > _number(0), whole == _top.c.whole), billionths), else_=_number(_NEVER))
    for count, whole, billionths, _ in PARTS
]
_GREATEST = scoped(
    sa.select(*_GROUP, _top.c.whole, _greatest(_BILLIONTHS))
    .join(
        _top,
        sa.and_(_c.subscription == _top.c.subscription, _c.dimensions == _top.c.dimensions),
    )
    .where(*IN_RANGE)
    .group_by(*_GROUP, _top.c.whole)
)


class SqlRollupTotals(SqlRollups):
    """The part of a `UsageRepository` that makes one of many hours."""

    def totals(
        self,
        aggregation: Merging,
        customer: CustomerId,
        feature: FeatureId,
        first_hour: int,
        last_hour: int,
    ) -> list[tuple[RollupKey, Quarter]]:
        """What the hours from `first_hour` to before `last_hour` come to, for each group."""
        where = {"by_customer": customer, "by_feature": feature}
        hours = {"first": first_hour, "last": last_hour}
        found: dict[tuple[str, str], Quarter] = {}
        for subscription, dimensions, count, upper, lower, billionths, at in self._sums(
            {**where, **hours}
        ):
            value = join((upper << _BITS) + lower, billionths)
            last = None if at == _NEVER else from_micros(at)
            found[subscription, dimensions] = Quarter(count, value, last)
        if aggregation == "max":
            for subscription, dimensions, whole, part in self._scope.rows(
                _GREATEST, **where, **hours
            ):
                group = subscription, dimensions
                found[group] = replace(found[group], value=join(whole, part))
        if aggregation == "last":
            for rollup in self._newest(customer, feature, first_hour, last_hour):
                group = rollup.key.subscription, rollup.key.dimensions
                newest = [quarter for quarter in rollup.quarters if quarter is not None][-1]
                found[group] = replace(found[group], value=newest.value)
        return [
            (RollupKey(customer, feature, first_hour, *group), total)
            for group, total in sorted(found.items())
        ]

    def _sums(self, of: Mapping[str, Value]) -> Sequence[tuple[str, str, int, int, int, int, int]]:
        found = self._scope.one(_SUM_OF_ONE, **of)
        if found is None or found[0] is None:
            return []
        first, last, low, high, *totals = found
        if (first, low) != (last, high):
            return self._scope.rows(_SUMS, **of)
        count, upper, lower, billionths, at = totals
        return [(first, low, count, upper, lower, billionths, at)]
