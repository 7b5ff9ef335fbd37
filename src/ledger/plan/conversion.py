"""Unit conversion: from the unit in which usage is metered to the one in which it is priced. Pure.

The cumulative total is converted, and rounded once, so that parts never round on their own.
Source: SEMANTICS §5.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from ledger.plan.naming import check_name, check_text
from ledger.types.errors import Invalid
from ledger.types.exact import Exact, Ratio, fraction, half_away, ratio, shift
from ledger.types.quantity import quantity as exact_quantity

Operation = Literal["divide", "multiply"]
Rounding = Literal["none", "up", "down", "half_up"]

DIGITS_MAX = 18
UNIT_MAX = 64

_OPERATIONS = ("divide", "multiply")
_ROUNDINGS = ("none", "up", "down", "half_up")


@dataclass(frozen=True, slots=True, init=False)
class Conversion:
    """From the unit that is metered to the unit that is priced: ÷ or × a factor, then rounded.

    Args:
        operation: `divide` or `multiply`.
        factor: above 0: an int, a decimal string or a Decimal.
        rounding: `none`, `up` (away from 0), `down` (towards 0) or `half_up` (halves away from 0).
        digits: how many digits stay after the point; -2 rounds to hundreds.
        unit: names one of what is priced ("thousand calls") on invoices.

    Raises:
        Invalid: no such operation, rounding, factor or number of digits (`bad_conversion`), a
            factor that is no exact number (`float_refused`, `bad_decimal`, `out_of_range`), or a
            unit that is no text to read (`bad_text`).
    """

    operation: Operation
    factor: Decimal
    rounding: Rounding = "none"
    digits: int = 0
    unit: str = "unit"

    def __init__(
        self,
        operation: Operation,
        factor: int | str | Decimal,
        rounding: Rounding = "none",
        digits: int = 0,
        unit: str = "unit",
    ) -> None:
        exact = exact_quantity(factor, what="factor of a conversion")
        if operation not in _OPERATIONS or rounding not in _ROUNDINGS or exact <= 0:
            raise _bad(
                "divides or multiplies by a factor above 0 and rounds none, up, down or half_up,"
                f" not {operation} by {exact} rounded {rounding}"
            )
        if type(digits) is not int or not -DIGITS_MAX <= digits <= DIGITS_MAX:
            raise _bad(f"rounds to -{DIGITS_MAX} to {DIGITS_MAX} digits, not {digits}")
        put = object.__setattr__
        put(self, "operation", operation)
        put(self, "factor", exact)
        put(self, "rounding", rounding)
        put(self, "digits", digits)
        put(self, "unit", check_name(check_text(unit, "conversion.unit", UNIT_MAX)))

    def convert(self, quantity: Exact) -> Ratio:
        """The cumulative total in the other unit, rounded once."""
        converted = self.exactly(quantity)
        if self.rounding == "none":
            return ratio(converted)
        scaled = converted * Fraction(10) ** self.digits
        return shift(_rounded(self.rounding, scaled), -self.digits)

    def exactly(self, quantity: Exact) -> Fraction:
        """The cumulative total in the other unit, before it is rounded."""
        if self.operation == "divide":
            return Fraction(fraction(quantity), Fraction(self.factor))
        return fraction(quantity) * Fraction(self.factor)


def _rounded(rounding: Literal["up", "down", "half_up"], value: Fraction) -> int:
    if rounding == "half_up":
        return half_away(value)
    towards_zero = abs(value.numerator) // value.denominator
    is_between = rounding == "up" and value.denominator != 1
    size = towards_zero + 1 if is_between else towards_zero
    return size if value >= 0 else -size


def _bad(what: str) -> Invalid:
    return Invalid(f"a conversion {what}", code="bad_conversion", param="conversion")
