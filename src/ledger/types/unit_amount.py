"""Unit amounts: prices in minor units that may be smaller than one of them."""

import re
from decimal import Decimal

from ledger.types.currency import check_currency, exponent
from ledger.types.errors import Invalid, shown
from ledger.types.exact import parse_decimal, shift

AMOUNT_MAX = 10**17
"""The largest amount of money, in minor units, that Ledger handles."""

UNIT_AMOUNT_DIGITS = 12
"""How many digits a unit amount may have after the point of its minor units."""

_HUMAN = re.compile(r"([^ ]+) ([A-Za-z]{3})")


def unit_amount(
    value: int | str | Decimal, currency: str | None = None, *, what: str = "unit amount"
) -> Decimal:
    """The exact unit amount in minor units: `"0.05"` is 0.05 cents.

    `"0.0005 USD"`, as a human writes it, is the same price in major units. Source: SEMANTICS §1.

    Args:
        value: a number of minor units, or text with a currency behind a space.
        currency: the currency it must have, if that is known.
        what: what the number is, for the sentence of an error.

    Raises:
        Invalid: not an exact number within bounds (see `parse_decimal`), another currency
            (`currency_mismatch`), or none that exists (`unknown_currency`).
    """
    if currency is not None:
        check_currency(currency)
    if isinstance(value, str) and (human := _HUMAN.fullmatch(value)):
        major, written = human[1], check_currency(human[2])
        if currency is not None and written != currency:
            raise Invalid(
                f"the {what} {shown(value)} is in {written} where {currency} is wanted",
                code="currency_mismatch",
            )
        return minor_units(major, written, what=what)
    return _within(
        parse_decimal(value, what=what, integer_digits=18, fraction_digits=UNIT_AMOUNT_DIGITS), what
    )


def minor_units(major: int | str | Decimal, currency: str, *, what: str = "amount") -> Decimal:
    """The exact minor units of an amount as a human writes it: `"49.995"` USD is 4999.5 cents.

    Raises:
        Invalid: as `unit_amount`.
    """
    digits = exponent(currency)
    number = parse_decimal(
        major, what=what, integer_digits=18, fraction_digits=UNIT_AMOUNT_DIGITS + digits
    )
    return _within(shift(number, digits), what)


def _within(minor: Decimal, what: str) -> Decimal:
    if not -AMOUNT_MAX <= minor <= AMOUNT_MAX:
        raise Invalid(f"the {what} is beyond 10^17 minor units", code="amount_out_of_range")
    return minor
