"""Usage read back: whole quarters from rollups, and events only for edges off a quarter."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from ledger.meter.acceptance import value_of
from ledger.meter.aggregation import merge, quantity_of
from ledger.meter.model import QUARTERS, Quarter, Rollup
from ledger.meter.ports import UsageWork
from ledger.meter.properties import text_of
from ledger.meter.rollup import HOUR_US, QUARTER_US, meter_of
from ledger.plan.feature import Aggregation, Feature
from ledger.types.errors import Invalid
from ledger.types.ids import CustomerId
from ledger.types.json import encode
from ledger.types.period import Period
from ledger.types.zone import from_micros, micros


class Piece(NamedTuple):
    """Usage that no window splits: a quarter of a rollup, or one event of an edge.

    `at` is when it begins, in microseconds; `dimensions` are canonical JSON.
    """

    at: int
    subscription: str
    dimensions: str
    quarter: Quarter


Keep = Callable[[Piece], bool]


def quantity_in(
    work: UsageWork,
    customer: CustomerId,
    feature: Feature,
    period: Period,
    subscription: str | None = None,
    attribution: Literal["customer", "named"] = "customer",
) -> Decimal:
    """What a customer used of a metered feature in a period.

    Of all subscriptions when `subscription` is None. Empty means the events that name none. An id
    means the events that name it and, when its attribution is `customer`, those that name none.
    """
    keep = attributed(subscription, attribution)
    return quantity_of(total_in(work, customer, feature, period, keep))


def total_in(
    work: UsageWork, customer: CustomerId, feature: Feature, period: Period, keep: Keep
) -> Quarter | None:
    """The usage of a period that `keep` lets in, merged, so that more can be merged with it.

    None without any; of a `last` feature the level carried in stands for none.
    """
    total = Total(work, customer, feature, keep)
    for piece in whole_pieces(work, customer, feature, period.start, period.end):
        total.add(piece)
    if meter_of(feature).aggregation == "last" and total.is_empty:
        for piece in levels_before(work, customer, feature, period.start):
            total.add(piece)
    return total.merged()


def attributed(subscription: str | None, attribution: Literal["customer", "named"]) -> Keep:
    """Which pieces are a subscription's."""
    if subscription is None:
        return lambda _: True
    names = {subscription} if attribution == "named" else {subscription, ""}
    return lambda piece: piece.subscription in names


