"""A derivation in words: read aloud, it is the calculation."""

import re
from decimal import ROUND_UP, Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.plan.price import Price, Tier
from ledger.rating.derivation import Proration
from ledger.rating.line import derive
from ledger.rating.wording import describe, money_text, quantity_text
from ledger.types import ids
from ledger.types.currency import exponent
from ledger.types.exact import Exact
from ledger.types.money import USD
from ledger.types.period import Period
from ledger.types.zone import parse_instant
from tests.rating.strategies import QUANTITIES, decimals, prices

PLAN = ids.PLAN.new()
JANUARY = Period(parse_instant("2025-01-01T00:00Z"), parse_instant("2025-02-01T00:00Z"))
READ = parse_instant("2025-02-01T01:00Z")
TOKENS = [Tier(10_000), Tier(unit="0.05")]
CALLS = [Tier(10, 5000), Tier(20, 4000, flat=1000), Tier(unit="0.05")]
SEATS = [Tier(5, flat=2900), Tier(flat=9900)]


def words(price: Price, quantity: str, unit: str = "call", currency: str = "USD") -> list[str]:
    return describe(derive(price, PLAN, 1, Decimal(quantity)), unit, currency)


@pytest.mark.parametrize(
    ("price", "quantity", "expected"),
    [
        (Price.flat(USD(4900)), "1", ["flat price of $49.00"]),
        (Price.flat(USD(4900)), "-1", ["flat price of $49.00"]),
        (
            Price.graduated("calls", TOKENS),
            "15000",
            [
                "first 10,000 calls × $0.00 = $0.00",
                "next 5,000 calls × $0.0005 = $2.50",
                "together $2.50",
            ],
        ),
        (Price.graduated("calls", TOKENS), "1", ["first 1 call × $0.00 = $0.00"]),
        (
            Price.per_unit("calls", "12.5", included=200),
            "250.5",
            [
                "250.5 calls less 200 included = 50.5 calls",
                "50.5 calls × $0.125 = $6.3125",
                "rounded half away from zero to $6.31",
            ],
        ),
        (
            Price.per_unit("calls", "12.5", included=200),
            "150",
            ["150 calls less 200 included: none left to price", "0 calls = $0.00"],
        ),
        (Price.per_unit("calls", "12.5"), "0", ["0 calls = $0.00"]),
        (
            Price.volume("calls", CALLS),
            "20",
            ["20 calls in tier 2, above 10, up to 20", "20 calls × $40.00 + $10.00 = $810.00"],
        ),
        (
            Price.volume("calls", CALLS),
            "10",
            ["10 calls in tier 1, up to 10", "10 calls × $50.00 = $500.00"],
        ),
        (
            Price.volume("calls", [Tier(unit=1)]),
            "1",
            ["1 call in tier 1, which has no limit", "1 call × $0.01 = $0.01"],
        ),
        (
            Price.stairstep("calls", SEATS),
            "6",
            ["6 calls in tier 2, above 5", "6 calls: flat $99.00"],
        ),
        (
            Price.stairstep("calls", SEATS, flat_at_zero=True),
            "0",
            ["flat amount of tier 1, due without usage too: $29.00"],
        ),
        (
            Price.package("calls", 199, 1000, included=500),
            "3000.5",
            [
                "3,000.5 calls less 500 included = 2,500.5 calls",
                "2,500.5 calls in packages of 1,000: 3 packages",
                "3 packages × $1.99 = $5.97",
            ],
        ),
        (
            Price.per_unit("calls", 10),
            "-5",
            ["-5 calls, below zero, counted as none", "0 calls = $0.00"],
        ),
        (
            Price.per_unit("calls", 10, negative="mirror", included=2),
            "-5",
            [
                "5 calls less 2 included = 3 calls",
                "3 calls × $0.10 = $0.30",
                "below zero, so credited: -$0.30",
            ],
        ),
    ],
)
def test_each_step_of_the_calculation_is_a_line(
    price: Price, quantity: str, expected: list[str]
) -> None:
    assert words(price, quantity) == expected


def test_a_part_of_a_period_names_its_days() -> None:
    part = Proration(15, 31, JANUARY)
    derivation = derive(Price.flat(USD(4900)), PLAN, 1, Decimal(1), proration=part)
    assert describe(derivation, "unit", "USD") == [
        "flat price of $49.00",
        "15 of the 31 days from 2025-01-01 to 2025-01-31 = $23.70967741…",
        "rounded half away from zero to $23.71",
    ]


def test_what_was_billed_before_and_when_usage_was_read_come_last() -> None:
    price = Price.per_unit("calls", 10)
    derivation = derive(price, PLAN, 1, Decimal(7), billed_before=50, usage_as_of=READ)
    assert describe(derivation, "call", "USD") == [
        "7 calls × $0.10 = $0.70",
        "less $0.50 billed before = $0.20",
        "usage as of 2025-02-01T01:00:00Z",
    ]


@pytest.mark.parametrize(
    ("exact", "currency", "text"),
    [
        (5399, "USD", "$53.99"),
        (Decimal("0.05"), "USD", "$0.0005"),
        (Decimal("-0.05"), "USD", "-$0.0005"),
        (Decimal("123456.000000000001"), "EUR", "€1,234.56000000000001"),
        (Decimal("1.490"), "JPY", "¥1.49"),
        (2199, "JPY", "¥2,199"),
        (Fraction(5, 2), "USD", "$0.025"),
        (Fraction(1, 3), "JPY", "¥0.333333…"),
        (Fraction(-200, 3), "USD", "-$0.66666666…"),
        (Decimal("-0.0"), "USD", "$0.00"),
    ],
)
def test_an_amount_is_written_to_its_last_digit(exact: Exact, currency: str, text: str) -> None:
    assert money_text(exact, currency) == text


@pytest.mark.parametrize(
    ("quantity", "unit", "text"),
    [
        ("1", "call", "1 call"),
        ("1.0", "call", "1 call"),
        ("0", "call", "0 calls"),
        ("1E+4", "call", "10,000 calls"),
        ("2.5", "GB", "2.5 GB"),
        ("2", "query", "2 queries"),
        ("2", "day", "2 days"),
        ("2", "tokens", "2 tokens"),
        ("2", "request (EU)", "2 request (EU)"),
        ("123456789012345678.123456789", "call", "123,456,789,012,345,678.123456789 calls"),
    ],
)
def test_a_quantity_is_written_with_its_unit(quantity: str, unit: str, text: str) -> None:
    assert quantity_text(Decimal(quantity), unit) == text


@given(decimals(10**9, 14, least=-(10**9)), st.sampled_from(["USD", "JPY", "KWD"]))
def test_an_amount_in_words_can_be_read_back(exact: Decimal, currency: str) -> None:
    digits = re.sub(r"[^0-9.-]", "", money_text(exact, currency))
    assert Fraction(digits) * 10 ** exponent(currency) == Fraction(exact)


@given(prices(), QUANTITIES, st.integers(0, 31), st.integers(0, 1000), st.booleans())
def test_the_words_end_with_the_amount_in_any_context(
    price: Price, used: Decimal, days: int, before: int, below: bool
) -> None:
    quantity, part = used.copy_negate() if below else used, Proration(days, 31, JANUARY)
    derivation = derive(price, PLAN, 1, quantity, proration=part, billed_before=before)
    lines = describe(derivation, "call", "USD")
    assert lines[-1].endswith(USD(derivation.amount).format())
    with localcontext(Context(prec=2, rounding=ROUND_UP, traps=[])):
        assert describe(derivation, "call", "USD") == lines
