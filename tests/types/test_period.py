"""Periods: half-open, counted in local days, divided exactly."""

import pickle
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.types.errors import Invalid
from ledger.types.json import decode, encode
from ledger.types.period import Measure, Period
from ledger.types.zone import from_micros, micros, midnight

MICROSECOND = timedelta(microseconds=1)


def days(start: str, end: str, zone: str = "UTC") -> Period:
    return Period(
        midnight(date.fromisoformat(start), zone), midnight(date.fromisoformat(end), zone), zone
    )


JUNE = days("2025-06-01", "2025-07-01")

instants = st.integers(
    micros(datetime(2000, 1, 1, tzinfo=UTC)), micros(datetime(2040, 1, 1, tzinfo=UTC))
).map(from_micros)
zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Africa/Cairo"]
)


def test_a_period_is_half_open() -> None:
    assert JUNE.start in JUNE
    assert JUNE.end not in JUNE
    assert JUNE.end - MICROSECOND in JUNE
    assert JUNE.start - MICROSECOND not in JUNE


def test_a_period_keeps_instants_in_utc() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    june = Period(datetime(2025, 6, 1, tzinfo=berlin), datetime(2025, 7, 1, tzinfo=berlin))
    assert june.start.tzinfo is june.end.tzinfo is UTC
    assert june == Period(
        datetime(2025, 5, 31, 22, tzinfo=UTC), datetime(2025, 6, 30, 22, tzinfo=UTC)
    )


def test_a_period_counts_the_days_of_its_zone() -> None:
    march = days("2025-03-01", "2025-04-01", "Europe/Berlin")
    assert (march.start_date, march.end_date, march.last_date) == (
        date(2025, 3, 1),
        date(2025, 4, 1),
        date(2025, 3, 31),
    )
    assert march.days == 31
    assert march.seconds == 31 * 86_400 - 3_600


def test_the_last_date_of_a_period_with_a_time_of_day_is_served() -> None:
    noon = Period(datetime(2025, 1, 30, 12, tzinfo=UTC), datetime(2025, 2, 28, 12, tzinfo=UTC))
    assert (noon.last_date, noon.days) == (date(2025, 2, 28), 29)


def test_an_empty_period_holds_nothing() -> None:
    empty = Period(JUNE.start, JUNE.start)
    assert JUNE.start not in empty
    assert (empty.days, empty.seconds, empty.last_date) == (0, 0, date(2025, 6, 1))
    assert empty.intersect(JUNE) is None
    assert JUNE.fraction_of(empty) == 0


@pytest.mark.parametrize("by", ["day", "second"])
def test_nothing_is_divided_by_an_empty_period(by: Measure) -> None:
    with pytest.raises(Invalid) as refused:
        Period(JUNE.start, JUNE.start).remaining(JUNE.start, by)
    assert refused.value.code == "empty_period"


def test_a_period_does_not_end_before_it_starts() -> None:
    with pytest.raises(Invalid, match=r"\[2025-07-01T00:00:00Z, 2025-06-01T00:00:00Z\) UTC"):
        Period(JUNE.end, JUNE.start)


def test_a_period_wants_instants_and_a_zone() -> None:
    with pytest.raises(Invalid):
        Period(datetime(2025, 6, 1), JUNE.end)  # noqa: DTZ001  the mistake that is refused
    with pytest.raises(Invalid):
        Period(JUNE.start, JUNE.end, "Mars/Olympus")
    with pytest.raises(Invalid):
        assert datetime(2025, 6, 2) not in JUNE  # noqa: DTZ001  the mistake that is refused


@pytest.mark.parametrize(
    ("day", "left"), [(1, Fraction(1)), (16, Fraction(1, 2)), (30, Fraction(1, 30))]
)
def test_the_day_of_a_change_belongs_to_what_comes_after(day: int, left: Fraction) -> None:
    late = datetime(2025, 6, day, 23, 59, tzinfo=UTC)
    assert JUNE.remaining(late) == left
    assert JUNE.used(late) == 1 - left


def test_before_and_after_a_period_all_or_nothing_is_left() -> None:
    assert JUNE.remaining(JUNE.start - timedelta(days=3)) == 1
    assert JUNE.remaining(JUNE.end) == JUNE.remaining(JUNE.end + timedelta(days=3)) == 0


def test_seconds_are_counted_when_asked() -> None:
    noon = datetime(2025, 6, 1, 12, tzinfo=UTC)
    assert JUNE.used(noon, by="second") == Fraction(43_200, 30 * 86_400)
    assert JUNE.remaining(noon, by="second") == Fraction(30 * 86_400 - 43_200, 30 * 86_400)


def test_a_clock_change_counts_in_seconds_but_not_in_days() -> None:
    march = days("2025-03-01", "2025-04-01", "Europe/Berlin")
    first_half = days("2025-03-01", "2025-03-16", "Europe/Berlin")
    assert march.fraction_of(first_half) == Fraction(15, 31)
    assert march.fraction_of(first_half, by="second") == Fraction(15 * 24, 31 * 24 - 1)


def test_what_sticks_out_of_a_period_does_not_count() -> None:
    part = days("2025-05-20", "2025-06-11")
    assert JUNE.fraction_of(part) == JUNE.fraction_of(part, by="second") == Fraction(1, 3)


def test_periods_have_instants_in_common_or_nothing() -> None:
    assert JUNE.intersect(days("2025-06-20", "2025-08-01")) == days("2025-06-20", "2025-07-01")
    assert JUNE.intersect(days("2025-07-01", "2025-08-01")) is None
    assert JUNE.intersect(days("2025-05-01", "2025-08-01")) == JUNE


def test_a_period_contains_what_is_within() -> None:
    assert JUNE.contains_period(JUNE)
    assert JUNE.contains_period(days("2025-06-02", "2025-07-01"))
    assert not JUNE.contains_period(days("2025-06-02", "2025-07-02"))


@given(st.lists(instants, min_size=3, max_size=6, unique=True).map(sorted), zones)
def test_adjacent_periods_add_up(cuts: list[datetime], zone: str) -> None:
    whole = Period(cuts[0], cuts[-1], zone)
    parts = [Period(start, end, zone) for start, end in pairwise(cuts)]
    assert sum(part.days for part in parts) == whole.days
    assert sum(part.seconds for part in parts) == whole.seconds
    if whole.days:
        assert sum(whole.fraction_of(part) for part in parts) == 1


@given(instants, instants, instants, zones, st.sampled_from(["day", "second"]))
def test_used_and_remaining_make_the_whole(
    start: datetime, end: datetime, at: datetime, zone: str, by: Measure
) -> None:
    period = Period(min(start, end), max(start, end) + timedelta(days=2), zone)
    assert period.used(at, by) + period.remaining(at, by) == 1
    assert 0 <= period.used(at, by) <= 1
    if at in period:
        rest = Period(at, period.end, zone)
        assert period.remaining(at, by) == period.fraction_of(rest, by)


def test_a_period_goes_through_json_and_pickle() -> None:
    assert decode(encode(JUNE), Period) == JUNE
    assert pickle.loads(pickle.dumps(JUNE)) == JUNE  # noqa: S301  our own bytes


def test_a_period_reads_as_what_it_is() -> None:
    assert str(JUNE) == "[2025-06-01T00:00:00Z, 2025-07-01T00:00:00Z) UTC"
