"""Service periods: intervals, anchors, and what they make of a start. All exact, all half-open."""

from ledger.types.period.anchor import Anchor
from ledger.types.period.calendar import Calendar
from ledger.types.period.interval import Interval, Unit
from ledger.types.period.period import Measure, Period
from ledger.types.period.schedule import Schedule

__all__ = ["Anchor", "Calendar", "Interval", "Measure", "Period", "Schedule", "Unit"]
