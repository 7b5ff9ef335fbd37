"""Intervals: units of the calendar, how many of them, and which fit into which."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.types.errors import Invalid
from ledger.types.period import Anchor, Calendar, Interval, Unit

UNITS: list[Unit] = ["day", "week", "month", "quarter", "year"]
intervals = st.builds(Interval, st.sampled_from(UNITS), st.integers(1, 24))


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("month", Interval("month")),
        ("1 month", Interval("month")),
        ("2 weeks", Interval("week", 2)),
        ("2 week", Interval("week", 2)),
        ("90 days", Interval("day", 90)),
        ("quarter", Interval("quarter")),
        ("1000 years", Interval("year", 1000)),
        (Interval("day", 3), Interval("day", 3)),
    ],
)
def test_an_interval_is_read_as_people_say_it(text: str | Interval, interval: Interval) -> None:
    assert Interval.of(text) == interval


@given(intervals)
def test_an_interval_reads_back(interval: Interval) -> None:
    assert Interval.of(str(interval)) == interval


@pytest.mark.parametrize(
    "text",
    [
        "", "months", "monthly", "fortnight", "0 days", "-1 day", "1001 days", "2  weeks", "week 2",
        "1.5 months", "2weeks", "MONTH", "٢ weeks", "999999 days",
        "9" * 5000 + " days", None, 3, ["month"],
    ],
)  # fmt: skip
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        Interval.of(text)
    assert refused.value.code == "bad_interval"


@pytest.mark.parametrize(
    ("unit", "count"),
    [
        ("month", 0), ("month", -1), ("month", True), ("month", 1.0), ("month", 1001), ("hour", 1),
        (["day"], 1),
    ],
)  # fmt: skip
def test_an_interval_is_checked_at_birth(unit: Unit, count: int) -> None:
    with pytest.raises(Invalid):
        Interval(unit, count)


def test_an_interval_of_a_huge_count_is_refused_in_a_short_sentence() -> None:
    with pytest.raises(Invalid, match="with 20001 bits"):
        Interval("day", 1 << 20_000)


@pytest.mark.parametrize(
    ("part", "whole", "divides"),
    [
        ("month", "month", True),
        ("month", "quarter", True),
        ("month", "year", True),
        ("3 months", "quarter", True),
        ("quarter", "3 months", True),
        ("quarter", "year", True),
        ("2 months", "year", True),
        ("5 months", "year", False),
        ("2 months", "quarter", False),
        ("year", "month", False),
        ("day", "week", True),
        ("7 days", "week", True),
        ("week", "14 days", True),
        ("2 days", "week", False),
        ("day", "month", True),
        ("week", "month", False),
        ("week", "year", False),
        ("month", "30 days", False),
    ],
)
def test_an_interval_divides_another(part: str, whole: str, divides: bool) -> None:
    assert Interval.of(part).divides(Interval.of(whole)) is divides


@given(intervals, intervals, st.integers(1, 31), st.integers(-20, 20))
def test_dividing_means_that_boundaries_coincide(
    part: Interval, whole: Interval, day: int, k: int
) -> None:
    anchor = Anchor.day(day, near=date(2024, 2, 10))
    if part.divides(whole):
        boundary = Calendar(anchor, whole, "Europe/Berlin").boundary(k)
        assert Calendar(anchor, part, "Europe/Berlin").is_boundary(boundary)
