"""What this process meters counts at once and once, whatever comes in between."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from ledger.customer.model import Customer
from ledger.engine.runner import Runner
from ledger.entitlement.cache import COLLECTED_MAX
from ledger.entitlement.operations import check
from ledger.entitlement.standing import MEMBERS_MAX
from ledger.meter import operations as meter
from ledger.meter.acceptance import stamp
from ledger.meter.buffer import Buffer
from ledger.meter.config import MeterConfig
from ledger.meter.model import UsageEvent
from ledger.plan import operations as plans
from ledger.subscription import operations as subscriptions
from ledger.subscription.model import Subscription
from ledger.types.errors import Unavailable
from tests.entitlement.desk import NEW_YEAR, Desk

DAY = timedelta(days=1)


def test_what_is_metered_counts_at_once_and_once(desk: Desk, subscription: Subscription) -> None:
    desk.meter(UsageEvent("calls", "jane", 1))
    assert desk.used() == 1
    desk.meter(UsageEvent("calls", subscription.customer, "2.5"))
    assert desk.cached_used() == Decimal("3.5")
    desk.flush()
    assert desk.cached_used() == Decimal("3.5")
    desk.meter(UsageEvent("calls", "jane", 1))
    assert desk.cached_used() == Decimal("4.5")
    desk.flush()
    assert desk.look(check, "jane", "calls").used == Decimal("4.5")


def test_an_event_counts_for_every_feature_that_reads_it(
    desk: Desk, subscription: Subscription
) -> None:
    for feature in ("calls", "days", "peak"):
        desk.entitled("jane", feature)
    for quantity in (3, 4, 2):
        desk.meter(UsageEvent("calls", "jane", quantity))
    assert [desk.cached_used(feature) for feature in ("calls", "days", "peak")] == [9, 9, 4]


def test_an_event_that_a_filter_keeps_out_does_not_count(
    desk: Desk, subscription: Subscription
) -> None:
    desk.meter(UsageEvent("calls", "jane", 1, properties={"model": "big"}))
    assert desk.used("big") == 1
    desk.meter(UsageEvent("calls", "jane", 2, properties={"model": "small"}))
    desk.meter(UsageEvent("calls", "jane", 4, properties={"model": "big"}))
    assert desk.cached_used("big") == 5


def test_a_level_that_was_set_before_the_period_is_carried_in(
    desk: Desk, subscription: Subscription
) -> None:
    assert desk.used("level") == 0
    for minutes, level in ((1, 4), (2, 9)):
        time = desk.clock.now() - timedelta(minutes=minutes)
        desk.meter(UsageEvent("calls", "jane", level, time=time))
        assert desk.cached_used("level") == 4
    desk.flush()
    assert desk.look(check, "jane", "level").used == 4


@pytest.mark.parametrize("ahead", [-DAY, timedelta(hours=23)])
def test_an_event_of_another_time_does_not_count(
    desk: Desk, subscription: Subscription, ahead: timedelta
) -> None:
    desk.clock.advance(3 * DAY)
    assert desk.used("days") == 0
    desk.meter(UsageEvent("calls", "jane", 3, time=desk.clock.now() + ahead))
    assert desk.cached_used("days") == (3 if ahead > timedelta() else 0)
    assert desk.used("calls") == 3


def test_an_event_that_names_a_subscription_counts_where_that_grants(
    desk: Desk, jane: Customer, subscription: Subscription
) -> None:
    ended = desk.do(subscriptions.create, jane.id, "pro", attribution="named")
    desk.do(subscriptions.cancel, ended.id, at="now")
    assert desk.used() == 0
    desk.meter(UsageEvent("calls", "jane", 2, subscription=ended.id))
    assert desk.cached_used() == 0
    desk.meter(UsageEvent("calls", "jane", 3, subscription=subscription.id))
    assert desk.cached_used() == 3
    desk.flush()
    assert desk.look(check, "jane", "calls").used == 3


def test_an_event_that_turns_out_to_be_a_duplicate_is_taken_back(
    desk: Desk, subscription: Subscription
) -> None:
    desk.record(UsageEvent("calls", "jane", 3, key="k"))
    assert desk.used() == 3
    desk.meter(UsageEvent("calls", "jane", 3, key="k"))
    assert desk.cached_used() == 6
    desk.flush()
    assert desk.used() == 3


def test_what_an_earlier_process_had_left_is_seen_when_it_is_stored(
    desk: Desk, subscription: Subscription
) -> None:
    assert desk.used() == 0
    left = [stamp(UsageEvent("calls", "jane", 3), NEW_YEAR)]
    results = desk.do(meter.record_readings, left, desk.writer, 0)
    desk.checks.stored(desk.scope, 0, left, results)
    assert desk.used() == 3


def test_after_a_batch_that_could_not_be_stored_everything_is_read_again(
    desk: Desk, subscription: Subscription
) -> None:
    desk.entitled("jane", "calls")
    desk.checks.refused(desk.scope)
    assert desk.cached("jane", "calls") is None


def commit_only(desk: Desk) -> None:
    batch = desk.take()
    assert batch is not None
    desk.store_batch(batch)


def meter_one(desk: Desk) -> None:
    desk.meter(UsageEvent("calls", "jane", 1))


BETWEEN: list[tuple[tuple[Callable[[Desk], object], ...], int]] = [
    ((meter_one,), 1),
    ((Desk.flush,), 0),
    ((commit_only,), 0),
    ((meter_one, Desk.flush), 1),
    ((meter_one, commit_only), 1),
    ((Desk.flush, meter_one), 1),
    ((commit_only, meter_one), 1),
    ((lambda desk: desk.record(UsageEvent("calls", "jane", 1)),), 1),
    ((lambda desk: desk.entitled("jane", "calls"),), 0),
]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("between", "more"), BETWEEN)
def test_whatever_comes_in_between_every_event_counts_once(
    desk: Desk,
    subscription: Subscription,
    moment: str,
    between: Sequence[Callable[[Desk], object]],
    more: int,
) -> None:
    desk.entitled("jane", "calls")
    desk.meter(UsageEvent("calls", "jane", 2))
    setattr(desk.runner, moment, lambda: [happens(desk) for happens in between])
    told = desk.checks.read(desk.buffer, desk.writer, "jane", "calls")
    assert told.used in {2, 2 + more}
    assert desk.used() == 2 + more
    desk.meter(UsageEvent("calls", "jane", 1))
    assert desk.used() == 3 + more


def cancel(desk: Desk, one: Subscription) -> None:
    desk.do(subscriptions.cancel, one.id, at="now")


def archive_plan(desk: Desk, one: Subscription) -> None:
    desk.do(plans.archive, one.plan)


@pytest.mark.parametrize("change", [cancel, archive_plan])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_change_in_between_keeps_an_old_answer_out(
    desk: Desk,
    subscription: Subscription,
    moment: str,
    change: Callable[[Desk, Subscription], None],
) -> None:
    setattr(desk.runner, moment, lambda: change(desk, subscription))
    desk.checks.read(desk.buffer, desk.writer, "jane", "calls")
    assert desk.cached("jane", "calls") is None


def test_a_slow_look_does_not_replace_a_newer_one(desk: Desk, subscription: Subscription) -> None:
    elsewhere = Runner(desk.store, desk.clock)
    events = [UsageEvent("calls", "jane", 3)]

    def newer() -> None:
        elsewhere.run(desk.scope, lambda work: meter.record(work, events), writes=True)
        assert desk.used() == 3

    desk.runner.after = newer
    assert desk.checks.read(desk.buffer, desk.writer, "jane", "calls").used == 0
    assert desk.cached_used() == 3


def misses(desk: Desk) -> int:
    return len(desk.checks._cache._shelves[desk.scope].misses)


def test_a_read_that_fails_leaves_nothing_behind(desk: Desk, subscription: Subscription) -> None:
    def fail() -> None:
        raise Unavailable("the database is away", code="database_unreachable")

    desk.runner.before = fail
    with pytest.raises(Unavailable):
        desk.entitled("jane", "calls")
    assert misses(desk) == 0
    desk.meter(UsageEvent("calls", "jane", 1))
    assert desk.used() == 1
    assert desk.cached_used() == 1
    assert misses(desk) == 0


def test_a_look_that_takes_too_long_is_answered_but_not_kept(
    desk: Desk, subscription: Subscription
) -> None:
    reading = desk.stamped(UsageEvent("other", "somebody"))

    def much() -> None:
        for _ in range(COLLECTED_MAX + 1):
            desk.buffer.add(reading)

    desk.buffer = Buffer(desk.scope, MeterConfig(batch_size=10_000, buffer_max=10**6), desk, None)
    desk.runner.before = much
    assert desk.used() == 0
    assert desk.cached_used() is None


def test_of_many_different_values_a_new_one_is_read_and_a_known_one_is_not(
    desk: Desk, subscription: Subscription
) -> None:
    users = [UsageEvent("calls", "jane", n) for n in range(MEMBERS_MAX + 1)]
    desk.record(*users[:-1])
    assert desk.used("sizes") == MEMBERS_MAX
    desk.meter(users[0])
    assert desk.cached_used("sizes") == MEMBERS_MAX
    desk.meter(users[-1])
    assert desk.cached_used("sizes") == MEMBERS_MAX + 1
    desk.flush()
    desk.meter(UsageEvent("calls", "jane", -1))
    assert desk.cached_used("sizes") is None
    assert desk.used("sizes") == MEMBERS_MAX + 2
    desk.meter(UsageEvent("calls", "jane", -1))
    assert desk.cached_used("sizes") == MEMBERS_MAX + 2
    desk.meter(users[0])
    assert desk.cached_used("sizes") is None
    assert desk.used("sizes") == MEMBERS_MAX + 2


def test_a_level_over_time_grows_without_an_event_and_is_never_cached(
    desk: Desk, subscription: Subscription
) -> None:
    desk.meter(UsageEvent("calls", "jane", 4))
    assert desk.used("hours") == 0
    desk.clock.advance(timedelta(hours=2))
    assert desk.cached_used("hours") is None
    assert desk.used("hours") == 8
    desk.meter(UsageEvent("calls", "jane", 1))
    desk.clock.advance(timedelta(hours=1))
    desk.flush()
    assert desk.used("hours") == 9
    assert desk.entitled("jane", "hours", 1).allowed
    assert not desk.entitled("jane", "hours", 2).allowed
