"""Usage as it was known at an instant: what came in later is left out, exactly.

Hours that nothing was added to since then are read as they are kept. The others are counted anew in
memory, from the events that were there. Nothing is written.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, cast

from msgspec.structs import replace

from ledger.customer.ports import CustomerRepository
from ledger.event.ports import EventLog
from ledger.meter.levels import stretch_of
from ledger.meter.model import (
    QUARTERS,
    LevelHour,
    Membership,
    Merging,
    Quarter,
    Rollup,
    RollupKey,
    ServiceTimes,
    StoredEvent,
    Stretch,
)
from ledger.meter.ports import UsageRepository, UsageWork
from ledger.meter.rebuilding import refuse_expired
from ledger.meter.recording import count
from ledger.meter.rollup import HOUR_US, Count, Place, by_quarter, fold, meter_of, roll_up
from ledger.meter.uniques import memberships
from ledger.plan.feature import Feature
from ledger.plan.ports import FeatureRepository, PlanRepository
from ledger.types.errors import Invalid
from ledger.types.ids import CustomerId, FeatureId
from ledger.types.zone import from_micros, instant_text, micros, utc

_BEGINNING = -(2**40)  # long before the year 1, counted in hours


class WorkAsOf:
    """A transaction that reads usage as it was known at an instant, which is its `now`."""

    def __init__(self, work: UsageWork, feature: Feature, at: datetime) -> None:
        self.now = at
        self.features: FeatureRepository = work.features
        self.plans: PlanRepository = work.plans
        self.customers: CustomerRepository = work.customers
        self.events: EventLog = work.events
        # What it lacks, nobody who reads usage asks for.
        self.usage = cast("UsageRepository", UsageAsOf(work, feature, at))


def as_of(work: UsageWork, feature: Feature, at: datetime | None) -> UsageWork:
    """The work itself, or one that reads a feature's usage as it was known at an instant.

    Raises:
        Invalid: the instant is ahead (`as_of_in_the_future`) or has no zone (`naive_datetime`).
    """
    if at is None:
        return work
    instant = utc(at)
    if instant > work.now:
        raise Invalid(
            f"what will be known at {instant_text(instant)} is not known yet at"
            f" {instant_text(work.now)}",
            code="as_of_in_the_future",
            param="as_of",
        )
    return WorkAsOf(work, feature, instant)


class _Hour(NamedTuple):
    """An hour that was counted anew."""

    rollups: Sequence[Rollup]
    members: Sequence[Membership]
    levels: Sequence[LevelHour]


class UsageAsOf:
    """What is read of a `UsageRepository` to tell one feature's usage, as of an instant."""

    def __init__(self, work: UsageWork, feature: Feature, at: datetime) -> None:
        self._work, self._usage, self._feature, self._at = work, work.usage, feature, at
        self._touched: dict[CustomerId, set[int]] = {}
        self._hours: dict[tuple[CustomerId, int], _Hour] = {}

    def stored(
        self, start: datetime, end: datetime, *, customer: str | None = None, voided: bool = False
    ) -> Iterator[StoredEvent]:
        """Events by their own time, those that had come in; one that was voided later is good."""
        for event in self._usage.stored(start, end, customer=customer, voided=True):
            if event.received_at > self._at:
                continue
            if event.voided_at is not None and event.voided_at > self._at:
                yield replace(event, voided_at=None, void_reason=None)
            elif event.voided_at is None or voided:
                yield event

    def rollups(
        self, customer: CustomerId, feature: FeatureId, first_hour: int, last_hour: int
    ) -> list[Rollup]:
        """The hours from `first_hour` to before `last_hour`, in order of time."""
        anew = self._anew(customer, first_hour, last_hour)
        kept = self._usage.rollups(customer, feature, first_hour, last_hour)
        found = [rollup for rollup in kept if rollup.key.hour not in anew]
        found += [rollup for hour in anew.values() for rollup in hour.rollups]
        return sorted(found, key=lambda rollup: _in_time(rollup.key))

    def totals(
        self,
        aggregation: Merging,
        customer: CustomerId,
        feature: FeatureId,
        first_hour: int,
        last_hour: int,
    ) -> list[tuple[RollupKey, Quarter]]:
        """What the hours from `first_hour` to before `last_hour` come to, for each group."""
        if not self._later(customer, first_hour, last_hour):
            return self._usage.totals(aggregation, customer, feature, first_hour, last_hour)
        groups: defaultdict[tuple[str, str], list[Quarter | None]] = defaultdict(list)
        for rollup in self.rollups(customer, feature, first_hour, last_hour):
            groups[rollup.key.subscription, rollup.key.dimensions] += rollup.quarters
        return [
            (RollupKey(customer, feature, first_hour, *group), total)
            for group, quarters in sorted(groups.items())
            if (total := fold(aggregation, quarters)) is not None
        ]

    def rollup_before(self, customer: CustomerId, feature: FeatureId, hour: int) -> list[Rollup]:
        """For each subscription and dimensions the newest hour before `hour` that has a value."""
        if not self._later(customer, _BEGINNING, hour):
            return self._usage.rollup_before(customer, feature, hour)
        newest: dict[tuple[str, str], Rollup] = {}
        for rollup in self.rollups(customer, feature, _BEGINNING, hour):
            newest[rollup.key.subscription, rollup.key.dimensions] = rollup
        return sorted(newest.values(), key=lambda rollup: _in_time(rollup.key))

    def members(
        self, customer: CustomerId, feature: FeatureId, first_hour: int, last_hour: int
    ) -> Iterator[Membership]:
        """Which values occurred in the hours from `first_hour` to before `last_hour`."""
        anew = self._anew(customer, first_hour, last_hour)
        for one in self._usage.members(customer, feature, first_hour, last_hour):
            if one.key.hour not in anew:
                yield one
        for hour in anew.values():
            yield from hour.members

    def distinct(
        self,
        customer: CustomerId,
        feature: FeatureId,
        first: int,
        last: int,
        subscriptions: Collection[str] | None = None,
    ) -> int:
        """How many different values occurred from quarter `first` to before quarter `last`."""
        if not self._later(customer, first // QUARTERS, -(-last // QUARTERS)):
            return self._usage.distinct(customer, feature, first, last, subscriptions)
        return len(self._different(customer, feature, first, last, subscriptions))

    def distinct_members(
        self,
        customer: CustomerId,
        feature: FeatureId,
        first: int,
        last: int,
        subscriptions: Collection[str] | None = None,
        *,
        of: Sequence[bytes] | None = None,
        limit: int | None = None,
    ) -> list[bytes]:
        """The different values themselves: those among `of`, at most `limit`."""
        if not self._later(customer, first // QUARTERS, -(-last // QUARTERS)):
            return self._usage.distinct_members(
                customer, feature, first, last, subscriptions, of=of, limit=limit
            )
        found = self._different(customer, feature, first, last, subscriptions)
        return sorted(found if of is None else found & set(of))[:limit]

    def levels(
        self, customer: CustomerId, feature: FeatureId, first_hour: int, last_hour: int
    ) -> list[LevelHour]:
        """The hours of a level from `first_hour` to before `last_hour`, in order of time."""
        anew = self._anew(customer, first_hour, last_hour)
        kept = self._usage.levels(customer, feature, first_hour, last_hour)
        found = [hour for hour in kept if hour.key.hour not in anew]
        found += [level for hour in anew.values() for level in hour.levels]
        return sorted(found, key=lambda hour: _in_time(hour.key))

    def expired_before(self) -> int | None:
        """The hour before which raw events may be gone."""
        return self._usage.expired_before()

    def schedules(self, customers: Sequence[CustomerId]) -> dict[CustomerId, list[ServiceTimes]]:
        """When these customers' subscriptions serve, as far as is known now."""
        return self._usage.schedules(customers)

    def _different(
        self,
        customer: CustomerId,
        feature: FeatureId,
        first: int,
        last: int,
        subscriptions: Collection[str] | None,
    ) -> set[bytes]:
        return {
            one.member
            for one in self.members(customer, feature, first // QUARTERS, -(-last // QUARTERS))
            if (subscriptions is None or one.key.subscription in subscriptions)
            and any(
                one.quarters >> quarter & 1
                for quarter in range(QUARTERS)
                if first <= one.key.hour * QUARTERS + quarter < last
            )
        }

    def _later(self, customer: CustomerId, first_hour: int, last_hour: int) -> list[int]:
        """The hours that were added to after the instant."""
        touched = self._touched.get(customer)
        if touched is None:
            touched = self._usage.touched(customer, self._feature.id, self._at)
            self._touched[customer] = touched
        return sorted(hour for hour in touched if first_hour <= hour < last_hour)

    def _anew(self, customer: CustomerId, first_hour: int, last_hour: int) -> dict[int, _Hour]:
        """These hours, counted from the events that had come in."""
        return {
            hour: self._counted(customer, hour)
            for hour in self._later(customer, first_hour, last_hour)
        }

    def _counted(self, customer: CustomerId, hour: int) -> _Hour:
        found = self._hours.get((customer, hour))
        if found is None:
            refuse_expired(self._work, self._feature, hour)
            quarters = by_quarter(self._counts(customer, hour))
            rollups = [rollup for some in roll_up(quarters).values() for rollup in some]
            found = _Hour(rollups, memberships(quarters), _levels(self._feature, quarters))
            self._hours[customer, hour] = found
        return found

    def _counts(self, customer: CustomerId, hour: int) -> Iterator[Count]:
        start, end = from_micros(hour * HOUR_US), from_micros((hour + 1) * HOUR_US)
        for event in self.stored(start, end, customer=customer):
            if event.event == meter_of(self._feature).event and event.unmatched is None:
                try:
                    yield from count([self._feature], event, customer)
                except Invalid:
                    continue  # it is stored for another feature, and this one cannot count it


def _levels(feature: Feature, counts: dict[Place, list[Count]]) -> list[LevelHour]:
    meter = meter_of(feature)
    if meter.aggregation != "weighted_sum":
        return []
    hours: defaultdict[RollupKey, list[Stretch | None]] = defaultdict(lambda: [None] * QUARTERS)
    for place, some in counts.items():
        moments = ((micros(one.time), one.value) for one in some)
        stretch = stretch_of(meter.level, moments, place.quarter)
        hours[place.key][place.quarter % QUARTERS] = stretch
    return [LevelHour(key, (q[0], q[1], q[2], q[3])) for key, q in sorted(hours.items())]


def _in_time(key: RollupKey) -> tuple[int, str, str]:
    return key.hour, key.subscription, key.dimensions
