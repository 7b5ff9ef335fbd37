"""Different values: kept one by one for every hour, counted by the store, exact at the edges."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ledger.meter.acceptance import digest_of
from ledger.meter.model import QUARTERS, Membership, RollupKey
from ledger.meter.ports import UsageWork
from ledger.meter.rollup import QUARTER_US, Count, Place, meter_of
from ledger.meter.usage import Names, raw, widened
from ledger.plan.feature import Feature
from ledger.types.ids import CustomerId
from ledger.types.zone import micros


def memberships(counts: Mapping[Place, Sequence[Count]]) -> list[Membership]:
    """The values of the features that count different ones, each once for an hour, in order."""
    found: dict[tuple[RollupKey, bytes], int] = {}
    for place, some in counts.items():
        if meter_of(some[0].feature).aggregation == "unique":
            bit = 1 << place.quarter % QUARTERS
            for count in some:
                key = place.key, digest_of(count.member)
                found[key] = found.get(key, 0) | bit
    return [Membership(*key, quarters) for key, quarters in sorted(found.items())]


def distinct_in(
    work: UsageWork,
    customer: CustomerId,
    feature: Feature,
    start: datetime,
    end: datetime,
    names: Names = None,
    pending: Iterable[bytes] = (),
) -> int:
    """How many different values a customer had in [start, end), and `pending` ones with them.

    The store counts what lies on quarters of an hour; only values of the events at edges off a
    quarter are held against it.
    """
    edges, first, last = _edges(work, customer, feature, start, end, names)
    others = edges | set(pending)
    if first >= last:
        return len(others)
    count = work.usage.distinct(customer, feature.id, first, last, names)
    if not others:
        return count
    known = work.usage.distinct_members(customer, feature.id, first, last, names, of=sorted(others))
    return count + len(others - set(known))


def some_in(
    work: UsageWork,
    customer: CustomerId,
    feature: Feature,
    start: datetime,
    end: datetime,
    names: Names,
    limit: int,
) -> set[bytes] | None:
    """The different values of [start, end), or None if there are more than `limit`."""
    edges, first, last = _edges(work, customer, feature, start, end, names)
    if first < last:
        edges |= set(
            work.usage.distinct_members(customer, feature.id, first, last, names, limit=limit + 1)
        )
    return edges if len(edges) <= limit else None


def _edges(
    work: UsageWork,
    customer: CustomerId,
    feature: Feature,
    start: datetime,
    end: datetime,
    names: Names,
) -> tuple[set[bytes], int, int]:
    """The values of events before and after the whole quarters, and which quarters are whole."""
    begin, stop = widened(work, customer, feature, micros(start), micros(end))
    first, last = -(-begin // QUARTER_US), stop // QUARTER_US
    spans = [(begin, stop)]
    if first < last:
        spans = [(begin, first * QUARTER_US), (last * QUARTER_US, stop)]
    found = {
        piece.member
        for span in spans
        for piece in raw(work, customer, feature, *span)
        if names is None or piece.subscription in names
    }
    return found, first, last
