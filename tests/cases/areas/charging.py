"""recurring, proration."""

from ledger.rating.proration import split_charge
from ledger.rating.recurring import recurring_lines
from ledger.types.money import Money
from ledger.types.period import Period
from tests.cases.translation import Given, Result, moment, schedule_of, zone_of


def recurring(given: Given) -> Result:
    zone = zone_of(given)
    schedule = schedule_of(given, moment(given["start"], zone))
    end = moment(given["end"], zone) if "end" in given else None
    price = Money(given["price"], given["currency"])
    lines = recurring_lines(price, schedule, given["moment"], end, moment(given["as_of"], zone))
    return {
        "lines": [
            {
                "start": period.start_date.isoformat(),
                "end": period.end_date.isoformat(),
                "amount": amount.amount,
            }
            for period, amount in lines
        ],
        "total": Money.sum((amount for _, amount in lines), price.currency).amount,
    }


def proration(given: Given) -> Result:
    zone = zone_of(given)
    price = Money(given["price"], given["currency"])
    anchored, used = _period(given["period"], zone), _period(given["used"], zone)
    split = split_charge(price, anchored, used, given.get("by", "day"))
    return {
        "part": split.part,
        "whole": split.whole,
        "charge": split.charge.amount,
        "credit": split.credit.amount,
    }


def _period(given: Given, zone: str) -> Period:
    return Period(moment(given["start"], zone), moment(given["end"], zone), zone)
