"""Usage read back from rollups is what the events come to, wherever a period begins and ends."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.meter.aggregation import aggregate
from ledger.meter.model import UsageEvent
from ledger.meter.operations import quantity_in, query, record
from ledger.plan.feature import AGGREGATIONS, Aggregation, Feature, Meter
from ledger.store.sql.work import SqlWork
from ledger.types import ids
from ledger.types.period import Period
from tests.meter.books import NOW, Books

START = NOW - timedelta(days=2)
SUBSCRIPTIONS = [None, ids.SUBSCRIPTION.new(), ids.SUBSCRIPTION.new()]
MODELS = [None, "a", "b"]

# Instants that are rarely on a quarter, and often the same.
offsets = st.one_of(
    st.integers(0, 20).map(lambda quarters: timedelta(minutes=15 * quarters)),
    st.integers(0, 5 * 60 * 60 * 1000).map(lambda ms: timedelta(milliseconds=ms)),
)
instants = offsets.map(lambda offset: START + offset)


def one_event(
    time: datetime, value: Decimal, subscription: str | None, model: str | None
) -> UsageEvent:
    return UsageEvent("calls", "jane", value, None, time, {"model": model}, subscription)


events = st.builds(
    one_event,
    instants,
    st.integers(-(10**6), 10**6).map(lambda n: Decimal(n).scaleb(-3)),
    st.sampled_from(SUBSCRIPTIONS),
    st.sampled_from(MODELS),
)
batches = st.lists(st.lists(events, max_size=12), max_size=4)


class Stored(NamedTuple):
    """Books with some events in them, and the events in order of arrival."""

    books: Books
    customer: ids.CustomerId
    feature: Feature
    events: list[UsageEvent]

    def defined(
        self, start: datetime, end: datetime, keep: Callable[[UsageEvent], bool]
    ) -> Decimal:
        meter = self.feature.meter
        assert meter is not None
        pairs = [
            (event.time, Decimal(event.quantity))
            for event in self.events
            if keep(event) and event.time is not None
        ]
        return aggregate(meter.aggregation, pairs, start, end).quantity


def stored(
    books: Books, aggregation: Aggregation, sent: Sequence[Sequence[UsageEvent]], *, late: bool
) -> Stored:
    """Store batches of events; `late` makes the feature known only afterwards."""
    jane = books.customer("jane")
    meter = Meter("calls", aggregation, dimensions=("model",))
    feature = None if late else books.feature("calls", meter)
    for batch in sent:
        books.run(lambda work, batch=batch: record(work, batch))  # type: ignore[misc]  # the default binds the loop's value
    feature = feature or books.feature("calls", meter)
    return Stored(books, jane.id, feature, [event for batch in sent for event in batch])


@settings(max_examples=60)
@given(
    aggregation=st.sampled_from(AGGREGATIONS),
    sent=batches,
    start=instants,
    end=instants,
    late=st.booleans(),
)
def test_usage_is_what_the_events_come_to(
    new_books: Callable[[], Books],
    aggregation: Aggregation,
    sent: list[list[UsageEvent]],
    start: datetime,
    end: datetime,
    *,
    late: bool,
) -> None:
    start, end = sorted((start, end))
    it = stored(new_books(), aggregation, sent, late=late)
    _, named, _ = SUBSCRIPTIONS
    assert named is not None

    def read(work: SqlWork) -> list[Decimal]:
        period = Period(start, end)
        return [
            quantity_in(work, it.customer, it.feature, period),
            quantity_in(work, it.customer, it.feature, period, ""),
            quantity_in(work, it.customer, it.feature, period, named, "customer"),
            quantity_in(work, it.customer, it.feature, period, named, "named"),
        ]

    assert it.books.run(read) == [
        it.defined(start, end, lambda _: True),
        it.defined(start, end, lambda event: event.subscription is None),
        it.defined(start, end, lambda event: event.subscription in {None, named}),
        it.defined(start, end, lambda event: event.subscription == named),
    ]


@settings(max_examples=60)
@given(st.sampled_from(AGGREGATIONS), batches, instants, instants)
def test_every_window_and_group_is_what_its_events_come_to(
    new_books: Callable[[], Books],
    aggregation: Aggregation,
    sent: list[list[UsageEvent]],
    start: datetime,
    end: datetime,
) -> None:
    start, end = sorted((start, end))
    it = stored(new_books(), aggregation, sent, late=False)
    (whole,) = it.books.run(lambda work: query(work, "jane", "calls", start, end))
    assert whole.quantity == it.defined(start, end, lambda _: True)
    rows = it.books.run(lambda work: query(work, "jane", "calls", start, end, "hour"))
    assert [row.quantity for row in rows] == [
        it.defined(row.start, row.end, lambda _: True) for row in rows
    ]
    groups = it.books.run(
        lambda work: query(work, "jane", "calls", start, end, "hour", group_by="model")
    )
    found = {(row.start, row.group["model"]): row.quantity for row in groups}
    for row in rows:
        for model in MODELS:

            def is_of(event: UsageEvent, model: str | None = model) -> bool:
                return event.properties["model"] == model

            expected = it.defined(row.start, row.end, is_of)
            assert found.get((row.start, model or ""), Decimal(0)) == expected


@settings(max_examples=30)
@given(batches)
def test_the_same_events_in_other_batches_and_again_come_to_the_same(
    new_books: Callable[[], Books], sent: list[list[UsageEvent]]
) -> None:
    keyed = [
        UsageEvent(e.event, e.customer, e.quantity, f"k{i}", e.time, e.properties, e.subscription)
        for i, e in enumerate(event for batch in sent for event in batch)
    ]
    one = stored(new_books(), "sum", sent, late=False)
    other = stored(new_books(), "sum", [keyed, keyed[::-1], keyed[:5]], late=False)
    whole = Period(START, NOW)

    def total(it: Stored) -> Decimal:
        return it.books.run(lambda work: quantity_in(work, it.customer, it.feature, whole))

    assert total(one) == total(other)


@pytest.mark.parametrize("first", [0, 1])
def test_the_later_arrival_of_one_instant_is_the_last_also_across_subscriptions(
    books: Books, first: int
) -> None:
    sent = [
        UsageEvent("calls", "jane", value, None, START, {"model": model}, subscription)
        for value, model, subscription in (
            (10, "a", SUBSCRIPTIONS[1]),
            (20, "b", SUBSCRIPTIONS[2]),
        )
    ]
    ordered = [sent[first], sent[1 - first]]
    it = stored(books, "last", [ordered[:1], ordered[1:]], late=False)

    def read(work: SqlWork) -> Decimal:
        return quantity_in(work, it.customer, it.feature, Period(START, NOW))

    assert books.run(read) == ordered[1].quantity


def test_usage_is_read_from_rollups_and_not_from_events_on_quarters(books: Books) -> None:
    sent = [UsageEvent("calls", "jane", 1, None, START + timedelta(minutes=i)) for i in range(90)]
    it = stored(books, "sum", [sent], late=False)
    reads: defaultdict[str, int] = defaultdict(int)

    def read(work: SqlWork, minutes: int) -> Decimal:
        events = work.usage.stored

        def counted(*args: object, **more: object) -> object:
            reads["events"] += 1
            return events(*args, **more)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - passed on as it came

        work.usage.stored = counted  # type: ignore[assignment, method-assign]  # pyright: ignore[reportAttributeAccessIssue] - it counts
        period = Period(START, START + timedelta(minutes=minutes))
        return quantity_in(work, it.customer, it.feature, period)

    assert books.run(lambda work: read(work, 75)) == 75
    assert reads["events"] == 0
    assert books.run(lambda work: read(work, 76)) == 76
    assert reads["events"] == 2  # a look beyond the edge, then the events before it
    assert books.run(lambda work: read(work, 104)) == 90
    assert reads["events"] == 3  # nothing lies beyond, so the rollup of the quarter is right
