"""A plan that could not be billed is refused before it is sold, by the name of the field."""

from decimal import Decimal

import pytest

from ledger.plan.feature import Feature, Meter
from ledger.plan.model import Limit, Plan
from ledger.plan.price import FlatPrice, Price, Tier, UnitPrice
from ledger.plan.validation import sellable
from ledger.types.errors import Invalid
from ledger.types.money import EUR, USD
from tests.plan.making import FEATURES, plan_of

FEE = Price.flat(USD(4900))
TWICE = Price.per_unit("api_calls", "0.05")


def refusal(plan: Plan) -> tuple[str, str | None]:
    with pytest.raises(Invalid) as refused:
        sellable(plan, FEATURES)
    assert refused.value.message.strip() == refused.value.message
    assert repr(plan.key) in refused.value.message
    return refused.value.code, refused.value.param


@pytest.mark.parametrize(
    ("price", "code", "field"),
    [
        (Price.per_unit("api_cals", 1), "unknown_feature", ".feature"),
        (Price.per_unit("gone", 1), "archived_feature", ".feature"),
        (Price.flat(USD(5), feature="api_cals"), "unknown_feature", ".feature"),
        (Price(UnitPrice(Decimal(5))), "price_without_feature", ".feature"),
        (Price.per_unit("sso", 1), "boolean_has_no_quantity", ".model"),
        (Price.volume("sso", [Tier(unit=1)]), "boolean_has_no_quantity", ".model"),
        (Price.per_unit("api_calls", 1, billing="in_advance"), "metered_in_advance", ".billing"),
        (Price.flat(USD(5), interval="week"), "price_interval_does_not_divide", ".interval"),
        (Price.flat(USD(5), interval="year"), "price_interval_does_not_divide", ".interval"),
        (Price.flat(USD(-5)), "amount_out_of_range", ".amount"),
        (Price.per_unit("seats", -1), "amount_out_of_range", ".unit"),
        (Price.package("seats", -1, 5), "amount_out_of_range", ".amount"),
        (Price(FlatPrice(Decimal(10) ** 18)), "amount_out_of_range", ".amount"),
        (
            Price.graduated("seats", [Tier(5, unit=1), Tier(unit=-1)]),
            "amount_out_of_range",
            ".tiers[1].unit",
        ),
        (
            Price.stairstep("seats", [Tier(5, flat=-1), Tier(flat=1)]),
            "amount_out_of_range",
            ".tiers[0].flat",
        ),
    ],
)
def test_a_price_that_cannot_be_billed_is_named(price: Price, code: str, field: str) -> None:
    assert refusal(plan_of(FEE, price)) == (code, f"prices[1]{field}")


@pytest.mark.parametrize(
    ("entitlements", "code", "param"),
    [
        ({"api_cals": True}, "unknown_feature", "entitlements.api_cals"),
        ({"gone": 5}, "archived_feature", "entitlements.gone"),
        ({"sso": 5}, "limit_on_unmetered_feature", "entitlements.sso"),
        ({"seats": Limit(5)}, "limit_on_unmetered_feature", "entitlements.seats"),
    ],
)
def test_an_entitlement_that_cannot_be_checked_is_named(
    entitlements: dict[str, int | bool | Limit], code: str, param: str
) -> None:
    assert refusal(plan_of(entitlements=entitlements)) == (code, param)


@pytest.mark.parametrize(
    ("prices", "field"),
    [
        ([FEE, FEE], ""),
        ([Price.per_unit("seats", 1), Price.volume("seats", [Tier(unit=2)])], ".feature"),
        ([Price.per_unit("seats", 1), Price.per_unit("seats", 2, currency="USD")], ".feature"),
        ([Price.per_unit("seats", 1), Price.per_unit("seats", 1, interval="month")], ".feature"),
    ],
)
def test_nothing_is_charged_twice_by_mistake(prices: list[Price], field: str) -> None:
    assert refusal(plan_of(*prices)) == ("duplicate_price", f"prices[1]{field}")


