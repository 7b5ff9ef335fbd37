"""What a quantity costs: tables from the rules, laws, and six prices worked out the slow way."""

from decimal import ROUND_UP, Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.plan.price import (
    FlatPrice,
    GraduatedPrice,
    PackagePrice,
    Price,
    PriceModel,
    StairstepPrice,
    Tier,
    UnitPrice,
    VolumePrice,
)
from ledger.rating.amount import Rated, packages, rate
from ledger.types.errors import Invalid
from ledger.types.exact import Ratio, add, decimal_text
from ledger.types.money import USD
from tests.rating.strategies import (
    AMOUNTS,
    QUANTITIES,
    SIGNED_AMOUNTS,
    TENTHS,
    decimals,
    graduated_slowly,
    models,
    package_slowly,
    prices,
    tiers,
    volume_slowly,
)

CALLS = (Tier(100, "10", 500), Tier(1000, "7.5", 250), Tier(unit=5))
SEATS = (Tier(5, flat=2900), Tier(25, flat=9900), Tier(flat=29900))


def cost(model: PriceModel, quantity: str) -> Ratio:
    return rate(Price(model), Decimal(quantity)).exact


def shares(rated: Rated) -> list[tuple[int, str, str]]:
    return [
        (share.tier, decimal_text(share.quantity), decimal_text(share.amount))
        for share in rated.tiers
    ]


@pytest.mark.parametrize("quantity", ["0", "1", "7", "-3", "0.5"])
def test_a_flat_price_does_not_look_at_the_quantity(quantity: str) -> None:
    assert rate(Price.flat(USD(4900)), Decimal(quantity)).exact == 4900


@pytest.mark.parametrize(
    ("quantity", "owed"),
    [
        ("0.5", "505"),
        ("100", "1500"),  # the limit belongs to its tier
        ("100.1", "1750.75"),  # and what is beyond it enters the next, with its flat amount
        ("1000", "8500"),
        ("1001", "8505"),
    ],
)
def test_graduated_tiers_price_what_falls_into_them(quantity: str, owed: str) -> None:
    assert cost(GraduatedPrice(CALLS), quantity) == Decimal(owed)


@pytest.mark.parametrize(
    ("quantity", "owed"),
    [("0.5", "505"), ("100", "1500"), ("101", "1007.5"), ("1000", "7750"), ("1001", "5005")],
)
def test_a_volume_tier_prices_everything(quantity: str, owed: str) -> None:
    assert cost(VolumePrice(CALLS), quantity) == Decimal(owed)


@pytest.mark.parametrize(
    ("quantity", "owed"), [("0.1", 2900), ("5", 2900), ("5.1", 9900), ("25", 9900), ("26", 29900)]
)
def test_a_stairstep_costs_the_flat_amount_of_its_tier(quantity: str, owed: int) -> None:
    assert cost(StairstepPrice(SEATS), quantity) == owed


@pytest.mark.parametrize(
    ("quantity", "started"), [("0.1", 1), ("9.9", 1), ("10", 1), ("10.000000001", 2), ("20", 2)]
)
def test_a_started_package_is_paid(quantity: str, started: int) -> None:
    assert packages(Decimal(quantity), Decimal(10)) == started
    assert cost(PackagePrice(Decimal("1.5"), Decimal(10)), quantity) == started * Decimal("1.5")


@pytest.mark.parametrize(
    "model",
    [
        UnitPrice(Decimal(10)),
        GraduatedPrice(CALLS),
        VolumePrice(CALLS),
        StairstepPrice(SEATS),
        PackagePrice(Decimal(100), Decimal(10)),
    ],
)
def test_nothing_costs_nothing(model: PriceModel) -> None:
    for quantity, included in [(0, 0), (40, 40), (39, 40), (0, 40), (-50, 0), (-50, 40)]:
        rated = rate(Price(model, included=included), Decimal(quantity))
        assert rated == Rated(Decimal(0), Decimal(0))


@pytest.mark.parametrize(
    ("model", "owed"),
    [
        (GraduatedPrice(CALLS), 500),
        (VolumePrice(CALLS), 500),
        (StairstepPrice(SEATS), 2900),
        (UnitPrice(Decimal(10)), 0),
        (PackagePrice(Decimal(100), Decimal(10)), 0),
    ],
)
def test_flat_at_zero_bills_the_first_tiers_flat_amount(model: PriceModel, owed: int) -> None:
    for quantity in (0, 40, -50):
        price = Price(model, flat_at_zero=True, included=40)
        assert rate(price, Decimal(quantity)).exact == owed


def test_the_tiers_that_priced_something_are_told() -> None:
    rated = rate(Price(GraduatedPrice(CALLS)), Decimal(250))
    assert shares(rated) == [(1, "100", "1500"), (2, "150", "1375")]
    held = rate(Price(VolumePrice(CALLS)), Decimal(250))
    assert shares(held) == [(2, "250", "2125")]


def test_a_mirrored_quantity_tells_the_tiers_of_its_twin() -> None:
    rated = rate(Price(VolumePrice(CALLS), negative="mirror", included=10), Decimal(-60))
    assert (rated.priced, rated.exact) == (Decimal(-50), Decimal(-1000))
    assert shares(rated) == [(1, "50", "1000")]


@pytest.mark.parametrize("sign", [1, -1])
def test_an_amount_beyond_the_bound_is_refused(sign: int) -> None:
    price = Price.per_unit("calls", 10**17, negative="mirror")
    assert rate(price, Decimal(sign)).exact == sign * 10**17
    with pytest.raises(Invalid, match=r"10\^17") as refusal:
        rate(price, sign * Decimal("1.000000001"))
    assert refusal.value.code == "amount_out_of_range"


