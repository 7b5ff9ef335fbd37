"""A price refuses to be born wrong, and says which part of it is."""

from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.plan.price import (
    FlatPrice,
    GraduatedPrice,
    PackagePrice,
    Price,
    StairstepPrice,
    Tier,
    UnitPrice,
    VolumePrice,
    check_tiers,
)
from ledger.types.errors import Invalid
from ledger.types.json import decode, encode
from ledger.types.money import EUR, JPY, USD
from ledger.types.period import Interval

anything: Any = "what a caller without a type checker may pass"


def refusal(make: Callable[[], object]) -> tuple[str, str | None]:
    with pytest.raises(Invalid) as refused:
        make()
    return refused.value.code, refused.value.param


@pytest.mark.parametrize(
    ("price", "model"),
    [
        (Price.flat(USD(4900)), FlatPrice(Decimal(4900))),
        (Price.per_unit("seats", "0.05"), UnitPrice(Decimal("0.05"))),
        (Price.per_unit("seats", "0.0005 USD"), UnitPrice(Decimal("0.05"))),
        (Price.per_unit("seats", USD(1500)), UnitPrice(Decimal(1500))),
        (Price.package("seats", 200, 1000), PackagePrice(Decimal(200), Decimal(1000))),
        (Price.package("seats", USD(200), "0.5"), PackagePrice(Decimal(200), Decimal("0.5"))),
        (Price.graduated("seats", [Tier(unit=1)]), GraduatedPrice((Tier(unit=1),))),
        (Price.volume("seats", [Tier(unit=1)]), VolumePrice((Tier(unit=1),))),
        (Price.stairstep("seats", [Tier(flat=USD(1))]), StairstepPrice((Tier(flat=USD(1)),))),
    ],
)
def test_amounts_are_minor_units_however_they_are_written(price: Price, model: object) -> None:
    assert price.model == model
    assert price.tiers == getattr(model, "tiers", ())
    assert price.is_by_quantity == (not isinstance(model, FlatPrice))


@pytest.mark.parametrize(
    ("price", "currency"),
    [
        (Price.flat(JPY(4900)), "JPY"),
        (Price.per_unit("seats", "0.05"), None),
        (Price.per_unit("seats", "0.0005 EUR"), "EUR"),
        (Price.per_unit("seats", EUR(5)), "EUR"),
        (Price.per_unit("seats", 5, currency="EUR"), "EUR"),
        (Price.per_unit("seats", EUR(5), currency="EUR"), "EUR"),
        (Price.package("seats", "2 EUR", 10), "EUR"),
        (Price.graduated("seats", [Tier(5), Tier(unit="0.5 EUR")]), "EUR"),
        (Price.stairstep("seats", [Tier(5, flat=EUR(5)), Tier(flat=5)]), "EUR"),
    ],
)
def test_a_price_has_the_currency_that_its_amounts_name(price: Price, currency: str | None) -> None:
    assert price.currency == currency


@pytest.mark.parametrize(
    ("make", "param"),
    [
        (lambda: Price.per_unit("seats", EUR(5), currency="USD"), "unit"),
        (lambda: Price.package("seats", EUR(5), 10, currency="USD"), "amount"),
        (lambda: Tier(unit="1 EUR", flat=USD(5)), "flat"),
        (lambda: Price.volume("seats", [Tier(unit=EUR(1))], currency="USD"), "tiers[0]"),
        (lambda: Price.volume("seats", [Tier(5, unit=EUR(1)), Tier(flat=USD(1))]), "tiers[1]"),
    ],
)
def test_a_price_has_one_currency(make: Callable[[], object], param: str) -> None:
    assert refusal(make) == ("currency_mismatch", param)


