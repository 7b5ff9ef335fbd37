"""A biller that is right because it is too simple to be wrong, and much too slow.

It knows dates, events and tiers. Months are counted on the calendar, days one by one, usage is
added up from the events and priced unit by unit. It shares no code with what it checks.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
Rate = Callable[[int], Fraction]


@dataclass(frozen=True)
class Tariff:
    """A price: how many months its periods have, when it is billed, what a quantity costs."""

    months: int
    in_advance: bool
    rate: Rate
    metered: bool = False
    quantity: int = 1


@dataclass(frozen=True)
class Service:
    """What is served: from the first day that is billed to before `end`, in a zone.

    Periods begin on `anchor_day` of a month, or on the last day of one that is shorter.
    """

    first: date
    end: date | None
    anchor_day: int
    zone: str


@dataclass(frozen=True)
class Use:
    at: datetime
    quantity: int


def bill(service: Service, tariffs: list[Tariff], uses: list[Use], today: date) -> int:
    """All that is to be paid by `today`, in minor units."""
    return sum(_bill(service, tariff, uses, today) for tariff in tariffs)


def _bill(service: Service, tariff: Tariff, uses: list[Use], today: date) -> int:
    total = 0
    for start, end in _periods(service, tariff.months, today):
        days = [day for day in _days(start, end) if _is_served(service, day)]
        if not days:
            continue
        billed_on = days[0] if tariff.in_advance else days[-1] + DAY
        if billed_on > today:
            continue
        if tariff.metered:
            used = sum(use.quantity for use in uses if _day_of(use.at, service.zone) in days)
            total += _round(tariff.rate(used))
        else:
            share = Fraction(len(days), len(list(_days(start, end))))
            total += _round(tariff.rate(tariff.quantity) * share)
    return total


def _periods(service: Service, months: int, until: date) -> Iterator[tuple[date, date]]:
    """All anchored periods that begin by `until`, and one or more before the service."""
    k = -1
    while (start := _boundary(service, k * months)) <= until:
        yield start, _boundary(service, (k + 1) * months)
        k += 1


def _boundary(service: Service, months: int) -> date:
    """The anchor day, so many months after the month in which the service begins."""
    index = service.first.year * 12 + service.first.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(service.anchor_day, monthrange(year, month)[1]))


def _days(start: date, end: date) -> Iterator[date]:
    while start < end:
        yield start
        start += DAY


def _is_served(service: Service, day: date) -> bool:
    return service.first <= day and (service.end is None or day < service.end)


def _day_of(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def midnight_of(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(0), ZoneInfo(zone))


def _round(amount: Fraction) -> int:
    return int(amount + Fraction(1, 2))  # nothing here is below zero


# --- What a quantity costs, unit by unit --------------------------------------


def flat(amount: int) -> Rate:
    return lambda _: Fraction(amount)


def each(unit: Fraction) -> Rate:
    return lambda used: sum((unit for _ in range(used)), Fraction(0))


def graduated(limit: int, below: Fraction, above: Fraction) -> Rate:
    def cost(used: int) -> Fraction:
        units = (below if number <= limit else above for number in range(1, used + 1))
        return sum(units, Fraction(0))

    return cost


def volume(limit: int, below: Fraction, above: Fraction) -> Rate:
    return lambda used: (below if used <= limit else above) * used


def packages(amount: int, size: int) -> Rate:
    return lambda used: sum((Fraction(amount) for _ in range(0, used, size)), Fraction(0))


def stairs(limit: int, below: int, above: int) -> Rate:
    return lambda used: Fraction(0 if not used else below if used <= limit else above)
