"""Aggregation: what usage comes to, by definition, from the events themselves. Pure.

Everything that is counted faster elsewhere (rollups, caches) has to give what `aggregate` gives.
Source: SEMANTICS §6.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple, assert_never

import msgspec

from ledger.meter.model import Quarter
from ledger.plan.feature import Aggregation
from ledger.types.errors import Invalid
from ledger.types.exact import CONTEXT, Exact, fraction, half_away, normalised, shift

Rounding = Literal["none", "up", "down", "half_up"]

DIGITS_MAX = 18

_ZERO, _ONE = Decimal(0), Decimal(1)
_OPERATIONS = ("divide", "multiply")
_ROUNDINGS = ("none", "up", "down", "half_up")


class Aggregated(NamedTuple):
    """What usage comes to, and for `last` the level that is carried on (None: there is none)."""

    quantity: Decimal
    level: Decimal | None = None


def aggregate(
    aggregation: Aggregation,
    readings: Iterable[tuple[datetime, Decimal]],
    start: datetime,
    end: datetime,
    carry: Decimal | None = None,
) -> Aggregated:
    """The quantity of [start, end) from (time, value) pairs in order of arrival.

    `count` and `sum` add; `max` is the greatest value, 0 without any. `last` is the value of the
    latest time before `end`, the later arrival at the same instant, and without any in the period
    the level carried in: that of the newest reading before, else `carry`.
    """
    total: Quarter | None = None
    for time, value in readings:
        if time < end and (start <= time or aggregation == "last"):
            counted = _ONE if aggregation == "count" else value
            total = merge(aggregation, total, Quarter(1, counted, time))
    if aggregation == "last":
        level = carry if total is None else total.value
        return Aggregated(_ZERO if level is None else normalised(level), level)
    return Aggregated(quantity_of(total))


def merge(aggregation: Aggregation, before: Quarter | None, after: Quarter) -> Quarter:
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


class Conversion(msgspec.Struct, frozen=True):
    """From the unit that is metered to the unit that is priced: ÷ or × a factor, then rounded.

    Args:
        operation: `divide` or `multiply`.
        factor: above 0.
        rounding: `none`, `up` (away from 0), `down` (towards 0) or `half_up` (halves away from 0).
        digits: how many digits stay after the point; -2 rounds to hundreds.

    Raises:
        Invalid: (`bad_conversion`) none of these.
    """

    operation: Literal["divide", "multiply"]
    factor: Decimal
    rounding: Rounding = "none"
    digits: int = 0

    def __post_init__(self) -> None:
        is_known = self.operation in _OPERATIONS and self.rounding in _ROUNDINGS
        if not is_known or not self.factor.is_finite() or self.factor <= 0:
            raise Invalid(
                f"a conversion divides or multiplies by a factor above 0 and rounds none, up, down"
                f" or half_up, not {self.operation} by {self.factor} rounded {self.rounding}",
                code="bad_conversion",
            )
        if not -DIGITS_MAX <= self.digits <= DIGITS_MAX:
            raise Invalid(
                f"a conversion rounds to -{DIGITS_MAX} to {DIGITS_MAX} digits, not {self.digits}",
                code="bad_conversion",
            )

    def convert(self, quantity: Exact) -> Exact:
        """The cumulative total in the other unit, rounded once."""
        factor = Fraction(self.factor)
        if self.operation == "divide":
            factor = Fraction(1, factor)
        converted = fraction(quantity) * factor
        if self.rounding == "none":
            return converted
        scaled = converted * Fraction(10) ** self.digits
        return shift(_rounded(self.rounding, scaled), -self.digits)


def _merged(aggregation: Aggregation, a: Decimal, b: Decimal, *, is_later: bool) -> Decimal:
    match aggregation:
        case "count" | "sum":
            return CONTEXT.add(a, b)
        case "max":
            return max(a, b)
        case "last":
            return b if is_later else a
    assert_never(aggregation)


def _rounded(rounding: Literal["up", "down", "half_up"], value: Fraction) -> int:
    if rounding == "half_up":
        return half_away(value)
    towards_zero = abs(value.numerator) // value.denominator
    is_between = rounding == "up" and value.denominator != 1
    size = towards_zero + 1 if is_between else towards_zero
    return size if value >= 0 else -size
