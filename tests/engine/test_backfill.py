"""A feature counts from when it is there, or changed; a back-fill makes it as if it always had."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ledger
from ledger import (
    Conflict,
    Feature,
    Invalid,
    Meter,
    MeterConfig,
    NotFound,
    Plan,
    Price,
    UsageEvent,
    UsageRow,
)
from ledger.engine import backfilling
from ledger.engine.backfilling import Backfill
from ledger.engine.face import Blocking
from ledger.engine.tenant import Tenant
from ledger.event.catalogue import fact_of
from ledger.meter.events import FeatureBackfilled
from ledger.meter.windows import Window
from ledger.plan.events import FeatureUpdated
from ledger.plan.feature import Aggregation
from ledger.testing.clock import MovableClock

Acme = Tenant[Blocking]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
START, END = NEW_YEAR - 20 * DAY, NEW_YEAR + DAY


@pytest.fixture
def jane(acme: Acme) -> str:
    acme.features.create(Feature("calls", "metered"))
    return acme.customers.create(name="Jane", external_id="jane").id


def said(hours_ago: int, quantity: int, event: str = "calls", **properties: int) -> UsageEvent:
    time = NEW_YEAR - hours_ago * HOUR
    return UsageEvent(event, "jane", quantity, time=time, properties={**properties})


def used(acme: Acme, feature: str) -> Decimal:
    return acme.usage.total("jane", feature, start=START, end=END)


def test_a_new_feature_counts_what_waited_and_what_comes(acme: Acme, jane: str) -> None:
    acme.usage.record([said(3, 5, "tokens"), said(2, 7, "tokens")])
    acme.features.create(Feature("tokens", "metered"))
    acme.usage.record([said(1, 1, "tokens")])
    assert used(acme, "tokens") == 13
    assert list(acme.usage.unmatched()) == []


def test_a_feature_beside_another_counts_from_now_on_and_all_after_a_backfill(
    acme: Acme, jane: str
) -> None:
    acme.usage.record([said(50, 5, size=3), said(2, 7, size=4), said(1, 7)])
    acme.features.create(Feature("sizes", "metered", Meter("calls", property="size")))
    acme.usage.record([said(1, 9, size=10)])
    assert [used(acme, key) for key in ("calls", "sizes")] == [28, 10]
    done: list[tuple[int, int]] = []
    filled = acme.features.backfill(
        "sizes", on_progress=lambda hour, whole: done.append((hour, whole))
    )
    assert filled == Backfill("sizes", NEW_YEAR - 50 * HOUR, NEW_YEAR + 2 * HOUR, 4)
    assert (done[-1], len(done)) == ((52, 52), 4)
    assert [used(acme, key) for key in ("calls", "sizes")] == [28, 17]
    acme.features.backfill("sizes")  # again changes nothing
    assert used(acme, "sizes") == 17


def test_a_part_of_the_time_can_be_filled(acme: Acme, jane: str) -> None:
    acme.usage.record([said(50, 5), said(2, 7)])
    acme.features.create(Feature("events", "metered", Meter("calls", "count")))
    acme.features.backfill("events", start=NEW_YEAR - 3 * HOUR, end=NEW_YEAR - HOUR)
    assert used(acme, "events") == 1
    acme.features.backfill("events", end=NEW_YEAR - 3 * HOUR)
    assert used(acme, "events") == 2


def test_a_changed_meter_counts_from_now_on_and_all_after_a_backfill(acme: Acme, jane: str) -> None:
    events = [said(5, 1, size=10), said(5, 2, size=20)]
    acme.usage.record(events)
    changed = acme.features.update("calls", meter=Meter("calls", property="size"), name="Sizes")
    assert (changed.name, changed.meter) == ("Sizes", Meter("calls", property="size"))
    assert acme.features.get("calls") == changed
    assert used(acme, "calls") == 3
    acme.usage.record([said(5, 3, size=30)])
    assert used(acme, "calls") == 33
    acme.features.backfill("calls")
    assert used(acme, "calls") == 60


def test_events_that_waited_for_the_new_name_count(acme: Acme, jane: str) -> None:
    acme.usage.record([said(5, 1), said(4, 2, "requests")])
    acme.features.update("calls", meter=Meter("requests"))
    assert used(acme, "calls") == 3
    acme.usage.record([said(3, 4, "requests"), said(3, 8)])
    assert used(acme, "calls") == 7
    acme.features.backfill("calls")
    assert used(acme, "calls") == 6


def test_a_change_and_a_backfill_are_in_the_log(acme: Acme, jane: str) -> None:
    acme.usage.record([said(5, 1)])
    feature = acme.features.update("calls", meter=Meter("calls", "count"))
    acme.features.backfill("calls")
    changed, filled = [fact_of(entry) for entry in acme.events.list()][-2:]
    assert changed == FeatureUpdated(feature)
    start, end = NEW_YEAR - 5 * HOUR, NEW_YEAR + 2 * HOUR
    assert filled == FeatureBackfilled(feature, start, end, 1)
    assert filled.entity_id == feature.id


def test_a_check_knows_of_a_backfill_at_once(acme: Acme, jane: str) -> None:
    acme.usage.record([said(0, 5)])
    acme.features.create(Feature("events", "metered", Meter("calls", "count")))
    acme.plans.create(Plan("pro", "Pro", "USD", entitlements={"events": ledger.Limit(10)}))
    acme.subscriptions.create(customer="jane", plan="pro")
    assert acme.entitled("jane", "events").used == 0
    acme.features.backfill("events")
    assert acme.entitled("jane", "events").used == 1


@pytest.mark.parametrize(
    ("meter", "is_possible"),
    [
        (Meter("calls", "count"), True),
        (Meter("calls", where={"model": "large"}, dimensions=("model",)), True),
        (Meter("calls", "max"), False),
        (Meter("calls", "unique", property="size"), False),
        (Meter("calls", "weighted_sum"), False),
    ],
)
def test_what_was_added_up_one_way_does_not_go_on_another_way(
    acme: Acme, jane: str, meter: Meter, is_possible: bool
) -> None:
    acme.features.create(Feature("unused", "metered", Meter("nothing")))
    assert acme.features.update("unused", meter=meter).meter == meter
    acme.features.archive("unused")
    acme.usage.record([said(1, 5)])
    if is_possible:
        assert acme.features.update("calls", meter=meter).meter == meter
        return
    with pytest.raises(Conflict, match="create another feature") as refused:
        acme.features.update("calls", meter=meter)
    assert refused.value.code == "aggregation_fixed"


def test_what_people_pay_for_changes_only_when_it_is_meant(acme: Acme, jane: str) -> None:
    acme.usage.record([said(1, 5)])
    acme.plans.create(Plan("pro", "Pro", "USD", prices=[Price.per_unit("calls", "1")]))
    for change in (
        lambda: acme.features.update("calls", meter=Meter("calls", "count")),
        lambda: acme.features.backfill("calls"),
    ):
        with pytest.raises(Conflict, match="plan 'pro' prices feature 'calls'") as refused:
            change()
        assert refused.value.code == "feature_priced"
    acme.features.update("calls", name="Calls")
    acme.features.update("calls", meter=Meter("calls"))  # as it is
    acme.features.update("calls", meter=Meter("calls", "count"), force=True)
    acme.features.backfill("calls", force=True)
    assert used(acme, "calls") == 1


def test_a_forced_backfill_is_settled_on_the_next_invoice(
    acme: Acme, jane: str, clock: MovableClock
) -> None:
    acme.plans.create(Plan("pro", "Pro", "USD", prices=[Price.per_unit("calls", "100")]))
    acme.subscriptions.create(customer="jane", plan="pro")
    clock.advance(DAY)
    acme.usage.record([UsageEvent("calls", "jane", 5), UsageEvent("calls", "jane", 2)])
    for months in (1, 2):
        clock.move_to(NEW_YEAR.replace(month=1 + months) + 2 * HOUR)
        acme.billing.run()
        clock.advance(2 * HOUR)
        acme.billing.run()
        if months == 1:
            clock.advance(DAY)
            acme.features.update(
                "calls", meter=Meter("calls", expression="2 * quantity"), force=True
            )
            acme.features.backfill("calls", force=True)
    assert [invoice.total.amount for invoice in acme.invoices.list()] == [700, 700]


def test_what_cannot_be_filled_is_refused(acme: Acme, jane: str, clock: MovableClock) -> None:
    acme.features.create(Feature("seats", "licensed"))
    with pytest.raises(Invalid, match="only a metered feature"):
        acme.features.backfill("seats")
    with pytest.raises(Invalid, match="only a metered feature"):
        acme.features.update("seats", meter=Meter("seats"))
    with pytest.raises(NotFound):
        acme.features.backfill("nothing")
    with pytest.raises(Invalid) as refused:
        acme.features.backfill("calls", start=NEW_YEAR, end=NEW_YEAR - DAY)
    assert refused.value.code == "bad_period"
    with pytest.raises(Invalid):
        acme.features.backfill("calls", start=datetime(2026, 1, 1))  # noqa: DTZ001 - on purpose
    assert acme.features.backfill("calls").events == 0


def test_hours_whose_events_were_removed_keep_what_they_came_to(
    acme: Acme, jane: str, clock: MovableClock
) -> None:
    acme.usage.record([said(5, 5)])
    clock.advance(200 * DAY)
    acme.usage.expire(NEW_YEAR + DAY)
    acme.usage.record([UsageEvent("calls", "jane", 7)])
    acme.features.update("calls", meter=Meter("calls", "count"))
    with pytest.raises(Conflict) as refused:
        acme.features.backfill("calls", start=NEW_YEAR - DAY)
    assert refused.value.code == "usage_expired"
    assert acme.features.backfill("calls").events == 1
    assert acme.usage.total("jane", "calls", start=START, end=clock.now() + DAY) == 6


def test_events_that_come_in_meanwhile_count_once(acme: Acme, jane: str) -> None:
    acme.usage.record([said(number % 40, 1, size=2) for number in range(400)])
    acme.features.create(Feature("sizes", "metered", Meter("calls", property="size")))

    def record() -> None:
        for number in range(20):
            acme.usage.record([said(each, 1, size=2) for each in range(number, number + 20)])

    thread = Thread(target=record)
    thread.start()
    acme.features.backfill("sizes")
    thread.join()
    assert used(acme, "sizes") == 2 * (400 + 400)


def test_an_interrupted_backfill_is_finished_by_saying_it_again(acme: Acme, jane: str) -> None:
    acme.usage.record([said(number, 1, size=2) for number in range(1, 11)])
    acme.features.create(Feature("sizes", "metered", Meter("calls", property="size")))

    def stop(done: int, _all: int) -> None:
        if done >= 5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        acme.features.backfill("sizes", on_progress=stop)
    assert used(acme, "sizes") == 10
    acme.features.backfill("sizes")
    assert used(acme, "sizes") == 20


def test_a_meter_that_changes_meanwhile_stops_a_backfill(acme: Acme, jane: str) -> None:
    acme.usage.record([said(number, 1) for number in range(1, 4)])
    acme.features.create(Feature("other", "metered", Meter("calls")))

    def change(_done: int, _all: int) -> None:
        # Not through the face: on the awaited one this thread is the one that writes.
        backfilling.update(acme._core, "other", meter=Meter("calls", "count"))

    with pytest.raises(Conflict, match="say backfill again") as refused:
        acme.features.backfill("other", on_progress=change)
    assert refused.value.code == "feature_changed"


EVENTS = st.lists(
    st.tuples(st.integers(0, 60 * 60), st.integers(-5, 50), st.sampled_from([1, 2, 3])),
    min_size=1,
    max_size=25,
)
METERS: dict[Aggregation, Meter] = {
    "sum": Meter("calls", property="size", where={"kind": "1"}),
    "count": Meter("calls", "count", where={"kind": "2"}, dimensions=("kind",)),
    "max": Meter("calls", "max", property="size"),
    "last": Meter("calls", "last", property="size", dimensions=("kind",)),
    "unique": Meter("calls", "unique", property="size"),
    "weighted_sum": Meter("calls", "weighted_sum", property="size", per="hour"),
}


@settings(max_examples=15)
@given(EVENTS, EVENTS, st.sampled_from(sorted(METERS)))
def test_a_feature_that_was_filled_is_as_if_it_had_always_been_there(
    early: list[tuple[int, int, int]],
    late: list[tuple[int, int, int]],
    aggregation: Aggregation,
) -> None:
    def events(some: list[tuple[int, int, int]], name: str) -> list[UsageEvent]:
        return [
            UsageEvent(
                "calls",
                "jane",
                key=f"{name}-{number}",
                time=NEW_YEAR - timedelta(minutes=ago),
                properties={"size": size, "kind": kind},
            )
            for number, (ago, size, kind) in enumerate(some)
        ]

    clock = MovableClock(NEW_YEAR)
    with ledger.open("sqlite:///:memory:", clock=clock, meter=MeterConfig(spool=False)) as engine:
        acme = engine.tenant("acme")
        acme.customers.create(name="Jane", external_id="jane")
        meter = METERS[aggregation]
        acme.features.create(Feature("always", "metered", meter))
        acme.usage.record(events(early, "early"))
        acme.features.create(Feature("filled", "metered", meter))
        acme.usage.record(events(late, "late"))
        acme.features.backfill("filled")

        def rows(feature: str, window: Window | None) -> list[UsageRow]:
            return acme.usage.query("jane", feature, START, END, window=window)

        windows: tuple[Window | None, ...] = (None, "day", "hour")
        for window in windows:
            assert rows("filled", window) == rows("always", window)
