"""Customers subscribe, and end it again; every refusal changes nothing."""

from datetime import date, timedelta
from typing import Any

import pytest

from ledger.customer import operations as customers
from ledger.customer.model import Customer
from ledger.plan import operations as plans
from ledger.plan.feature import Feature
from ledger.plan.price import Price
from ledger.subscription import operations as subscriptions
from ledger.subscription.model import Subscription
from ledger.types.errors import Conflict, Invalid, NotFound
from ledger.types.ids import SUBSCRIPTION
from ledger.types.money import EUR, USD
from ledger.types.period import Anchor
from tests.plan.desk import Desk
from tests.plan.making import plan_of
from tests.subscription.making import at

FEE = Price.flat(USD(4900))
WRONG_ID = "cst_01h455vb4pex5vsknk084sn02q"
USAGE = Price.per_unit("api_calls", "0.05")


@pytest.fixture(autouse=True)
def shop(desk: Desk) -> None:
    """Two features, three plans that sell them, and a plan that is not for sale yet."""
    desk.now = at("03-01 12:00")
    desk.do(plans.create_feature, Feature("api_calls", "metered"))
    desk.do(plans.create_feature, Feature("seats", "licensed"))
    desk.do(plans.create, plan_of(FEE, USAGE))
    desk.do(plans.create, plan_of(Price.per_unit("seats", 500), key="team", trial_days=14))
    desk.do(plans.create, plan_of(FEE, Price.flat(EUR(4500)), key="abroad"))
    desk.do(plans.create, plan_of(FEE, key="soon"), draft=True)


@pytest.fixture
def jane(desk: Desk) -> Customer:
    return desk.do(customers.create, "Jane", external_id="user_42", time_zone="Europe/Berlin")


@pytest.fixture
def sub(desk: Desk, jane: Customer) -> Subscription:
    return desk.do(subscriptions.create, jane.id, "pro")


def test_a_subscription_pins_plan_version_zone_currency_and_anchor(
    desk: Desk, jane: Customer, sub: Subscription
) -> None:
    plan = desk.do(plans.get, "pro")
    assert (sub.customer, sub.plan, sub.plan_version) == (jane.id, plan.id, 1)
    assert (sub.currency, sub.time_zone, sub.interval) == ("USD", "Europe/Berlin", plan.interval)
    assert (sub.start, sub.trial_end, sub.end) == (desk.now, None, None)
    assert sub.anchor == Anchor(2026, 3, 1)
    assert sub.quantities == {}
    assert sub.status == "active"
    assert desk.do(subscriptions.get, sub.id) == sub
    assert desk.told()[-1] == "SubscriptionCreated"


def test_new_versions_and_moved_customers_touch_no_subscription(
    desk: Desk, jane: Customer, sub: Subscription
) -> None:
    desk.do(plans.update, "pro", plan_of(FEE))
    desk.do(plans.publish, "pro")
    desk.do(customers.update, jane.id, time_zone="Asia/Tokyo", currency="EUR")
    assert desk.do(subscriptions.get, sub.id) == sub
    assert desk.do(subscriptions.create, jane.id, "pro").plan_version == 2


def test_a_customer_subscribes_by_id_or_external_id_to_a_plan_by_id_or_key(
    desk: Desk, jane: Customer
) -> None:
    plan = desk.do(plans.get, "team")
    one = desk.do(subscriptions.create, "user_42", plan.id)
    other = desk.do(subscriptions.create, jane.id, "team", plan_version=1)
    assert (one.customer, one.plan) == (other.customer, other.plan) == (jane.id, plan.id)


def test_a_trial_is_the_plans_unless_the_subscription_says_otherwise(
    desk: Desk, jane: Customer
) -> None:
    trial = desk.do(subscriptions.create, jane.id, "team")
    assert trial.status == "trialing"
    assert trial.trial_end == trial.billing_start == at("03-15 12:00")
    assert trial.anchor == Anchor(2026, 3, 15)
    assert trial.quantities == {"seats": 1}
    longer = desk.do(subscriptions.create, jane.id, "team", trial_days=30)
    assert longer.trial_end == at("03-31 11:00")  # noon in Berlin, in summer time
    none = desk.do(subscriptions.create, jane.id, "team", trial_days=0, quantities={"seats": "3"})
    assert none.status == "active"
    assert none.quantities == {"seats": 3}


