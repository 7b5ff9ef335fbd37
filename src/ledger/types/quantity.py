"""Quantities: exact decimals with up to 18 digits before and 9 after the point."""

from decimal import Decimal

from ledger.types.exact import CONTEXT, parse_decimal, shift

INTEGER_DIGITS = 18
FRACTION_DIGITS = 9
BILLION = 10**FRACTION_DIGITS

_BOUND = 10**INTEGER_DIGITS


def quantity(value: int | str | Decimal, *, what: str = "quantity") -> Decimal:
    """The exact quantity that somebody gave; it may be negative. Source: SEMANTICS §6.

    Raises:
        Invalid: a float (`float_refused`), no finite decimal number (`bad_decimal`), or more
            digits than a quantity has (`out_of_range`).
    """
    if type(value) is int and -_BOUND < value < _BOUND:  # by far the most common, on a hot path
        return Decimal(value)
    return parse_decimal(
        value, what=what, integer_digits=INTEGER_DIGITS, fraction_digits=FRACTION_DIGITS
    )


def split(quantity: Decimal) -> tuple[int, int]:
    """`quantity` as (whole, billionths), so that it is whole + billionths ÷ 10⁹.

    Billionths are 0 to 999,999,999, also below zero: -0.5 is (-1, 500000000). A tenth digit after
    the point raises `decimal.Inexact`, because there is none in a quantity.
    """
    whole = int(quantity)
    if quantity == whole:
        return whole, 0
    billionths = CONTEXT.to_integral_exact(CONTEXT.scaleb(quantity, FRACTION_DIGITS))
    whole, rest = divmod(int(billionths), BILLION)
    return whole, rest


def join(whole: int, billionths: int) -> Decimal:
    """The inverse of `split`. It takes sums of parts as well, so billionths may be any int."""
    if not billionths:
        return Decimal(whole)
    return shift(whole * BILLION + billionths, -FRACTION_DIGITS)
