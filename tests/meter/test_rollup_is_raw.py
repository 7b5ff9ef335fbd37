"""Whatever is counted from rollups is what the events come to by definition: any meter, any edge.

Events come in any order, in any batches, some of them twice, some before the feature is known; some
are voided, some hours are counted anew. Then any period, window and group is asked for, and
compared with what the definition makes of the events one by one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.meter import operations as usage
from ledger.meter.acceptance import member_of, stamp, value_of
from ledger.meter.aggregation import Value, aggregate
from ledger.meter.model import Reading, UsageEvent
from ledger.meter.operations import quantity_in, query, record
from ledger.meter.rebuilding import rebuild
from ledger.meter.rollup import HOUR_US
from ledger.plan.feature import Feature, Meter
from ledger.store.sql.work import SqlWork
from ledger.types import ids
from ledger.types.period import Period
from ledger.types.zone import micros
from tests.meter.books import NOW, Books

DAY = timedelta(days=1)
START = NOW - DAY
DIMENSIONS = ("model",)
METERS = [
    Meter("calls", "count", dimensions=DIMENSIONS),
    Meter("calls", "sum", dimensions=DIMENSIONS, where={"region": "eu"}),
    Meter("calls", "max", property="n", dimensions=DIMENSIONS),
    Meter("calls", "last", dimensions=DIMENSIONS),
    Meter("calls", "unique", property="n", dimensions=DIMENSIONS),
    Meter("calls", "unique", where={"region": "eu"}, dimensions=DIMENSIONS),
    Meter("calls", "unique", expression="n // 2"),
    Meter("calls", "weighted_sum", dimensions=DIMENSIONS),
    Meter("calls", "weighted_sum", property="n", per="hour"),
    Meter("calls", "weighted_sum", level="change", dimensions=DIMENSIONS),
    Meter("calls", "weighted_sum", level="change", per="day", where={"region": "eu"}),
    Meter("calls", "weighted_sum", expression="quantity / 3 + coalesce(n, 0)", per="second"),
    Meter("calls", "sum", dimensions=DIMENSIONS, expression='quantity if model == "a" else 3'),
]
SUBSCRIPTIONS = [None, ids.SUBSCRIPTION.new(), ids.SUBSCRIPTION.new()]
MODELS = ["a", "b"]
ZONES = ["UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham", "America/New_York"]

# Often on a quarter, often the same, mostly within the same few minutes, so that batches meet.
minutes = st.integers(0, 20 * 60 * 1000).map(lambda ms: timedelta(milliseconds=ms))
offsets = st.one_of(
    minutes,
    minutes.map(lambda offset: offset + timedelta(hours=2)),
    st.integers(0, 96 + 8).map(lambda quarters: timedelta(minutes=15 * quarters)),
    st.integers(0, 26 * 60 * 60).map(lambda s: timedelta(seconds=s)),
)
instants = offsets.map(lambda offset: START - timedelta(hours=2) + offset)
past = instants.map(lambda instant: min(instant, NOW + timedelta(minutes=4)))


def one_event(
    time: datetime, value: int, subscription: str | None, model: str, region: str, n: int | None
) -> UsageEvent:
    properties = {"model": model, "region": region, "n": n}
    quantity = Decimal(value).scaleb(-3)
    return UsageEvent("calls", "jane", quantity, None, time, {**properties}, subscription)


events = st.builds(
    one_event,
    past,
    st.sampled_from([0, 1, 7, 1_000, 2_500, -3, 10**9]),
    st.sampled_from([None, None, None, *SUBSCRIPTIONS]),
    st.sampled_from(["a", "a", *MODELS]),
    st.sampled_from(["eu", "eu", "us"]),
    st.sampled_from([None, 0, 1, 2, 3, -5]),
)
voids = st.lists(st.integers(0, 39), max_size=3)
batches = st.lists(st.lists(events, min_size=1, max_size=10), min_size=2, max_size=4)


class Stored(NamedTuple):
    """Books with some events in them, and the events in order of arrival."""

    books: Books
    customer: ids.CustomerId
    feature: Feature
    readings: list[Reading]

    @property
    def meter(self) -> Meter:
        assert self.feature.meter is not None
        return self.feature.meter

    def defined(
        self, start: datetime, end: datetime, keep: Callable[[Reading], bool] = lambda _: True
    ) -> Decimal:
        """By definition: what of it is over by now, as part of all of it."""
        meter = self.meter
        until = max(start, min(end, NOW)) if meter.aggregation == "weighted_sum" else end
        values = list(self.values(keep))
        return aggregate(
            meter.aggregation,
            values,
            start,
            until,
            level=meter.level,
            per=meter.per,
            whole=Period(start, end),
        ).quantity

    def values(self, keep: Callable[[Reading], bool]) -> Iterator[tuple[datetime, Value]]:
        read = member_of if self.meter.aggregation == "unique" else value_of
        for reading in self.readings:
            value = read(self.meter, reading) if keep(reading) else None
            if value is not None:
                yield reading.time, value


def stored(
    books: Books,
    meter: Meter,
    sent: Sequence[Sequence[UsageEvent]],
    known_after: int,
    voided: Sequence[int],
) -> Stored:
    """Store batches, every third event twice; the feature becomes known after some of them.

    Those of the events that `voided` numbers are voided, the first of them in between.
    """
    jane, feature = books.customer("jane"), None
    gone: set[str | None] = set()
    keyed = [
        [replace(event, key=f"{i}-{j}") for j, event in enumerate(batch)]
        for i, batch in enumerate(sent)
    ]
    for i, batch in enumerate(keyed):
        if i == known_after:
            feature = books.feature("calls", meter)
        again = [event for other in keyed[: i + 1] for event in other][::3]
        books.run(lambda work, batch=[*batch, *again]: record(work, batch))  # type: ignore[misc]  # the default binds the loop's value
        if not i and voided:
            void(books, gone := {keyed[0][voided[0] % len(keyed[0])].key})
    feature = feature or books.feature("calls", meter)
    events = [event for batch in keyed for event in batch]
    later = {events[number % len(events)].key for number in voided[1:]} - gone
    void(books, later)
    arrived = [stamp(event, NOW) for event in events if event.key not in gone | later]
    return Stored(books, jane.id, feature, arrived)


def void(books: Books, keys: Iterable[str | None]) -> None:
    """Take events back."""
    for key in keys:
        books.run(lambda work, key=str(key): usage.void(work, key, reason="wrong"))  # type: ignore[misc]  # the default binds the loop's value


class Case(NamedTuple):
    """What happens, and which period is asked for then."""

    sent: list[list[UsageEvent]]
    edges: tuple[datetime, datetime]
    known_after: int
    voided: list[int]
    anew: tuple[datetime, datetime] | None
    zone: str


cases = st.builds(
    Case,
    batches,
    st.tuples(instants, instants),
    st.sampled_from([0, 0, 0, 1, 9]),
    voids,
    st.none() | st.tuples(past, past),
    st.sampled_from(ZONES),
)


@pytest.mark.parametrize("meter", METERS, ids=lambda meter: f"{meter.aggregation}-{meter.per}")
@settings(max_examples=25)
@given(case=cases)
def test_rollups_say_what_the_events_say(
    new_books: Callable[[], Books], meter: Meter, case: Case
) -> None:
    compare(new_books(), meter, case)


@settings(max_examples=25)
@given(meter=st.sampled_from(METERS), case=cases)
def test_rollups_on_a_server_say_so_too(
    books_on_a_server: Callable[[], Books], meter: Meter, case: Case
) -> None:
    compare(books_on_a_server(), meter, case)


def compare(books: Books, meter: Meter, case: Case) -> None:
    """Whatever is read of the usage is what the events come to."""
    sent, edges, known_after, voided, anew, zone = case
    start, end = sorted(edges)
    it = stored(books, meter, sent, known_after, voided)
    whole = Period(START - DAY, NOW + DAY)
    found = it.books.run(lambda work: quantity_in(work, it.customer, it.feature, whole))
    assert found == it.defined(whole.start, whole.end)
    if anew is not None:
        first, last = sorted(micros(at) // HOUR_US for at in anew)
        it.books.run(lambda work: rebuild(work, it.feature, (first, last + 1), it.customer))
    named = SUBSCRIPTIONS[1]

    def read(work: SqlWork) -> list[Decimal]:
        of = work, it.customer, it.feature, Period(start, end)
        return [
            quantity_in(*of),
            quantity_in(*of, ""),
            quantity_in(*of, named, "customer"),
            quantity_in(*of, named, "named"),
        ]

    assert it.books.run(read) == [
        it.defined(start, end),
        it.defined(start, end, lambda reading: reading.subscription is None),
        it.defined(start, end, lambda reading: reading.subscription in {None, named}),
        it.defined(start, end, lambda reading: reading.subscription == named),
    ]
    asked = partial(query, customer="jane", feature="calls", start=start, end=end, time_zone=zone)
    hours = it.books.run(partial(asked, window="hour"))
    for rows in (hours, it.books.run(partial(asked, window="day"))):
        assert [row.quantity for row in rows] == [it.defined(row.start, row.end) for row in rows]
    if meter.dimensions:
        groups = it.books.run(partial(asked, window="hour", group_by="model"))
        told = {(row.start, row.group["model"]): row.quantity for row in groups}
        for row in hours:
            for model in MODELS:
                expected = it.defined(row.start, row.end, partial(is_of, model))
                assert told.get((row.start, model), 0) == expected


def is_of(model: str, reading: Reading) -> bool:
    return reading.properties["model"] == model
