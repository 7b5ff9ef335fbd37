"""Quantities: 18 digits before and 9 after the point, kept as two whole numbers."""

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.types.errors import Invalid
from ledger.types.quantity import join, quantity, split

quantities = st.integers(-(10**27) + 1, 10**27 - 1).map(lambda n: Decimal(n).scaleb(-9))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (-3, "-3"),
        (0, "0"),
        (10**18 - 1, "999999999999999999"),
        ("0.000000001", "1E-9"),
        ("-12.50", "-12.5"),
        (Decimal("7.0"), "7"),
        ("1e3", "1000"),
    ],
)
def test_a_quantity_is_exact_and_normalised(value: int | str | Decimal, text: str) -> None:
    assert str(quantity(value)) == text


@pytest.mark.parametrize(
    "value", [1.5, True, "NaN", "1_0", "١", 10**18, "0.0000000001", "1E+999999999", Decimal("inf")]
)
def test_what_is_no_quantity_is_refused(value: int) -> None:
    with pytest.raises(Invalid, match=r"the seats "):
        quantity(value, what="seats")


@pytest.mark.parametrize(
    ("number", "parts"),
    [
        ("0", (0, 0)),
        ("7", (7, 0)),
        ("-7", (-7, 0)),
        ("0.5", (0, 500_000_000)),
        ("-0.5", (-1, 500_000_000)),
        ("-0.000000001", (-1, 999_999_999)),
        ("999999999999999999.999999999", (999_999_999_999_999_999, 999_999_999)),
    ],
)
def test_a_quantity_is_kept_as_whole_and_billionths(number: str, parts: tuple[int, int]) -> None:
    assert split(Decimal(number)) == parts
    assert join(*parts) == Decimal(number)


@given(quantities)
def test_splitting_and_joining_changes_nothing(number: Decimal) -> None:
    whole, billionths = split(quantity(number))
    assert 0 <= billionths < 10**9
    assert whole + Fraction(billionths, 10**9) == Fraction(number)
    assert join(whole, billionths) == number


@given(st.lists(quantities, max_size=20))
def test_sums_of_parts_join_to_the_sum(numbers: list[Decimal]) -> None:
    parts = [split(quantity(number)) for number in numbers]
    total = join(sum(whole for whole, _ in parts), sum(billionths for _, billionths in parts))
    assert Fraction(total) == sum(Fraction(number) for number in numbers)


def test_a_tenth_digit_is_never_dropped() -> None:
    with pytest.raises(decimal.Inexact):
        split(Decimal("0.0000000001"))


def test_joined_quantities_look_the_same_as_given_ones() -> None:
    assert [str(join(1, 500_000_000)), str(join(1000, 0)), str(join(0, 2 * 10**9))] == [
        "1.5",
        "1000",
        "2",
    ]
