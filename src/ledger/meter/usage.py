"""Usage read back: whole quarters from rollups, and events only for edges off a quarter."""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from ledger.meter.acceptance import digest_of, member_of, value_of
from ledger.meter.aggregation import merge, merging_of, quantity_of
from ledger.meter.model import (
    QUARTERS,
    LevelHour,
    Membership,
    Merging,
    Quarter,
    Rollup,
    StoredEvent,
)
from ledger.meter.ports import UsageWork
from ledger.meter.properties import text_of
from ledger.meter.rollup import HOUR_US, QUARTER_US, meter_of
from ledger.plan.feature import Feature
from ledger.types.errors import Invalid
from ledger.types.ids import CustomerId
from ledger.types.json import encode
from ledger.types.period import Period
from ledger.types.zone import from_micros, micros

_ZERO, _ONE = Decimal(0), Decimal(1)


class Piece(NamedTuple):
    """Usage that no window splits: a quarter of a rollup, or one event of an edge.

    `at` is when it begins, in microseconds; `dimensions` are canonical JSON. `member` is a value
    where different ones are counted. Of a level a piece is `width` wide, for `lead` of it the level
    before goes on, and the rest comes to `area`: level × microseconds.
    """

    at: int
    subscription: str
    dimensions: str
    quarter: Quarter
    member: bytes = b""
    width: int = 0
    lead: int = 0
    area: Decimal = _ZERO

    def begun_at(self, at: int) -> "Piece":
        """The piece without the time before `at`, in which nothing happened."""
        cut = at - self.at
        if cut <= 0:
            return self
        return self._replace(at=at, width=max(self.width - cut, 0), lead=max(self.lead - cut, 0))


Keep = Callable[[Piece], bool]
Names = Collection[str] | None
"""The subscriptions whose usage counts, "" for usage that names none; None for all."""


def total_in(
    work: UsageWork, customer: CustomerId, feature: Feature, period: Period, names: Names
) -> Quarter | None:
    """The usage of a period that is of `names`, merged, so that more can be merged with it.

    None without any; of a `last` feature the level carried in stands for none. Different values
    and weighted levels cannot be merged: see `quantities`.
    """
    total = Total(work, customer, feature, keeping(names))
    for piece in whole_pieces(work, customer, feature, period.start, period.end):
        total.add(piece)
    if meter_of(feature).aggregation == "last" and total.is_empty:
        return level_before(work, customer, feature, period.start, names)
    return total.merged()


def level_before(
    work: UsageWork, customer: CustomerId, feature: Feature, at: datetime, names: Names
) -> Quarter | None:
    """The level that is carried into a period that starts at `at`; None if none was ever set."""
    total = Total(work, customer, feature, keeping(names))
    for piece in levels_before(work, customer, feature, at):
        total.add(piece)
    return total.merged()


def attributed(subscription: str | None, attribution: Literal["customer", "named"]) -> Names:
    """Whose usage is a subscription's."""
    if subscription is None:
        return None
    return (subscription,) if attribution == "named" else ("", subscription)


def keeping(names: Names) -> Keep:
    """Which pieces are of these subscriptions."""
    return lambda piece: names is None or piece.subscription in names


class Total:
    """Adds pieces up as the feature aggregates, those that `keep` lets in.

    The latest of two values of one instant is the one that arrived later. Rollups of different
    subscriptions or dimensions do not tell which that is; then the events do.
    """

    def __init__(self, work: UsageWork, customer: CustomerId, feature: Feature, keep: Keep) -> None:
        self._work, self._customer, self._feature, self._keep = work, customer, feature, keep
        self._merging: Merging = merging_of(meter_of(feature))
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
        if self._merging == "last" and before is not None:
            if before.at == after.at and before.value != after.value:
                self._is_tied = True
            elif before.at is None or (after.at is not None and after.at > before.at):
                self._is_tied = False
        self._sum = merge(self._merging, before, after)

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
    merging = merging_of(meter_of(feature))
    for key, total in work.usage.totals(merging, customer, feature.id, first, last):
        yield Piece(first * HOUR_US, key.subscription, key.dimensions, total)
    yield from pieces(work, customer, feature, ends, end)


