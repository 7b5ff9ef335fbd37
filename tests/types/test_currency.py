"""Currencies: the table is the standard's, whatever libraries for display say."""

import pytest
from babel.numbers import get_currency_precision, list_currencies
from iso4217 import Currency

from ledger.types.currency import check_currency, exponent
from ledger.types.errors import Invalid
from ledger.types.iso4217 import EXPONENTS, WITHOUT_MINOR_UNIT

# CLDR gives the digits that people use, ISO 4217 those that exist.
SHOWN_WITH_FEWER_DIGITS = {
    "AFN", "ALL", "IQD", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SOS", "SYP", "YER",
}  # fmt: skip
UNKNOWN_TO_CLDR = {"XAD"}


def test_the_table_is_the_published_one() -> None:
    published = {currency.code.upper(): currency.exponent for currency in Currency}
    assert {code: digits for code, digits in published.items() if digits is not None} == EXPONENTS
    assert {code for code, digits in published.items() if digits is None} == WITHOUT_MINOR_UNIT


def test_cldr_differs_where_we_know_it() -> None:
    known = set(list_currencies())
    assert EXPONENTS.keys() - known == UNKNOWN_TO_CLDR
    differing = {
        code
        for code, digits in EXPONENTS.items()
        if code in known and get_currency_precision(code) != digits
    }
    assert differing == SHOWN_WITH_FEWER_DIGITS
    assert all(get_currency_precision(code) < EXPONENTS[code] for code in differing)


@pytest.mark.parametrize(
    ("code", "digits"),
    [
        ("USD", 2), ("EUR", 2), ("JPY", 0), ("ISK", 0), ("HUF", 2), ("KWD", 3), ("BHD", 3),
        ("IQD", 3), ("MGA", 2), ("CLF", 4), ("UYW", 4), ("UGX", 0),
    ],
)  # fmt: skip
def test_a_minor_unit_has_the_digits_of_iso_4217(code: str, digits: int) -> None:
    assert exponent(code) == digits
    assert check_currency(code) == code


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("usd", "'usd' is not a currency code; write 'USD'"),
        ("Eur", "'Eur' is not a currency code; write 'EUR'"),
        ("ABC", "'ABC' is not a currency of ISO 4217"),
        ("", "'' is not a currency of ISO 4217"),
        ("XAU", "XAU has no minor unit in ISO 4217, so no amount can be billed in it"),
        ("x" * 1000, "is not a currency of ISO 4217"),
        (840, "a currency is an ISO 4217 code such as 'USD', not a int"),
        (None, "a currency is an ISO 4217 code such as 'USD', not a NoneType"),
        (["USD"], "a currency is an ISO 4217 code such as 'USD', not a list"),
    ],
)
def test_what_is_no_currency_is_refused_with_a_hint(code: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_currency(code)
    assert refused.value.code == "unknown_currency"
    assert sentence in refused.value.message
