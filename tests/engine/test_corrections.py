"""Corrections through an engine: on every store and face, seen by previews and checks at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ledger import (
    USD,
    Conflict,
    Feature,
    Limit,
    NotFound,
    Plan,
    Price,
    RejectedEvent,
    Retry,
    Tier,
    UsageEvent,
)
from ledger.engine.engine import Engine
from ledger.engine.face import Blocking
from ledger.engine.tenant import Tenant
from ledger.testing.clock import MovableClock
from ledger.types.ids import SubscriptionId

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
Acme = Tenant[Blocking]


@pytest.fixture
def jane(acme: Acme) -> SubscriptionId:
    acme.features.create(Feature("calls", "metered", unit="call"))
    tiers = [Tier(up_to=100, unit="0"), Tier(unit=10)]
    acme.plans.create(
        Plan(
            "pro", "Pro", "USD",
            prices=[Price.flat(USD(4900)), Price.graduated("calls", tiers)],
            entitlements={"calls": Limit(1_000)},
        )
    )  # fmt: skip
    acme.customers.create(name="Jane", external_id="jane")
    return acme.subscriptions.create(customer="jane", plan="pro").id


def refused(acme: Acme) -> list[RejectedEvent]:
    return list(acme.usage.rejected())


def log(acme: Acme) -> list[str]:
    return [entry.type for entry in acme.events.list() if "Usage" in entry.type]


def test_a_void_before_the_invoice_is_final_lowers_it(
    acme: Acme, jane: SubscriptionId, clock: MovableClock
) -> None:
    acme.invoices.generate(jane)
    acme.usage.record(
        [UsageEvent("calls", "jane", 150, "good"), UsageEvent("calls", "jane", 50, "bad")]
    )
    assert acme.invoices.preview(jane).total == USD(4900 + 1000)
    acme.usage.void("bad", reason="a load test")
    assert acme.invoices.preview(jane).total == USD(4900 + 500)
    clock.move_to(FEBRUARY)
    draft = acme.invoices.generate(jane)
    acme.usage.void("good", reason="a load test too")
    clock.move_to(FEBRUARY + 2 * HOUR)
    final = acme.invoices.finalize(draft.id)
    assert (draft.total, final.total) == (USD(4900 + 500), USD(4900))


def test_a_void_after_the_invoice_is_final_waits_for_the_next_difference(
    acme: Acme, jane: SubscriptionId, clock: MovableClock
) -> None:
    acme.invoices.generate(jane)
    acme.usage.record([UsageEvent("calls", "jane", 150, "a"), UsageEvent("calls", "jane", 50, "b")])
    clock.move_to(FEBRUARY + 2 * HOUR)
    billed = acme.invoices.generate(jane)
    assert billed.total == USD(4900 + 1000)
    acme.usage.void("b", reason="a load test")
    assert acme.invoices.get(billed.id) == billed
    assert acme.usage.total("jane", "calls", NEW_YEAR, FEBRUARY) == 150
    # 500 too many were billed. What comes in for that month counts against them before it is owed.
    acme.usage.record([UsageEvent("calls", "jane", 30, "c", FEBRUARY - HOUR)])
    clock.move_to(MARCH + 2 * HOUR)
    second = acme.invoices.generate(jane)
    assert second.total == USD(4900)
    acme.usage.replace("b", UsageEvent("calls", "jane", 40), reason="it was 40, not 50")
    clock.move_to(MARCH + 31 * 24 * HOUR + 2 * HOUR)
    third = acme.invoices.generate(jane)
    late = [line.amount for line in third.lines if line.kind == "late_usage"]
    assert late == [USD(200)]  # 220 calls: 1200 are owed for them, of which 1000 were billed


def test_a_replacement_that_costs_more_is_on_the_next_invoice(
    acme: Acme, jane: SubscriptionId, clock: MovableClock
) -> None:
    acme.invoices.generate(jane)
    acme.usage.record([UsageEvent("calls", "jane", 150, "a")])
    clock.move_to(FEBRUARY + 2 * HOUR)
    assert acme.invoices.generate(jane).total == USD(4900 + 500)
    acme.usage.replace("a", UsageEvent("calls", "jane", 180), reason="a lost digit")
    clock.move_to(MARCH + 2 * HOUR)
    second = acme.invoices.generate(jane)
    assert [(line.kind, line.amount) for line in second.lines if line.kind == "late_usage"] == [
        ("late_usage", USD(300))
    ]


def test_a_check_sees_a_correction_at_once(acme: Acme, jane: SubscriptionId) -> None:
    acme.meter("jane", "calls", 900, key="a")
    acme.meter("jane", "calls", 100, key="b")
    assert not acme.entitled("jane", "calls").allowed
    acme.usage.void("b", reason="a bug")
    assert acme.entitled("jane", "calls", 100).used == 900
    acme.usage.replace("a", UsageEvent("calls", "jane", 1_000), reason="a typo")
    assert acme.entitled("jane", "calls").reason == "limit_exceeded"
    acme.usage.void("a", reason="a bug")
    assert acme.entitled("jane", "calls", 1_000).allowed


def test_checks_of_both_see_usage_that_moves_from_one_to_the_other(
    acme: Acme, jane: SubscriptionId
) -> None:
    acme.customers.create(name="Joe", external_id="joe")
    acme.subscriptions.create(customer="joe", plan="pro")
    acme.meter("jane", "calls", 1_000, key="a")
    assert [int(acme.entitled(name, "calls").used or 0) for name in ("jane", "joe")] == [1_000, 0]
    acme.usage.replace("a", UsageEvent("calls", "joe", 1_000), reason="a mix-up")
    assert [int(acme.entitled(name, "calls").used or 0) for name in ("jane", "joe")] == [0, 1_000]


def test_what_this_process_has_metered_is_found(acme: Acme, jane: SubscriptionId) -> None:
    acme.meter("jane", "calls", 5, key="a")
    assert acme.usage.get("a").quantity == 5
    acme.meter("jane", "calls", 6, key="b")
    acme.usage.void(["a", "b"], reason="a bug", actor="ops@example.com")
    acme.meter("jane", "calls", 5, key="a")  # a retry of its sender
    acme.flush()
    assert acme.usage.total("jane", "calls") == 0
    assert acme.usage.get("a").state == "voided"
    assert [event.key for event in acme.usage.list(state="voided")] == ["a", "b"]
    assert list(acme.usage.list()) == []
    assert acme.entitled("jane", "calls").used == 0
    assert log(acme) == ["UsageVoided", "UsageVoided"]


def test_voiding_twice_is_a_conflict_and_an_unknown_key_not_found(
    acme: Acme, jane: SubscriptionId
) -> None:
    acme.meter("jane", "calls", key="a")
    acme.usage.void("a", reason="a bug")
    with pytest.raises(Conflict, match="is void already") as twice:
        acme.usage.void("a", reason="a bug")
    assert twice.value.code == "already_voided"
    with pytest.raises(NotFound):
        acme.usage.void("x", reason="a bug")


def test_usage_of_a_misspelt_customer_finds_its_way(acme: Acme, jane: SubscriptionId) -> None:
    acme.entitled("jane", "calls")
    for number in range(1_200):  # more than one transaction works on
        acme.meter("jnae", "calls", key=f"k{number}")
    acme.meter("test", "calls", key="t")
    acme.flush()
    told = acme.usage.retry_unmatched(customer="jnae", as_customer="jane", reason="a typo")
    assert told == Retry(matched=1_200, replaced=1_200)
    assert acme.entitled("jane", "calls").reason == "limit_exceeded"
    assert [event.key for event in acme.usage.unmatched()] == ["t"]
    assert acme.usage.retry_unmatched() == Retry()
    assert acme.usage.retry_unmatched("t", as_customer="jane").matched == 1
    assert acme.usage.total("jane", "calls") == 1_201
    acme.meter("test", "calls", key="u")
    acme.flush()
    (dismissed,) = acme.usage.dismiss_unmatched("u", reason="a test")
    assert (dismissed.state, list(acme.usage.unmatched())) == ("voided", [])
    assert set(log(acme)) == {"UsageReplaced", "UsageVoided"}


def test_refused_usage_is_retried_and_given_up(
    acme: Acme, jane: SubscriptionId, clock: MovableClock
) -> None:
    acme.entitled("jane", "calls")
    later = NEW_YEAR + HOUR
    for key in ("a", "b"):
        acme.meter("jane", "calls", 7, key=key, time=later)
    acme.flush()
    first, second = refused(acme)
    assert [r.outcome for r in acme.usage.retry_rejected(first.id)] == ["rejected"]
    clock.move_to(later)
    (result,) = acme.usage.retry_rejected([first.id])
    assert (result.outcome, result.id) == ("accepted", first.id)
    assert acme.entitled("jane", "calls").used == 7
    assert acme.usage.dismiss_rejected(second.id, reason="twice the same") == [second]
    assert refused(acme) == list(acme.usage.rejected(code="in_the_future")) == []
    assert log(acme) == ["RejectedUsageRetried", "RejectedUsageDismissed"]


def test_several_processes_correct_the_same_event_once(
    engine: Engine, acme: Acme, jane: SubscriptionId
) -> None:
    acme.meter("jane", "calls", 100, key="a")
    acme.flush()

    def attempt(number: int) -> str:
        acme.meter("jane", "calls", 1, key=f"k{number}")
        acme.flush()
        try:
            acme.usage.void("a", reason=f"attempt {number}")
        except Conflict as conflict:
            return conflict.code
        return "voided"

    with ThreadPoolExecutor(4) as pool:
        told = sorted(pool.map(attempt, range(8)))
    assert told == ["already_voided"] * 7 + ["voided"]
    assert acme.usage.total("jane", "calls") == Decimal(8)
    assert log(acme) == ["UsageVoided"]
