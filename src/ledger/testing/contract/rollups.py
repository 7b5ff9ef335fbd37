"""Rollups: whatever is added up, in whatever portions, comes to what plain Python makes of it."""

from datetime import timedelta
from decimal import Decimal
from random import Random

from msgspec.structs import replace

from ledger.meter.aggregation import merge
from ledger.meter.model import MERGINGS, Merging, Quarter, Rollup, RollupKey
from ledger.testing.contract.store import NOW, Held, Store, refused
from ledger.types import ids
from ledger.types.errors import Invalid
from ledger.types.ids import CustomerId, FeatureId
from ledger.types.zone import from_micros, micros

HOUR = micros(NOW) // (3_600 * 10**6)
LARGEST = Decimal(10) ** 18 - Decimal("0.000000001")

GROUPS = [("", ""), ("", "a"), ("sub_1", ""), ("sub_1", "a")]

Quarters = tuple[Quarter | None, Quarter | None, Quarter | None, Quarter | None]


def rollup(
    customer: CustomerId,
    feature: FeatureId,
    *quarters: Quarter | None,
    hour: int = HOUR,
    subscription: str = "",
    dimensions: str = "",
) -> Rollup:
    """An hour with these quarters, and none for the rest; without any, one of 1.5 at `NOW`."""
    given = quarters or (Quarter(1, Decimal("1.5"), NOW),)
    first, second, third, fourth = (*given, None, None, None)[:4]
    key = RollupKey(customer, feature, hour, subscription, dimensions)
    return Rollup(key, (first, second, third, fourth))


def merged(aggregation: Merging, added: list[Rollup]) -> list[Rollup]:
    """What the rollups come to, added in this order."""
    hours: dict[RollupKey, list[Quarter | None]] = {}
    for one in added:
        quarters = hours.setdefault(one.key, [None] * 4)
        for place, quarter in enumerate(one.quarters):
            if quarter is not None and quarter.count:
                quarters[place] = merge(aggregation, quarters[place], quarter)
    return [
        Rollup(key, (quarters[0], quarters[1], quarters[2], quarters[3]))
        for key, quarters in sorted(hours.items())
    ]


def totals(
    aggregation: Merging, hours: list[Rollup], first_hour: int
) -> list[tuple[RollupKey, Quarter]]:
    """What the hours come to for each group, merged in order of time."""
    found: dict[RollupKey, Quarter] = {}
    for one in sorted(hours, key=lambda one: one.key.hour):
        group = replace(one.key, hour=first_hour)
        for quarter in one.quarters:
            if quarter is not None:
                found[group] = merge(aggregation, found.get(group), quarter)
    return sorted(found.items())


