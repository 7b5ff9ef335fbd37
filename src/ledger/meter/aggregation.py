"""Aggregation: what usage comes to, by definition, from the events themselves. Pure.

Everything that is counted faster elsewhere (rollups, caches) has to give what `aggregate` gives.
Source: SEMANTICS §6.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, assert_never

from ledger.meter.model import HOUR_S, MICROSECONDS, Merging, Quarter
from ledger.plan.feature import Aggregation, LevelMode, Meter, Per
from ledger.types.errors import Broken
from ledger.types.exact import CONTEXT, normalised, to_digits
from ledger.types.period import Period
from ledger.types.quantity import FRACTION_DIGITS
from ledger.types.zone import micros

Value = Decimal | str
"""What an event counts as: a number, or for `unique` the text that tells it from others."""

PER_US: Mapping[Per, int] = {
    "second": MICROSECONDS,
    "hour": HOUR_S * MICROSECONDS,
    "day": 24 * HOUR_S * MICROSECONDS,
}

_ZERO, _ONE = Decimal(0), Decimal(1)


class Aggregated(NamedTuple):
    """What usage comes to, and of a level the one that is carried on (None: there is none)."""

    quantity: Decimal
    level: Decimal | None = None


def aggregate(
    aggregation: Aggregation,
    readings: Iterable[tuple[datetime, Value]],
    start: datetime,
    end: datetime,
    carry: Decimal | None = None,
    *,
    level: LevelMode = "set",
    per: Per | None = None,
    whole: Period | None = None,
) -> Aggregated:
    """The quantity of [start, end) from (time, value) pairs in order of arrival.

    `count` and `sum` add; `max` is the greatest value, 0 without any; `unique` is how many
    different values there are. `last` is the value of the latest time before `end`, the later
    arrival at the same instant, and without any in the period the level carried in: that of the
    newest reading before, else `carry`. `weighted_sum` weights that level by time, `level` says
    whether a value sets or changes it: the average over `whole`, by default [start, end), or the
    level times the time in units of `per`, rounded to 9 decimals.
    """
    if aggregation == "weighted_sum":
        area, height = _weighed(readings, start, end, carry, level)
        divided_by = whole or Period(start, end)
        span = micros(divided_by.end) - micros(divided_by.start)
        return Aggregated(weighted(area, per, span), height)
    if aggregation == "unique":
        return Aggregated(Decimal(len({value for time, value in readings if start <= time < end})))
    total: Quarter | None = None
    for time, value in readings:
        if time < end and (start <= time or aggregation == "last"):
            counted = _ONE if aggregation == "count" else _number(value)
            total = merge(aggregation, total, Quarter(1, counted, time))
    if aggregation == "last":
        height = carry if total is None else total.value
        return Aggregated(_ZERO if height is None else normalised(height), height)
    return Aggregated(quantity_of(total))


def weighted(area: Decimal, per: Per | None, span: int) -> Decimal:
    """The quantity of a weighted sum of `area`, level × microseconds; rounded here, once.

    `span` is the microseconds that an average is over; an average over no time at all is 0.
    """
    unit = span if per is None else PER_US[per]
    return to_digits(Fraction(Fraction(area), unit), FRACTION_DIGITS) if unit > 0 else _ZERO


def merging_of(meter: Meter) -> Merging:
    """How the rollups of a meter are added to each other.

    Those of a weighted sum keep its level, or the changes of it. A meter that counts different
    values has none.
    """
    match meter.aggregation:
        case "weighted_sum":
            return "last" if meter.level == "set" else "sum"
        case "unique":
            raise Broken("different values are not added up by number", code="no_rollups")
        case "count" | "sum" | "max" | "last":
            return meter.aggregation
    assert_never(meter.aggregation)


def merge(aggregation: Merging, before: Quarter | None, after: Quarter) -> Quarter:
    """Two parts of usage as one; `after` arrived later, whatever its time.

    Associative, so that usage can be added up in any batches.
    """
    if before is None or not before.count:
        return after
    if not after.count:
        return before
    is_later = before.at is None or (after.at is not None and after.at >= before.at)
    return Quarter(
        before.count + after.count,
        _merged(aggregation, before.value, after.value, is_later=is_later),
        after.at if is_later else before.at,
    )


def quantity_of(total: Quarter | None) -> Decimal:
    """The quantity of parts that were merged; 0 without any values."""
    return normalised(total.value) if total is not None and total.count else _ZERO


def _merged(aggregation: Merging, a: Decimal, b: Decimal, *, is_later: bool) -> Decimal:
    match aggregation:
        case "count" | "sum":
            return CONTEXT.add(a, b)
        case "max":
            return max(a, b)
        case "last":
            return b if is_later else a
    assert_never(aggregation)


def _weighed(
    readings: Iterable[tuple[datetime, Value]],
    start: datetime,
    end: datetime,
    carry: Decimal | None,
    mode: LevelMode,
) -> tuple[Decimal, Decimal | None]:
    """The level × microseconds of [start, end), and the level at its end."""
    height, area, since = carry, _ZERO, start
    for time, value in sorted(readings, key=lambda reading: reading[0]):
        if time >= end:
            break
        if time > since:
            area = CONTEXT.add(area, _held(height, since, time))
            since = time
        is_change = mode == "change" and height is not None
        height = CONTEXT.add(height or _ZERO, _number(value)) if is_change else _number(value)
    return (CONTEXT.add(area, _held(height, since, end)) if since < end else area), height


def _held(height: Decimal | None, since: datetime, until: datetime) -> Decimal:
    return CONTEXT.multiply(height or _ZERO, Decimal(micros(until) - micros(since)))


def _number(value: Value) -> Decimal:
    if isinstance(value, str):
        raise Broken(f"the text {value!r} is added up as a number", code="no_number")
    return value
