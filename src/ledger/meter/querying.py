"""Querying: totals, and usage by window and by property, as people ask for them."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from ledger.customer.model import Customer
from ledger.meter.lateness import months
from ledger.meter.model import UsageRow
from ledger.meter.ports import UsageWork
from ledger.meter.rebuilding import refuse_expired
from ledger.meter.rollup import HOUR_US, meter_of, read_dimensions
from ledger.meter.usage import (
    Keep,
    Piece,
    Total,
    levels_before,
    pieces,
    quantity_in,
    raw,
    whole_pieces,
)
from ledger.meter.windows import Window, windows
from ledger.plan.feature import DIMENSIONS_MAX, Feature
from ledger.types.errors import Invalid
from ledger.types.period import Period
from ledger.types.zone import micros, utc

ROWS_MAX = 100_000
CUSTOMERS_MAX = 1_000
CUSTOMER = "customer"
"""The name under which rows say whose they are, when several customers were asked for."""

_MICROSECOND = timedelta(microseconds=1)
_Group = tuple[str, ...]


def total(
    work: UsageWork,
    customer: str,
    feature: str,
    start: datetime | None = None,
    end: datetime | None = None,
    subscription: str | None = None,
) -> Decimal:
    """What a customer used of a metered feature in [start, end), exactly.

    `customer` is an id or external id, `feature` a key or id. Without `start` and `end` the
    current billing period of the oldest subscription, else the calendar month in the customer's
    zone; with one of them the period that holds it. With `subscription` only the events that name
    it. Of a `last` feature this is the level at the end.

    Raises:
        NotFound: no such customer or feature.
        Invalid: the feature is not metered (`not_metered`), a time without a zone
            (`naive_datetime`), or an end before the start (`bad_period`).
    """
    found, metered = work.customers.get(customer), _metered(work, feature)
    period = _period(work, found, start, end)
    return quantity_in(work, found.id, metered, period, subscription, "named")


def query(
    work: UsageWork,
    customer: str | Sequence[str],
    feature: str,
    start: datetime | None = None,
    end: datetime | None = None,
    window: Window | None = None,
    group_by: str | Sequence[str] | None = None,
    time_zone: str | None = None,
) -> list[UsageRow]:
    """Usage of a metered feature by window and group, in order of time.

    `window` (`hour`, `day`, `month`) cuts the time where these begin in the customer's zone, or in
    `time_zone`; the first and the last are as short as [start, end) leaves them. `start` and `end`
    as in `total`. `group_by` names event properties; those that the meter declares as dimensions
    are read from rollups, others from the events themselves. Of several customers each has rows of
    its own, with `customer` in the group as it was given.

    Without groups every window has a row, an empty one with 0 (or the level that goes on); of a
    group only the windows in which it has usage (or a level).

    Raises:
        NotFound: no such customer or feature.
        Invalid: as `total`; also no such window (`unknown_window`), too many windows or rows
            (`too_many_windows`, `too_many_rows`), more than 8 names or 1,000 customers, or a level
            by a property that is no dimension (`bad_group_by`).
        Conflict: (`usage_expired`) by such a property over a time whose events were removed.
    """
    metered = _metered(work, feature)
    names = (group_by,) if isinstance(group_by, str) else tuple(group_by or ())
    refs = [customer] if isinstance(customer, str) else list(customer)
    _check_groups(metered, names, refs, is_several=not isinstance(customer, str))
    rows: list[UsageRow] = []
    for ref in refs:
        owner = {} if isinstance(customer, str) else {CUSTOMER: ref}
        found = work.customers.get(ref)
        period = _period(work, found, start, end)
        cut = windows(period.start, period.end, window, time_zone or found.time_zone)
        for row in _Table(work, found, metered, cut, names).rows(owner):
            if len(rows) == ROWS_MAX:
                raise Invalid(
                    f"the usage of {metered.key} has more than {ROWS_MAX:,} rows; ask for less"
                    " time, longer windows or fewer groups",
                    code="too_many_rows",
                )
            rows.append(row)
    return rows


def current_period(work: UsageWork, customer: Customer) -> Period:
    """The billing period that `work.now` is in: of the oldest subscription that serves now.

    During its trial that is the trial; without a subscription the calendar month in the
    customer's zone.
    """
    return _period_at(work, customer, work.now)


class _Table:
    """The usage of one customer, in windows and groups."""

    def __init__(
        self,
        work: UsageWork,
        customer: Customer,
        feature: Feature,
        cut: Sequence[tuple[datetime, datetime]],
        names: _Group,
    ) -> None:
        self._work, self._customer, self._feature = work, customer, feature
        self._cut, self._names = cut, names
        self._starts = [micros(start) for start, _ in cut]
        self._is_level = meter_of(feature).aggregation == "last"
        self._totals: dict[tuple[int, _Group], Total] = {}
        self._groups: dict[str, _Group] = {"": ("",) * len(names)}

    def rows(self, owner: dict[str, str]) -> Iterator[UsageRow]:
        """A row for each window, or for each group that a window has; `owner` joins the group."""
        if not self._cut:
            return
        for piece in self._pieces():
            self._total(bisect_right(self._starts, piece.at) - 1, self._group(piece)).add(piece)
        if self._is_level:
            self._carry_on()
        groups = sorted({group for _, group in self._totals}) if self._names else [()]
        for i, (start, end) in enumerate(self._cut):
            for group in groups:
                total = self._totals.get((i, group))
                if total is not None or not self._names:
                    quantity = Decimal(0) if total is None else total.quantity()
                    named = dict(zip(self._names, group, strict=True))
                    yield UsageRow(start, end, quantity, owner | named)

    def _pieces(self) -> Iterator[Piece]:
        work, customer, feature = self._work, self._customer.id, self._feature
        start, end = self._cut[0][0], self._cut[-1][1]
        if self._is_level:
            # Before the first window, so that they have index -1 and are only carried on.
            yield from levels_before(work, customer, feature, start)
        if set(self._names) <= set(meter_of(feature).dimensions):
            parts = pieces if len(self._cut) > 1 else whole_pieces
            yield from parts(work, customer, feature, start, end)
        else:
            refuse_expired(work, feature, micros(start) // HOUR_US)
            yield from raw(work, customer, feature, micros(start), micros(end), self._names)

    def _group(self, piece: Piece) -> _Group:
        group = self._groups.get(piece.dimensions)
        if group is None:
            values = read_dimensions(piece.dimensions)
            group = self._groups[piece.dimensions] = tuple(
                values.get(name, "") for name in self._names
            )
        return group

    def _total(self, index: int, group: _Group) -> Total:
        total = self._totals.get((index, group))
        if total is None:
            keep: Keep = lambda piece: self._group(piece) == group  # noqa: E731 - one line of it
            total = Total(self._work, self._customer.id, self._feature, keep)
            self._totals[index, group] = total
        return total

    def _carry_on(self) -> None:
        """A level lasts until the next one: a window without events has that of the one before."""
        for group in {group for _, group in self._totals}:
            for i in range(len(self._cut)):
                before = self._totals.get((i - 1, group))
                if before is not None:
                    self._totals.setdefault((i, group), before)


def _metered(work: UsageWork, ref: str) -> Feature:
    feature = work.features.get(ref)
    if feature.meter is None:
        raise Invalid(
            f"feature {feature.key} is {feature.kind}; only a metered feature has usage",
            code="not_metered",
            param="feature",
        )
    return feature


def _period(
    work: UsageWork, customer: Customer, start: datetime | None, end: datetime | None
) -> Period:
    if start is not None and end is not None:
        return Period(utc(start), utc(end), customer.time_zone)
    if end is not None:
        before = utc(end) - _MICROSECOND
        return Period(_period_at(work, customer, before).start, utc(end), customer.time_zone)
    current = current_period(work, customer)
    return current if start is None else Period(utc(start), current.end, customer.time_zone)


def _period_at(work: UsageWork, customer: Customer, at: datetime) -> Period:
    services = work.usage.schedules([customer.id]).get(customer.id, [])
    for service in sorted(services, key=lambda service: service.start):
        if service.start <= at and (service.end is None or at < service.end):
            if at < service.schedule.start:
                return Period(service.start, service.schedule.start, customer.time_zone)
            return service.schedule.period_at(at)
    return months(at, customer.time_zone).period_at(at)


def _check_groups(
    feature: Feature, names: _Group, refs: Sequence[str], *, is_several: bool
) -> None:
    meter = meter_of(feature)
    undeclared = [name for name in names if name not in meter.dimensions]
    problem = None
    if len(names) > DIMENSIONS_MAX or len(refs) > CUSTOMERS_MAX:
        problem = f"usage is read for at most {CUSTOMERS_MAX:,} customers by {DIMENSIONS_MAX} names"
    elif len(set(names)) < len(names) or (is_several and CUSTOMER in names):
        problem = f"usage is grouped by different names, not by {', '.join(names)}"
    elif undeclared and meter.aggregation == "last":
        problem = (
            f"the level of {feature.key} is grouped by its meter's dimensions only, which"
            f" {undeclared[0]!r} is not"
        )
    if problem:
        raise Invalid(problem, code="bad_group_by", param="group_by")
