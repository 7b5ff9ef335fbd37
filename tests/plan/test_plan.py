"""A plan in one version: what it may say, and what it answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ledger.plan.model import Limit, Plan
from ledger.plan.price import Price
from ledger.types.errors import Conflict, Invalid
from ledger.types.ids import PLAN
from ledger.types.json import decode, encode
from ledger.types.money import EUR, USD
from ledger.types.period import Interval
from tests.plan.making import plan_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
anything: Any = "what a caller without a type checker may pass"


@pytest.mark.parametrize(
    ("make", "code", "param"),
    [
        (lambda: Plan("two words", "Pro", "USD"), "bad_key", "key"),
        (lambda: Plan(PLAN.new(), "Pro", "USD"), "bad_key", "key"),
        (lambda: Plan("pro", " ", "USD"), "bad_text", "name"),
        (lambda: Plan("pro", "Pro", "usd"), "unknown_currency", None),
        (lambda: Plan("pro", "Pro", "USD", "fortnight"), "bad_interval", None),
        (lambda: Plan("pro", "Pro", "USD", prices=[anything]), "bad_price", "prices[0]"),
        (lambda: plan_of(*[Price.flat(USD(1))] * 501), "too_many_prices", "prices"),
        (
            lambda: plan_of(entitlements={f"f{n}": True for n in range(501)}),
            "too_many_entitlements",
            "entitlements",
        ),
        (lambda: plan_of(entitlements={"two words": True}), "bad_key", "entitlements"),
        (lambda: plan_of(entitlements={"calls": anything}), "bad_decimal", None),
        (lambda: plan_of(trial_days=-1), "bad_trial", "trial_days"),
        (lambda: plan_of(trial_days=3651), "bad_trial", "trial_days"),
        (lambda: plan_of(trial_days=anything), "bad_trial", "trial_days"),
        (lambda: Limit(-1), "bad_limit", "value"),
        (lambda: Limit(5, anything), "bad_limit", "per"),
        (lambda: Limit(5, "day", anything), "bad_limit", "enforcement"),
    ],
)
def test_a_part_that_cannot_be_is_named(
    make: Callable[[], object], code: str, param: str | None
) -> None:
    with pytest.raises(Invalid) as refused:
        make()
    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize(
    ("given", "included"),
    [
        ({"calls": 5}, Limit(5)),
        ({"calls": "2.5"}, Limit(Decimal("2.5"))),
        ({"calls": Limit(5, "day", "soft")}, Limit(5, "day", "soft")),
        ({"calls": True}, True),
        ({"calls": None}, True),
        ({"calls": False}, False),
        ({}, True),
    ],
)
def test_what_a_plan_prices_it_includes_unless_it_says_otherwise(
    given: dict[str, Limit | bool | int | str | None], included: Limit | bool
) -> None:
    plan = plan_of(Price.per_unit("calls", 1), entitlements=given)
    assert plan.included("calls") == included
    assert plan.included("other") is False
    assert plan.feature_keys() == {"calls"}


def test_prices_take_currency_and_interval_from_the_plan() -> None:
    home, abroad = Price.flat(USD(1)), Price.flat(EUR(1), interval="month")
    plan = plan_of(home, abroad, Price.per_unit("calls", 1), interval="year")
    assert plan.currencies() == {"USD", "EUR"}
    assert list(plan.prices_in("EUR")) == [abroad]
    assert [plan.currency_of(price) for price in plan.prices] == ["USD", "EUR", "USD"]
    assert plan.interval_of(home) == Interval("year")
    assert plan.interval_of(abroad) == Interval("month")


def test_a_draft_follows_an_active_version_and_replaces_a_draft() -> None:
    first = plan_of()
    draft = first.next_version(NOW, plan_of(Price.flat(USD(1))))
    assert (draft.id, draft.version, draft.status) == (first.id, 2, "draft")
    again = draft.next_version(NOW, plan_of())
    assert (again.id, again.version, again.status) == (first.id, 2, "draft")


def test_a_plan_keeps_its_key() -> None:
    with pytest.raises(Invalid) as refused:
        plan_of().next_version(NOW, plan_of(key="max"))
    assert (refused.value.code, refused.value.param) == ("plan_key_fixed", "key")


def test_only_a_draft_is_published() -> None:
    draft = plan_of().next_version(NOW, plan_of())
    assert draft.published().status == "active"
    for version in (draft.published(), draft.archived()):
        with pytest.raises(Conflict) as refused:
            version.published()
        assert refused.value.code == "plan_not_draft"


def test_a_plan_is_the_same_after_storage() -> None:
    plan = Plan(
        "pro",
        "Pro",
        "USD",
        "2 weeks",
        [Price.flat(USD(4900)), Price.per_unit("calls", "0.05", included=10)],
        {"calls": Limit("0.5", "day", "soft"), "sso": True, "beta": False},
        14,
        "For teams",
        {"shelf": "top"},
        created_at=NOW,
    )
    assert decode(encode(plan), Plan) == plan