class Total:
    """Adds pieces up as the feature aggregates, those that `keep` lets in.

    The latest of two values of one instant is the one that arrived later. Rollups of different
    subscriptions or dimensions do not tell which that is; then the events do.
    """

    def __init__(self, work: UsageWork, customer: CustomerId, feature: Feature, keep: Keep) -> None:
        self._work, self._customer, self._feature, self._keep = work, customer, feature, keep
        self._aggregation: Aggregation = meter_of(feature).aggregation
        self._sum: Quarter | None = None
        self._is_tied = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was let in."""
        return self._sum is None

    def add(self, piece: Piece) -> None:
        """Add a piece, in any order."""
        if not self._keep(piece) or not piece.quarter.count:
            return
        before, after = self._sum, piece.quarter
        if self._aggregation == "last" and before is not None:
            if before.at == after.at and before.value != after.value:
                self._is_tied = True
            elif before.at is None or (after.at is not None and after.at > before.at):
                self._is_tied = False
        self._sum = merge(self._aggregation, before, after)

    def quantity(self) -> Decimal:
        """What the pieces come to; 0 without any."""
        return quantity_of(self.merged())

    def merged(self) -> Quarter | None:
        """The pieces as one; None without any."""
        if self._is_tied and self._sum is not None and self._sum.at is not None:
            at = micros(self._sum.at)
            for piece in raw(self._work, self._customer, self._feature, at, at + 1):
                if self._keep(piece):
                    self._sum = piece.quarter
            self._is_tied = False
        return self._sum


def whole_pieces(
    work: UsageWork, customer: CustomerId, feature: Feature, start: datetime, end: datetime
) -> Iterator[Piece]:
    """The usage of [start, end) in as few pieces as the store can make of it."""
    first, last = -(-micros(start) // HOUR_US), micros(end) // HOUR_US
    if first >= last:
        yield from pieces(work, customer, feature, start, end)
        return
    begins, ends = from_micros(first * HOUR_US), from_micros(last * HOUR_US)
    yield from pieces(work, customer, feature, start, begins)
    aggregation = meter_of(feature).aggregation
    for key, total in work.usage.totals(aggregation, customer, feature.id, first, last):
        yield Piece(first * HOUR_US, key.subscription, key.dimensions, total)
    yield from pieces(work, customer, feature, ends, end)


def pieces(
    work: UsageWork, customer: CustomerId, feature: Feature, start: datetime, end: datetime
) -> Iterator[Piece]:
    """The usage of [start, end): rollups, and the events of the edges that are off a quarter."""
    begin = micros(start)
    first, last = _widened(work, customer, feature, begin, micros(end))
    whole_first, whole_last = -(-first // QUARTER_US) * QUARTER_US, last // QUARTER_US * QUARTER_US
    if whole_first >= whole_last:
        yield from raw(work, customer, feature, first, last)
        return
    yield from raw(work, customer, feature, first, whole_first)
    rollups = work.usage.rollups(
        customer, feature.id, whole_first // HOUR_US, -(-whole_last // HOUR_US)
    )
    for piece in quarters_of(rollups):
        if whole_first <= piece.at < whole_last:
            yield piece._replace(at=max(piece.at, begin))
    yield from raw(work, customer, feature, whole_last, last)


def _widened(
    work: UsageWork, customer: CustomerId, feature: Feature, first: int, last: int
) -> tuple[int, int]:
    """The range, up to the quarters that hold its edges where nothing counts beyond an edge.

    Who subscribes in the middle of a quarter has rarely used anything before, and then the quarter
    is theirs: its rollup is read instead of all its events.
    """
    outer_first, outer_last = first // QUARTER_US * QUARTER_US, -(-last // QUARTER_US) * QUARTER_US
    if first < last:
        if next(raw(work, customer, feature, outer_first, first), None) is None:
            first = outer_first
        if next(raw(work, customer, feature, last, outer_last), None) is None:
            last = outer_last
    return first, last


def levels_before(
    work: UsageWork, customer: CustomerId, feature: Feature, at: datetime
) -> Iterator[Piece]:
    """The newest values before an instant, at least one of each subscription and dimensions."""
    hour = micros(at) // HOUR_US
    yield from quarters_of(work.usage.rollup_before(customer, feature.id, hour))
    yield from pieces(work, customer, feature, from_micros(hour * HOUR_US), at)


def quarters_of(rollups: Iterable[Rollup]) -> Iterator[Piece]:
    """The quarters of rollups, those that have any."""
    for rollup in rollups:
        key = rollup.key
        for i, quarter in enumerate(rollup.quarters):
            if quarter is not None:
                at = (key.hour * QUARTERS + i) * QUARTER_US
                yield Piece(at, key.subscription, key.dimensions, quarter)


def raw(
    work: UsageWork,
    customer: CustomerId,
    feature: Feature,
    first: int,
    last: int,
    names: Iterable[str] | None = None,
) -> Iterator[Piece]:
    """The events from `first` to before `last` (microseconds) that count, in order of arrival.

    `names` are the properties to keep as dimensions; without them the declared ones.
    """
    if first >= last:
        return
    meter = meter_of(feature)
    kept = tuple(meter.dimensions if names is None else names)
    for event in work.usage.stored(from_micros(first), from_micros(last), customer=customer):
        if event.event != meter.event or event.unmatched is not None:
            continue
        try:
            value = value_of(meter, event)
        except Invalid:
            continue  # it was stored before the feature, which could not count it
        if value is not None:
            values = {name: text_of(event.properties.get(name)) for name in kept}
            dimensions = encode(values).decode() if kept else ""
            quarter = Quarter(1, value, event.time)
            yield Piece(micros(event.time), event.subscription or "", dimensions, quarter)
