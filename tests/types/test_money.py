"""Money: whole minor units of one currency, checked at birth."""

import decimal
import pickle
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.types import money
from ledger.types.errors import Invalid
from ledger.types.iso4217 import EXPONENTS
from ledger.types.money import EUR, JPY, KWD, USD, Money

amounts = st.integers(-(10**16), 10**16)
currencies = st.sampled_from(sorted(EXPONENTS))


def test_a_constructor_takes_minor_units() -> None:
    assert USD(4999) == Money(4999, "USD")
    assert USD(4999).amount == 4999
    assert USD(4999).currency == "USD"


def test_every_constructor_makes_its_own_currency() -> None:
    made = {name: getattr(money, name) for name in EXPONENTS if hasattr(money, name)}
    assert len(made) >= 30
    assert all(make(1) == Money(1, name) for name, make in made.items())
    assert all(make.__name__ == name for name, make in made.items())


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49.99, "USD", "float_refused"),
        (49.0, "USD", "float_refused"),
        (True, "USD", "bad_amount"),
        ("4999", "USD", "bad_amount"),
        (Decimal(4999), "USD", "bad_amount"),
        (None, "USD", "bad_amount"),
        (10**17 + 1, "USD", "amount_out_of_range"),
        (-(10**17) - 1, "USD", "amount_out_of_range"),
        (1, "usd", "unknown_currency"),
        (1, "XAU", "unknown_currency"),
        (1, None, "unknown_currency"),
    ],
)
def test_what_is_no_money_is_not_born(amount: int, currency: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        Money(amount, currency)
    assert refused.value.code == code


def test_the_bound_itself_is_money() -> None:
    assert Money(10**17, "JPY").negate() == Money(-(10**17), "JPY")


def test_money_is_frozen_and_hashable() -> None:
    with pytest.raises(AttributeError):
        USD(1).amount = 2  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]  the point
    assert len({USD(1), USD(1), EUR(1)}) == 2


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("49.99", "USD", 4999),
        ("49.990", "USD", 4999),
        ("-49.9", "USD", -4990),
        (49, "USD", 4900),
        (Decimal("1.5"), "KWD", 1500),
        ("1200", "JPY", 1200),
    ],
)
def test_an_amount_is_parsed_as_a_human_writes_it(text: str, currency: str, amount: int) -> None:
    assert Money.parse(text, currency) == Money(amount, currency)


