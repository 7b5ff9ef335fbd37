"""Exact numbers: nothing is lost, nothing is rounded but in one place, and nothing blows up."""

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.types.errors import Invalid
from ledger.types.exact import (
    CONTEXT,
    Exact,
    add,
    decimal_text,
    half_away,
    multiply,
    normalised,
    parse_decimal,
    parse_exact,
    shift,
    to_digits,
)

decimals = st.decimals(
    min_value=-(10**18), max_value=10**18, places=12, allow_nan=False, allow_infinity=False
)
fractions = st.fractions(min_value=-(10**18), max_value=10**18, max_denominator=10**9)
exacts: st.SearchStrategy[Exact] = st.one_of(st.integers(-(10**20), 10**20), decimals, fractions)


def read(value: object, *, integer_digits: int = 18, fraction_digits: int = 9) -> Decimal:
    return parse_decimal(
        value,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  callers may be untyped
        what="quantity",
        integer_digits=integer_digits,
        fraction_digits=fraction_digits,
    )


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (7, 7),
        (Decimal("0.5"), 1),
        (Decimal("-0.5"), -1),
        (Decimal("1.5"), 2),
        (Decimal("2.5"), 3),
        (Decimal("-2.5"), -3),
        (Decimal("2.4999999999999999999999999"), 2),
        (Decimal("1E+3"), 1000),
        (Decimal("1E-50"), 0),
        (Fraction(1, 2), 1),
        (Fraction(-1, 2), -1),
        (Fraction(1, 3), 0),
        (Fraction(-5, 3), -2),
    ],
)
def test_a_half_goes_away_from_zero(value: Exact, rounded: int) -> None:
    assert half_away(value) == rounded


@given(exacts)
def test_rounding_gives_the_nearest_whole_number_and_the_farther_one_of_two(value: Exact) -> None:
    exact, rounded = Fraction(value), half_away(value)
    assert abs(exact - rounded) <= Fraction(1, 2)
    if abs(exact - rounded) == Fraction(1, 2):
        assert abs(rounded) > abs(exact)


@given(exacts)
def test_rounding_mirrors(value: Exact) -> None:
    assert half_away(-Fraction(value)) == -half_away(value)


@pytest.mark.parametrize(
    "value", [Decimal("NaN"), Decimal("Infinity"), Decimal("1E+999999999"), Decimal("sNaN")]
)
def test_what_is_no_moderate_number_is_not_rounded(value: Decimal) -> None:
    with pytest.raises(Invalid):
        half_away(value)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, "3"),
        (-3, "-3"),
        ("3", "3"),
        ("+3", "3"),
        ("1.50", "1.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("25E-1", "2.5"),
        ("-0", "0"),
        ("-0.000", "0"),
        ("0E+999999999", "0"),
        (Decimal("1E+3"), "1000"),
        (Decimal("2.500000000000000000"), "2.5"),
        (Decimal("-0"), "0"),
        ("999999999999999999.999999999", "999999999999999999.999999999"),
        (10**18 - 1, "999999999999999999"),
    ],
)
def test_a_number_is_read_exactly_and_written_in_one_way(value: object, number: str) -> None:
    assert str(read(value)) == number


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1.5, "float_refused"),
        (float("nan"), "float_refused"),
        (True, "bad_decimal"),
        (None, "bad_decimal"),
        (b"1", "bad_decimal"),
        ([1], "bad_decimal"),
        ("", "bad_decimal"),
        (" 1", "bad_decimal"),
        ("1 ", "bad_decimal"),
        ("1\n", "bad_decimal"),
        ("1_000", "bad_decimal"),
        ("1,000", "bad_decimal"),
        ("NaN", "bad_decimal"),
        ("sNaN1", "bad_decimal"),
        ("Infinity", "bad_decimal"),
        ("-inf", "bad_decimal"),
        ("١٢", "bad_decimal"),
        ("１", "bad_decimal"),
        ("0x10", "bad_decimal"),
        ("1e", "bad_decimal"),
        (".", "bad_decimal"),
        ("--1", "bad_decimal"),
        ("1" * 201, "bad_decimal"),
        (Decimal("NaN"), "bad_decimal"),
        (Decimal("sNaN"), "bad_decimal"),
        (Decimal("-Infinity"), "bad_decimal"),
        ("1" * 200, "out_of_range"),
        ("1E+999999999", "out_of_range"),
        ("1E-999999999", "out_of_range"),
        ("1E+999999999999999999", "out_of_range"),
        (Decimal("1E+999999999"), "out_of_range"),
        (Decimal("1E-999999999"), "out_of_range"),
        (Decimal("0." + "1" * 5000), "out_of_range"),
        (10**18, "out_of_range"),
        (-(10**18), "out_of_range"),
        pytest.param(1 << 10_000_000, "out_of_range", id="an int of ten million bits"),
        ("0.0000000001", "out_of_range"),
        ("1.00000000000000000000000001", "out_of_range"),
    ],
)
def test_what_is_no_number_within_bounds_is_refused_at_once(value: object, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(value)
    assert refused.value.code == code
    assert len(refused.value.message) < 250


def test_a_float_is_refused_with_a_sentence_that_says_what_to_write() -> None:
    with pytest.raises(Invalid, match=r"the quantity 0\.1 is a binary float.* such as \"0\.1\""):
        read(0.1)


def test_precision_beyond_the_context_is_refused_too() -> None:
    with pytest.raises(Invalid):
        read("1" * 100 + ".5", integer_digits=100, fraction_digits=100)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-12, "-12"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.000000000001"), "0.000000000001"),
        (Decimal("-0.00"), "0"),
        (Decimal("12.500"), "12.5"),
        (Fraction(1, 2), "0.5"),
        (Fraction(-1, 8), "-0.125"),
        (Fraction(4, 2), "2"),
        (Fraction(1, 3), "1/3"),
        (Fraction(-22, 7), "-22/7"),
        (Fraction(1, 2**200), f"1/{2**200}"),
    ],
)
def test_a_number_has_one_text(value: Exact, text: str) -> None:
    assert decimal_text(value) == text


