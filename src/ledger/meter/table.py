"""Tables: the usage of one customer, window by window and group by group."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from ledger.meter.aggregation import weighted
from ledger.meter.ports import UsageWork
from ledger.meter.rebuilding import refuse_expired
from ledger.meter.rollup import HOUR_US, meter_of, read_dimensions
from ledger.meter.uniques import distinct_in
from ledger.meter.usage import (
    Keep,
    Names,
    Piece,
    Total,
    keeping,
    levels_before,
    pieces,
    raw,
    whole_pieces,
)
from ledger.meter.weighing import area_of, ordered, pieces_of
from ledger.plan.feature import Feature
from ledger.types.ids import CustomerId
from ledger.types.zone import micros

Group = tuple[str, ...]
Cut = Sequence[tuple[datetime, datetime]]

_DISTINCT_MAX = 62
"""For so many windows, the days of two months, the store counts different values in each."""
_CARRIED = -1
"""The window before the first, in which the level that is carried in was set."""


class _Quantity(Protocol):
    """What a window comes to, piece by piece."""

    def add(self, piece: Piece) -> None: ...
    def quantity(self) -> Decimal: ...


class _Different:
    """How many different values there are."""

    def __init__(self) -> None:
        self._members: set[bytes] = set()

    def add(self, piece: Piece) -> None:
        self._members.add(piece.member)

    def quantity(self) -> Decimal:
        return Decimal(len(self._members))


class _Pieces:
    """The pieces of a level, until all are there; then what they come to."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.found = Decimal(0)

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)

    def quantity(self) -> Decimal:
        return self.found


class Table:
    """The usage of one customer in the windows of `cut`, by the properties `by`.

    `names` are the subscriptions whose usage counts, None for all.
    """

    def __init__(
        self,
        work: UsageWork,
        customer: CustomerId,
        feature: Feature,
        cut: Cut,
        by: Group = (),
        names: Names = None,
    ) -> None:
        self._work, self._customer, self._feature = work, customer, feature
        self._cut, self._by, self._names, self._keep = cut, by, names, keeping(names)
        self._starts = [micros(start) for start, _ in cut]
        self._aggregation = meter_of(feature).aggregation
        self._found: dict[tuple[int, Group], _Quantity] = {}
        self._groups: dict[str, Group] = {"": ("",) * len(by)}
        self.touched: set[tuple[int, Group]] = set()
        """Where something happened; a level also goes on where nothing does."""

    def quantities(self) -> dict[tuple[int, Group], Decimal]:
        """What there is, by window and group; nothing where nothing was used and no level goes on.

        Windows count from 0.
        """
        if not self._cut:
            return {}
        if self._aggregation == "unique" and not self._by and len(self._cut) <= _DISTINCT_MAX:
            return self._distinct()
        for piece in self._pieces():
            if self._keep(piece):
                at = bisect_right(self._starts, piece.at) - 1
                self._quantity(at, self._group(piece)).add(piece)
        self.touched = set(self._found)
        if self._aggregation == "last":
            self._carry_on()
        elif self._aggregation == "weighted_sum":
            for group in {group for _, group in self._found}:
                self._weigh(group)
        return {place: one.quantity() for place, one in self._found.items() if place[0] >= 0}

    def _distinct(self) -> dict[tuple[int, Group], Decimal]:
        """As `quantities`; however many values there are, none of them is read."""
        found: dict[tuple[int, Group], Decimal] = {}
        for i, (start, end) in enumerate(self._cut):
            of = self._work, self._customer, self._feature
            if count := distinct_in(*of, start, end, self._names):
                found[i, ()] = Decimal(count)
        self.touched = set(found)
        return found

    def _pieces(self) -> Iterator[Piece]:
        work, customer, feature = self._work, self._customer, self._feature
        start, end = self._cut[0][0], self._cut[-1][1]
        if self._aggregation in {"last", "weighted_sum"}:
            # Before the first window, so that they are only carried on.
            yield from (p._replace(at=self._starts[0] - 1) for p in self._levels_before(start))
        if not set(self._by) <= set(meter_of(feature).dimensions):
            refuse_expired(work, feature, micros(start) // HOUR_US)
            yield from raw(work, customer, feature, micros(start), micros(end), self._by)
        elif self._aggregation == "weighted_sum":
            yield from pieces_of(work, customer, feature, start, end)
        elif self._aggregation == "unique" or len(self._cut) > 1:
            yield from pieces(work, customer, feature, start, end)
        else:
            yield from whole_pieces(work, customer, feature, start, end)

    def _levels_before(self, start: datetime) -> Iterator[Piece]:
        return levels_before(self._work, self._customer, self._feature, start)

    def _group(self, piece: Piece) -> Group:
        group = self._groups.get(piece.dimensions)
        if group is None:
            values = read_dimensions(piece.dimensions)
            group = self._groups[piece.dimensions] = tuple(
                values.get(name, "") for name in self._by
            )
        return group

    def _keep_of(self, group: Group) -> Keep:
        return lambda piece: self._keep(piece) and self._group(piece) == group

    def _quantity(self, index: int, group: Group) -> _Quantity:
        found = self._found.get((index, group))
        if found is None:
            if self._aggregation == "unique":
                found = _Different()
            elif self._aggregation == "weighted_sum" and index != _CARRIED:
                found = _Pieces()
            else:
                keep = self._keep_of(group)
                found = Total(self._work, self._customer, self._feature, keep)
            self._found[index, group] = found
        return found

    def _carry_on(self) -> None:
        """A level lasts until the next one: a window without events has that of the one before."""
        for group in {group for _, group in self._found}:
            for i in range(len(self._cut)):
                before = self._found.get((i - 1, group))
                if before is not None:
                    self._found.setdefault((i, group), before)

    def _weigh(self, group: Group) -> None:
        """The weighted sum of each window of a group, from that in which it has its first level."""
        meter, now = meter_of(self._feature), micros(self._work.now)
        carried = self._found.get((_CARRIED, group))
        height = Decimal(0) if carried is None else carried.quantity()
        has_begun = carried is not None
        for i, (start, end) in enumerate(self._cut):
            window = self._found.get((i, group))
            has_begun = has_begun or window is not None
            if not has_begun:
                continue
            found = window if isinstance(window, _Pieces) else _Pieces()
            since, until = micros(start), min(micros(end), now)
            if since < until:
                by_time = ordered(
                    self._work, self._customer, self._feature, found.pieces, self._keep_of(group)
                )
                area, height = area_of(by_time, self._feature, since, until, height)
                found.found = weighted(area, meter.per, micros(end) - since)
            self._found[i, group] = found
