"""What a recurring price bills at a boundary: every day of the service once, and no other."""

from datetime import date, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.plan.price import Billing
from ledger.rating.recurring import boundaries, part_at, part_due, recurring_lines
from ledger.types.money import USD
from ledger.types.period import Anchor, Calendar, Interval, Schedule
from ledger.types.zone import midnight, parse_instant
from tests.rating.strategies import schedules


def day(text: str) -> datetime:
    return midnight(date.fromisoformat(text), "UTC")


def monthly(start: str, anchor_day: int) -> Schedule:
    first = date.fromisoformat(start)
    return Schedule(day(start), Calendar(Anchor.day(anchor_day, first), Interval("month")))


def due(
    schedule: Schedule, billing: Billing, at: str, end: str | None = None
) -> tuple[str, str] | None:
    part = part_due(schedule, billing, day(at), None if end is None else day(end))
    if part is None:
        return None
    return part.period.start_date.isoformat(), part.period.end_date.isoformat()


@pytest.mark.parametrize(
    ("billing", "at", "end", "expected"),
    [
        ("in_advance", "2025-01-10", None, ("2025-01-10", "2025-01-15")),  # the stub
        ("in_advance", "2025-01-15", None, ("2025-01-15", "2025-02-15")),
        ("in_advance", "2025-01-15", "2025-01-20", ("2025-01-15", "2025-01-20")),
        ("in_advance", "2025-01-15", "2025-02-15", ("2025-01-15", "2025-02-15")),
        ("in_advance", "2025-01-12", None, None),  # no boundary
        ("in_advance", "2025-01-09", None, None),  # before the start
        ("in_advance", "2025-02-15", "2025-02-15", None),  # nothing starts at the end
        ("in_advance", "2025-02-20", "2025-02-20", None),
        ("in_advance", "2025-03-15", "2025-02-20", None),
        ("in_arrears", "2025-01-10", None, None),  # nothing ended at the start
        ("in_arrears", "2025-01-15", None, ("2025-01-10", "2025-01-15")),
        ("in_arrears", "2025-02-15", None, ("2025-01-15", "2025-02-15")),
        ("in_arrears", "2025-02-20", "2025-02-20", ("2025-02-15", "2025-02-20")),  # the end
        ("in_arrears", "2025-02-15", "2025-02-15", ("2025-01-15", "2025-02-15")),
        ("in_arrears", "2025-01-12", "2025-01-12", ("2025-01-10", "2025-01-12")),
        ("in_arrears", "2025-01-12", None, None),
        ("in_arrears", "2025-03-15", "2025-02-20", None),  # after the end
        ("in_arrears", "2025-01-10", "2025-01-10", None),  # it ended before it began
        ("in_arrears", "2025-01-05", "2025-01-05", None),
    ],
)
def test_a_boundary_bills_one_part(
    billing: Billing, at: str, end: str | None, expected: tuple[str, str] | None
) -> None:
    assert due(monthly("2025-01-10", 15), billing, at, end) == expected


def test_a_part_knows_the_anchored_period_it_is_prorated_on() -> None:
    stub = part_due(monthly("2025-01-10", 15), "in_advance", day("2025-01-10"))
    assert stub is not None
    assert stub.proration is not None
    assert (stub.proration.part, stub.proration.whole) == (5, 31)
    assert stub.anchored.start_date == date(2024, 12, 15)


def test_a_whole_period_is_not_prorated() -> None:
    whole = part_due(monthly("2025-01-15", 15), "in_advance", day("2025-01-15"))
    assert whole is not None
    assert whole.proration is None


def test_a_start_later_on_the_anchors_day_is_a_whole_period() -> None:
    start = parse_instant("2025-01-15T09:30Z")
    schedule = Schedule(start, Calendar(Anchor.on(date(2025, 1, 15)), Interval("month")))
    part = part_due(schedule, "in_advance", start)
    assert part is not None
    assert part.period.start == start
    assert part.proration is None


