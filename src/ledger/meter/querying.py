"""Querying: totals, and usage by window and by property, as people ask for them."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from ledger.customer.model import Customer
from ledger.meter.as_of import as_of as known_at
from ledger.meter.lateness import months
from ledger.meter.model import UsageRow
from ledger.meter.ports import UsageWork
from ledger.meter.quantities import quantity_in
from ledger.meter.rollup import meter_of
from ledger.meter.table import Cut, Group, Table
from ledger.meter.windows import Window, windows
from ledger.plan.feature import DIMENSIONS_MAX, Feature
from ledger.types.errors import Invalid
from ledger.types.period import Period
from ledger.types.zone import utc

ROWS_MAX = 100_000
CUSTOMERS_MAX = 1_000
CUSTOMER = "customer"
"""The name under which rows say whose they are, when several customers were asked for."""

_MICROSECOND = timedelta(microseconds=1)
Owner = dict[str, str]


def total(
    work: UsageWork,
    customer: str,
    feature: str,
    start: datetime | None = None,
    end: datetime | None = None,
    subscription: str | None = None,
    as_of: datetime | None = None,
) -> Decimal:
    """What a customer used of a metered feature in [start, end), exactly.

    `customer` is an id or external id, `feature` a key or id. Without `start` and `end` the
    current billing period of the oldest subscription, else the calendar month in the customer's
    zone; with one of them the period that holds it. With `subscription` only the events that name
    it. Of a `last` feature this is the level at the end, of a `weighted_sum` what it has come to by
    now: an average is over the whole of [start, end).

    With `as_of` what was known at that instant: events that came in later do not count, those that
    were voided later do, and now is then. A feature counts as it does today, an event that waited
    from when it came in.

    Raises:
        NotFound: no such customer or feature.
        Invalid: the feature is not metered (`not_metered`), a time without a zone
            (`naive_datetime`), an end before the start (`bad_period`), or an `as_of` that is ahead
            (`as_of_in_the_future`).
        Conflict: (`usage_expired`) events that came in after `as_of` were removed.
    """
    found, metered = work.customers.get(customer), _metered(work, feature)
    work = known_at(work, metered, as_of)
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
    as_of: datetime | None = None,
) -> list[UsageRow]:
    """Usage of a metered feature by window and group, in order of time.

    `window` (`hour`, `day`, `month`) cuts the time where these begin in the customer's zone, or in
    `time_zone`; the first and the last are as short as [start, end) leaves them. `start`, `end` and
    `as_of` as in `total`. `group_by` names event properties; those that the meter declares as
    dimensions are read from rollups, others from the events themselves. Of several customers each
    has rows of its own, with `customer` in the group as it was given.

    Without groups every window has a row, an empty one with 0 (or the level that goes on); of a
    group only the windows in which it has usage (or a level).

    Raises:
        NotFound: no such customer or feature.
        Invalid: as `total`; also no such window (`unknown_window`), too many windows or rows
            (`too_many_windows`, `too_many_rows`), more than 8 names or 1,000 customers, or a level
            by a property that is no dimension (`bad_group_by`).
        Conflict: (`usage_expired`) by such a property over a time whose events were removed, or as
            `total`.
    """
    metered = _metered(work, feature)
    work = known_at(work, metered, as_of)
    names = (group_by,) if isinstance(group_by, str) else tuple(group_by or ())
    refs = [customer] if isinstance(customer, str) else list(customer)
    _check_groups(metered, names, refs, is_several=not isinstance(customer, str))
    rows: list[UsageRow] = []
    for ref in refs:
        owner = {} if isinstance(customer, str) else {CUSTOMER: ref}
        found = work.customers.get(ref)
        period = _period(work, found, start, end)
        cut = windows(period.start, period.end, window, time_zone or found.time_zone)
        for row in _rows(work, found, metered, cut, names, owner):
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


def _rows(
    work: UsageWork, customer: Customer, feature: Feature, cut: Cut, names: Group, owner: Owner
) -> Iterator[UsageRow]:
    """A row for each window, or for each group that a window has; `owner` joins the group."""
    found = Table(work, customer.id, feature, cut, names).quantities()
    groups = sorted({group for _, group in found}) if names else [()]
    for i, (start, end) in enumerate(cut):
        for group in groups:
            quantity = found.get((i, group))
            if quantity is not None or not names:
                named = dict(zip(names, group, strict=True))
                yield UsageRow(start, end, quantity or Decimal(0), owner | named)


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


def _check_groups(feature: Feature, names: Group, refs: Sequence[str], *, is_several: bool) -> None:
    meter = meter_of(feature)
    undeclared = [name for name in names if name not in meter.dimensions]
    problem = None
    if len(names) > DIMENSIONS_MAX or len(refs) > CUSTOMERS_MAX:
        problem = f"usage is read for at most {CUSTOMERS_MAX:,} customers by {DIMENSIONS_MAX} names"
    elif len(set(names)) < len(names) or (is_several and CUSTOMER in names):
        problem = f"usage is grouped by different names, not by {', '.join(names)}"
    elif undeclared and meter.aggregation in {"last", "weighted_sum"}:
        problem = (
            f"the level of {feature.key} is grouped by its meter's dimensions only, which"
            f" {undeclared[0]!r} is not"
        )
    if problem:
        raise Invalid(problem, code="bad_group_by", param="group_by")
