"""A level by the quarter: told in any batches, rebuilt in parts, and exact at every edge."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.meter import matching
from ledger.meter.levels import Moment, joined, stretch_of
from ledger.meter.model import UsageEvent
from ledger.meter.operations import quantity_in, query, record, total
from ledger.meter.rebuilding import rebuild
from ledger.meter.rollup import HOUR_US, QUARTER_US
from ledger.plan.feature import LEVEL_MODES, LevelMode, Meter
from ledger.types.period import Period
from ledger.types.zone import micros
from tests.meter.books import NOW, Books

START = NOW - timedelta(hours=12)
HOUR = timedelta(hours=1)
QUARTER = 1_000

moments = st.tuples(
    st.integers(0, 20).map(lambda n: QUARTER * QUARTER_US + n * 45_000_000 // 2),
    st.integers(-3, 3).map(Decimal),
)


@pytest.mark.parametrize("mode", LEVEL_MODES)
@given(some=st.lists(moments, min_size=1), more=st.lists(moments, min_size=1))
def test_two_parts_of_a_quarter_come_to_the_whole_or_cannot_be_told_apart(
    mode: LevelMode, some: list[Moment], more: list[Moment]
) -> None:
    one, other = stretch_of(mode, some, QUARTER), stretch_of(mode, more, QUARTER)
    together = joined(mode, one, other, QUARTER)
    assert together in {None, stretch_of(mode, [*some, *more], QUARTER)}
    # In order of time, or out of it without touching: that is when nothing has to be read.
    apart = one.last <= other.first or other.last < one.first
    assert (together is None) == (mode == "set" and not apart)


def used(books: Books, *events: tuple[float, int | str]) -> None:
    """Jane sets a level, hours after the start."""
    sent = [
        UsageEvent("disk", "jane", quantity, time=START + hours * HOUR)
        for hours, quantity in events
    ]
    books.run(lambda work: record(work, sent))


@pytest.mark.parametrize(
    ("meter", "expected"),
    [
        (Meter("disk", "weighted_sum"), "4.5"),
        (Meter("disk", "weighted_sum", per="hour"), "18"),
        (Meter("disk", "weighted_sum", per="second"), "64800"),
        (Meter("disk", "weighted_sum", per="day"), "0.75"),
        (Meter("disk", "weighted_sum", level="change"), "9"),
    ],
)
def test_a_level_lasts_until_the_next(books: Books, meter: Meter, expected: str) -> None:
    books.customer("jane")
    books.feature("disk", meter)
    used(books, (-3, 4), (1, 6))
    used(books, (3, 2))
    found = books.run(lambda work: total(work, "jane", "disk", START, START + 4 * HOUR))
    assert found == Decimal(expected)


def test_nothing_is_known_of_what_is_to_come(books: Books) -> None:
    books.customer("jane")
    books.feature("disk", Meter("disk", "weighted_sum"))
    books.feature("hours", Meter("disk", "weighted_sum", per="hour"))
    used(books, (0, 8))

    def told(feature: str, hours: int) -> Decimal:
        return books.run(lambda work: total(work, "jane", feature, START, START + hours * HOUR))

    assert [told("hours", 12), told("hours", 24)] == [96, 96]
    assert [told("disk", 12), told("disk", 24)] == [8, 4]  # half of the time has come
    books.now = START - HOUR
    assert [told("hours", 12), told("disk", 12)] == [0, 0]


def test_parts_of_a_period_add_up_to_it(books: Books) -> None:
    jane = books.customer("jane")
    feature = books.feature("disk", Meter("disk", "weighted_sum"))
    used(books, (0.1, 3), (2.7, "0.5"), (5, 8))
    whole = Period(START, START + 9 * HOUR)
    cuts = [START, START + 2.71 * HOUR, START + 6 * HOUR, whole.end]

    def parts(part: Period) -> Decimal:
        return books.run(lambda work: quantity_in(work, jane.id, feature, part, whole=whole))

    found = sum(parts(Period(a, b)) for a, b in pairwise(cuts))
    assert abs(found - parts(whole)) <= Decimal("0.000000002")  # each is rounded once


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
@given(values=st.lists(st.tuples(st.integers(0, 6), st.integers(-3, 3)), min_size=1, max_size=9))
def test_an_hour_is_counted_anew_in_parts_of_any_size(
    new_books: Callable[[], Books], chunk: int, values: Sequence[tuple[int, int]]
) -> None:
    """Each part may come between events that are not counted yet: they count when it is done."""
    books = new_books()
    jane, feature = books.customer("jane"), books.feature("disk", Meter("disk", "weighted_sum"))
    used(books, *((minutes / 8, level) for minutes, level in values))
    hour = micros(START) // HOUR_US

    def told() -> list[Decimal]:
        rows = books.run(lambda work: query(work, "jane", "disk", START, START + 2 * HOUR, "hour"))
        return [row.quantity for row in rows]

    before = told()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "CHUNK", chunk)
        books.run(lambda work: rebuild(work, feature, (hour - 1, hour + 2), jane.id))
    assert told() == before
