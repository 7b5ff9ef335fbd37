"""Weighing: the area under a level, put together from quarters of rollups and single events.

A piece of a level lets the level before go on for its `lead` and brings its own `area`, so pieces
of an hour or a month are put together without the events that made them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from ledger.meter.aggregation import merge, merging_of, quantity_of, weighted
from ledger.meter.model import Quarter
from ledger.meter.ports import UsageWork
from ledger.meter.rollup import meter_of
from ledger.meter.usage import Keep, Names, Piece, keeping, level_before, pieces, raw
from ledger.plan.feature import Feature
from ledger.types.exact import CONTEXT
from ledger.types.ids import CustomerId
from ledger.types.period import Period
from ledger.types.zone import micros

Moment = tuple[datetime, Decimal]
Raw = Callable[[int, int], Iterable[Piece]]

_ZERO = Decimal(0)


def weighted_in(
    work: UsageWork,
    customer: CustomerId,
    feature: Feature,
    period: Period,
    names: Names = None,
    whole: Period | None = None,
    pending: Sequence[Moment] = (),
) -> Decimal:
    """The weighted sum of a period, as far as it has come by now: nothing is known of the rest.

    `whole` is what an average is over, by default the period; `pending` are events that arrived
    after all that are stored.
    """
    meter = meter_of(feature)
    over = whole or period
    start, end = micros(period.start), micros(min(period.end, work.now))
    if end <= start:
        return _ZERO
    keep = keeping(names)
    before = level_before(work, customer, feature, period.start, names)
    for time, value in pending:
        if time < period.start:
            before = merge(merging_of(meter), before, Quarter(1, value, time))
    found = [p for p in pieces_of(work, customer, feature, period.start, period.end) if keep(p)]
    found += [
        Piece(micros(time), "", "", Quarter(1, value, time))
        for time, value in pending
        if start <= micros(time) < end
    ]
    area, _ = area_of(
        ordered(work, customer, feature, found, keep), feature, start, end, quantity_of(before)
    )
    return weighted(area, meter.per, micros(over.end) - micros(over.start))


def pieces_of(
    work: UsageWork, customer: CustomerId, feature: Feature, start: datetime, end: datetime
) -> Iterator[Piece]:
    """The pieces of a level in [start, end), as far as that has come."""
    until = min(end, work.now)
    if start < until:
        yield from pieces(work, customer, feature, start, until)


def ordered(
    work: UsageWork, customer: CustomerId, feature: Feature, found: Sequence[Piece], keep: Keep
) -> list[Piece]:
    """The pieces in order of time, so that one follows another.

    Where levels of several subscriptions or dimensions were set in the same quarter, or events are
    pending in it, the quarter does not tell which came first; then its events do.
    """
    by_time = sorted(found, key=lambda piece: piece.at)
    if merging_of(meter_of(feature)) == "sum":
        return by_time  # changes add up in any order
    result: list[Piece] = []
    for together in _overlapping(by_time):
        if len(together) == 1:
            result += together
            continue
        first, last = together[0].at, max(piece.at + piece.width for piece in together)
        events = [piece for piece in raw(work, customer, feature, first, last) if keep(piece)]
        pending = [piece for piece in together if not piece.width]
        result += sorted([*events, *pending], key=lambda piece: piece.at)
    return result


def _overlapping(by_time: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Pieces that share a quarter, together."""
    together: list[Piece] = []
    until = 0
    for piece in by_time:
        if together and piece.at >= until:
            yield together
            together = []
        if not together:
            until = piece.at + max(piece.width, 1)
        together.append(piece)
        if not piece.width and len(together) == 1:
            yield together
            together = []
    if together:
        yield together


def area_of(
    by_time: Iterable[Piece], feature: Feature, start: int, end: int, height: Decimal
) -> tuple[Decimal, Decimal]:
    """The area of [start, end) under these pieces, from a level of `height`, and the level then.

    A piece may stick out at the end, when nothing happens there: what is too much is taken off.
    """
    is_change = merging_of(meter_of(feature)) == "sum"
    area, at = _ZERO, start
    for piece in by_time:
        held = CONTEXT.multiply(height, Decimal(piece.at - at + piece.lead))
        area = CONTEXT.add(area, CONTEXT.add(held, piece.area))
        at = piece.at + piece.width
        value = piece.quarter.value
        height = CONTEXT.add(height, value) if is_change else value
    return CONTEXT.add(area, CONTEXT.multiply(height, Decimal(end - at))), height
