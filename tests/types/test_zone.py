"""Instants and local time: exact microseconds, honest about gaps, repeats and the ends of time."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.types.errors import Invalid
from ledger.types.zone import (
    from_micros,
    instant_of,
    instant_text,
    local,
    local_date,
    micros,
    midnight,
    parse_instant,
    utc,
    zone,
)

instants = st.datetimes(timezones=st.just(UTC))
ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Pacific/Kiritimati"]


def test_a_zone_is_found_by_its_iana_name_and_kept() -> None:
    assert zone("Europe/Berlin") is zone("Europe/Berlin")
    assert zone("Europe/Berlin").key == "Europe/Berlin"


@pytest.mark.parametrize(
    "name",
    [
        "", "Mars/Olympus", "Europe", "europe/berlin ", "../etc/passwd", "/etc/passwd", "a\0b",
        "x" * 5000, "localtime", "posixrules", "Factory", "right/Europe/Berlin", "zone.tab",
        "+01:00", None, 7, ["UTC"],
    ],
)  # fmt: skip
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        zone(name)
    assert refused.value.code == "unknown_time_zone"


def test_an_instant_is_the_same_in_utc() -> None:
    noon = datetime(2025, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    assert utc(noon) == datetime(2025, 7, 1, 10, tzinfo=UTC)
    assert utc(noon).tzinfo is UTC


def test_a_datetime_without_zone_is_no_instant() -> None:
    with pytest.raises(Invalid, match="has no time zone") as refused:
        utc(datetime(2025, 7, 1))  # noqa: DTZ001  the mistake that is refused
    assert refused.value.code == "naive_datetime"


@pytest.mark.parametrize(
    "edge",
    [
        lambda: utc(datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))),
        lambda: utc(datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))),
        lambda: local(datetime.max.replace(tzinfo=UTC), "Pacific/Kiritimati"),
        lambda: local_date(datetime.min.replace(tzinfo=UTC), "America/New_York"),
        lambda: midnight(date.min, "Asia/Kolkata"),
        lambda: instant_of(date.max, time.max, "America/New_York"),
        lambda: from_micros(10**18),
        lambda: from_micros(-(10**30)),
        lambda: parse_instant("9999-12-31T23:59:59-01:00"),
    ],
)
def test_the_ends_of_time_are_invalid_and_nothing_worse(edge: Callable[[], object]) -> None:
    with pytest.raises(Invalid) as refused:
        edge()
    assert refused.value.code == "instant_out_of_range"


@pytest.mark.parametrize(
    ("day", "at", "name", "instant"),
    [
        # The clock goes from 2 to 3: half past two is an hour later.
        (date(2025, 3, 30), time(2, 30), "Europe/Berlin", "2025-03-30T01:30:00Z"),
        # It goes back from 3 to 2: the first of two.
        (date(2025, 10, 26), time(2, 30), "Europe/Berlin", "2025-10-26T00:30:00Z"),
        # No midnight: the day begins at one.
        (date(2018, 11, 4), time(0), "America/Sao_Paulo", "2018-11-04T03:00:00Z"),
        (date(2024, 9, 8), time(0), "America/Santiago", "2024-09-08T04:00:00Z"),
        (date(2024, 3, 31), time(0), "Asia/Beirut", "2024-03-30T22:00:00Z"),
        # Two midnights: the first.
        (date(2024, 11, 3), time(0), "America/Havana", "2024-11-03T04:00:00Z"),
        # No 30 December at all: it moves by a day.
        (date(2011, 12, 30), time(0), "Pacific/Apia", "2011-12-30T10:00:00Z"),
        (date(2011, 12, 31), time(0), "Pacific/Apia", "2011-12-30T10:00:00Z"),
        # A gap of half an hour.
        (date(2025, 10, 5), time(2, 15), "Australia/Lord_Howe", "2025-10-04T15:45:00Z"),
    ],
)
def test_a_local_time_is_one_instant(day: date, at: time, name: str, instant: str) -> None:
    assert instant_text(instant_of(day, at, name)) == instant


def test_fold_does_not_choose_the_second_of_two() -> None:
    first = instant_of(date(2025, 10, 26), time(2, 30), "Europe/Berlin")
    assert instant_of(date(2025, 10, 26), time(2, 30, fold=1), "Europe/Berlin") == first


@given(instants, st.sampled_from(ZONES))
def test_a_local_date_begins_at_its_midnight(instant: datetime, name: str) -> None:
    try:
        day = local_date(instant, name)
        begins, ends = midnight(day, name), midnight(day + timedelta(days=1), name)
    except (Invalid, OverflowError):
        return  # the first and last day of time
    assert begins <= instant < ends


def test_a_zone_may_be_given_itself() -> None:
    assert local_date(datetime(2024, 12, 31, 23, tzinfo=UTC), ZoneInfo("Europe/Berlin")) == date(
        2025, 1, 1
    )


@given(instants)
def test_microseconds_are_exact(instant: datetime) -> None:
    assert from_micros(micros(instant)) == instant


@given(st.integers(-(10**16), 10**16))
def test_microseconds_count_from_1970(count: int) -> None:
    assert micros(from_micros(count)) == count
    assert micros(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == 10**6


@given(instants)
def test_an_instant_reads_back(instant: datetime) -> None:
    assert parse_instant(instant_text(instant)) == instant


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2025-01-31T09:00:00Z", datetime(2025, 1, 31, 9, tzinfo=UTC)),
        ("2025-01-31t09:00:00z", datetime(2025, 1, 31, 9, tzinfo=UTC)),
        ("2025-01-31 09:00Z", datetime(2025, 1, 31, 9, tzinfo=UTC)),
        ("2025-01-31T09:00:00+01:00", datetime(2025, 1, 31, 8, tzinfo=UTC)),
        ("2025-01-31T09:00:00-0330", datetime(2025, 1, 31, 12, 30, tzinfo=UTC)),
        ("2025-01-31T09:00:00.5Z", datetime(2025, 1, 31, 9, 0, 0, 500_000, tzinfo=UTC)),
        ("2025-01-31T09:00:00.123456789Z", datetime(2025, 1, 31, 9, 0, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_with_its_offset(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2025-01-31T09:00:00", "naive_datetime"),
        ("2025-01-31", "bad_instant"),
        ("2025-02-30T09:00:00Z", "bad_instant"),
        ("2025-01-31T25:00:00Z", "bad_instant"),
        ("2025-01-31T09:00:60Z", "bad_instant"),
        ("2025-01-31T09:00:00Z ", "bad_instant"),
        ("2025-W05-5T09:00:00Z", "bad_instant"),
        ("٢٠٢٥-01-31T09:00:00Z", "bad_instant"),
        ("yesterday", "bad_instant"),
        ("", "bad_instant"),
        ("2025-01-31T09:00:00+99:00", "bad_instant"),
    ],
)
def test_what_is_no_instant_is_refused(text: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_instant(text)
    assert refused.value.code == code
