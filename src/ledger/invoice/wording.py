"""What invoices say: descriptions of lines that a customer understands, and dates. Pure, en_US."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from ledger.plan.feature import Feature
from ledger.plan.model import Plan
from ledger.plan.price import Price
from ledger.rating.wording import quantity_text
from ledger.types.exact import Ratio, normalised
from ledger.types.period import Period
from ledger.types.zone import local_date

_DAY = timedelta(days=1)


class Used(NamedTuple):
    """Usage in the unit that is metered, and in the one that is priced, if that is another."""

    quantity: Decimal
    converted: Ratio | None = None


_REST = " (the rest)"


def fee_text(
    plan: Plan, price: Price, feature: Feature | None, period: Period, *, rest: bool = False
) -> str:
    """A price without a quantity: `Pro — Jan 1 to Jan 31, 2026`. `rest`: what was left of it."""
    name = price.name or (_subject(feature.name) if feature else plan.name)
    return f"{name} — {fee_dates(period)}{_REST if rest else ''}"


def licensed_text(
    price: Price, feature: Feature, quantity: Decimal, period: Period, *, rest: bool = False
) -> str:
    """A quantity that the subscription keeps: `Seats: 5 seats — Jan 1 to Jan 31, 2026`."""
    return f"{_counted(price, feature, quantity)} — {fee_dates(period)}{_REST if rest else ''}"


def usage_text(price: Price, feature: Feature, used: Used, period: Period) -> str:
    """What was used: `API calls: 12,345 calls — Jan 1 to Jan 31, 2026`.

    With a conversion: `API calls: 12,345 calls, billed as 13 thousand calls — …`.
    """
    name = price.name or _subject(feature.name)
    return f"{name}: {_used(feature, used)} — {usage_dates(period)}"


def late_usage_text(price: Price, feature: Feature, used: Used, period: Period) -> str:
    """What came in late: `API calls, reported late: 45 calls — Jan 1 to Jan 31, 2026`."""
    name = f"{price.name or _subject(feature.name)}, reported late"
    return f"{name}: {_used(feature, used)} — {usage_dates(period)}"


def fee_dates(period: Period) -> str:
    """The local days that are paid for. The day of the end is the first that is not."""
    return _dates(period.start_date, max(period.start_date, period.end_date - _DAY))


def usage_dates(period: Period) -> str:
    """The local days on which usage counts, the day of an end within a day among them."""
    return _dates(period.start_date, period.last_date)


def day_text(instant: datetime, zone: str) -> str:
    """The local day of an instant: `Jan 31, 2026`."""
    return _day(local_date(instant, zone))


def number_text(quantity: Decimal) -> str:
    """A quantity with its thousands apart: `12,345.5`."""
    return f"{normalised(quantity):,f}"


def _counted(price: Price, feature: Feature, quantity: Decimal) -> str:
    return f"{price.name or _subject(feature.name)}: {quantity_text(quantity, feature.unit)}"


def _used(feature: Feature, used: Used) -> str:
    metered = quantity_text(used.quantity, feature.unit)
    if used.converted is None or feature.conversion is None:
        return metered
    return f"{metered}, billed as {quantity_text(used.converted, feature.conversion.unit)}"


def _subject(name: str) -> str:
    """A name at the beginning of a line; a key may be written in lower case."""
    return name[:1].upper() + name[1:]


def _dates(first: date, last: date) -> str:
    if first == last:
        return _day(first)
    start = _day(first).removesuffix(f", {last.year}")
    return f"{start} to {_day(last)}"


def _day(day: date) -> str:
    return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"


# Not strftime: that writes the months of the machine's locale.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
