"""The builders make what they promise, and make it once."""

from datetime import timedelta

from ledger import USD, Plan, Price
from ledger.engine.face import Blocking
from ledger.engine.tenant import Tenant
from ledger.testing import MovableClock, a_plan, some_usage, subscribed

Acme = Tenant[Blocking]


def test_a_test_begins_in_one_line(acme: Acme, clock: MovableClock) -> None:
    sub = subscribed(acme)
    assert acme.invoices.generate(sub.id).total == USD(4900)
    clock.advance(timedelta(days=10))
    start = clock.now() - timedelta(days=10)
    acme.usage.record(some_usage(100, start=start, quantity=20))
    assert acme.usage.total("jane", "api_calls") == 2_000
    assert acme.invoices.preview(sub.id).total == USD(4900 + 100)


def test_what_is_there_is_used(acme: Acme) -> None:
    first, second = subscribed(acme, "jane"), subscribed(acme, "joe")
    assert first.plan == second.plan
    assert [plan.key for plan in acme.plans.list()] == ["pro"]


def test_a_plan_of_its_own(acme: Acme) -> None:
    plan: Plan = a_plan("free", prices=[Price.per_unit("images", "4")], entitlements={})
    subscribed(acme, plan=plan)
    assert [feature.key for feature in acme.features.list()] == ["images"]