@given(exacts)
def test_the_text_of_a_number_reads_back(value: Exact) -> None:
    assert parse_exact(decimal_text(value)) == Fraction(value)


@given(decimals, decimals)
def test_equal_decimals_have_equal_texts(a: Decimal, b: Decimal) -> None:
    assert (decimal_text(a) == decimal_text(b)) == (a == b)


@pytest.mark.parametrize("text", ["", "1/0", "1/", "/2", "1/2/3", "1.5/2", "1 / 2", "x", "1/-2"])
def test_what_is_no_exact_number_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_exact(text)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (Fraction(1, 3), 9, "0.333333333"),
        (Fraction(2, 3), 9, "0.666666667"),
        (Fraction(-2, 3), 2, "-0.67"),
        (Decimal("1.005"), 2, "1.01"),
        (Decimal("1.5"), 9, "1.5"),
        (5, 2, "5"),
        (1250, -2, "1300"),
    ],
)
def test_a_number_is_rounded_to_so_many_digits(value: Exact, digits: int, text: str) -> None:
    assert str(to_digits(value, digits)) == text


def test_arithmetic_does_not_depend_on_the_callers_context() -> None:
    with decimal.localcontext(decimal.Context(prec=3, traps=[])):
        assert multiply(Decimal("1.23456789"), Decimal("9.87654321")) == Decimal(
            "12.1932631112635269"
        )
        assert add(Decimal(10**20), Decimal("1E-9")) == Decimal("100000000000000000000.000000001")
        assert read("123456789.123456789") == Decimal("123456789.123456789")
        assert shift(Decimal("123456.789"), -3) == Decimal("123.456789")
        assert decimal_text(Decimal("123456.7890")) == "123456.789"
        assert half_away(Decimal("123456.5")) == 123457
        with pytest.raises(Invalid):
            read("abc")


def test_a_lost_digit_is_an_error() -> None:
    with pytest.raises(decimal.Inexact):
        CONTEXT.add(Decimal(10**99), Decimal("0.01"))
    with pytest.raises(decimal.FloatOperation), decimal.localcontext(CONTEXT):
        Decimal(0.1)  # noqa: RUF032  the mistake that is refused


@given(exacts, exacts)
def test_sums_and_products_are_exact(a: Exact, b: Exact) -> None:
    assert Fraction(add(a, b)) == Fraction(a) + Fraction(b)
    assert Fraction(multiply(a, b)) == Fraction(a) * Fraction(b)


@given(decimals, st.integers(-30, 30))
@settings(max_examples=50)
def test_a_shift_is_a_power_of_ten(value: Decimal, digits: int) -> None:
    assert Fraction(shift(value, digits)) == Fraction(value) * Fraction(10) ** digits


@given(decimals)
@settings(max_examples=50)
def test_a_normalised_number_is_the_same_without_exponent(value: Decimal) -> None:
    assert normalised(value) == value
    assert "E+" not in str(normalised(value))