class RollupContract:
    """What a `UsageRepository` promises of rollups."""

    def test_rollups_are_read_back_as_they_were_added(self, store: Store) -> None:
        acme, customer, feature = Held(store), ids.CUSTOMER.new(), ids.FEATURE.new()
        whole = rollup(
            customer,
            feature,
            Quarter(1, LARGEST, NOW),
            Quarter(2, -LARGEST, NOW + timedelta(microseconds=1)),
            None,
            Quarter(3, Decimal("-0.000000001"), NOW),
            subscription="sub_1",
            dimensions='{"model":"größer"}',
        )
        acme.usage.add_up("sum", [whole])
        found = acme.usage.rollups(customer, feature, HOUR, HOUR + 1)
        assert found == [whole]

    def test_a_range_of_hours_of_one_customer_and_feature_is_read(self, store: Store) -> None:
        acme, customer, feature = Held(store), ids.CUSTOMER.new(), ids.FEATURE.new()
        hours = [rollup(customer, feature, hour=HOUR + n) for n in (-2, -1, 0, 1, 2)]
        others = [
            rollup(ids.CUSTOMER.new(), feature),
            rollup(customer, ids.FEATURE.new()),
        ]
        acme.usage.add_up("sum", [*reversed(hours), *others])
        found = acme.usage.rollups(customer, feature, HOUR - 1, HOUR + 2)
        assert found == hours[1:4]
        before_1970 = rollup(customer, feature, hour=-5)
        acme.usage.add_up("sum", [before_1970])
        found = acme.usage.rollups(customer, feature, -5, 0)
        assert found == [before_1970]

    def test_portions_come_to_what_plain_python_makes_of_them(self, store: Store) -> None:
        acme, random = Held(store), Random(20260310)  # noqa: S311  the same in every run
        customer = ids.CUSTOMER.new()
        for aggregation in MERGINGS:
            feature = ids.FEATURE.new()
            added: list[Rollup] = []
            for _ in range(12):
                portion = [_random_rollup(random, customer, feature) for _ in range(15)]
                acme.usage.add_up(aggregation, portion)
                added += portion
            found = acme.usage.rollups(customer, feature, HOUR, HOUR + 3)
            assert sorted(found, key=lambda one: one.key) == merged(aggregation, added)
            assert [one.key.hour for one in found] == sorted(one.key.hour for one in found)

    def test_of_two_at_the_same_instant_the_later_arrival_is_the_last(self, store: Store) -> None:
        acme, customer, feature = Held(store), ids.CUSTOMER.new(), ids.FEATURE.new()
        first, second, late = (
            rollup(customer, feature, Quarter(1, Decimal(value), at))
            for value, at in ((9, NOW), (5, NOW), (7, NOW - timedelta(microseconds=1)))
        )
        acme.usage.add_up("last", [first, second])
        acme.usage.add_up("last", [late])
        (found,) = acme.usage.rollups(customer, feature, HOUR, HOUR + 1)
        assert found.quarters[0] == Quarter(3, Decimal(5), NOW)

    def test_a_sum_beyond_64_bits_is_refused_and_nothing_is_lost(self, store: Store) -> None:
        acme, customer, feature = Held(store), ids.CUSTOMER.new(), ids.FEATURE.new()
        for sign in (1, -1):
            huge = rollup(customer, feature, Quarter(9, sign * 9 * LARGEST, NOW), hour=HOUR + sign)
            acme.usage.add_up("sum", [huge])
            with refused(Invalid, "usage_out_of_range"):
                acme.usage.add_up("sum", [huge])
            found = acme.usage.rollups(customer, feature, HOUR + sign, HOUR + sign + 1)
            assert found == [huge]
        beyond = rollup(customer, feature, Quarter(10, 10 * LARGEST, NOW))
        with refused(Invalid, "usage_out_of_range"):
            acme.usage.add_up("sum", [beyond])

    def test_the_newest_hour_before_is_found_for_each_group(self, store: Store) -> None:
        acme, customer, feature = Held(store), ids.CUSTOMER.new(), ids.FEATURE.new()
        hours = {
            group: [
                rollup(customer, feature, hour=HOUR - back, subscription=group[0],
                       dimensions=group[1])
                for back in range(place, place + 5)
            ]
            for place, group in enumerate(GROUPS)
        }  # fmt: skip  # one call reads best as one
        everything = [one for group in hours.values() for one in group]
        acme.usage.add_up("last", everything)
        found = acme.usage.rollup_before(customer, feature, HOUR)
        newest = [hours[GROUPS[0]][1], *(hours[group][0] for group in GROUPS[1:])]
        assert sorted(found, key=lambda one: one.key) == sorted(newest, key=lambda one: one.key)
        other = ids.CUSTOMER.new()
        assert acme.usage.rollup_before(other, feature, HOUR) == []

    def test_many_hours_come_to_what_plain_python_makes_of_them(self, store: Store) -> None:
        acme, random = Held(store), Random(5)  # noqa: S311  the same in every run
        for aggregation in MERGINGS:
            customer, feature = ids.CUSTOMER.new(), ids.FEATURE.new()
            added = [
                _random_hour(random, customer, feature, HOUR + offset, *group)
                for offset in range(8)
                for group in GROUPS
                if random.randint(0, 3)
            ]
            acme.usage.add_up(aggregation, added)
            for first, last in ((0, 8), (2, 5), (3, 4), (4, 4), (-9, 99)):
                some = [one for one in added if first <= one.key.hour - HOUR < last]
                found = acme.usage.totals(aggregation, customer, feature, HOUR + first, HOUR + last)
                assert found == totals(aggregation, some, HOUR + first)

    def test_hours_may_come_to_more_than_64_bits_together(self, store: Store) -> None:
        acme, customer, feature = Held(store), ids.CUSTOMER.new(), ids.FEATURE.new()
        nines = Decimal(10**18 - 1)
        for sign, count in ((1, 4), (-1, 9)):
            quarters = [Quarter(9, sign * 9 * nines, NOW)] * 4
            hours = [rollup(customer, feature, *quarters, hour=HOUR + n) for n in range(count)]
            acme.usage.add_up("sum", hours)
            ((_, total),) = acme.usage.totals("sum", customer, feature, HOUR, HOUR + count)
            assert total == Quarter(36 * count, sign * 36 * count * nines, NOW)
            acme.usage.drop_rollups(feature)

    def test_the_rollups_of_a_feature_are_forgotten(self, store: Store) -> None:
        acme, feature, other = Held(store), ids.FEATURE.new(), ids.FEATURE.new()
        of = [ids.CUSTOMER.new() for _ in range(3)]
        kept = [rollup(customer, other) for customer in of]
        lost = [rollup(customer, feature) for customer in of]
        acme.usage.add_up("sum", [*kept, *lost])
        acme.usage.drop_rollups(feature)
        for customer, one in zip(of, kept, strict=True):
            read = [acme.usage.rollups(customer, f, HOUR, HOUR + 1) for f in (feature, other)]
            assert read == [[], [one]]

    def test_some_hours_of_a_customer_are_forgotten(self, store: Store) -> None:
        acme, feature = Held(store), ids.FEATURE.new()
        one, other = ids.CUSTOMER.new(), ids.CUSTOMER.new()
        of = {c: [rollup(c, feature, hour=HOUR + n) for n in range(4)] for c in (one, other)}
        acme.usage.add_up("sum", [*of[one], *of[other]])
        acme.usage.drop_rollups(feature, customer=one, hours=(HOUR + 1, HOUR + 3))
        assert acme.usage.rollups(one, feature, HOUR, HOUR + 4) == [of[one][0], of[one][3]]
        assert acme.usage.rollups(other, feature, HOUR, HOUR + 4) == of[other]
        acme.usage.drop_rollups(feature, hours=(HOUR + 3, HOUR + 4))
        assert acme.usage.rollups(one, feature, HOUR, HOUR + 4) == [of[one][0]]
        assert acme.usage.rollups(other, feature, HOUR, HOUR + 4) == of[other][:3]

    def test_adding_up_nothing_changes_nothing(self, store: Store) -> None:
        acme, customer, feature = Held(store), ids.CUSTOMER.new(), ids.FEATURE.new()
        one, empty = rollup(customer, feature), rollup(customer, feature, Quarter(0, Decimal(9)))
        for aggregation in MERGINGS:
            acme.usage.add_up(aggregation, [])
        acme.usage.add_up("max", [one])
        acme.usage.add_up("max", [empty])
        found = acme.usage.rollups(customer, feature, HOUR, HOUR + 1)
        assert found == [one]