def test_the_part_at_an_instant_ends_where_the_service_does() -> None:
    schedule, end = monthly("2025-01-10", 15), day("2025-02-20")
    assert part_at(schedule, day("2025-01-09"), end) is None
    assert part_at(schedule, end, end) is None
    last = part_at(schedule, day("2025-02-19"), end)
    assert last is not None
    assert last.period.end == end


def test_the_end_is_the_last_boundary_wherever_it_falls() -> None:
    schedule = monthly("2025-01-10", 15)
    until = day("2026-01-01")
    assert list(boundaries(schedule, day("2025-02-20"), until)) == [
        day("2025-01-10"), day("2025-01-15"), day("2025-02-15"), day("2025-02-20"),
    ]  # fmt: skip  # one line of dates
    assert list(boundaries(schedule, day("2025-01-15"), until)) == [
        day("2025-01-10"), day("2025-01-15"),
    ]  # fmt: skip  # the same
    assert list(boundaries(schedule, day("2025-01-01"), until)) == []
    assert list(boundaries(schedule, None, day("2025-01-09"))) == []
    assert list(boundaries(schedule, day("2025-02-20"), day("2025-02-15")))[-1] == day("2025-02-15")


@pytest.mark.parametrize(
    ("billing", "as_of", "amounts"),
    [
        ("in_advance", "2025-01-09", []),
        ("in_advance", "2025-01-10", [500]),
        ("in_advance", "2025-02-14", [500, 3100]),
        ("in_advance", "2025-02-15", [500, 3100, 554]),  # 5 of 28 days: its end is known
        ("in_advance", "2026-01-01", [500, 3100, 554]),
        ("in_arrears", "2025-01-14", []),
        ("in_arrears", "2025-01-15", [500]),
        ("in_arrears", "2025-02-19", [500, 3100]),
        ("in_arrears", "2025-02-20", [500, 3100, 554]),
        ("in_arrears", "2026-01-01", [500, 3100, 554]),
    ],
)
def test_all_that_is_due_by_a_date(billing: Billing, as_of: str, amounts: list[int]) -> None:
    lines = recurring_lines(
        USD(3100), monthly("2025-01-10", 15), billing, day("2025-02-20"), day(as_of)
    )
    assert [amount for _, amount in lines] == [USD(amount) for amount in amounts]


@given(schedules(), st.integers(1, 24 * 120))
def test_every_instant_of_the_service_is_billed_once(schedule: Schedule, hours: int) -> None:
    end = schedule.start + timedelta(hours=hours)
    for billing in ("in_advance", "in_arrears"):
        lines = recurring_lines(USD(3100), schedule, billing, end, end)
        periods = [period for period, _ in lines]
        assert (periods[0].start, periods[-1].end) == (schedule.start, end)
        assert all(left.end == right.start for left, right in pairwise(periods))


@given(schedules(), st.integers(1, 24 * 120))
def test_in_advance_and_in_arrears_bill_the_same_parts(schedule: Schedule, hours: int) -> None:
    end = schedule.start + timedelta(hours=hours)
    assert recurring_lines(USD(3100), schedule, "in_advance", end, end) == recurring_lines(
        USD(3100), schedule, "in_arrears", end, end
    )


@given(schedules())
def test_what_is_billed_in_arrears_was_billed_in_advance_a_boundary_before(
    schedule: Schedule,
) -> None:
    for start, end in pairwise(islice(schedule.boundaries(), 5)):
        assert part_due(schedule, "in_advance", start) == part_due(schedule, "in_arrears", end)


@given(schedules(), st.integers(0, 24 * 60), st.integers(0, 24 * 60))
def test_what_is_due_by_a_date_is_the_beginning_of_what_is_due_later(
    schedule: Schedule, a: int, b: int
) -> None:
    sooner, later = (schedule.start + timedelta(hours=each) for each in sorted((a, b)))
    lines = recurring_lines(USD(3100), schedule, "in_advance", None, later)
    before = recurring_lines(USD(3100), schedule, "in_advance", None, sooner)
    assert lines[: len(before)] == before
