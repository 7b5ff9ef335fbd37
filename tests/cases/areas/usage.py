"""aggregation."""

from collections.abc import Iterator
from datetime import datetime

from ledger.meter.acceptance import member_of, stamp, value_of
from ledger.meter.aggregation import Value, aggregate
from ledger.meter.model import UsageEvent
from ledger.plan.conversion import Conversion
from ledger.plan.feature import AGGREGATIONS, Meter
from ledger.types.exact import Exact, decimal_text, to_digits
from ledger.types.quantity import quantity
from ledger.types.zone import parse_instant
from tests.cases.translation import Given, Result, UnknownError

FRACTION_DIGITS = 9


def aggregation(given: Given) -> Result:
    if given["aggregation"] not in AGGREGATIONS:
        raise UnknownError("aggregation", given["aggregation"])
    start, end = (parse_instant(given["period"][side]) for side in ("start", "end"))
    carry = quantity(given["carry"], what="carry") if "carry" in given else None
    meter = _meter(given)
    done = aggregate(
        meter.aggregation, _readings(given, meter, end), start, end, carry, per=meter.per
    )
    result: Result = {"quantity": _text(done.quantity)}
    if done.level is not None:
        result["level"] = _text(done.level)
    if "conversion" in given:
        result["billable"] = _text(_conversion(given["conversion"]).convert(done.quantity))
    return result


def _meter(given: Given) -> Meter:
    kind = given["aggregation"]
    return Meter("used", kind, property=None if kind == "count" else "value", per=given.get("unit"))


def _readings(given: Given, meter: Meter, now: datetime) -> Iterator[tuple[datetime, Value]]:
    """Each event as the meter reads it."""
    for event in given["events"]:
        used = UsageEvent(
            event="used",
            customer="somebody",
            time=parse_instant(event["at"]),
            properties={"value": event["value"]},
        )
        reading = stamp(used, now)
        value = (
            member_of(meter, reading) if meter.aggregation == "unique" else value_of(meter, reading)
        )
        if value is not None:
            yield reading.time, value


def _conversion(given: Given) -> Conversion:
    return Conversion(
        given["operation"], given["factor"], given.get("rounding", "none"), given.get("digits", 0)
    )


def _text(value: Exact) -> str:
    """The number, rounded where it has no last digit."""
    text = decimal_text(value)
    return decimal_text(to_digits(value, FRACTION_DIGITS)) if "/" in text else text
