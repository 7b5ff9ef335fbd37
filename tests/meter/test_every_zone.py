"""Every zone's months and days are the sums of their events, where clocks change above all."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import accumulate, pairwise
from typing import NamedTuple
from zoneinfo import available_timezones

import pytest

from ledger.meter.model import UsageEvent
from ledger.meter.operations import quantity_in, query, record
from ledger.plan.feature import Feature, Meter
from ledger.store.sql.work import SqlWork
from ledger.types import ids
from ledger.types.errors import Invalid
from ledger.types.period import Period
from ledger.types.zone import local_date, micros, midnight
from tests.meter.books import Books

pytestmark = pytest.mark.slow  # all zones there are

DAY = timedelta(days=1)
YEAR = 2025
STEP = timedelta(minutes=13)
"""Events fall on every minute of an hour in turn, so that some are on the edges of any month."""


class Stream(NamedTuple):
    """Books with a year of events; when they were, and their running sums."""

    books: Books
    customer: ids.CustomerId
    feature: Feature
    times: list[int]
    sums: list[int]

    def sum(self, start: datetime, end: datetime) -> int:
        """What the events of [start, end) come to."""
        first, last = (bisect_left(self.times, micros(at)) for at in (start, end))
        return self.sums[last] - self.sums[first]


@pytest.fixture(scope="module")
def stream(new_books: Callable[[], Books]) -> Stream:
    """One year of events, a little more on both sides."""
    books = new_books()
    books.now = datetime(YEAR + 1, 1, 10, tzinfo=UTC)
    start, end = datetime(YEAR - 1, 12, 20, tzinfo=UTC), books.now - 5 * DAY
    many = (end - start) // STEP
    sent = [
        UsageEvent("calls", "jane", 1 + i * 7 % 11, f"k{i}", start + i * STEP) for i in range(many)
    ]
    jane, feature = books.customer("jane"), books.feature("calls", Meter("calls"))
    for i in range(0, many, 10_000):
        part = sent[i : i + 10_000]
        books.run(lambda work, part=part: record(work, part, late_periods=24))  # type: ignore[misc]  # the default binds the loop's value
    times = [micros(event.time) for event in sent if event.time is not None]
    sums = [0, *accumulate(int(event.quantity) for event in sent)]
    return Stream(books, jane.id, feature, times, sums)


def test_every_zones_months_are_the_sums_of_their_events(stream: Stream) -> None:
    """Each month of each zone: some begin or end with a change of the clocks, all have a few."""
    zones = sorted(ledger_zones())
    assert len(zones) > 400
    expected: dict[tuple[datetime, datetime], int] = {}
    for zone in zones:
        firsts = [midnight(date(YEAR + m // 12, m % 12 + 1, 1), zone) for m in range(13)]
        for start, end in pairwise(firsts):
            expected[start, end] = stream.sum(start, end)

    def read(work: SqlWork) -> dict[tuple[datetime, datetime], Decimal]:
        return {
            period: quantity_in(work, stream.customer, stream.feature, Period(*period))
            for period in expected
        }

    assert stream.books.run(read) == expected


def test_every_zones_days_around_a_change_of_its_clocks_are_the_sums_of_their_events(
    stream: Stream,
) -> None:
    """By the query that a person makes: days of 23, 24, 24.5 and 25 hours."""
    checked = set[tuple[datetime, ...]]()
    for zone in sorted(ledger_zones()):
        for day in changes(zone):
            start, end = midnight(day - DAY, zone), midnight(day + 2 * DAY, zone)
            cuts = tuple(midnight(day + n * DAY, zone) for n in (-1, 0, 1, 2))
            if cuts in checked:
                continue
            checked.add(cuts)
            asked = partial(query, customer="jane", feature="calls", start=start, end=end)
            rows = stream.books.run(partial(asked, window="day", time_zone=zone))
            assert [(row.start, row.end) for row in rows] == list(pairwise(cuts))
            for row in rows:
                assert row.quantity == stream.sum(row.start, row.end), (zone, row)
    assert len(checked) > 20


def ledger_zones() -> set[str]:
    """The zones that a customer may live in."""
    known = set[str]()
    for name in available_timezones():
        with suppress(Invalid):
            local_date(datetime(YEAR, 1, 1, tzinfo=UTC), name)
            known.add(name)
    return known


def changes(zone: str) -> Iterator[date]:
    """The days of the year on which clocks in a zone are set to another time."""
    days = [date(YEAR, 1, 1) + n * DAY for n in range(365)]
    midnights = [midnight(day, zone) for day in [*days, date(YEAR + 1, 1, 1)]]
    for day, (start, end) in zip(days, pairwise(midnights), strict=True):
        if end - start != DAY:
            yield day
