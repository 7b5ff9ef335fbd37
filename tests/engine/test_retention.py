"""Raw events go when nobody needs them; what they came to, and what may still count, stays."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ledger import Invalid, UsageEvent
from ledger.engine.engine import Engine
from ledger.engine.face import Blocking
from ledger.engine.retention import KEPT, Expiry
from ledger.engine.tenant import Tenant
from ledger.testing.builders import CALLS, a_plan, some_usage, subscribed
from ledger.testing.clock import MovableClock
from ledger.types.errors import Conflict

Acme = Tenant[Blocking]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def used(acme: Acme, start: datetime, end: datetime) -> Decimal:
    return acme.usage.total("jane", CALLS, start=start, end=end)


def lately(clock: MovableClock, count: int, quantity: int = 1) -> list[UsageEvent]:
    """Events of the last hours."""
    times = (clock.now() - number * HOUR for number in range(1, count + 1))
    return [UsageEvent(CALLS, "jane", quantity, time=time) for time in times]


def billed_until(acme: Acme, clock: MovableClock, at: datetime) -> None:
    """Bill all that is due, and finalize it."""
    for moment in (at - 3 * HOUR, at):
        clock.move_to(moment)
        acme.billing.run()


def test_old_events_go_and_their_totals_stay(acme: Acme, clock: MovableClock) -> None:
    subscribed(acme)
    acme.usage.record(some_usage(48, start=NEW_YEAR - 2 * DAY))
    billed_until(acme, clock, NEW_YEAR + 180 * DAY)
    acme.usage.record(lately(clock, 10, 5))
    before = used(acme, NEW_YEAR - 3 * DAY, clock.now())
    invoices = [(each.number, each.total) for each in acme.invoices.list()]
    done: list[tuple[int, int]] = []
    gone = acme.usage.expire(NEW_YEAR, on_progress=lambda hour, whole: done.append((hour, whole)))
    assert gone == Expiry(NEW_YEAR, 48, 0)
    assert done[-1] == (48, 48)
    assert used(acme, NEW_YEAR - 3 * DAY, clock.now()) == before == 48 + 50
    assert [(each.number, each.total) for each in acme.invoices.list()] == invoices
    assert acme.usage.expire(NEW_YEAR) == Expiry(NEW_YEAR, 0, 0)


def test_refused_events_of_that_age_go_too(acme: Acme, clock: MovableClock) -> None:
    subscribed(acme)
    acme.usage.record([UsageEvent(CALLS, "jane", time=NEW_YEAR - 900 * DAY)])
    billed_until(acme, clock, NEW_YEAR + 180 * DAY)
    acme.usage.record([UsageEvent(CALLS, "jane", time=NEW_YEAR - 900 * DAY)])
    assert acme.usage.expire(NEW_YEAR + DAY).refused == 1
    assert len(list(acme.usage.rejected())) == 1


@pytest.mark.parametrize(
    ("interval", "days"),
    [("month", 4 * 31 + 2), ("year", 4 * 12 * 31 + 2), ("week", 35), ("2 weeks", 4 * 14 + 2)],
)
def test_what_may_still_come_in_stays(
    acme: Acme, clock: MovableClock, interval: str, days: int
) -> None:
    subscribed(acme, plan=a_plan(prices=[], interval=interval))
    allowed = acme.usage.expirable()
    assert allowed == clock.now() - timedelta(days=days)
    with pytest.raises(Invalid, match=f"of before {allowed:%Y-%m-%d}T00:00:00Z can") as refused:
        acme.usage.expire(allowed + HOUR)
    assert refused.value.code == "expiry_too_late"
    assert acme.usage.expire(allowed).events == 0
    late = acme.usage.record([UsageEvent(CALLS, "jane", time=allowed)])
    assert late[0].outcome == "rejected"


def test_what_is_due_and_not_billed_stays(acme: Acme, clock: MovableClock) -> None:
    subscribed(acme)
    clock.move_to(NEW_YEAR + 400 * DAY)
    assert acme.usage.expirable() < NEW_YEAR - 4 * 31 * DAY
    acme.billing.run()
    clock.advance(2 * HOUR)
    acme.billing.run()
    assert acme.usage.expirable() > NEW_YEAR + 200 * DAY


def test_an_event_that_comes_again_after_its_key_is_gone_is_too_late(
    acme: Acme, clock: MovableClock
) -> None:
    subscribed(acme)
    event = UsageEvent(CALLS, "jane", key="order-1", time=NEW_YEAR)
    assert acme.usage.record([event])[0].outcome == "accepted"
    billed_until(acme, clock, NEW_YEAR + 200 * DAY)
    acme.usage.expire(NEW_YEAR + DAY)
    (again,) = acme.usage.record([event])
    assert (again.outcome, (again.reason or "")[:8]) == ("rejected", "too_late")
    assert used(acme, NEW_YEAR, clock.now()) == 1


def test_an_event_that_waits_stays(acme: Acme, clock: MovableClock) -> None:
    subscribed(acme)
    acme.usage.record([UsageEvent(CALLS, "nobody", time=NEW_YEAR)])
    billed_until(acme, clock, NEW_YEAR + 200 * DAY)
    assert acme.usage.expire(NEW_YEAR + DAY).events == 0
    assert len(list(acme.usage.unmatched())) == 1


def test_usage_that_went_cannot_be_grouped_by_what_only_events_tell(
    acme: Acme, clock: MovableClock
) -> None:
    subscribed(acme)
    acme.usage.record([UsageEvent(CALLS, "jane", time=NEW_YEAR, properties={"region": "eu"})])
    billed_until(acme, clock, NEW_YEAR + 200 * DAY)
    acme.usage.expire(NEW_YEAR + DAY)
    with pytest.raises(Conflict, match="have been removed") as refused:
        acme.usage.query("jane", CALLS, start=NEW_YEAR, end=clock.now(), group_by="region")
    assert refused.value.code == "usage_expired"
    assert (
        acme.usage.query("jane", CALLS, start=NEW_YEAR + DAY, end=clock.now(), group_by="region")
        == []
    )


def test_a_worker_removes_what_is_too_old_in_every_tenant(
    engine: Engine, clock: MovableClock
) -> None:
    tenants = [engine.tenant("acme"), engine.tenant("globex")]
    for tenant in tenants:
        subscribed(tenant)
        tenant.usage.record(some_usage(5, start=NEW_YEAR - DAY))
        billed_until(tenant, clock, NEW_YEAR + 190 * DAY)
        tenant.usage.record(lately(clock, 3))
        clock.move_to(NEW_YEAR)
    clock.move_to(NEW_YEAR + 190 * DAY)
    worker = engine.worker(keep_usage_days=170)
    assert worker.once().expired == 10
    for tenant in tenants:
        assert used(tenant, NEW_YEAR - DAY, clock.now()) == 8
    assert engine.worker(keep_usage_days=KEPT.days).once().expired == 0


@pytest.mark.parametrize("days", [34, -1, 10**6, "400"])
def test_a_worker_does_not_keep_usage_for_less_than_its_keys(engine: Engine, days: int) -> None:
    with pytest.raises(Invalid) as refused:
        engine.worker(keep_usage_days=days)
    assert refused.value.code == "bad_worker_option"