def test_twelve_months_are_a_year() -> None:
    prices = [
        Price.per_unit("seats", 1, interval="year"),
        Price.per_unit("seats", 1, interval="12 months"),
    ]
    assert refusal(plan_of(*prices, interval="year")) == ("duplicate_price", "prices[1].feature")


@pytest.mark.parametrize(
    ("prices", "currency", "lacking"),
    [
        ([Price.flat(USD(4900))], "EUR", "EUR"),
        ([FEE, Price.per_unit("seats", EUR(5))], "USD", "EUR"),
        ([FEE, Price.flat(EUR(4500)), Price.per_unit("seats", 5)], "USD", "EUR"),
        ([FEE, Price.flat(EUR(4500)), Price.per_unit("seats", EUR(5))], "USD", "USD"),
    ],
)
def test_whoever_pays_in_another_currency_pays_for_the_same(
    prices: list[Price], currency: str, lacking: str
) -> None:
    with pytest.raises(Invalid) as refused:
        sellable(plan_of(*prices, currency=currency), FEATURES)
    assert (refused.value.code, refused.value.param) == ("currency_incomplete", "prices")
    assert refused.value.facts == {"currency": lacking}


@pytest.mark.parametrize(
    "plan",
    [
        plan_of(),
        plan_of(entitlements={"sso": True, "seats": None, "tokens": Limit(5), "api_calls": False}),
        plan_of(FEE, Price.flat(USD(100)), Price.flat(USD(5), feature="sso")),
        plan_of(Price.flat(USD(5), feature="seats"), Price.per_unit("seats", 5)),
        plan_of(Price.flat(USD(5), feature="api_calls"), TWICE),
        plan_of(FEE, Price.flat(EUR(4500)), TWICE, Price.per_unit("api_calls", "0.04 EUR")),
        plan_of(FEE, Price.per_unit("api_calls", 1, interval="month"), interval="year"),
        plan_of(FEE, Price.per_unit("api_calls", 1, interval="day")),
        plan_of(FEE, Price.per_unit("seats", 1), Price.per_unit("seats", 1, interval="day")),
        plan_of(FEE, Price.per_unit("seats", 1, billing="in_arrears")),
    ],
)
def test_what_can_be_billed_can_be_sold(plan: Plan) -> None:
    assert sellable(plan, FEATURES).key == plan.key


@pytest.mark.parametrize(
    ("price", "billing"),
    [
        (FEE, "in_advance"),
        (Price.flat(USD(5), "in_arrears"), "in_arrears"),
        (Price(FlatPrice(Decimal(5))), "in_advance"),
        (Price.per_unit("api_calls", 1), "in_arrears"),
        (Price.per_unit("seats", 1), "in_advance"),
        (Price.per_unit("seats", 1, billing="in_arrears"), "in_arrears"),
        (Price.flat(USD(5), feature="api_calls"), "in_advance"),
    ],
)
def test_every_price_of_a_plan_knows_when_it_is_billed(price: Price, billing: str) -> None:
    complete = sellable(plan_of(price), FEATURES).prices[0]
    assert complete.billing == billing
    assert complete.id == price.id


def test_an_average_has_no_lifetime_to_be_over() -> None:
    disk = Feature("disk", "metered", Meter("disk", "weighted_sum"))
    hours = Feature("disk", "metered", Meter("disk", "weighted_sum", per="hour"))
    lifetime = plan_of(entitlements={"disk": Limit(5, per="lifetime")})
    assert sellable(lifetime, {"disk": hours}) == lifetime
    with pytest.raises(Invalid) as refused:
        sellable(lifetime, {"disk": disk})
    assert (refused.value.code, refused.value.param) == (
        "average_per_lifetime",
        "entitlements.disk",
    )
    daily = plan_of(entitlements={"disk": Limit(5, per="day")})
    assert sellable(daily, {"disk": disk}) == daily
