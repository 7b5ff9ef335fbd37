"""The cache: what it keeps, and for how long."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest

from ledger.customer import operations as customers
from ledger.customer.model import Customer
from ledger.engine.checking import Checks
from ledger.engine.ports import Work
from ledger.engine.runner import Runner
from ledger.engine.sequence import then
from ledger.entitlement.model import Reason
from ledger.meter import operations as meter
from ledger.meter.acceptance import stamp
from ledger.meter.buffer import Buffer
from ledger.meter.config import MeterConfig
from ledger.meter.model import UsageEvent
from ledger.plan import operations as plans
from ledger.plan.feature import Feature
from ledger.plan.model import Limit, LimitPer, Plan
from ledger.subscription import operations as subscriptions
from ledger.subscription.model import Subscription
from ledger.types.errors import Invalid, NotFound
from ledger.types.scope import Scope
from tests.entitlement.desk import NEW_YEAR, TTL_S, Desk, opened

DAY = timedelta(days=1)


def test_what_was_read_is_found_under_every_name_of_the_customer(
    desk: Desk, jane: Customer, subscription: Subscription
) -> None:
    read = desk.entitled("jane", "calls")
    assert desk.cached("jane", "calls") == read
    assert desk.cached(jane.id, "calls") == read
    assert desk.cached("jane", "days") is None
    assert desk.cached("john", "calls") is None


def test_the_answer_names_the_moment_at_which_the_store_was_read(
    desk: Desk, subscription: Subscription
) -> None:
    desk.entitled("jane", "calls")
    desk.clock.advance(timedelta(hours=1))
    assert desk.entitled("jane", "calls").as_of == NEW_YEAR


@pytest.mark.parametrize(
    ("quantity", "allowed"),
    [(0, True), (7, True), (8, False), ("7.000000001", False), (Decimal(7), True), ("0.7e1", True)],
)
def test_any_exact_quantity_is_answered_from_the_cache(
    desk: Desk, subscription: Subscription, quantity: int | str | Decimal, allowed: bool
) -> None:
    desk.meter(UsageEvent("calls", "jane", 3))
    desk.entitled("jane", "calls")
    answer = desk.cached("jane", "calls", quantity)
    assert answer is not None
    assert answer.allowed is allowed


@pytest.mark.parametrize(
    ("bad", "code"),
    [(-1, "bad_quantity"), (True, "bad_decimal"), (0.5, "float_refused"), (10**18, "out_of_range")],
)
def test_a_bad_quantity_is_refused_cached_or_not(
    desk: Desk, subscription: Subscription, bad: int, code: str
) -> None:
    for _ in range(2):
        with pytest.raises(Invalid) as refused:
            desk.entitled("jane", "calls", bad)
        assert refused.value.code == code
        desk.entitled("jane", "calls")


def test_who_is_not_known_is_remembered_and_seen_when_it_appears(desk: Desk) -> None:
    assert desk.entitled("jane", "calls").reason == "no_subscription"
    assert desk.cached("jane", "calls") is not None
    desk.meter(UsageEvent("calls", "jane", 4))
    create = then(customers.create, meter.match_customer)
    jane = desk.do(create, "Jane", external_id="jane")
    assert desk.cached("jane", "calls") is None
    desk.do(subscriptions.create, jane.id, "pro")
    assert desk.used() == 4


def test_an_unknown_feature_is_not_found_and_leaves_nothing_behind(
    desk: Desk, jane: Customer
) -> None:
    with pytest.raises(NotFound) as missing:
        desk.entitled("jane", "nonsense")
    assert missing.value.code == "feature_not_found"
    assert desk.cached("jane", "nonsense") is None
    desk.do(plans.create_feature, Feature("nonsense", "boolean"))
    assert desk.entitled("jane", "nonsense").reason == "no_subscription"


@pytest.mark.parametrize("ref", [["jane"], {"id": "jane"}, 7, None])
def test_a_ref_that_is_no_text_is_refused(desk: Desk, jane: Customer, ref: str) -> None:
    with pytest.raises(Invalid):
        desk.entitled(ref, "calls")
    with pytest.raises(Invalid):
        desk.entitled("jane", ref)


def test_the_id_of_something_else_is_refused(
    desk: Desk, jane: Customer, subscription: Subscription
) -> None:
    for customer, feature in ((subscription.id, "calls"), (jane.id, subscription.id)):
        with pytest.raises(Invalid) as refused:
            desk.entitled(customer, feature)
        assert refused.value.code == "wrong_id"


def sell(work: Work, limit: int) -> None:
    plans.create_feature(work, Feature("calls", "metered"))
    plans.create(work, Plan("pro", "Pro", "USD", entitlements={"calls": Limit(limit)}))
    jane = customers.create(work, "Jane", external_id="jane")
    subscriptions.create(work, jane.id, "pro")


def test_no_scope_meets_another_ones_answers(desk: Desk, subscription: Subscription) -> None:
    there, here = Scope("a:b", "c"), Scope("a", "b:c")
    buffers = {scope: Buffer(scope, MeterConfig(), desk, None) for scope in (there, here)}
    for scope, limit in ((there, 5), (here, 7)):
        desk.runner.run(scope, partial(sell, limit=limit), writes=True)
        desk.checks.read(buffers[scope], desk.writer, "jane", "calls")
    buffers[there].add(stamp(UsageEvent("calls", "jane", 2), NEW_YEAR))
    told = {scope: desk.checks.cached(scope, "jane", "calls") for scope in buffers}
    assert [(a.limit, a.used) for a in told.values() if a is not None] == [
        (Decimal(5), Decimal(2)),
        (Decimal(7), Decimal(0)),
    ]
    desk.checks.recorded(there, ["jane"])
    assert desk.checks.cached(there, "jane", "calls") is None
    assert desk.checks.cached(here, "jane", "calls") is not None


def test_what_another_process_stored_is_seen_when_the_time_to_live_is_over(
    desk: Desk, subscription: Subscription
) -> None:
    assert desk.used() == 0
    elsewhere = Runner(desk.store, desk.clock)
    events = [UsageEvent("calls", "jane", 3)]
    elsewhere.run(desk.scope, lambda work: meter.record(work, events), writes=True)
    desk.seconds += TTL_S - 1
    assert desk.used() == 0
    desk.seconds += 1
    assert desk.used() == 3


def test_a_customer_whom_another_process_created_has_one_record(desk: Desk) -> None:
    desk.entitled("jane", "calls")
    elsewhere = Runner(desk.store, desk.clock)
    jane = elsewhere.run(
        desk.scope, lambda work: customers.create(work, "Jane", external_id="jane"), writes=True
    )
    assert desk.entitled(jane.id, "calls").reason == "no_subscription"
    assert desk.checks.kept == 1
    desk.do(customers.update, jane.id, external_id=None)
    assert desk.cached("jane", "calls") is None
    assert desk.checks.kept == 0


def test_without_time_to_live_everything_is_read(desk: Desk, subscription: Subscription) -> None:
    checks = Checks(desk.runner, customers_max=10, ttl_s=0, seconds=lambda: desk.seconds)
    checks.read(desk.buffer, desk.writer, "jane", "calls")
    assert checks.cached(desk.scope, "jane", "calls") is None


@pytest.mark.parametrize(
    ("per", "away", "same"),
    [
        ("billing_period", 31 * DAY, 31 * DAY - timedelta(seconds=1)),
        ("day", DAY, DAY - timedelta(seconds=1)),
        ("month", 31 * DAY, 30 * DAY),
        ("billing_period", -timedelta(seconds=1), 0 * DAY),
        ("lifetime", -timedelta(seconds=1), 3000 * DAY),
    ],
)
def test_an_answer_holds_in_its_window_whichever_way_the_clock_is_moved(
    desk: Desk, jane: Customer, per: LimitPer, away: timedelta, same: timedelta
) -> None:
    plan = Plan("lite", "Lite", "USD", entitlements={"calls": Limit(10, per=per)})
    desk.do(plans.create, plan)
    desk.do(subscriptions.create, jane.id, "lite")
    desk.entitled("jane", "calls")
    desk.clock.move_to(NEW_YEAR + same)
    assert desk.cached("jane", "calls") is not None
    desk.clock.move_to(NEW_YEAR + away)
    assert desk.cached("jane", "calls") is None
    desk.clock.move_to(NEW_YEAR)
    assert desk.cached("jane", "calls") is not None


def test_a_trial_an_end_and_a_start_are_seen_when_they_come(desk: Desk, jane: Customer) -> None:
    first = desk.do(subscriptions.create, jane.id, "pro", trial_days=3, start=NEW_YEAR + DAY)
    desk.do(subscriptions.cancel, first.id, at=NEW_YEAR + 9 * DAY)
    reasons: list[tuple[Reason | None, datetime | None]] = []
    for day in (0, 1, 4, 9):
        desk.clock.move_to(NEW_YEAR + day * DAY)
        assert desk.cached("jane", "calls") is None
        told = desk.entitled("jane", "calls")
        assert desk.cached("jane", "calls") is not None
        reasons.append((told.reason, told.resets_at))
    assert reasons == [
        ("subscription_inactive", None),
        (None, NEW_YEAR + 4 * DAY),
        (None, NEW_YEAR + 35 * DAY),
        ("subscription_inactive", None),
    ]


def test_no_more_customers_are_kept_than_are_allowed() -> None:
    desk = opened(Desk(customers_max=3))
    desk.entitled("hot", "calls")
    for number in range(20):
        desk.seconds = number
        assert desk.cached("hot", "calls") is not None
        desk.entitled(f"cold {number}", "calls")
    assert desk.checks.kept == 3
    assert desk.cached("cold 19", "calls") is not None
    assert desk.cached("cold 0", "calls") is None


def test_a_cache_without_room_keeps_nothing() -> None:
    desk = opened(Desk(customers_max=0))
    assert desk.entitled("jane", "calls").reason == "no_subscription"
    assert desk.checks.kept == 0