def _random_rollup(random: Random, customer: CustomerId, feature: FeatureId) -> Rollup:
    quarters: list[Quarter | None] = []
    for _ in range(4):
        value = Decimal(random.randint(-3 * 10**9, 3 * 10**9)).scaleb(-9)
        at = NOW + timedelta(microseconds=random.randint(-2, 2))
        quarters.append(random.choice([None, Quarter(random.randint(1, 3), value, at)]))
    return rollup(
        customer,
        feature,
        *quarters,
        hour=HOUR + random.randint(0, 2),
        subscription=random.choice(["", "sub_1"]),
        dimensions=random.choice(["", '{"model":"a"}', '{"model":"b"}']),
    )


def _random_hour(
    random: Random,
    customer: CustomerId,
    feature: FeatureId,
    hour: int,
    subscription: str,
    dimensions: str,
) -> Rollup:
    """An hour whose last values are of their own quarters."""
    quarters: list[Quarter | None] = []
    for place in range(4):
        value = Decimal(random.choice([-1, 0, 0, 1, 10**17]) * 10**9 + random.randint(-5, 5))
        at = from_micros(((hour * 4 + place) * 900 + random.randint(0, 899)) * 10**6)
        one = Quarter(random.randint(1, 3), value.scaleb(-9), at)
        quarters.append(one if place == hour % 4 or random.randint(0, 1) else None)
    return rollup(
        customer, feature, *quarters, hour=hour, subscription=subscription, dimensions=dimensions
    )
