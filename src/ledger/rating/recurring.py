"""Recurring prices: which part of which period is due at a boundary, and what it costs. Pure."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from ledger.plan.price import Billing
from ledger.rating.derivation import Proration
from ledger.rating.proration import prorate, proration
from ledger.types.money import Money
from ledger.types.period import Period, Schedule


class Part(msgspec.Struct, frozen=True):
    """A service period, and the whole anchored period that it is a part of, or all of."""

    period: Period
    anchored: Period

    @property
    def proration(self) -> Proration | None:
        """Which part of the anchored period it is, in local days; None when it is all of it."""
        share = proration(self.period, self.anchored)
        return None if share.part == share.whole else share


def boundaries(schedule: Schedule, end: datetime | None, until: datetime) -> Iterator[datetime]:
    """The boundaries that have come by `until`: the start, each next one, and last the end.

    The end is a boundary wherever it falls. A service that ends before it starts has none.
    """
    for boundary in schedule.boundaries():
        if boundary > until or (end is not None and boundary >= end):
            break
        yield boundary
    if end is not None and schedule.start < end <= until:
        yield end


def part_due(
    schedule: Schedule, billing: Billing, boundary: datetime, end: datetime | None = None
) -> Part | None:
    """What a recurring price bills at `boundary`, or nothing. Source: SEMANTICS §3, §9.

    In advance the part that starts there, in arrears the one that ended there. An instant that is
    neither a boundary of `schedule` nor the end bills nothing.
    """
    if billing == "in_advance":
        part = part_at(schedule, boundary, end)
        return part if part and part.period.start == boundary else None
    if boundary <= schedule.start:
        return None
    part = part_at(schedule, schedule.previous_boundary(boundary), end)
    return part if part and part.period.end == boundary else None


def part_at(schedule: Schedule, at: datetime, end: datetime | None = None) -> Part | None:
    """The service period that holds `at`, cut at a known `end`; nothing before the start."""
    if at < schedule.start or (end is not None and at >= end):
        return None
    period = schedule.period_at(at)
    if end is not None and end < period.end:
        period = Period(period.start, end, period.zone)
    return Part(period, schedule.anchored_at(at))


def recurring_lines(
    price: Money,
    schedule: Schedule,
    billing: Billing,
    end: datetime | None,
    as_of: datetime,
) -> list[tuple[Period, Money]]:
    """All that a recurring `price` bills up to and including `as_of`, oldest first.

    Whole periods at the price, parts by local days over their anchored period, each rounded once.
    """
    return [
        (part.period, _charge(price, part))
        for boundary in boundaries(schedule, end, as_of)
        if (part := part_due(schedule, billing, boundary, end))
    ]


def _charge(price: Money, part: Part) -> Money:
    return Money.rounded(prorate(price.amount, part.period, part.anchored), price.currency)
