"""Schedules: the periods of one subscription, from its start on. Source: SEMANTICS §3."""

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property

import msgspec

from ledger.types.errors import Invalid
from ledger.types.period.calendar import Calendar
from ledger.types.period.period import Period
from ledger.types.zone import instant_text, local_date, utc


class Schedule(msgspec.Struct, frozen=True, dict=True):
    """The periods that begin at `start` and go on at the boundaries of `calendar`.

    The first period runs from the start to the first boundary after it. A boundary later on the
    start's own local date counts as passed, so that a start on the anchor's date is a whole period
    also when the anchor has a time of day. Period 0 is the first.

    Raises:
        Invalid: (`naive_datetime`) the start has no time zone.
    """

    start: datetime
    calendar: Calendar

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "start", utc(self.start))

    def boundary(self, n: int) -> datetime:
        """The start of period `n`: 0 is the schedule's start.

        Raises:
            Invalid: `n` is negative (`before_start`), or too far (`instant_out_of_range`).
        """
        if n < 0:
            raise Invalid(f"period {n} is before the first", code="before_start")
        return self.calendar.boundary(self._first + n) if n else self.start

    def period(self, n: int) -> Period:
        """Period `n`; a stub is as short as it is.

        Raises:
            Invalid: as `boundary`.
        """
        return Period(self.boundary(n), self.boundary(n + 1), self.calendar.zone)

    def period_at(self, at: datetime) -> Period:
        """The period that holds `at`; a stub is as short as it is.

        Raises:
            Invalid: (`before_start`) `at` is before the start.
        """
        return self.period(self.completed(at))

    def anchored_at(self, at: datetime) -> Period:
        """The whole anchored period behind `period_at`: a stub's reaches back before the start.

        Raises:
            Invalid: (`before_start`) `at` is before the start.
        """
        k = self._first + self.completed(at)
        return Period(self.calendar.boundary(k), self.calendar.boundary(k + 1), self.calendar.zone)

    def boundaries(self) -> Iterator[datetime]:
        """The start, and every boundary after it, each later than the one before."""
        last, n = self.start, 0
        yield last
        while True:
            n += 1
            boundary = self.boundary(n)
            if boundary > last:  # a day that a zone skipped has no length
                yield boundary
                last = boundary

    def next_boundary(self, after: datetime) -> datetime:
        """The first boundary later than `after`; before the start that is the start."""
        if utc(after) < self.start:
            return self.start
        return self.period_at(after).end

    def previous_boundary(self, before: datetime) -> datetime:
        """The last boundary earlier than `before`.

        Raises:
            Invalid: (`before_start`) there is none.
        """
        n = self.completed(before)
        while n and self.boundary(n) >= before:
            n -= 1
        boundary = self.boundary(n)
        if boundary >= before:
            raise self._before_start(before)
        return boundary

    def completed(self, at: datetime) -> int:
        """How many periods have ended by `at`, a stub counting as one.

        Raises:
            Invalid: (`before_start`) `at` is before the start.
        """
        if utc(at) < self.start:
            raise self._before_start(at)
        return max(self.calendar.index_at(at) - self._first, 0)

    @property
    def is_stub(self) -> bool:
        """Whether the first period begins on a later local date than its anchored period."""
        zone = self.calendar.zone
        return local_date(self.calendar.boundary(self._first), zone) < local_date(self.start, zone)

    @cached_property
    def _first(self) -> int:
        """The calendar's index of the first period."""
        zone, k = self.calendar.zone, self.calendar.index_at(self.start)
        while local_date(self.calendar.boundary(k + 1), zone) <= local_date(self.start, zone):
            k += 1
        return k

    def _before_start(self, at: datetime) -> Invalid:
        return Invalid(
            f"{instant_text(at)} is before the start, {instant_text(self.start)}",
            code="before_start",
        )