@given(tiers(), TENTHS)
def test_graduated_is_what_one_unit_after_the_other_costs(
    steps: tuple[Tier, ...], used: Decimal
) -> None:
    assert rate(Price(GraduatedPrice(steps)), used).exact == graduated_slowly(steps, used)


@given(tiers(), TENTHS)
def test_volume_is_what_the_last_units_tier_says(steps: tuple[Tier, ...], used: Decimal) -> None:
    assert rate(Price(VolumePrice(steps)), used).exact == volume_slowly(steps, used)


@given(tiers(units=st.just(Decimal(0))), TENTHS)
def test_a_stairstep_is_what_the_last_units_tier_says(
    steps: tuple[Tier, ...], used: Decimal
) -> None:
    assert rate(Price(StairstepPrice(steps)), used).exact == volume_slowly(steps, used)


@given(SIGNED_AMOUNTS, decimals(5, 2).filter(lambda size: size > Decimal("0.1")), TENTHS)
def test_packages_are_opened_until_all_fits(amount: Decimal, size: Decimal, used: Decimal) -> None:
    rated = rate(Price(PackagePrice(amount, size)), used)
    assert rated.exact == package_slowly(amount, size, used)


@given(SIGNED_AMOUNTS, SIGNED_AMOUNTS, QUANTITIES.filter(bool))
def test_a_single_tier_is_a_unit_price_with_a_flat_amount(
    unit: Decimal, flat: Decimal, used: Decimal
) -> None:
    single = (Tier(None, unit, flat),)
    expected = add(rate(Price(UnitPrice(unit)), used).exact, flat)
    assert rate(Price(GraduatedPrice(single)), used).exact == expected
    assert rate(Price(VolumePrice(single)), used).exact == expected


@given(tiers(units=AMOUNTS, flats=AMOUNTS), QUANTITIES, QUANTITIES)
def test_a_graduated_price_never_falls_as_usage_grows(
    steps: tuple[Tier, ...], a: Decimal, b: Decimal
) -> None:
    price = Price(GraduatedPrice(steps))
    less, more = sorted((a, b))
    assert rate(price, less).exact <= rate(price, more).exact


@given(prices(), QUANTITIES)
def test_the_tiers_add_up_to_the_whole(price: Price, used: Decimal) -> None:
    rated = rate(price, used)
    if rated.tiers:
        assert sum(share.amount for share in rated.tiers) == rated.exact
        assert sum(share.quantity for share in rated.tiers) == rated.priced


@given(models(), TENTHS, QUANTITIES.filter(bool))
def test_included_units_are_taken_off_before_the_price(
    model: PriceModel, included: Decimal, beyond: Decimal
) -> None:
    rated = rate(Price(model, included=included), included + beyond)
    assert rated == rate(Price(model), beyond)


@given(models(), TENTHS, QUANTITIES)
def test_a_mirrored_quantity_costs_what_its_twin_does_the_other_way(
    model: PriceModel, included: Decimal, used: Decimal
) -> None:
    price = Price(model, included=included, negative="mirror")
    there, back = rate(price, used), rate(price, used.copy_negate())
    assert (back.priced, back.exact) == (-there.priced, -there.exact)
    assert back.tiers == there.tiers


@given(models(), QUANTITIES, st.integers(1, 1000))
def test_prices_times_n_cost_n_times_as_much(model: PriceModel, used: Decimal, n: int) -> None:
    dearer = _scaled(model, units=n, flats=n)
    assert rate(Price(dearer), used).exact == n * rate(Price(model), used).exact


@given(models(), TENTHS, st.integers(1, 1000))
def test_seconds_cost_what_their_minutes_do(model: PriceModel, used: Decimal, n: int) -> None:
    by_minutes, by_seconds = _scaled(model, units=n), _scaled(model, limits=n)
    assert rate(Price(by_seconds), used * n).exact == rate(Price(by_minutes), used).exact


@given(prices(), QUANTITIES, st.booleans())
def test_the_callers_decimal_context_changes_nothing(
    price: Price, used: Decimal, below: bool
) -> None:
    quantity = used.copy_negate() if below else used
    expected = rate(price, quantity)
    with localcontext(Context(prec=2, rounding=ROUND_UP, traps=[])):
        assert rate(price, quantity) == expected


@given(prices(), QUANTITIES)
def test_every_number_is_a_decimal(price: Price, used: Decimal) -> None:
    rated = rate(price, used)
    numbers = [rated.priced, rated.exact]
    for share in rated.tiers:
        numbers += [share.quantity, share.amount, share.unit, share.flat]
    assert {type(number) for number in numbers} == {Decimal}


def _scaled(model: PriceModel, *, units: int = 1, flats: int = 1, limits: int = 1) -> PriceModel:
    """The same model with its unit amounts, flat amounts and limits multiplied."""
    match model:
        case FlatPrice(amount):
            return FlatPrice(amount * flats)
        case UnitPrice(unit):
            return UnitPrice(unit * units)
        case PackagePrice(amount, size):
            return PackagePrice(amount * flats, size * limits)
        case GraduatedPrice(steps) | VolumePrice(steps) | StairstepPrice(steps):
            scaled = tuple(
                Tier(tier.up_to and tier.up_to * limits, tier.unit * units, tier.flat * flats)
                for tier in steps
            )
            return replace(model, tiers=scaled)