def pieces(
    work: UsageWork, customer: CustomerId, feature: Feature, start: datetime, end: datetime
) -> Iterator[Piece]:
    """The usage of [start, end): rollups, and the events of the edges that are off a quarter."""
    begin = micros(start)
    first, last = widened(work, customer, feature, begin, micros(end))
    whole_first, whole_last = -(-first // QUARTER_US) * QUARTER_US, last // QUARTER_US * QUARTER_US
    if whole_first >= whole_last:
        yield from raw(work, customer, feature, first, last)
        return
    yield from raw(work, customer, feature, first, whole_first)
    hours = whole_first // HOUR_US, -(-whole_last // HOUR_US)
    for piece in _kept(work, customer, feature, *hours):
        if whole_first <= piece.at < whole_last:
            yield piece.begun_at(begin)
    yield from raw(work, customer, feature, whole_last, last)


def widened(
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
    """What the level at an instant follows from.

    Where events set it, the newest values before, at least one of each subscription and
    dimensions; where they change it, all changes that ever were.
    """
    if merging_of(meter_of(feature)) == "sum":
        yield from whole_pieces(work, customer, feature, _BEGINNING, at)
        return
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


def _kept(
    work: UsageWork, customer: CustomerId, feature: Feature, first_hour: int, last_hour: int
) -> Iterator[Piece]:
    """The quarters of the hours from `first_hour` to before `last_hour`, as they are kept."""
    match meter_of(feature).aggregation:
        case "unique":
            members = work.usage.members(customer, feature.id, first_hour, last_hour)
            yield from _members_of(members)
        case "weighted_sum":
            yield from _stretches_of(work.usage.levels(customer, feature.id, first_hour, last_hour))
        case _:
            rollups = work.usage.rollups(customer, feature.id, first_hour, last_hour)
            yield from quarters_of(rollups)


def _members_of(members: Iterable[Membership]) -> Iterator[Piece]:
    for one in members:
        key = one.key
        for i in range(QUARTERS):
            if one.quarters >> i & 1:
                at = (key.hour * QUARTERS + i) * QUARTER_US
                yield Piece(at, key.subscription, key.dimensions, Quarter(1, _ONE), one.member)


def _stretches_of(hours: Iterable[LevelHour]) -> Iterator[Piece]:
    for hour in hours:
        key = hour.key
        for i, one in enumerate(hour.quarters):
            if one is not None:
                yield Piece(
                    (key.hour * QUARTERS + i) * QUARTER_US,
                    key.subscription,
                    key.dimensions,
                    Quarter(1, one.value, from_micros(one.last)),
                    width=QUARTER_US,
                    lead=one.lead,
                    area=one.area,
                )


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
    meter = meter_of(feature)
    kept = tuple(meter.dimensions if names is None else names)
    for event, value in counted(work, customer, feature, first, last):
        values = {name: text_of(event.properties.get(name)) for name in kept}
        dimensions = encode(values).decode() if kept else ""
        member = b""
        if meter.aggregation == "unique":
            member = digest_of(member_of(meter, event) or "")
        quarter = Quarter(1, value, event.time)
        at = micros(event.time)
        yield Piece(at, event.subscription or "", dimensions, quarter, member)


def counted(
    work: UsageWork, customer: CustomerId, feature: Feature, first: int, last: int
) -> Iterator[tuple[StoredEvent, Decimal]]:
    """The events from `first` to before `last` (microseconds) that count, and what each adds."""
    if first >= last:
        return
    meter = meter_of(feature)
    for event in work.usage.stored(from_micros(first), from_micros(last), customer=customer):
        if event.event != meter.event or event.unmatched is not None:
            continue
        try:
            value = value_of(meter, event)
        except Invalid:
            continue  # it was stored before the feature, which could not count it
        if value is not None:
            yield event, value


_BEGINNING = datetime.min.replace(tzinfo=UTC)
