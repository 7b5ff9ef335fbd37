"""What the areas share: how JSON names dates, anchors and numbers, and how results are written."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from ledger.types.period import Anchor, Calendar, Interval, Schedule
from ledger.types.zone import local_date, midnight, parse_instant

Given = Mapping[str, Any]
"""An input. JSON as it comes, because what is wrong in it must be refused by Ledger, not here."""

Result = dict[str, Any]
"""An answer in the words of `expected`: ints, booleans, texts, lists and objects."""


class UnknownError(Exception):
    """A case asks for an area, or a kind inside of one, that there is no translation for."""

    def __init__(self, what: str, name: object) -> None:
        super().__init__(f"unknown {what} {name!r}")


def zone_of(given: Given) -> str:
    """The time zone of a case."""
    zone: str = given.get("time_zone", "UTC")
    return zone


def moment(text: str, zone: str) -> datetime:
    """An instant as it is, a date as its local midnight."""
    return parse_instant(text) if "T" in text else midnight(date.fromisoformat(text), zone)


def schedule_of(given: Given, start: datetime) -> Schedule:
    """The periods that begin at `start`."""
    return Schedule(start, calendar_of(given, start))


def calendar_of(given: Given, near: datetime) -> Calendar:
    """The boundaries of a case's anchor, which is the date of `near` if it names none."""
    zone, interval = zone_of(given), Interval(**given["interval"])
    anchor = Anchor.of(_anchor(given.get("anchor")), local_date(near, zone), zone, interval)
    return Calendar(anchor, interval, zone)


def _anchor(given: Given | None) -> int | date | datetime | None:
    match given:
        case None:
            return None
        case {"day": int(day)}:
            return day
        case {"date": str(day)}:
            return date.fromisoformat(day)
        case {"instant": str(instant)}:
            return parse_instant(instant)
        case _:
            raise UnknownError("anchor", given)
