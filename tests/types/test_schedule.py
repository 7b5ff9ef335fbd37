"""Schedules: the periods of a subscription, from its start on."""

import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.types.errors import Invalid
from ledger.types.json import decode, encode
from ledger.types.period import Anchor, Calendar, Interval, Period, Schedule, Unit
from ledger.types.zone import from_micros, instant_text, local_date, micros, midnight

UNITS: list[Unit] = ["day", "week", "month", "quarter", "year"]
ZONES = sorted(available_timezones() - {"Factory", "localtime", "posixrules"})
MICROSECOND = timedelta(microseconds=1)

anchors = st.builds(
    Anchor,
    st.integers(1990, 2040),
    st.integers(1, 12),
    st.integers(1, 31),
    st.one_of(st.none(), st.times()),
)
intervals = st.builds(Interval, st.sampled_from(UNITS), st.integers(1, 12))
instants = st.integers(
    micros(datetime(1990, 1, 1, tzinfo=UTC)), micros(datetime(2040, 1, 1, tzinfo=UTC))
).map(from_micros)
schedules = st.builds(
    Schedule, instants, st.builds(Calendar, anchors, intervals, st.sampled_from(ZONES))
)


def monthly(start: str, anchor: Anchor | None = None, zone: str = "UTC") -> Schedule:
    day = date.fromisoformat(start)
    calendar = Calendar(anchor or Anchor.on(day), Interval("month"), zone)
    return Schedule(midnight(day, zone), calendar)


def at(day: str) -> datetime:
    return midnight(date.fromisoformat(day), "UTC")


def dates(period: Period) -> tuple[str, str]:
    return str(period.start_date), str(period.end_date)


STUB = monthly("2025-01-10", Anchor.day(15, near=date(2025, 1, 10)))
WHOLE = monthly("2025-01-10")


def test_the_first_period_runs_from_the_start_to_the_first_boundary_after_it() -> None:
    assert dates(STUB.period_at(at("2025-01-12"))) == ("2025-01-10", "2025-01-15")
    assert dates(STUB.period_at(at("2025-01-15"))) == ("2025-01-15", "2025-02-15")
    assert dates(STUB.period(0)) == ("2025-01-10", "2025-01-15")
    assert dates(STUB.period(2)) == ("2025-02-15", "2025-03-15")


def test_a_stub_is_measured_by_its_anchored_period() -> None:
    assert dates(STUB.anchored_at(at("2025-01-12"))) == ("2024-12-15", "2025-01-15")
    assert dates(STUB.anchored_at(at("2025-01-15"))) == ("2025-01-15", "2025-02-15")
    assert STUB.is_stub
    assert not WHOLE.is_stub


def test_a_stub_counts_as_one_completed_period() -> None:
    days = ["2025-01-10", "2025-01-14", "2025-01-15", "2025-02-14", "2025-02-15"]
    assert [STUB.completed(at(day)) for day in days] == [0, 0, 1, 1, 2]


def test_boundaries_begin_with_the_start() -> None:
    boundaries = [str(each.date()) for each in islice(STUB.boundaries(), 4)]
    assert boundaries == ["2025-01-10", "2025-01-15", "2025-02-15", "2025-03-15"]


def test_a_schedule_finds_the_boundary_on_either_side() -> None:
    assert STUB.next_boundary(at("2024-01-01")) == at("2025-01-10")
    assert STUB.next_boundary(at("2025-01-10")) == at("2025-01-15")
    assert STUB.next_boundary(at("2025-01-15")) == at("2025-02-15")
    assert STUB.previous_boundary(at("2025-01-11")) == at("2025-01-10")
    assert STUB.previous_boundary(at("2025-01-15")) == at("2025-01-10")
    assert STUB.previous_boundary(at("2025-01-16")) == at("2025-01-15")
    assert STUB.previous_boundary(at("2025-02-15")) == at("2025-01-15")


@pytest.mark.parametrize(
    "question",
    [
        STUB.period_at,
        STUB.anchored_at,
        STUB.completed,
        STUB.previous_boundary,
    ],
)
def test_a_question_about_a_time_before_the_start_is_invalid(
    question: Callable[[datetime], object],
) -> None:
    with pytest.raises(Invalid, match="is before the start") as refused:
        question(at("2025-01-09"))
    assert refused.value.code == "before_start"


def test_there_is_no_boundary_before_the_start() -> None:
    with pytest.raises(Invalid):
        STUB.previous_boundary(STUB.start)
    with pytest.raises(Invalid):
        STUB.boundary(-1)


