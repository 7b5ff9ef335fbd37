"""aggregation."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from ledger.meter.acceptance import stamp, value_of
from ledger.meter.aggregation import Conversion, aggregate
from ledger.meter.model import UsageEvent
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
    done = aggregate(given["aggregation"], _readings(given, end), start, end, carry)
    result: Result = {"quantity": _text(done.quantity)}
    if done.level is not None:
        result["level"] = _text(done.level)
    if "conversion" in given:
        result["billable"] = _text(_conversion(given["conversion"]).convert(done.quantity))
    return result


def _readings(given: Given, now: datetime) -> Iterator[tuple[datetime, Decimal]]:
    """Each event as a meter of this aggregation reads it."""
    kind = given["aggregation"]
    meter = Meter("used", kind, property=None if kind == "count" else "value")
    for event in given["events"]:
        used = UsageEvent(
            event="used",
            customer="somebody",
            time=parse_instant(event["at"]),
            properties={"value": event["value"]},
        )
        reading = stamp(used, now)
        value = value_of(meter, reading)
        if value is not None:
            yield reading.time, value


def _conversion(given: Given) -> Conversion:
    factor = quantity(given["factor"], what="factor")
    return Conversion(
        given["operation"], factor, given.get("rounding", "none"), given.get("digits", 0)
    )


def _text(value: Exact) -> str:
    """The number, rounded where it has no last digit."""
    text = decimal_text(value)
    return decimal_text(to_digits(value, FRACTION_DIGITS)) if "/" in text else text
