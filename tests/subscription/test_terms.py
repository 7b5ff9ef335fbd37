"""The terms on which a subscription begins."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from ledger.customer.model import Customer
from ledger.plan.model import Plan
from ledger.plan.price import Number, Price
from ledger.subscription.terms import (
    check_on_sale,
    currency_for,
    quantities_for,
    start_at,
    trial_end,
)
from ledger.types import ids
from ledger.types.errors import Conflict, Invalid
from ledger.types.money import EUR, USD
from tests.plan.making import FEATURES, plan_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FREE = plan_of()
BOTH = plan_of(Price.flat(USD(4900)), Price.flat(EUR(4500)))
TEAM = plan_of(Price.per_unit("seats", 500), entitlements={"sso": True})


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "zone", "instant"),
    [
        (None, "Europe/Berlin", NOW),
        (utc(2026, 5, 1, 9), "Europe/Berlin", utc(2026, 5, 1, 9)),
        (datetime.fromisoformat("2026-05-01T09:00+02:00"), "UTC", utc(2026, 5, 1, 7)),
        (date(2026, 5, 1), "Europe/Berlin", utc(2026, 4, 30, 22)),
        (date(2021, 3, 15), "UTC", utc(2021, 3, 15)),
    ],
)
def test_a_subscription_starts_when_it_is_told_to(
    start: date | None, zone: str, instant: datetime
) -> None:
    assert start_at(start, zone, NOW) == instant


@pytest.mark.parametrize(
    ("start", "code"),
    [
        ("2026-05-01", "bad_start"),
        (5, "bad_start"),
        (NOW.replace(tzinfo=None), "naive_datetime"),
        (date(2021, 1, 1), "start_out_of_range"),
        (date(2031, 5, 1), "start_out_of_range"),
    ],
)
def test_a_start_that_is_none_is_refused(start: date | None, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        start_at(start, "UTC", NOW)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("start", "days", "zone", "end"),
    [
        (utc(2026, 3, 1, 12), 0, "UTC", None),
        (utc(2026, 3, 1, 12), 14, "UTC", utc(2026, 3, 15, 12)),
        (utc(2026, 1, 31), 30, "UTC", utc(2026, 3, 2)),
        # Noon in Berlin stays noon, although summer time begins in between.
        (utc(2026, 3, 28, 11), 1, "Europe/Berlin", utc(2026, 3, 29, 10)),
        # Half past two does not exist on that day; it moves on by the hour that is missing.
        (utc(2026, 3, 28, 1, 30), 1, "Europe/Berlin", utc(2026, 3, 29, 1, 30)),
        # Samoa had no 30 December 2011.
        (utc(2011, 12, 29, 22), 1, "Pacific/Apia", utc(2011, 12, 30, 22)),
    ],
)
def test_a_trial_ends_days_later_at_the_same_local_time(
    start: datetime, days: int, zone: str, end: datetime | None
) -> None:
    assert trial_end(start, days, zone) == end


@pytest.mark.parametrize(
    ("plan", "prefers", "wanted", "currency"),
    [
        (FREE, None, None, "USD"),
        (FREE, "EUR", None, "USD"),
        (BOTH, None, None, "USD"),
        (BOTH, "EUR", None, "EUR"),
        (BOTH, "EUR", "USD", "USD"),
        (BOTH, None, "EUR", "EUR"),
    ],
)
def test_a_subscription_is_paid_in_what_both_sides_want(
    plan: Plan, prefers: str | None, wanted: str | None, currency: str
) -> None:
    customer = Customer(id=ids.CUSTOMER.new(), name="Jane", currency=prefers, created_at=NOW)
    assert currency_for(plan, customer, wanted) == currency


@pytest.mark.parametrize(
    ("wanted", "code", "param"),
    [("GBP", "currency_not_sold", "currency"), ("eur", "unknown_currency", None)],
)
def test_a_plan_is_sold_in_its_own_currencies_only(
    wanted: str, code: str, param: str | None
) -> None:
    customer = Customer(id=ids.CUSTOMER.new(), name="Jane", created_at=NOW)
    with pytest.raises(Invalid) as refused:
        currency_for(BOTH, customer, wanted)
    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize(
    ("plan", "given", "quantities"),
    [
        (FREE, {}, {}),
        (TEAM, {}, {"seats": 1}),
        (TEAM, {"seats": 5}, {"seats": 5}),
        (TEAM, {"seats": "2.5"}, {"seats": Decimal("2.5")}),
        (TEAM, {"seats": 0}, {"seats": 0}),
        (plan_of(entitlements={"seats": True}), {}, {"seats": 1}),
        (plan_of(entitlements={"seats": False}), {}, {}),
        (plan_of(Price.per_unit("seats", 5), entitlements={"seats": False}), {}, {}),
    ],
)
def test_a_subscription_has_one_of_each_licensed_feature_unless_it_says_how_many(
    plan: Plan, given: dict[str, Number], quantities: dict[str, Number]
) -> None:
    assert quantities_for(plan, FEATURES, given) == quantities


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"sso": 1}, "not_licensed", "quantities.sso"),
        ({"api_calls": 1}, "not_licensed", "quantities.api_calls"),
        ({"other": 1}, "not_licensed", "quantities.other"),
        ({"seats": -1}, "negative_quantity", "quantities.seats"),
        ({"seats": "many"}, "bad_decimal", None),
        ({"seats": True}, "bad_decimal", None),
    ],
)
def test_a_quantity_of_anything_else_is_refused(
    given: dict[str, Number], code: str, param: str | None
) -> None:
    with pytest.raises(Invalid) as refused:
        quantities_for(TEAM, FEATURES, given)
    assert (refused.value.code, refused.value.param) == (code, param)


def test_only_what_is_on_sale_can_be_bought() -> None:
    check_on_sale(FREE)
    for version in (FREE.archived(), FREE.next_version(NOW, FREE)):
        with pytest.raises(Conflict) as refused:
            check_on_sale(version)
        assert refused.value.code == "plan_not_on_sale"
        assert refused.value.facts["plan_status"] == version.status