def test_a_start_on_the_anchors_date_is_a_whole_period_at_any_time_of_day() -> None:
    morning = datetime(2025, 1, 10, 9, 30, tzinfo=UTC)
    calendar = Calendar(Anchor(2025, 1, 10, time(15)), Interval("month"))
    schedule = Schedule(morning, calendar)
    first = schedule.period_at(morning)
    assert (instant_text(first.start), instant_text(first.end)) == (
        "2025-01-10T09:30:00Z",
        "2025-02-10T15:00:00Z",
    )
    assert not schedule.is_stub
    assert schedule.anchored_at(morning).fraction_of(first) == 1
    assert schedule.completed(datetime(2025, 1, 10, 16, tzinfo=UTC)) == 0


def test_a_start_later_on_the_anchors_date_is_a_whole_period() -> None:
    evening = datetime(2025, 1, 10, 20, tzinfo=UTC)
    schedule = Schedule(evening, Calendar(Anchor(2025, 1, 10), Interval("month")))
    first = schedule.period_at(evening)
    assert first == Period(evening, at("2025-02-10"))
    assert not schedule.is_stub
    assert schedule.anchored_at(evening).fraction_of(first) == 1


def test_a_start_on_the_date_of_another_boundary_is_a_whole_period() -> None:
    schedule = monthly("2025-03-15", Anchor(2025, 1, 15, time(12)))
    assert not schedule.is_stub
    assert instant_text(schedule.boundary(1)) == "2025-04-15T12:00:00Z"


def test_an_anchor_in_the_future_works_backwards() -> None:
    schedule = monthly("2025-04-15", Anchor(2025, 6, 30))
    boundaries = [str(each.date()) for each in islice(schedule.boundaries(), 4)]
    assert boundaries == ["2025-04-15", "2025-04-30", "2025-05-30", "2025-06-30"]


def test_a_day_that_a_zone_skipped_makes_no_boundary_of_its_own() -> None:
    daily = Calendar(Anchor(2011, 12, 28), Interval("day"), "Pacific/Apia")
    schedule = Schedule(midnight(date(2011, 12, 28), "Pacific/Apia"), daily)
    boundaries = list(islice(schedule.boundaries(), 4))
    local = [str(local_date(boundary, "Pacific/Apia")) for boundary in boundaries]
    assert local == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]
    assert schedule.previous_boundary(boundaries[3]) == boundaries[2]
    assert schedule.previous_boundary(boundaries[2]) == boundaries[1]


@given(schedules)
@settings(max_examples=200)
def test_periods_tile_from_the_start_on(schedule: Schedule) -> None:
    boundaries = list(islice(schedule.boundaries(), 6))
    assert boundaries[0] == schedule.start
    for start, end in pairwise(boundaries):
        assert start < end
        period = schedule.period_at(start)
        assert (period.start, period.end) == (start, end)
        assert schedule.period_at(end - MICROSECOND) == period
        assert schedule.next_boundary(start) == end
        assert schedule.previous_boundary(end) == start


@given(schedules, st.timedeltas(timedelta(0), timedelta(days=4000)))
@settings(max_examples=200)
def test_every_instant_from_the_start_on_is_in_one_period(
    schedule: Schedule, later: timedelta
) -> None:
    moment = schedule.start + later
    period = schedule.period_at(moment)
    assert moment in period
    assert period.start >= schedule.start
    assert schedule.period(schedule.completed(moment)) == period


@given(schedules, st.timedeltas(timedelta(0), timedelta(days=4000)))
@settings(max_examples=200)
def test_an_anchored_period_holds_its_period_by_days(schedule: Schedule, later: timedelta) -> None:
    moment = schedule.start + later
    period, anchored = schedule.period_at(moment), schedule.anchored_at(moment)
    assert anchored.start_date <= period.start_date
    assert anchored.end == period.end
    if period.start > schedule.start:
        assert anchored == period


@given(schedules)
@settings(max_examples=200)
def test_only_a_stub_is_less_than_its_anchored_period(schedule: Schedule) -> None:
    first, anchored = schedule.period(0), schedule.anchored_at(schedule.start)
    if anchored.days:
        assert (anchored.fraction_of(first) < 1) == schedule.is_stub


def test_a_schedule_is_a_value() -> None:
    assert monthly("2025-01-10") == WHOLE
    assert WHOLE.is_stub is False  # asking computes something, and leaves the value as it was
    assert hash(monthly("2025-01-10")) == hash(WHOLE)
    assert decode(encode(WHOLE), Schedule) == WHOLE
    assert pickle.loads(pickle.dumps(WHOLE)) == WHOLE  # noqa: S301  our own bytes
    with pytest.raises(AttributeError):
        WHOLE.start = at("2025-01-11")  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]  the point
