"""Rollups: usage added up by hour, in quarters, so that nobody has to read events again. Pure.

Every offset from UTC is a multiple of a quarter of an hour, so any local midnight falls between
two quarters.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import reduce
from typing import NamedTuple, assert_never

from ledger.meter.aggregation import merge, merging_of
from ledger.meter.model import (
    MICROSECONDS,
    QUARTER_S,
    QUARTERS,
    Merging,
    Property,
    Quarter,
    Rollup,
    RollupKey,
)
from ledger.meter.properties import text_of
from ledger.plan.feature import Feature, Meter
from ledger.types.errors import Broken
from ledger.types.exact import CONTEXT
from ledger.types.ids import CustomerId, FeatureId
from ledger.types.json import decode, encode
from ledger.types.zone import micros

QUARTER_US = QUARTER_S * MICROSECONDS
HOUR_US = QUARTERS * QUARTER_US


class Count(NamedTuple):
    """One event as one feature counts it; `member` is what tells its value from others, as text."""

    feature: Feature
    customer: CustomerId
    time: datetime
    value: Decimal
    subscription: str | None
    properties: Mapping[str, Property]
    member: str = ""
    id: str = ""


class Place(NamedTuple):
    """A quarter of an hour, numbered from 1970, of one customer, feature and set of dimensions."""

    feature: FeatureId
    customer: CustomerId
    quarter: int
    subscription: str
    dimensions: str

    @property
    def key(self) -> RollupKey:
        """The hour that it is in."""
        hour = self.quarter // QUARTERS
        return RollupKey(self.customer, self.feature, hour, self.subscription, self.dimensions)


def roll_up(counts: Mapping[Place, Sequence[Count]]) -> dict[Merging, list[Rollup]]:
    """What the counts come to, by hour; in order of key, and of arrival where that matters.

    Different values have no rollups: they are kept one by one.
    """
    rows: defaultdict[Merging, dict[RollupKey, list[Quarter | None]]] = defaultdict(dict)
    for place, some in counts.items():
        meter = meter_of(some[0].feature)
        if meter.aggregation != "unique":
            merging = merging_of(meter)
            quarters = rows[merging].setdefault(place.key, [None] * QUARTERS)
            quarters[place.quarter % QUARTERS] = _added_up(merging, some)
    return {
        merging: [Rollup(key, (q[0], q[1], q[2], q[3])) for key, q in sorted(found.items())]
        for merging, found in rows.items()
    }


def by_quarter(counts: Iterable[Count]) -> dict[Place, list[Count]]:
    """The counts of each quarter of an hour, in order of arrival."""
    found: defaultdict[Place, list[Count]] = defaultdict(list)
    for count in counts:
        feature, customer, time, _, subscription, properties, *_ = count
        dimensions = dimensions_of(meter_of(feature), properties)
        at = micros(time) // QUARTER_US
        found[Place(feature.id, customer, at, subscription or "", dimensions)].append(count)
    return found


def _added_up(aggregation: Merging, counts: Sequence[Count]) -> Quarter:
    """What `merge` makes of the counts one after another, in one go."""
    newest = counts[0]
    for count in counts:
        if count.time >= newest.time:
            newest = count
    values = [count.value for count in counts]
    return Quarter(len(values), _value(aggregation, values, newest.value), newest.time)


def _value(aggregation: Merging, values: Sequence[Decimal], newest: Decimal) -> Decimal:
    match aggregation:
        case "count" | "sum":
            return reduce(CONTEXT.add, values)
        case "max":
            return max(values)
        case "last":
            return newest
    assert_never(aggregation)


def merge_rollups(aggregation: Merging, before: Rollup, after: Rollup) -> Rollup:
    """Two rollups of one key as one; `after` was added later."""
    first, second, third, fourth = (
        b if a is None else a if b is None else merge(aggregation, a, b)
        for a, b in zip(before.quarters, after.quarters, strict=True)
    )
    return Rollup(after.key, (first, second, third, fourth))


def fold(aggregation: Merging, quarters: Iterable[Quarter | None]) -> Quarter | None:
    """Quarters as one, in the order in which they count as arrived; None without any."""
    total: Quarter | None = None
    for quarter in quarters:
        if quarter is not None:
            total = merge(aggregation, total, quarter)
    return total


def meter_of(feature: Feature) -> Meter:
    """The meter of a metered feature."""
    if feature.meter is None:
        raise Broken(f"feature {feature.key} is {feature.kind} and has no meter", code="no_meter")
    return feature.meter


def dimensions_of(meter: Meter, properties: Mapping[str, Property]) -> str:
    """The declared dimensions of an event as canonical JSON; empty when none are declared."""
    if not meter.dimensions:
        return ""
    return encode({name: text_of(properties.get(name)) for name in meter.dimensions}).decode()


def read_dimensions(dimensions: str) -> dict[str, str]:
    """The inverse of `dimensions_of`: the values by name."""
    return decode(dimensions, dict[str, str]) if dimensions else {}
