"""periods, period_at, timezone_date."""

from datetime import date
from itertools import islice

from ledger.types.period import Anchor, Calendar, Interval, Period
from ledger.types.zone import instant_text, local_date, parse_instant
from tests.cases.translation import Given, Result, calendar_of, moment, schedule_of, zone_of

SECONDS_AN_HOUR = 3_600


def periods(given: Given) -> Result:
    zone = zone_of(given)
    start = moment(given["start"], zone)
    schedule = schedule_of(given, start)
    boundaries = list(islice(schedule.boundaries(), given["count"] + 1))
    return {
        "boundaries": [local_date(boundary, zone).isoformat() for boundary in boundaries],
        "instants": [instant_text(boundary) for boundary in boundaries],
        "stub": schedule.is_stub,
        "anchored_start": schedule.anchored_at(start).start_date.isoformat(),
    }


def period_at(given: Given) -> Result:
    zone = zone_of(given)
    at = moment(given["at"], zone)
    if "start" not in given:
        calendar = calendar_of(given, at)
        return _period(calendar.period_at(at), calendar)
    schedule = schedule_of(given, moment(given["start"], zone))
    period = _period(schedule.period_at(at), schedule.calendar)
    return {**period, "completed": schedule.completed(at)}


def timezone_date(given: Given) -> Result:
    zone = zone_of(given)
    if "instant" in given:
        return {"date": local_date(parse_instant(given["instant"]), zone).isoformat()}
    if "date" in given:
        days = Calendar(Anchor.on(date.fromisoformat(given["date"])), Interval("day"), zone)
        day = days.period_at(days.boundary(0))
        return {"midnight": instant_text(day.start), "hours": day.seconds // SECONDS_AN_HOUR}
    between = Period(parse_instant(given["from"]), parse_instant(given["to"]), zone)
    return {"days": between.days}


def _period(period: Period, calendar: Calendar) -> Result:
    """Dates, or instants where the anchor has a time of day."""
    start, end = instant_text(period.start), instant_text(period.end)
    dated = calendar.anchor.time is None
    return {
        "start": period.start_date.isoformat() if dated else start,
        "end": period.end_date.isoformat() if dated else end,
        "days": period.days,
        "start_instant": start,
        "end_instant": end,
    }