@pytest.mark.parametrize(
    ("tiers", "param"),
    [
        ([], "tiers"),
        ([Tier(unit=1)] * 1001, "tiers"),
        ([Tier(10)], "tiers[0].up_to"),
        ([Tier(10), Tier(20)], "tiers[1].up_to"),
        ([Tier(), Tier()], "tiers[0].up_to"),
        ([Tier(10), Tier(10), Tier()], "tiers[1].up_to"),
        ([Tier(10), Tier("9.999999999"), Tier()], "tiers[1].up_to"),
        ([Tier(0), Tier()], "tiers[0].up_to"),
        ([Tier(-5), Tier()], "tiers[0].up_to"),
        ([(10, 1), Tier()], "tiers[0]"),
    ],
)
def test_tiers_with_a_gap_an_overlap_or_an_end_are_refused(tiers: list[Any], param: str) -> None:
    for make in (Price.graduated, Price.volume, Price.stairstep):
        with pytest.raises(Invalid) as refused:
            make("seats", tiers)
        assert (refused.value.code, refused.value.param) == ("bad_tiers", param)


@pytest.mark.parametrize(
    ("make", "code", "param"),
    [
        (lambda: Price.flat(anything), "not_money", "amount"),
        (lambda: Price(anything), "bad_price", "model"),
        (lambda: Price.flat(USD(1), anything), "bad_billing", "billing"),
        (lambda: Price.per_unit("s", 1, negative=anything), "bad_negative", "negative"),
        (lambda: Price.per_unit("no spaces", 1), "bad_key", "feature"),
        (lambda: Price.per_unit("s", 1, included=-1), "bad_included", "included"),
        (lambda: Price(FlatPrice(Decimal(1)), included=1), "bad_included", "included"),
        (lambda: Price.package("s", 1, 0), "bad_package_size", "size"),
        (lambda: Price.package("s", 1, -1), "bad_package_size", "size"),
        (lambda: Price.stairstep("s", [Tier(unit=1)]), "stairstep_has_unit", "tiers[0].unit"),
        (lambda: Price.per_unit("s", anything), "bad_decimal", None),
        (lambda: Price.per_unit("s", 1, currency="usd"), "unknown_currency", None),
        (lambda: Price.per_unit("s", 1, interval="fortnight"), "bad_interval", None),
        (lambda: Price.per_unit("s", 1, name="x" * 256), "bad_text", "name"),
    ],
)
def test_a_part_that_cannot_be_is_named(
    make: Callable[[], object], code: str, param: str | None
) -> None:
    assert refusal(make) == (code, param)


WITH_A_NUMBER: list[Callable[[Any], object]] = [
    lambda value: Price.per_unit("s", value),
    lambda value: Price.package("s", value, 1),
    lambda value: Price.package("s", 1, value),
    lambda value: Price.per_unit("s", 1, included=value),
    Tier,
    lambda value: Tier(unit=value),
    lambda value: Tier(flat=value),
]


@pytest.mark.parametrize("make", WITH_A_NUMBER)
def test_a_float_is_refused_everywhere(make: Callable[[Any], object]) -> None:
    half = 2**-1  # a float that no linter sees
    assert refusal(lambda: make(half)) == ("float_refused", None)


def test_a_price_has_its_terms() -> None:
    price = Price.per_unit(
        "seats", 1, included="2.5", interval="2 weeks", negative="mirror", name="Seat"
    )
    assert price.interval == Interval("week", 2)
    assert (price.included, price.negative, price.name) == (Decimal("2.5"), "mirror", "Seat")
    assert price.id.startswith("prc_")


tier_ends = st.lists(st.integers(1, 10**15), min_size=1, max_size=20, unique=True).map(sorted)


@given(tier_ends)
def test_rising_tiers_with_an_open_end_are_tiers(ends: list[int]) -> None:
    check_tiers([*(Tier(Decimal(end).scaleb(-9), unit=1) for end in ends), Tier(unit=1)])


@given(tier_ends, st.data())
def test_tiers_in_another_order_are_none(ends: list[int], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(ends))
    tiers = [*(Tier(end) for end in shuffled), Tier()]
    if shuffled == ends:
        check_tiers(tiers)
    else:
        with pytest.raises(Invalid):
            check_tiers(tiers)


@given(st.decimals(0, 10**17, places=12), st.integers(1, 50))
def test_a_price_is_the_same_in_any_context_and_after_storage(
    amount: Decimal, precision: int
) -> None:
    with localcontext(prec=precision):
        price = Price.graduated("seats", [Tier("0.000000001", unit=amount), Tier(flat=amount)])
        assert decode(encode(price), Price) == price
    assert price.tiers[0].unit == amount
