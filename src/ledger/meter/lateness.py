"""Lateness: from when to when an event may be, and the sentence for one that is outside.

Source: SEMANTICS §6: up to 5 minutes ahead, and 3 periods back.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from ledger.meter.model import Reading, ServiceTimes, StoredEvent
from ledger.meter.ports import UsageWork
from ledger.types.ids import CustomerId
from ledger.types.period import Anchor, Calendar, Interval
from ledger.types.zone import instant_text, local_date

AHEAD = timedelta(minutes=5)

# Not even three days of a zone that skips one are over by then, so nothing has to be looked up.
_NEVER_LATE = timedelta(days=1)
_MONTH = Interval("month")


class Bounds:
    """What is too early and too late for the events of one batch.

    Billing periods and zones are looked up for those events only that are old enough to matter.
    """

    def __init__(
        self,
        work: UsageWork,
        readings: Sequence[Reading | StoredEvent],
        customers: Mapping[str, CustomerId],
        periods: int,
    ) -> None:
        self._work, self._now, self._periods = work, work.now, periods
        self._latest, self._fresh = work.now + AHEAD, work.now - _NEVER_LATE
        old = {
            customers[reading.customer]
            for reading in readings
            if reading.time < self._fresh and reading.customer in customers
        }
        self._services = work.usage.schedules(sorted(old)) if old else {}
        self._earliest: dict[CustomerId | None, datetime] = {}

    def refusal(self, time: datetime, customer: CustomerId | None) -> str | None:
        """Why an event of that time is not taken; None if it is."""
        if time > self._latest:
            return (
                f"in_the_future: the event is of {instant_text(time)}, and events are taken up to"
                f" {instant_text(self._latest)}"
            )
        if time >= self._fresh:
            return None
        earliest = self._bound(customer)
        if time >= earliest:
            return None
        return (
            f"too_late: the event is of {instant_text(time)}, and events of this customer are taken"
            f" back to {instant_text(earliest)}, {self._periods} periods ago"
        )

    def _bound(self, customer: CustomerId | None) -> datetime:
        bound = self._earliest.get(customer)
        if bound is None:
            bound = self._earliest[customer] = self._look_up(customer)
        return bound

    def _look_up(self, customer: CustomerId | None) -> datetime:
        services = self._services.get(customer, []) if customer is not None else []
        if customer is None or services:
            return earliest_of(services, self._now, self._periods)
        zone = self._work.customers.get(customer).time_zone
        return earliest_of([], self._now, self._periods, zone)


def earliest_of(
    services: Sequence[ServiceTimes], now: datetime, periods: int, zone: str = "UTC"
) -> datetime:
    """The start of the period that lies `periods` before the current one.

    Of several subscriptions the one that reaches back furthest decides; without any, the calendar
    month in `zone`.
    """
    calendars = [service.schedule.calendar for service in services]
    return min(
        calendar.boundary(calendar.index_at(now) - periods)
        for calendar in calendars or [months(now, zone)]
    )


def months(at: datetime, zone: str) -> Calendar:
    """The calendar months of a zone, counted from the one that holds `at`."""
    day = local_date(at, zone)
    return Calendar(Anchor.on(date(day.year, day.month, 1)), _MONTH, zone)