@pytest.mark.parametrize(
    ("text", "currency", "code"),
    [
        ("49.999", "USD", "not_whole"),
        ("1.5", "JPY", "not_whole"),
        (49.99, "USD", "float_refused"),
        ("$49.99", "USD", "bad_decimal"),
        ("49,99", "EUR", "bad_decimal"),
        ("1000000000000001", "USD", "amount_out_of_range"),
        ("1", "usd", "unknown_currency"),
    ],
)
def test_parsing_rounds_nothing_and_guesses_nothing(text: str, currency: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        Money.parse(text, currency)
    assert refused.value.code == code


@given(amounts, currencies)
def test_a_parsed_amount_is_the_printed_one(amount: int, currency: str) -> None:
    exact = Decimal(amount).scaleb(-EXPONENTS[currency])
    assert Money.parse(format(exact, "f"), currency) == Money(amount, currency)


@pytest.mark.parametrize(
    ("exact", "amount"),
    [
        (Decimal("62.5"), 63),
        (Decimal("-62.5"), -63),
        (Fraction(199, 3), 66),
        (Fraction(200, 3), 67),
        (7, 7),
    ],
)
def test_an_exact_amount_is_rounded_once(exact: Decimal | Fraction | int, amount: int) -> None:
    assert Money.rounded(exact, "USD") == USD(amount)


def test_rounding_past_the_bound_is_an_error() -> None:
    with pytest.raises(Invalid):
        Money.rounded(Decimal(10**17) + Decimal("0.5"), "USD")


@pytest.mark.parametrize(
    ("by", "amount"),
    [
        (3, 14997),
        ("0.5", 2500),
        (Decimal("1.1"), 5499),
        (Decimal("0.333333333333"), 1666),
        (Fraction(1, 3), 1666),
        (0, 0),
        (-1, -4999),
    ],
)
def test_a_product_is_rounded_once(by: Decimal | int | str, amount: int) -> None:
    assert USD(4999).multiply(by) == USD(amount)


@pytest.mark.parametrize("by", [0.5, True, "half", "NaN", None, USD(1)])
def test_money_is_multiplied_by_an_exact_number_only(by: int) -> None:
    with pytest.raises(Invalid):
        USD(4999).multiply(by)


def test_a_product_past_the_bound_is_an_error() -> None:
    with pytest.raises(Invalid):
        USD(10**17).multiply(2)


@pytest.mark.parametrize(
    "together",
    [
        lambda: USD(1) + EUR(1),
        lambda: USD(1) - EUR(1),
        lambda: USD(1).add(JPY(1)),
        lambda: USD(1) < KWD(1),
        lambda: USD(1) <= KWD(1),
        lambda: USD(1) > KWD(1),
        lambda: USD(1) >= KWD(1),
        lambda: Money.sum([USD(1), EUR(1)], "USD"),
    ],
)
def test_two_currencies_do_not_go_together(together: Callable[[], object]) -> None:
    with pytest.raises(Invalid) as refused:
        together()
    assert refused.value.code == "currency_mismatch"


def test_money_and_a_bare_number_do_not_go_together() -> None:
    with pytest.raises(Invalid, match=r"\$0\.01 and a int do not go together"):
        USD(1).add(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the point
    assert USD(1) != object()


def test_equal_amounts_of_two_currencies_differ() -> None:
    assert USD(1) != EUR(1)


@given(amounts, amounts, amounts)
def test_sums_do_not_depend_on_their_order(a: int, b: int, c: int) -> None:
    assert (USD(a) + USD(b)) + USD(c) == USD(a) + (USD(b) + USD(c))
    assert USD(a) + USD(b) == USD(b) + USD(a)
    assert USD(a) - USD(b) == USD(a) + -USD(b)
    assert USD(a) + Money.zero("USD") == USD(a)
    assert Money.sum([USD(a), USD(b), USD(c)], "USD") == USD(a + b + c)


@given(amounts, amounts)
def test_money_is_ordered_by_amount(a: int, b: int) -> None:
    assert (USD(a) < USD(b), USD(a) <= USD(b)) == (a < b, a <= b)
    assert (USD(a) > USD(b), USD(a) >= USD(b)) == (a > b, a >= b)
    assert max(USD(a), USD(b)) == USD(max(a, b))


@given(amounts, st.lists(st.integers(0, 1000), min_size=1).filter(any))
def test_allocated_parts_add_up(amount: int, weights: list[int]) -> None:
    assert Money.sum(USD(amount).allocate(weights), "USD") == USD(amount)


def test_zero_and_negative_say_so() -> None:
    assert (USD(0).is_zero, USD(1).is_zero) == (True, False)
    assert (USD(-1).is_negative, USD(0).is_negative) == (True, False)


def test_no_money_at_all_is_zero() -> None:
    assert Money.sum([], "USD") == USD(0)


def test_money_does_not_depend_on_the_callers_decimal_context() -> None:
    with decimal.localcontext(decimal.Context(prec=2, rounding=decimal.ROUND_DOWN)):
        assert USD(123456).multiply("1.00001") == USD(123457)
        assert Money.parse("12345.67", "USD") == USD(1234567)
        assert EUR(1234567).format("de_DE") == "12.345,67\u00a0€"


def test_money_goes_through_json_and_pickle() -> None:
    assert msgspec.json.decode(msgspec.json.encode(USD(5)), type=Money) == USD(5)
    assert pickle.loads(pickle.dumps(USD(5))) == USD(5)  # noqa: S301  our own bytes


def test_money_is_checked_when_it_is_read() -> None:
    with pytest.raises(Invalid):
        msgspec.json.decode(b'{"amount":1,"currency":"ABC"}', type=Money)
