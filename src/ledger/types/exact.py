"""Exact numbers: arithmetic that never loses a digit, and the one rounding there is."""

import re
from decimal import (
    MAX_EMAX,
    MIN_EMIN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
)
from fractions import Fraction
from numbers import Number
from typing import TYPE_CHECKING, TypeAlias

from ledger.types.errors import Invalid, shown

Exact: TypeAlias = int | Decimal | Fraction
"""A number that is what it says. A float is not."""

# A union of two classes is more than a decoder of JSON knows; what both of them are, it does.
if TYPE_CHECKING:
    Ratio: TypeAlias = Decimal | Fraction
else:
    Ratio = Number
"""A Decimal, or a Fraction where there is no finite decimal form; in JSON as `decimal_text`."""

CONTEXT = Context(
    prec=100,
    rounding=ROUND_HALF_UP,
    Emin=MIN_EMIN,
    Emax=MAX_EMAX,
    traps=[Inexact, InvalidOperation, DivisionByZero, FloatOperation],
)
"""Where all Decimal work runs, whatever the caller's own context is: a lost digit is an error."""

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,18})?")
_RATIO = re.compile(r"(-?[0-9]{1,200})/([0-9]{1,200})")
_TEXT_MAX = 200


def half_away(value: Exact) -> int:
    """`value` rounded to a whole number, an exact half away from zero.

    The only rounding of the project. Source: SEMANTICS §1.

    Raises:
        Invalid: `value` is not finite, or has more than 100 digits before its point.
    """
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() >= CONTEXT.prec:
            raise Invalid(
                f"{shown(value)} cannot be rounded to a whole number", code="out_of_range"
            )
        return int(value.to_integral_value(ROUND_HALF_UP, CONTEXT))
    twice, half = 2 * abs(value.numerator) + value.denominator, 2 * value.denominator
    whole = twice // half
    return whole if value >= 0 else -whole


def to_digits(value: Exact, digits: int) -> Decimal:
    """`value` with at most `digits` fractional digits, an exact half away from zero.

    Source: SEMANTICS §6, quantities without a finite decimal form.
    """
    return shift(half_away(multiply(value, 10**digits)), -digits)


def parse_decimal(
    value: int | str | Decimal, *, what: str, integer_digits: int, fraction_digits: int
) -> Decimal:
    """The exact number that somebody wrote, within bounds; normalised, so that 1.50 is 1.5.

    Args:
        value: an int, a Decimal, or ASCII text such as `"-0.05"` or `"1e3"`.
        what: what the number is, for the sentence of an error: `"quantity"`.
        integer_digits: how many digits may stand before the point.
        fraction_digits: how many digits, trailing zeros aside, may stand after it.

    Raises:
        Invalid: a float (`float_refused`), something else that is no finite decimal number
            (`bad_decimal`), or more digits than allowed (`out_of_range`).
    """
    number = _read(value, what)
    if number.is_zero():
        return _ZERO
    if number.adjusted() >= integer_digits:
        raise _too_long(value, what, integer_digits, "before")
    try:
        number = normalised(number)
    except Inexact:  # over 100 significant digits
        raise _too_long(value, what, fraction_digits, "after") from None
    if _exponent(number) < -fraction_digits:
        raise _too_long(value, what, fraction_digits, "after")
    return number


def decimal_text(value: Exact) -> str:
    """The one way to write `value`: no exponent, no trailing zeros, no `-0`.

    A Fraction without a finite decimal form (within 100 digits) is written `"n/d"`.
    `parse_exact` reads it back.
    """
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, Fraction):
        exact = finite(value)
        if exact is None:
            return f"{value.numerator}/{value.denominator}"
        value = exact
    return format(normalised(value), "f")


def parse_exact(text: str) -> Decimal | Fraction:
    """The number that `decimal_text` wrote.

    Raises:
        Invalid: (`bad_decimal`) `text` is no such number.
    """
    if ratio := _RATIO.fullmatch(text):
        numerator, denominator = int(ratio[1]), int(ratio[2])
        if denominator:
            return Fraction(numerator, denominator)
    return parse_decimal(text, what="exact number", integer_digits=100, fraction_digits=100)


def normalised(value: Decimal) -> Decimal:
    """The same number without trailing zeros, exponent or `-0`, so that equals look equal."""
    if value == value.to_integral_value(context=CONTEXT):
        return Decimal(int(value))  # normalize() would write 1000 as 1E+3
    return value.normalize(CONTEXT)


def shift(value: int | Decimal, digits: int) -> Decimal:
    """`value` × 10^`digits`, exactly: the point moved to the right, or to the left below 0."""
    return normalised(CONTEXT.scaleb(Decimal(value), digits))


def ratio(value: Exact) -> Ratio:
    """`value` as a Decimal, or as the Fraction that it is if it has no finite decimal form."""
    if isinstance(value, Fraction):
        exact = finite(value)
        return value if exact is None else exact
    return Decimal(value)


def magnitude(value: Ratio) -> Ratio:
    """`value` without its sign, and with all of its digits, whatever the caller's context is."""
    return value.copy_abs() if isinstance(value, Decimal) else abs(value)


def fraction(value: Exact) -> Fraction:
    """`value` as a Fraction, the only kind of number that is divided."""
    return value if isinstance(value, Fraction) else Fraction(value)


def finite(value: Fraction) -> Decimal | None:
    """`value` as a Decimal, if it has a finite form that fits the context of 100 digits."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest >> 1, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    digits = max(twos, fives)
    if rest != 1 or digits > CONTEXT.prec:
        return None
    whole = value.numerator * 10**digits // value.denominator
    return shift(whole, -digits) if abs(whole) < 10**CONTEXT.prec else None


def add(a: Exact, b: Exact) -> Exact:
    """`a` + `b`, exactly; a Fraction if one of them is."""
    if isinstance(a, Fraction) or isinstance(b, Fraction):
        return fraction(a) + fraction(b)
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    return CONTEXT.add(Decimal(a), Decimal(b))


def multiply(a: Exact, b: Exact) -> Exact:
    """`a` × `b`, exactly; a Fraction if one of them is."""
    if isinstance(a, Fraction) or isinstance(b, Fraction):
        return fraction(a) * fraction(b)
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    return CONTEXT.multiply(Decimal(a), Decimal(b))


_ZERO = Decimal(0)
_BEYOND = Decimal("1E+1000")


def _read(value: object, what: str) -> Decimal:
    if isinstance(value, float):
        raise Invalid(
            f"the {what} {value!r} is a binary float, which is not the number that was written;"
            f' give an int, a Decimal or a string such as "{value!r}"',
            code="float_refused",
        )
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        # Beyond 400 bits any bound is passed, and to convert the int would take long.
        return Decimal(value) if value.bit_length() <= 400 else _BEYOND
    if isinstance(value, str) and len(value) <= _TEXT_MAX and _DECIMAL.fullmatch(value):
        return Decimal(value)
    raise Invalid(f"the {what} {shown(value)} is not a finite decimal number", code="bad_decimal")


def _too_long(value: object, what: str, digits: int, side: str) -> Invalid:
    return Invalid(
        f"the {what} {shown(value)} has more than {digits} digits {side} the point",
        code="out_of_range",
    )


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0  # finite ones have an int