def test_a_subscription_may_start_later_or_have_started_before(desk: Desk, jane: Customer) -> None:
    later = desk.do(subscriptions.create, jane.id, "team", start=date(2026, 4, 1))
    assert (later.start, later.status) == (at("03-31 22:00"), "scheduled")
    assert later.trial_end == at("04-14 22:00")
    before = desk.do(subscriptions.create, jane.id, "pro", start=at("01-31 12:00"))
    assert (before.status, before.anchor) == ("active", Anchor(2026, 1, 31))
    assert before.period_at(desk.now).start == at("02-27 23:00")  # 28 February in Berlin


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        (15, Anchor(2026, 3, 15)),
        (31, Anchor(2026, 3, 31)),
        (date(2025, 1, 31), Anchor(2025, 1, 31)),
        (at("03-10 08:30"), Anchor.at(at("03-10 08:30"), "Europe/Berlin")),
    ],
)
def test_an_anchor_is_a_day_a_date_or_an_instant(
    desk: Desk, jane: Customer, anchor: int | date, expected: Anchor
) -> None:
    assert desk.do(subscriptions.create, jane.id, "pro", anchor=anchor).anchor == expected


def test_a_subscription_is_paid_in_the_customers_currency_where_it_can_be(
    desk: Desk, jane: Customer
) -> None:
    desk.do(customers.update, jane.id, currency="EUR")
    assert desk.do(subscriptions.create, jane.id, "abroad").currency == "EUR"
    assert desk.do(subscriptions.create, jane.id, "abroad", currency="USD").currency == "USD"
    assert desk.do(subscriptions.create, jane.id, "pro").currency == "USD"
    refused = desk.refusal(subscriptions.create, jane.id, "pro", currency="EUR")
    assert (refused.code, refused.param) == ("currency_not_sold", "currency")


@pytest.mark.parametrize(
    ("plan", "code"),
    [("soon", "plan_not_on_sale"), ("other", "plan_not_found"), (WRONG_ID, "wrong_id")],
)
def test_only_what_is_on_sale_can_be_bought(
    desk: Desk, jane: Customer, plan: str, code: str
) -> None:
    assert desk.refusal(subscriptions.create, jane.id, plan).code == code


def test_an_archived_plan_or_version_is_sold_no_more(
    desk: Desk, jane: Customer, sub: Subscription
) -> None:
    desk.do(plans.update, "pro", plan_of(FEE))
    desk.do(plans.publish, "pro")
    refused = desk.refusal(subscriptions.create, jane.id, "pro", plan_version=1)
    assert refused.code == "plan_not_on_sale"
    desk.do(plans.archive, "pro")
    assert desk.refusal(subscriptions.create, jane.id, "pro").code == "plan_not_on_sale"
    assert desk.do(subscriptions.get, sub.id) == sub


@pytest.mark.parametrize(
    ("terms", "code", "param"),
    [
        ({"start": date(2020, 1, 1)}, "start_out_of_range", "start"),
        ({"trial_days": -1}, "bad_trial", "trial_days"),
        ({"anchor": 32}, "bad_anchor", None),
        ({"quantities": {"seats": 1}}, "not_licensed", "quantities.seats"),
        ({"attribution": "none"}, "bad_attribution", "attribution"),
        ({"metadata": {"a": 1}}, "bad_text", "metadata[a]"),
    ],
)
def test_a_term_that_cannot_be_is_named(
    desk: Desk, jane: Customer, terms: dict[str, Any], code: str, param: str | None
) -> None:
    refused = desk.refusal(subscriptions.create, jane.id, "pro", **terms)
    assert isinstance(refused, Invalid)
    assert (refused.code, refused.param) == (code, param)
    assert list(desk.do(subscriptions.page)) == []


def test_usage_is_priced_by_one_subscription_at_a_time(
    desk: Desk, jane: Customer, sub: Subscription
) -> None:
    refused = desk.refusal(subscriptions.create, "user_42", "pro", start=date(2026, 6, 1))
    assert isinstance(refused, Conflict)
    assert refused.code == "feature_already_priced"
    assert refused.facts == {"feature": "api_calls", "subscription": sub.id}


def test_usage_that_names_its_subscription_is_priced_once_anyway(
    desk: Desk, jane: Customer, sub: Subscription
) -> None:
    named = desk.do(subscriptions.create, jane.id, "pro", attribution="named")
    assert desk.do(subscriptions.create, jane.id, "pro", attribution="named").id != named.id
    desk.do(subscriptions.cancel, sub.id, at="now")
    assert desk.do(subscriptions.create, jane.id, "pro").attribution == "customer"


def test_seats_and_fees_may_be_bought_twice(desk: Desk, jane: Customer) -> None:
    for plan in ("team", "team", "abroad", "abroad", "pro"):
        desk.do(subscriptions.create, jane.id, plan)
    assert len(desk.do(subscriptions.page, customer="user_42")) == 5


