"""Levels over time: what a quarter of an hour adds to a weighted sum, whatever came before it.

An event that sets a level ends the one before it, so what it adds depends on its neighbours. A
quarter that is added to in order of time is carried on; one that events come into between others
is computed anew from the events, which are at most those of a quarter of an hour.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import reduce

from ledger.meter.model import QUARTERS, LevelHour, RollupKey, Stretch
from ledger.meter.ports import UsageWork
from ledger.meter.rollup import QUARTER_US, Count, Place, dimensions_of, meter_of
from ledger.meter.usage import counted
from ledger.plan.feature import Feature, LevelMode
from ledger.types.exact import CONTEXT
from ledger.types.zone import micros

_ZERO = Decimal(0)

Moment = tuple[int, Decimal]
"""When, in microseconds, and the value of an event."""
Stretches = tuple[Stretch | None, Stretch | None, Stretch | None, Stretch | None]


def add_levels(work: UsageWork, counts: Mapping[Place, Sequence[Count]]) -> None:
    """Add counts to the stored levels, of the features that weight one by time.

    Whoever calls has added them to the rollups before: that keeps others away from these hours.
    """
    hours: defaultdict[RollupKey, list[tuple[Place, Sequence[Count]]]] = defaultdict(list)
    for place, some in counts.items():
        if meter_of(some[0].feature).aggregation == "weighted_sum":
            hours[place.key].append((place, some))
    if not hours:
        return
    stored: dict[RollupKey, Stretches] = {}
    for customer, feature, hour in sorted({(k.customer, k.feature, k.hour) for k in hours}):
        found = work.usage.levels(customer, feature, hour, hour + 1)
        stored |= {each.key: each.quarters for each in found}
    put: list[LevelHour] = []
    for key, places in sorted(hours.items()):
        quarters = list(stored.get(key, (None,) * QUARTERS))
        for place, some in places:
            at = place.quarter % QUARTERS
            quarters[at] = _added(work, quarters[at], place, some)
        put.append(LevelHour(key, (quarters[0], quarters[1], quarters[2], quarters[3])))
    work.usage.put_levels(put)


def stretch_of(mode: LevelMode, moments: Iterable[Moment], quarter: int) -> Stretch:
    """What events of one quarter come to, numbered from 1970; given in order of arrival, not none.

    A change adds to the level from then to the end of the quarter, whatever the level is.
    """
    ordered = sorted(moments, key=lambda moment: moment[0])
    start, end = quarter * QUARTER_US, (quarter + 1) * QUARTER_US
    first, last = ordered[0][0], ordered[-1][0]
    if mode == "change":
        area = reduce(CONTEXT.add, (_area(value, at, end) for at, value in ordered))
        value = reduce(CONTEXT.add, (value for _, value in ordered))
        return Stretch(first, last, QUARTER_US, area, value)
    until = [*(at for at, _ in ordered[1:]), end]
    parts = (_area(value, at, to) for (at, value), to in zip(ordered, until, strict=True))
    return Stretch(first, last, first - start, reduce(CONTEXT.add, parts), ordered[-1][1])


def joined(mode: LevelMode, before: Stretch, after: Stretch, quarter: int) -> Stretch | None:
    """Two parts of a quarter as one; `after` arrived later. None if they cannot be told apart.

    That is when one sets levels between those of the other.
    """
    first, last = min(before.first, after.first), max(before.last, after.last)
    if mode == "change":
        area = CONTEXT.add(before.area, after.area)
        return Stretch(first, last, QUARTER_US, area, CONTEXT.add(before.value, after.value))
    if after.first >= before.last:
        earlier, later = before, after
    elif after.last < before.first:
        earlier, later = after, before
    else:
        return None
    cut = _area(earlier.value, later.first, (quarter + 1) * QUARTER_US)
    area = CONTEXT.add(CONTEXT.subtract(earlier.area, cut), later.area)
    return Stretch(first, last, earlier.lead, area, later.value)


def _added(
    work: UsageWork, before: Stretch | None, place: Place, counts: Sequence[Count]
) -> Stretch:
    feature = counts[0].feature
    mode = meter_of(feature).level
    new = stretch_of(mode, ((micros(count.time), count.value) for count in counts), place.quarter)
    if before is None:
        return new
    together = joined(mode, before, new, place.quarter)
    if together is None:
        moments = _stored_moments(work, feature, place)
        moments |= {
            count.id: (micros(count.time), count.value)
            for count in counts
            if count.id not in moments  # it is stored already if it is counted anew
        }
        together = stretch_of(mode, moments.values(), place.quarter)
    return together


def _stored_moments(work: UsageWork, feature: Feature, place: Place) -> dict[str, Moment]:
    """The stored events of a quarter by id, in order of arrival."""
    first, last = place.quarter * QUARTER_US, (place.quarter + 1) * QUARTER_US
    meter = meter_of(feature)
    return {
        event.id: (micros(event.time), value)
        for event, value in counted(work, place.customer, feature, first, last)
        if (event.subscription or "") == place.subscription
        and dimensions_of(meter, event.properties) == place.dimensions
    }


def _area(value: Decimal, since: int, until: int) -> Decimal:
    return CONTEXT.multiply(value, Decimal(until - since))
