"""A line's derivation: the one rounding, and everything that led to it."""

from decimal import ROUND_UP, Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.plan.price import Price, Tier
from ledger.rating.amount import rate
from ledger.rating.derivation import Derivation, Proration
from ledger.rating.line import derive
from ledger.types import ids, json
from ledger.types.exact import half_away, parse_exact
from ledger.types.money import USD
from ledger.types.period import Period
from ledger.types.zone import parse_instant
from tests.rating.strategies import QUANTITIES, prices

PLAN = ids.PLAN.new()
JANUARY = Period(parse_instant("2025-01-01T00:00Z"), parse_instant("2025-02-01T00:00Z"))
SHARES = st.integers(0, 31).map(lambda part: Proration(part, 31, JANUARY))


def derived(price: Price, quantity: Decimal, part: Proration | None = None) -> Derivation:
    return derive(price, PLAN, 3, quantity, proration=part)


@pytest.mark.parametrize(
    ("unit", "exact", "rounded"),
    [
        ("62.5", "62.5", 63),
        ("62.499999999999", "62.499999999999", 62),
        ("-62.5", "-62.5", -63),
        ("7", "7", 7),
        ("0", "0", 0),
    ],
)
def test_the_exact_amount_is_kept_beside_the_rounded_one(
    unit: str, exact: str, rounded: int
) -> None:
    derivation = derived(Price.per_unit("calls", unit), Decimal(1))
    assert (derivation.exact, derivation.rounded) == (exact, rounded)


def test_an_exact_amount_without_a_last_digit_is_kept_as_a_ratio() -> None:
    derivation = derived(Price.flat(USD(4900)), Decimal(1), Proration(15, 31, JANUARY))
    assert (derivation.full, derivation.exact) == ("4900", "73500/31")
    assert derivation.rounded == 2371


def test_a_part_is_not_taken_of_a_rounded_amount() -> None:
    derivation = derived(Price.per_unit("calls", "0.9"), Decimal(1), Proration(16, 31, JANUARY))
    assert derivation.rounded == 0  # 0.46…; 16/31 of a whole cent would be 0.52


def test_a_derivation_holds_what_the_amount_came_from() -> None:
    price = Price.graduated("calls", [Tier(100, unit=1), Tier(unit="0.5")], included=50)
    read = parse_instant("2025-02-01T01:00Z")
    derivation = derive(price, PLAN, 3, Decimal(250), billed_before=40, usage_as_of=read)
    assert (derivation.plan, derivation.plan_version, derivation.price) == (PLAN, 3, price.id)
    assert (derivation.quantity, derivation.included, derivation.priced) == (
        Decimal(250),
        Decimal(50),
        Decimal(200),
    )
    assert [share.quantity for share in derivation.tiers] == [Decimal(100), Decimal(100)]
    assert (derivation.rounded, derivation.billed_before, derivation.amount) == (150, 40, 110)
    assert derivation.usage_as_of == read


@given(prices(), QUANTITIES, st.one_of(st.none(), SHARES))
def test_a_line_is_rounded_once(price: Price, used: Decimal, part: Proration | None) -> None:
    derivation = derived(price, used, part)
    factor = Fraction(1) if part is None else part.factor
    exact = Fraction(rate(price, used).exact) * factor
    assert Fraction(parse_exact(derivation.exact)) == exact
    assert derivation.rounded == half_away(exact)


@given(prices(), QUANTITIES, st.one_of(st.none(), SHARES))
def test_a_derivation_survives_being_stored(
    price: Price, used: Decimal, part: Proration | None
) -> None:
    derivation = derived(price, used, part)
    assert json.decode(json.encode(derivation), Derivation) == derivation


@given(prices(), QUANTITIES, SHARES)
def test_the_callers_decimal_context_changes_nothing(
    price: Price, used: Decimal, part: Proration
) -> None:
    expected = derived(price, used, part)
    with localcontext(Context(prec=2, rounding=ROUND_UP, traps=[])):
        assert derived(price, used, part) == expected
