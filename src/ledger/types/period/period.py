"""Periods: half-open stretches of time, counted in local days or in seconds."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Literal, TypeAlias

import msgspec

from ledger.types.errors import Invalid
from ledger.types.zone import instant_text, local_date, micros, utc, zone

Measure: TypeAlias = Literal["day", "second"]

_SECOND = 10**6
_MICROSECOND = timedelta(microseconds=1)


class Period(msgspec.Struct, frozen=True):
    """From `start` up to, and without, `end`, as days of `zone` count.

    Args:
        start: the first instant, kept in UTC.
        end: the first instant after it, kept in UTC; `start` itself makes an empty period.
        zone: the IANA time zone whose dates count.

    Raises:
        Invalid: an end before the start (`bad_period`), no time zone (`naive_datetime`), or an
            unknown one (`unknown_time_zone`).
    """

    start: datetime
    end: datetime
    zone: str = "UTC"

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "start", utc(self.start))
        msgspec.structs.force_setattr(self, "end", utc(self.end))
        zone(self.zone)
        if self.end < self.start:
            raise Invalid(f"the period {self} ends before it starts", code="bad_period")

    def __contains__(self, at: datetime) -> bool:
        return self.start <= utc(at) < self.end  # adjacent periods share no instant

    def contains_period(self, part: "Period") -> bool:
        """Whether all of `part` is within."""
        return self.start <= part.start and part.end <= self.end

    def intersect(self, other: "Period") -> "Period | None":
        """What both have in common, by this one's zone; `None` if that is no time at all."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end, self.zone) if start < end else None

    @property
    def start_date(self) -> date:
        """The local date of its start."""
        return local_date(self.start, self.zone)

    @property
    def end_date(self) -> date:
        """The local date of its end, the first that is not covered when it ends at midnight."""
        return local_date(self.end, self.zone)

    @property
    def last_date(self) -> date:
        """The local date of its last instant; an empty period's is that of its start."""
        return local_date(max(self.start, self.end - _MICROSECOND), self.zone)

    @property
    def days(self) -> int:
        """Local dates from start to end. The days of adjacent periods add up."""
        return (self.end_date - self.start_date).days

    @property
    def seconds(self) -> int:
        """Whole seconds of the clock from start to end. Those of adjacent periods add up."""
        return _second(self.end) - _second(self.start)

    def fraction_of(self, part: "Period", by: Measure = "day") -> Fraction:
        """How much of this period `part` is, exactly; what sticks out of it does not count.

        Source: SEMANTICS §4: whole local days, the day of a change belonging to what comes after;
        or seconds.

        Raises:
            Invalid: (`empty_period`) this period has no day or second to divide by.
        """
        start, end = self._position(part.start, by), self._position(part.end, by)
        return Fraction(end - start, self._length(by))

    def used(self, at: datetime, by: Measure = "day") -> Fraction:
        """How much of it has passed before `at`: 0 on its first day, 1 from its end on.

        Raises:
            Invalid: (`empty_period`) it has no day or second to divide by.
        """
        return Fraction(self._position(utc(at), by), self._length(by))

    def remaining(self, at: datetime, by: Measure = "day") -> Fraction:
        """How much of it is left at `at`, the day of `at` included; 1 - `used`.

        Raises:
            Invalid: (`empty_period`) it has no day or second to divide by.
        """
        return 1 - self.used(at, by)

    def __str__(self) -> str:
        return f"[{instant_text(self.start)}, {instant_text(self.end)}) {self.zone}"

    def _length(self, by: Measure) -> int:
        length = self.days if by == "day" else self.seconds
        if not length:
            raise Invalid(f"the period {self} has no whole {by} to divide by", code="empty_period")
        return length

    def _position(self, at: datetime, by: Measure) -> int:
        """How many days or seconds after the start `at` is, held within the period."""
        if by == "day":
            return min(max((local_date(at, self.zone) - self.start_date).days, 0), self.days)
        return min(max(_second(at) - _second(self.start), 0), self.seconds)


def _second(instant: datetime) -> int:
    return micros(instant) // _SECOND
