"""Unit amounts: exact prices below a minor unit."""

from decimal import Decimal

import pytest

from ledger.types.errors import Invalid
from ledger.types.unit_amount import minor_units, unit_amount


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        ("0.05", None, "0.05"),
        ("0.05", "USD", "0.05"),
        (5, "USD", "5"),
        (Decimal("0.000999999999"), None, "0.000999999999"),
        ("0.0005 USD", None, "0.05"),
        ("0.0005 USD", "USD", "0.05"),
        ("0.00000000000001 USD", "USD", "0.000000000001"),
        ("0.5 JPY", None, "0.5"),
        ("0.0001 KWD", None, "0.1"),
        ("49 USD", None, "4900"),
        ("-1.5", None, "-1.5"),
        ("100000000000000000", None, "100000000000000000"),
    ],
)
def test_a_unit_amount_is_an_exact_number_of_minor_units(
    value: int | str | Decimal, currency: str | None, minor: str
) -> None:
    assert unit_amount(value, currency) == Decimal(minor)


@pytest.mark.parametrize(
    ("value", "currency", "code"),
    [
        (0.05, None, "float_refused"),
        ("NaN", None, "bad_decimal"),
        ("abc USD", None, "bad_decimal"),
        ("0.05  USD", None, "bad_decimal"),
        ("USD 0.05", None, "bad_decimal"),
        ("$0.05", None, "bad_decimal"),
        ("0.0000000000001", None, "out_of_range"),
        ("0.000000000000001 USD", None, "out_of_range"),
        ("100000000000000001", None, "amount_out_of_range"),
        ("1000000000000001 USD", None, "amount_out_of_range"),
        ("0.05 EUR", "USD", "currency_mismatch"),
        ("0.05 usd", "USD", "unknown_currency"),
        ("0.05 ABC", None, "unknown_currency"),
        ("0.05", "ABC", "unknown_currency"),
    ],
)
def test_what_is_no_unit_amount_is_refused(value: str, currency: str | None, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        unit_amount(value, currency)
    assert refused.value.code == code


def test_an_error_names_what_was_read() -> None:
    with pytest.raises(Invalid, match="the unit amount of tier 2 'x' is not"):
        unit_amount("x", what="unit amount of tier 2")


@pytest.mark.parametrize(
    ("major", "currency", "minor"),
    [
        ("49.995", "USD", "4999.5"),
        (49, "USD", "4900"),
        ("1.23455", "UYW", "12345.5"),
        ("7", "JPY", "7"),
    ],
)
def test_what_a_human_writes_is_exact_in_minor_units(
    major: str | int, currency: str, minor: str
) -> None:
    assert minor_units(major, currency) == Decimal(minor)
