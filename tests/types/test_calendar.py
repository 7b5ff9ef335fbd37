"""Anchors and calendars: boundaries from (anchor, index), in any zone, without gap or overlap."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.types.errors import Invalid
from ledger.types.period import Anchor, Calendar, Interval, Unit
from ledger.types.zone import from_micros, instant_text, local_date, micros, midnight

UNITS: list[Unit] = ["day", "week", "month", "quarter", "year"]
ZONES = sorted(available_timezones() - {"Factory", "localtime", "posixrules"})

times = st.one_of(st.none(), st.times())
anchors = st.builds(Anchor, st.integers(1960, 2060), st.integers(1, 12), st.integers(1, 31), times)
intervals = st.builds(Interval, st.sampled_from(UNITS), st.integers(1, 12))
calendars = st.builds(Calendar, anchors, intervals, st.sampled_from(ZONES))
instants = st.integers(
    micros(datetime(1900, 1, 1, tzinfo=UTC)), micros(datetime(2100, 1, 1, tzinfo=UTC))
).map(from_micros)


@given(calendars, instants)
@settings(max_examples=300)
def test_every_instant_is_in_exactly_one_period(calendar: Calendar, at: datetime) -> None:
    k = calendar.index_at(at)
    assert calendar.boundary(k) <= at < calendar.boundary(k + 1)
    period = calendar.period_at(at)
    assert (period.start, period.end) == (calendar.boundary(k), calendar.boundary(k + 1))
    assert at in period


@given(calendars, st.integers(-100, 100))
@settings(max_examples=200)
def test_boundaries_never_run_backwards(calendar: Calendar, k: int) -> None:
    before, boundary, after = (calendar.boundary(i) for i in (k - 1, k, k + 1))
    assert before <= boundary <= after
    assert before < after


@given(calendars, st.integers(-100, 100))
@settings(max_examples=200)
def test_a_period_begins_at_its_boundary(calendar: Calendar, k: int) -> None:
    boundary = calendar.boundary(k)
    assert calendar.is_boundary(boundary)
    assert calendar.period_at(boundary).start == boundary
    assert calendar.period_at(boundary - timedelta(microseconds=1)).end == boundary


@pytest.mark.parametrize("day", [1, 29, 31])
def test_months_tile_in_every_zone_there_is(day: int) -> None:
    anchor, month = Anchor(1990, 1, day), Interval("month")
    for zone in ZONES:
        calendar = Calendar(anchor, month, zone)
        boundaries = [calendar.boundary(k) for k in range(0, 600, 7)]
        assert all(before < after for before, after in pairwise(boundaries)), zone
        assert [calendar.index_at(boundary) for boundary in boundaries] == list(range(0, 600, 7))


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00:00Z"),
        ("America/Santiago", date(2024, 9, 8), "2024-09-08T04:00:00Z"),
        ("America/Asuncion", date(2023, 10, 1), "2023-10-01T04:00:00Z"),
        ("Asia/Beirut", date(2024, 3, 31), "2024-03-30T22:00:00Z"),
        ("Africa/Cairo", date(2024, 4, 26), "2024-04-25T22:00:00Z"),
        ("Asia/Tehran", date(2022, 3, 22), "2022-03-21T20:30:00Z"),
    ],
)
def test_a_day_without_midnight_begins_when_the_clock_has_moved(
    zone: str, day: date, begins: str
) -> None:
    calendar = Calendar(Anchor.on(day - timedelta(days=10)), Interval("day"), zone)
    period = calendar.period_at(midnight(day, zone))
    assert instant_text(period.start) == begins
    assert (period.start_date, period.days) == (day, 1)
    assert period.end - period.start == timedelta(hours=23)


def test_a_day_that_a_zone_skipped_has_no_length() -> None:
    calendar = Calendar(Anchor.on(date(2011, 12, 29)), Interval("day"), "Pacific/Apia")
    boundaries = [instant_text(calendar.boundary(k)) for k in range(4)]
    assert boundaries == [
        "2011-12-29T10:00:00Z",
        "2011-12-30T10:00:00Z",
        "2011-12-30T10:00:00Z",
        "2011-12-31T10:00:00Z",
    ]
    assert calendar.index_at(calendar.boundary(1)) == 2


def test_a_minute_that_a_zone_repeats_after_midnight_stays_in_its_period() -> None:
    # Until 2011 the clocks of St. John's went back at 00:01, so the day began, ended and began.
    calendar = Calendar(Anchor.on(date(2010, 11, 1)), Interval("day"), "America/St_Johns")
    begins = midnight(date(2010, 11, 7), "America/St_Johns")
    repeated = begins + timedelta(minutes=30)
    assert local_date(repeated, "America/St_Johns") == date(2010, 11, 6)
    assert calendar.period_at(repeated).start == begins


def test_the_anchor_day_survives_short_months() -> None:
    calendar = Calendar(Anchor.on(date(2024, 1, 31)), Interval("month"))
    days = [str(calendar.boundary(k).date()) for k in range(-2, 5)]
    assert days == [
        "2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30",
        "2024-05-31",
    ]  # fmt: skip


def test_a_leap_day_comes_back_in_leap_years() -> None:
    calendar = Calendar(Anchor.on(date(2024, 2, 29)), Interval("year"))
    days = [str(calendar.boundary(k).date()) for k in range(-4, 5)]
    assert days == [
        "2020-02-29", "2021-02-28", "2022-02-28", "2023-02-28", "2024-02-29", "2025-02-28",
        "2026-02-28", "2027-02-28", "2028-02-29",
    ]  # fmt: skip


def test_an_anchor_on_an_instant_keeps_its_local_time_of_day() -> None:
    at = datetime(2025, 1, 31, 14, 30, tzinfo=UTC)
    calendar = Calendar(Anchor.at(at, "America/New_York"), Interval("month"), "America/New_York")
    assert [instant_text(calendar.boundary(k)) for k in range(3)] == [
        "2025-01-31T14:30:00Z",
        "2025-02-28T14:30:00Z",
        "2025-03-31T13:30:00Z",
    ]


def test_an_anchor_in_a_repeated_hour_is_in_the_first() -> None:
    second = datetime(2025, 10, 26, 1, 30, tzinfo=UTC)  # half past two in Berlin, again
    calendar = Calendar(Anchor.at(second, "Europe/Berlin"), Interval("month"), "Europe/Berlin")
    assert calendar.boundary(0) == second - timedelta(hours=1)


@pytest.mark.parametrize(
    ("value", "anchor"),
    [
        (None, Anchor(2024, 2, 10)),
        (31, Anchor(2024, 2, 31)),
        (date(2023, 5, 6), Anchor(2023, 5, 6)),
        (datetime(2023, 5, 6, 23, 15, tzinfo=UTC), Anchor(2023, 5, 7, time(1, 15))),
    ],
)
def test_an_anchor_is_what_a_caller_means(
    value: int | date | datetime | None, anchor: Anchor
) -> None:
    assert Anchor.of(value, date(2024, 2, 10), "Europe/Berlin", Interval("month")) == anchor


def test_an_anchor_shows_the_day_that_its_month_has() -> None:
    assert Anchor.day(31, near=date(2025, 2, 10)).date == date(2025, 2, 28)
    assert Anchor.day(7, near=date(2025, 2, 10)).date == date(2025, 2, 7)


@pytest.mark.parametrize("value", [0, 32, -1, True, "1", 1.0])
def test_what_is_no_anchor_is_refused(value: int) -> None:
    with pytest.raises(Invalid) as refused:
        Anchor.of(value, date(2024, 2, 10))
    assert refused.value.code == "bad_anchor"


@pytest.mark.parametrize("unit", ["day", "week"])
def test_a_day_of_the_month_anchors_no_days_or_weeks(unit: Unit) -> None:
    with pytest.raises(Invalid, match=f"cannot anchor an interval of {unit}"):
        Anchor.of(15, date(2024, 2, 10), interval=Interval(unit))
    anchor = Anchor.of(date(2024, 2, 15), date(2024, 2, 10), interval=Interval(unit))
    assert anchor == Anchor(2024, 2, 15)


@pytest.mark.parametrize(
    ("year", "month", "day", "at"),
    [
        (0, 1, 1, None), (10_000, 1, 1, None), (2024, 0, 1, None), (2024, 13, 1, None),
        (2024, 1, 0, None), (2024, 1, 32, None), (2024, 1, 1, time(tzinfo=UTC)),
    ],
)  # fmt: skip
def test_an_anchor_is_checked_at_birth(year: int, month: int, day: int, at: time | None) -> None:
    with pytest.raises(Invalid):
        Anchor(year, month, day, at)


def test_a_calendar_wants_a_zone_that_exists() -> None:
    with pytest.raises(Invalid):
        Calendar(Anchor(2024, 1, 1), Interval("month"), "Mars/Olympus")


@pytest.mark.parametrize("interval", [Interval("day"), Interval("month"), Interval("year", 1000)])
@pytest.mark.parametrize("k", [10**7, -(10**7), 10**50])
def test_a_boundary_past_the_ends_of_time_is_invalid(interval: Interval, k: int) -> None:
    with pytest.raises(Invalid) as refused:
        Calendar(Anchor(2024, 1, 1), interval).boundary(k)
    assert refused.value.code == "instant_out_of_range"


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/New_York"])
def test_the_ends_of_time_are_answered_or_invalid(at: datetime, zone: str) -> None:
    calendar = Calendar(Anchor(2024, 1, 31), Interval("month"), zone)
    try:
        assert at in calendar.period_at(at)
    except Invalid as refused:
        assert refused.code == "instant_out_of_range"  # noqa: PT017  either is right


def test_a_question_without_zone_is_refused() -> None:
    calendar = Calendar(Anchor(2024, 1, 31), Interval("month"))
    with pytest.raises(Invalid):
        calendar.index_at(datetime(2024, 1, 1))  # noqa: DTZ001  the mistake that is refused
