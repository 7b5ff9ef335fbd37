"""What makes the cache forget."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from ledger.customer import operations as customers
from ledger.customer.model import Customer
from ledger.meter.model import UsageEvent
from ledger.plan import operations as plans
from ledger.plan.feature import Feature
from ledger.plan.model import Plan
from ledger.subscription import operations as subscriptions
from ledger.subscription.model import Subscription
from tests.entitlement.desk import PRO, Desk

DAY = timedelta(days=1)

Happening = Callable[[Desk, Customer, Subscription], object]

HAPPENINGS: list[Happening] = [
    lambda desk, jane, _: desk.do(subscriptions.create, jane.id, "pro"),
    lambda desk, _, one: desk.do(subscriptions.cancel, one.id, at="now"),
    lambda desk, _, one: desk.do(subscriptions.cancel, one.id, at="period_end"),
    lambda desk, jane, _: desk.do(customers.update, jane.id, external_id="joan"),
    lambda desk, jane, _: desk.do(customers.update, jane.id, time_zone="Asia/Tokyo"),
    lambda desk, jane, _: desk.do(customers.archive, jane.id),
    lambda desk, _jane, _one: desk.record(UsageEvent("calls", "jane")),
    lambda desk, jane, _: desk.record(UsageEvent("calls", jane.id)),
    lambda desk, _jane, _one: desk.do(plans.create, Plan("b", "B", "USD")),
    lambda desk, _jane, _one: desk.do(plans.update, "pro", PRO),
    lambda desk, _jane, _one: desk.do(plans.archive, "pro"),
    lambda desk, _jane, _one: desk.do(plans.create_feature, Feature("new", "boolean")),
    lambda desk, _jane, _one: desk.do(plans.update_feature, "calls", name="API calls"),
    lambda desk, _jane, _one: desk.do(plans.archive_feature, "calls"),
    lambda desk, _jane, _one: desk.checks.after_fork(),
]


@pytest.mark.parametrize("happening", HAPPENINGS)
def test_whoever_a_change_concerns_is_read_again_by_any_name(
    desk: Desk, jane: Customer, subscription: Subscription, happening: Happening
) -> None:
    for feature in ("calls", "sso"):
        desk.entitled("jane", feature)
    happening(desk, jane, subscription)
    for ref in ("jane", jane.id):
        for feature in ("calls", "sso"):
            assert desk.cached(ref, feature) is None


def test_publishing_a_draft_makes_everybody_be_read_again(
    desk: Desk, subscription: Subscription
) -> None:
    desk.do(plans.update, "pro", PRO)
    desk.entitled("jane", "calls")
    desk.do(plans.publish, "pro")
    assert desk.cached("jane", "calls") is None


def test_an_undone_cancellation_is_seen(desk: Desk, subscription: Subscription) -> None:
    desk.do(subscriptions.cancel, subscription.id)
    desk.clock.advance(10 * DAY)
    desk.entitled("jane", "calls")
    desk.do(subscriptions.uncancel, subscription.id)
    desk.clock.advance(30 * DAY)
    assert desk.entitled("jane", "calls").allowed


def test_others_are_not_read_again(desk: Desk, subscription: Subscription) -> None:
    john = desk.do(customers.create, "John", external_id="john")
    desk.entitled("jane", "calls")
    desk.entitled("john", "calls")
    desk.do(subscriptions.create, john.id, "pro")
    assert desk.cached("jane", "calls") is not None
    assert desk.cached("john", "calls") is None
