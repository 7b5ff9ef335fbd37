"""Intervals: how long a period is, in days, weeks, months, quarters or years."""

import re
from typing import Literal, TypeAlias, get_args

import msgspec

from ledger.types.errors import Invalid, shown

Unit: TypeAlias = Literal["day", "week", "month", "quarter", "year"]

COUNT_MAX = 1000
"""The largest number of units in an interval."""

_UNITS: tuple[Unit, ...] = get_args(Unit)
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_TEXT = re.compile(r"(?:([0-9]{1,6}) )?([a-z]+?)(s?)")


class Interval(msgspec.Struct, frozen=True):
    """`count` times a unit of the calendar: `Interval("week", 2)` is two weeks.

    Raises:
        Invalid: (`bad_interval`) no such unit, or a count that is not 1 to 1,000.
    """

    unit: Unit
    count: int = 1

    def __post_init__(self) -> None:
        if self.unit not in _UNITS:
            raise _bad(self.unit)
        if type(self.count) is not int or not 1 <= self.count <= COUNT_MAX:
            raise Invalid(
                f"an interval has 1 to {COUNT_MAX:,} {self.unit}s, not {shown(self.count)}",
                code="bad_interval",
            )

    @classmethod
    def of(cls, value: "str | Interval") -> "Interval":
        """The interval that `value` names: `"month"`, `"2 weeks"`, or one itself.

        Raises:
            Invalid: (`bad_interval`) it names none.
        """
        if isinstance(value, Interval):
            return value
        text = _TEXT.fullmatch(value) if isinstance(value, str) else None
        if text is None or (text[3] and not text[1]):
            raise _bad(value)
        for unit in _UNITS:
            if unit == text[2]:
                return cls(unit, int(text[1] or 1))
        raise _bad(value)

    @property
    def days(self) -> int:
        """How many days it is; 0 if it is counted in months."""
        return self.count * _DAYS.get(self.unit, 0)

    @property
    def months(self) -> int:
        """How many months it is; 0 if it is counted in days."""
        return self.count * _MONTHS.get(self.unit, 0)

    def divides(self, other: "Interval") -> bool:
        """Whether every boundary of `other` is one of this too, from any common anchor.

        A month divides a year; a day divides everything; a week does not divide a month.
        """
        if self.days:
            return self.days == 1 or (other.days > 0 and other.days % self.days == 0)
        return other.months > 0 and other.months % self.months == 0

    def __str__(self) -> str:
        return self.unit if self.count == 1 else f"{self.count} {self.unit}s"


def _bad(value: object) -> Invalid:
    return Invalid(
        f"{shown(value)} is not an interval such as 'month' or '2 weeks' (of {', '.join(_UNITS)})",
        code="bad_interval",
    )
