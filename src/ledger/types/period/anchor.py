"""Anchors: the local date, and perhaps time, from which boundaries are counted."""

import datetime as dt
from calendar import monthrange

import msgspec

from ledger.types.errors import Invalid, shown
from ledger.types.period.interval import Interval
from ledger.types.zone import local


class Anchor(msgspec.Struct, frozen=True):
    """A day of a month, which may be one that the month lacks, and a time of day if one is kept.

    `Anchor.day(31, near=date(2025, 2, 10))` stands for 28 February; a month later for 31 March.

    Args:
        year: 1 to 9999.
        month: 1 to 12.
        day_of_month: 1 to 31.
        time: the local time of day of every boundary; `None` is midnight.

    Raises:
        Invalid: (`bad_anchor`) out of these ranges, or a time with a zone of its own.
    """

    year: int
    month: int
    day_of_month: int
    time: dt.time | None = None

    def __post_init__(self) -> None:
        if not (1 <= self.year <= 9999 and 1 <= self.month <= 12 and 1 <= self.day_of_month <= 31):
            raise Invalid(
                f"day {shown(self.day_of_month)} of month {shown(self.month)} of {shown(self.year)}"
                " is no anchor",
                code="bad_anchor",
            )
        if self.time is not None and self.time.tzinfo is not None:
            raise Invalid("the time of an anchor is local, without a zone", code="bad_anchor")

    @classmethod
    def on(cls, date: dt.date) -> "Anchor":
        """The anchor at the beginning of `date`."""
        return cls(date.year, date.month, date.day)

    @classmethod
    def day(cls, day: int, near: dt.date) -> "Anchor":
        """Day `day` of the month of `near`, also if that month is shorter.

        Raises:
            Invalid: (`bad_anchor`) not 1 to 31.
        """
        return cls(near.year, near.month, day)

    @classmethod
    def at(cls, instant: dt.datetime, zone: str) -> "Anchor":
        """The local date and time of day of `instant`; every boundary keeps the time.

        Raises:
            Invalid: no zone (`naive_datetime`), or an unknown one (`unknown_time_zone`).
        """
        wall = local(instant, zone)
        return cls(wall.year, wall.month, wall.day, wall.time().replace(fold=0))

    @classmethod
    def of(
        cls,
        value: int | dt.date | dt.datetime | None,
        start_date: dt.date,
        zone: str = "UTC",
        interval: Interval | None = None,
    ) -> "Anchor":
        """The anchor that a caller means. Source: SEMANTICS §3.

        Args:
            value: `None` for `start_date` itself, an int for that day of its month, a date as it
                is, a datetime for its local date with its time of day.
            start_date: the local date on which the subscription starts or its trial ends.
            zone: the IANA time zone in which a datetime is read.
            interval: what will be counted from it, if that is known: a day of the month needs
                months or longer.

        Raises:
            Invalid: (`bad_anchor`) none of these.
        """
        if value is None:
            return cls.on(start_date)
        if isinstance(value, dt.datetime):
            return cls.at(value, zone)
        if isinstance(value, dt.date):
            return cls.on(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Invalid(
                f"an anchor is a day of the month, a date or an instant, not {shown(value)}",
                code="bad_anchor",
            )
        if interval is not None and interval.days:
            raise Invalid(
                f"day {value} of the month cannot anchor an interval of {interval}; give a date",
                code="bad_anchor",
            )
        return cls.day(value, start_date)

    @property
    def date(self) -> dt.date:
        """The day itself, or the last day of a month that lacks it."""
        return day_in_month(self.year, self.month, self.day_of_month)


def day_in_month(year: int, month: int, day: int) -> dt.date:
    """That day, or the last day of a month that lacks it. `year` is 1 to 9999."""
    # 28 days every month has; the look-up is for the rest.
    return dt.date(year, month, day if day <= 28 else min(day, monthrange(year, month)[1]))
