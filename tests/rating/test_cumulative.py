"""Chains: whatever the path, what was billed adds up to the price of the last quantity."""

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.plan.price import Price, Tier
from ledger.rating.amount import rate
from ledger.rating.cumulative import Chain, difference
from ledger.types.errors import Invalid
from ledger.types.money import EUR, USD, Money
from tests.rating.strategies import QUANTITIES, prices

PATHS = st.lists(QUANTITIES, min_size=1, max_size=8)


def chain_of(price: Price, path: Iterable[Decimal]) -> Chain:
    return reduce(Chain.extended, path, Chain(price, "USD"))


@pytest.mark.parametrize(
    ("path", "amounts"),
    [
        (["333", "666", "999"], [33, 34, 33]),  # parts of a cent are not lost
        (["10", "10"], [1, 0]),
        (["100", "40"], [10, -6]),
        (["0"], [0]),
        ([], []),
    ],
)
def test_a_step_is_what_the_whole_costs_less_what_was_billed(
    path: list[str], amounts: list[int]
) -> None:
    chain = chain_of(Price.per_unit("calls", "0.1"), map(Decimal, path))
    assert chain.amounts == tuple(USD(amount) for amount in amounts)


def test_a_cheaper_tier_reached_later_gives_money_back() -> None:
    volume = Price.volume("calls", [Tier(100, unit=10), Tier(unit=5)])
    assert difference(volume, Decimal(101), USD(1000)) == USD(505 - 1000)


def test_what_was_billed_has_the_currency_that_is_billed() -> None:
    price = Price.per_unit("calls", "1.5")
    assert difference(price, Decimal(1), EUR(0)) == EUR(2)
    assert Chain(price, "EUR").billed == EUR(0)


def test_a_step_beyond_the_bound_is_refused() -> None:
    with pytest.raises(Invalid) as refusal:
        Chain(Price.per_unit("calls", 10**17), "USD").extended(Decimal(2))
    assert refusal.value.code == "amount_out_of_range"


@given(prices(), PATHS)
def test_a_chain_sums_to_the_price_of_its_last_quantity(price: Price, path: list[Decimal]) -> None:
    assert chain_of(price, path).billed == Money.rounded(rate(price, path[-1]).exact, "USD")


@given(prices(), PATHS)
def test_rating_twice_adds_nothing(price: Price, path: list[Decimal]) -> None:
    chain = chain_of(price, path)
    assert chain.extended(path[-1]).amounts == (*chain.amounts, USD(0))


@given(prices(), PATHS, PATHS)
def test_two_paths_to_a_quantity_bill_the_same(
    price: Price, path: list[Decimal], other: list[Decimal]
) -> None:
    there = path[-1]
    assert chain_of(price, path).billed == chain_of(price, [*other, there]).billed