def test_one_subscription_follows_another(desk: Desk, jane: Customer, sub: Subscription) -> None:
    desk.do(subscriptions.cancel, sub.id)
    ending = desk.do(subscriptions.get, sub.id)
    assert ending.end == at("03-31 22:00")
    assert desk.refusal(subscriptions.create, jane.id, "pro").code == "feature_already_priced"
    desk.do(subscriptions.create, jane.id, "pro", start=ending.end)
    refused = desk.refusal(subscriptions.uncancel, sub.id)
    assert refused.code == "feature_already_priced"
    refused = desk.refusal(subscriptions.cancel, sub.id, at=date(2026, 4, 2))
    assert refused.code == "feature_already_priced"
    assert desk.do(subscriptions.get, sub.id) == ending


def test_a_cancellation_is_told_and_undone(desk: Desk, sub: Subscription) -> None:
    canceled = desk.do(subscriptions.cancel, sub.id)
    assert (canceled.status, canceled.canceled_at) == ("active", desk.now)
    sooner = desk.do(subscriptions.cancel, sub.id, at=date(2026, 3, 10))
    assert (sooner.end, sooner.version) == (at("03-09 23:00"), 3)
    back = desk.do(subscriptions.uncancel, sub.id)
    assert (back.end, back.version) == (None, 4)
    assert desk.do(subscriptions.get, sub.id) == back
    told = ["SubscriptionCanceled", "SubscriptionCanceled", "SubscriptionUncanceled"]
    assert desk.told()[-3:] == told


def test_what_has_ended_stays_ended(desk: Desk, sub: Subscription) -> None:
    canceled = desk.do(subscriptions.cancel, sub.id, at="now")
    assert (canceled.status, canceled.end) == ("canceled", desk.now)
    for refused in (
        desk.refusal(subscriptions.cancel, sub.id),
        desk.refusal(subscriptions.cancel, sub.id, at="now"),
        desk.refusal(subscriptions.uncancel, sub.id),
    ):
        assert isinstance(refused, Conflict)
        assert refused.code == "subscription_canceled"
    assert desk.do(subscriptions.get, sub.id) == canceled


def test_subscriptions_are_listed_by_customer_and_by_status_now(
    desk: Desk, jane: Customer, sub: Subscription
) -> None:
    trial = desk.do(subscriptions.create, jane.id, "team")
    later = desk.do(subscriptions.create, jane.id, "team", start=date(2026, 4, 1))
    joe = desk.do(customers.create, "Joe")
    over = desk.do(subscriptions.create, joe.id, "pro")
    over = desk.do(subscriptions.cancel, over.id, at="now")
    assert list(desk.do(subscriptions.page)) == [sub, trial, later, over]
    assert list(desk.do(subscriptions.page, customer="user_42")) == [sub, trial, later]
    assert list(desk.do(subscriptions.page, status="active")) == [sub]
    assert list(desk.do(subscriptions.page, status="trialing")) == [trial]
    assert list(desk.do(subscriptions.page, status="scheduled")) == [later]
    assert list(desk.do(subscriptions.page, status="canceled")) == [over]
    desk.now += timedelta(days=15)
    active = [each.id for each in desk.do(subscriptions.page, status="active")]
    assert active == [sub.id, trial.id]
    assert isinstance(desk.refusal(subscriptions.page, customer="nobody"), NotFound)


def test_an_id_of_something_else_is_refused_and_an_unknown_one_not_found(
    desk: Desk, jane: Customer
) -> None:
    wrong: Any = jane.id
    for operation in (subscriptions.get, subscriptions.cancel, subscriptions.uncancel):
        assert desk.refusal(operation, wrong).code == "wrong_id"
        assert desk.refusal(operation, SUBSCRIPTION.new()).code == "subscription_not_found"
    assert desk.refusal(subscriptions.create, "nobody", "pro").code == "customer_not_found"


def test_a_customer_is_archived_when_all_subscriptions_have_ended(
    desk: Desk, jane: Customer, sub: Subscription
) -> None:
    desk.do(subscriptions.cancel, sub.id)
    refused = desk.refusal(subscriptions.refuse_live, jane)
    assert refused.code == "customer_subscribed"
    assert refused.facts["subscription"] == sub.id
    desk.do(subscriptions.cancel, sub.id, at="now")
    desk.do(subscriptions.refuse_live, jane)
    desk.do(customers.archive, jane.id)
    assert desk.refusal(subscriptions.create, "user_42", "pro").code == "customer_archived"
