"""Checks through an engine: on every store and face, and in a race with meter and flushes."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import pairwise
from threading import Event

import pytest

import ledger
from ledger import Feature, Limit, Meter, MeterConfig, NotFound, Plan, UsageEvent
from ledger.engine.engine import Engine
from ledger.engine.face import Blocking
from ledger.engine.tenant import Tenant

METERING, CHECKING, EVENTS = 3, 2, 400


@pytest.fixture
def racing(url: str) -> Iterator[Engine]:
    """An engine that flushes and forgets all the time."""
    config = MeterConfig(batch_size=20, flush_interval_s=0.002)
    with ledger.open(url, meter=config, entitlement_cache_ttl_s=0.002) as engine:
        before = sys.getswitchinterval()
        sys.setswitchinterval(0.000_05)
        yield engine
        sys.setswitchinterval(before)


def with_jane(tenant: Tenant[Blocking], limit: int = 10) -> Tenant[Blocking]:
    tenant.features.create(Feature("calls", "metered"))
    tenant.features.create(Feature("peak", "metered", Meter("calls", "max")))
    tenant.plans.create(
        Plan("pro", "Pro", "USD", entitlements={"calls": Limit(limit), "peak": Limit(limit)})
    )
    tenant.customers.create(name="Jane", external_id="jane")
    tenant.subscriptions.create(customer="jane", plan="pro")
    return tenant


def test_a_customer_is_allowed_what_is_left_and_then_no_more(acme: Tenant[Blocking]) -> None:
    with_jane(acme)
    assert acme.entitled("jane", "calls", 10).allowed
    for used in range(10):
        told = acme.entitled("jane", "calls")
        assert told.allowed
        assert told.used == used
        acme.meter("jane", "calls")
    told = acme.entitled("jane", "calls")
    assert told.reason == "limit_exceeded"
    acme.flush()
    assert acme.entitled("jane", "calls") == told


def test_the_handle_says_what_the_tenant_says(acme: Tenant[Blocking]) -> None:
    with_jane(acme)
    acme.meter("jane", "calls", 3)
    assert acme.entitlements.check("jane", "calls") == acme.entitled("jane", "calls")
    assert acme.entitlements.check("jane", "calls", 8).reason == "limit_exceeded"


def test_what_was_recorded_counts_in_the_next_check(acme: Tenant[Blocking]) -> None:
    with_jane(acme)
    assert acme.entitled("jane", "calls").used == 0
    acme.usage.record([UsageEvent("calls", "jane", 4), UsageEvent("calls", "jane", 2)])
    assert acme.entitled("jane", "calls").used == 6
    assert acme.entitled("jane", "peak").used == 4


def test_a_duplicate_is_taken_back_when_it_is_found_out(acme: Tenant[Blocking]) -> None:
    with_jane(acme)
    for _ in range(2):
        acme.meter("jane", "calls", 4, key="once")
        acme.flush()
        assert acme.entitled("jane", "calls").used == 4


def test_a_cancellation_holds_at_once(acme: Tenant[Blocking]) -> None:
    with_jane(acme)
    assert acme.entitled("jane", "calls").allowed
    [subscription] = acme.subscriptions.list()
    acme.subscriptions.cancel(subscription.id, at="now")
    assert acme.entitled("jane", "calls").reason == "subscription_inactive"


def test_an_unknown_feature_is_not_found(acme: Tenant[Blocking]) -> None:
    with pytest.raises(NotFound) as missing:
        acme.entitled("jane", "calls")
    assert missing.value.code == "feature_not_found"


def test_no_tenant_meets_another_ones_answers(engine: Engine) -> None:
    one, other = engine.tenant("a:b", app="c"), engine.tenant("a", app="b:c")
    with_jane(one, limit=5)
    with_jane(other, limit=7)
    for tenant, limit in ((one, 5), (other, 7)):
        tenant.meter("jane", "calls", 1)
        for _ in range(2):
            told = tenant.entitled("jane", "calls")
            assert told.limit == limit
            assert told.used == 1


def test_while_threads_meter_used_never_goes_down_and_ends_exact(racing: Engine) -> None:
    acme = with_jane(racing.tenant("acme"), limit=10**9)
    done = Event()

    def meter(ref: str) -> None:
        for _ in range(EVENTS):
            acme.meter(ref, "calls", 2)

    def check(ref: str) -> list[Decimal]:
        used = [acme.entitled(ref, "calls").used]
        while not done.is_set():
            used.append(acme.entitled(ref, "calls").used)
        return used

    refs = ["jane", next(iter(acme.customers.list())).id]
    with ThreadPoolExecutor(METERING + CHECKING) as threads:
        checking = [threads.submit(check, refs[n % 2]) for n in range(CHECKING)]
        metering = [threads.submit(meter, refs[n % 2]) for n in range(METERING)]
        for one in metering:
            one.result()
        told = acme.entitled("jane", "calls").used
        done.set()
    assert told == 2 * METERING * EVENTS
    for seen in checking:
        assert all(earlier <= later for earlier, later in pairwise(seen.result()))
    racing.flush()
    for ref in refs:
        assert acme.entitled(ref, "calls").used == 2 * METERING * EVENTS
        assert acme.usage.total(ref, "calls") == 2 * METERING * EVENTS


def test_who_checks_after_metering_sees_what_it_metered(racing: Engine) -> None:
    acme = with_jane(racing.tenant("acme"), limit=10**9)

    def work(name: str) -> None:
        acme.customers.create(name=name, external_id=name)
        acme.subscriptions.create(customer=name, plan="pro")
        for used in range(1, 150):
            acme.meter(name, "calls")
            assert acme.entitled(name, "calls").used == used

    with ThreadPoolExecutor(METERING) as threads:
        for one in [threads.submit(work, f"customer {n}") for n in range(METERING)]:
            one.result()
