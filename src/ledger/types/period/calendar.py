"""Calendars: boundaries counted from an anchor, in both directions. Source: SEMANTICS §3."""

from datetime import date, datetime, time

import msgspec

from ledger.types.errors import Invalid, shown
from ledger.types.period.anchor import Anchor, day_in_month
from ledger.types.period.interval import Interval
from ledger.types.period.period import Period
from ledger.types.zone import instant_of, local_date
from ledger.types.zone import zone as zone_named

_MIDNIGHT = time(0)
_DAY_MAX = date.max.toordinal()


class Calendar(msgspec.Struct, frozen=True):
    """All boundaries of an interval from an anchor, in a time zone.

    Boundary k is the anchor + k intervals, never the previous boundary + 1: a day that a month
    lacks is clamped to its last day, and comes back.

    Raises:
        Invalid: (`unknown_time_zone`).
    """

    anchor: Anchor
    interval: Interval
    zone: str = "UTC"

    def __post_init__(self) -> None:
        zone_named(self.zone)

    def boundary(self, k: int) -> datetime:
        """The instant, in UTC, of boundary `k`; 0 is the anchor's own.

        Raises:
            Invalid: (`instant_out_of_range`) outside the years 1 to 9999.
        """
        return instant_of(self._date(k), self.anchor.time or _MIDNIGHT, self.zone)

    def index_at(self, instant: datetime) -> int:
        """The largest k whose boundary is not after `instant`.

        Raises:
            Invalid: as `boundary`.
        """
        return self._around(instant)[0]

    def period_at(self, instant: datetime) -> Period:
        """The anchored period that holds `instant`.

        Raises:
            Invalid: as `boundary`.
        """
        _, start, end = self._around(instant)
        return Period(start, end, self.zone)

    def is_boundary(self, instant: datetime) -> bool:
        """Whether a period begins at `instant`."""
        return self._around(instant)[1] == instant

    def _around(self, instant: datetime) -> tuple[int, datetime, datetime]:
        """The index of the period that holds `instant`, its start and its end."""
        # Whole intervals between the local dates; clamped days, the time of day and a zone that
        # skips or repeats a day put that off by one or two.
        k = self._estimate(local_date(instant, self.zone))
        start, end = self.boundary(k), self.boundary(k + 1)
        while instant < start:
            k, start, end = k - 1, self.boundary(k - 1), start
        while end <= instant:
            k, start, end = k + 1, end, self.boundary(k + 2)
        return k, start, end

    def _estimate(self, day: date) -> int:
        if self.interval.days:
            return (day - self.anchor.date).days // self.interval.days
        months = (day.year - self.anchor.year) * 12 + day.month - self.anchor.month
        return months // self.interval.months

    def _date(self, k: int) -> date:
        if self.interval.days:
            ordinal = self.anchor.date.toordinal() + k * self.interval.days
            if 1 <= ordinal <= _DAY_MAX:
                return date.fromordinal(ordinal)
        else:
            months = self.anchor.year * 12 + self.anchor.month - 1 + k * self.interval.months
            year, month = divmod(months, 12)
            if 1 <= year <= 9999:
                return day_in_month(year, month + 1, self.anchor.day_of_month)
        raise Invalid(
            f"boundary {shown(k)} of every {self.interval} from {self.anchor.date} is outside the"
            " years 1 to 9999",
            code="instant_out_of_range",
        )
