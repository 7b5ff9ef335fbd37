"""What sums cannot hold, different values and levels: kept as given, counted, and forgotten."""

from decimal import Decimal
from random import Random

from ledger.meter.model import LevelHour, Membership, RollupKey, Stretch
from ledger.testing.contract.rollups import HOUR, rollup
from ledger.testing.contract.store import Held, Store
from ledger.types import ids
from ledger.types.ids import CustomerId, FeatureId

SUBSCRIPTIONS = ["", "sub_1", "sub_2"]
DIMENSIONS = ["", '{"model":"größer"}']


def membership(
    customer: CustomerId,
    feature: FeatureId,
    member: int,
    quarters: int = 0b0001,
    *,
    hour: int = HOUR,
    subscription: str = "",
    dimensions: str = "",
) -> Membership:
    """That the value of this number occurred in an hour, in its first quarter unless told."""
    key = RollupKey(customer, feature, hour, subscription, dimensions)
    return Membership(key, member.to_bytes(16, "big"), quarters)


def level(customer: CustomerId, feature: FeatureId, hour: int = HOUR, value: int = 7) -> LevelHour:
    """An hour in whose third quarter a level was set."""
    first = (hour * 4 + 2) * 900 * 10**6
    one = Stretch(first, first + 5, 0, Decimal(10**18 * 900 * 10**6), Decimal(value).scaleb(-9))
    return LevelHour(RollupKey(customer, feature, hour), (None, None, one, None))


class CountedContract:
    """What a `UsageRepository` promises of different values and of levels."""

    def test_a_value_is_noted_once_whoever_notes_it(self, store: Store) -> None:
        acme, customer, feature = Held(store), ids.CUSTOMER.new(), ids.FEATURE.new()
        acme.usage.add_members([membership(customer, feature, 1, 0b0001)])
        acme.usage.add_members([])
        acme.usage.add_members(
            [membership(customer, feature, 2, 0b1000), membership(customer, feature, 1, 0b0101)]
        )
        found = list(acme.usage.members(customer, feature, HOUR, HOUR + 1))
        assert found == [
            membership(customer, feature, 1, 0b0101),
            membership(customer, feature, 2, 0b1000),
        ]

    def test_values_of_one_customer_feature_and_range_are_read(self, store: Store) -> None:
        acme, customer, feature = Held(store), ids.CUSTOMER.new(), ids.FEATURE.new()
        mine = [membership(customer, feature, n, hour=HOUR + n) for n in range(4)]
        others = [
            membership(ids.CUSTOMER.new(), feature, 1),
            membership(customer, ids.FEATURE.new(), 1),
        ]
        acme.usage.add_members([*reversed(mine), *others])
        assert list(acme.usage.members(customer, feature, HOUR + 1, HOUR + 3)) == mine[1:3]
        assert acme.usage.distinct(customer, feature, (HOUR + 1) * 4, (HOUR + 3) * 4) == 2

    def test_different_values_are_counted_between_any_quarters(self, store: Store) -> None:
        acme, random = Held(store), Random(20260311)  # noqa: S311  the same in every run
        customer, feature = ids.CUSTOMER.new(), ids.FEATURE.new()
        noted = [
            membership(
                customer,
                feature,
                random.randint(0, 20),
                random.randint(1, 15),
                hour=HOUR + random.randint(0, 2),
                subscription=random.choice(SUBSCRIPTIONS),
                dimensions=random.choice(DIMENSIONS),
            )
            for _ in range(40)
        ]
        acme.usage.add_members(noted)
        for names in (None, [""], ["sub_1", ""], ["sub_3"]):
            for first in range(HOUR * 4 - 1, HOUR * 4 + 13):
                for last in range(first - 1, HOUR * 4 + 14):
                    expected = _occurring(noted, first, last, names)
                    found = acme.usage.distinct(customer, feature, first, last, names)
                    assert found == len(expected)
            whole = customer, feature, HOUR * 4 + 1, HOUR * 4 + 11, names
            expected = _occurring(noted, whole[2], whole[3], names)
            assert sorted(acme.usage.distinct_members(*whole)) == sorted(expected)
            asked = [n.to_bytes(16, "big") for n in range(10, 700)]
            among = acme.usage.distinct_members(*whole, of=asked)
            assert sorted(among) == sorted(expected & set(asked))
            some = acme.usage.distinct_members(*whole, limit=3)
            assert len(some) == len(set(some)) == min(3, len(expected))
            assert set(some) <= expected

    def test_levels_are_read_back_as_they_were_put(self, store: Store) -> None:
        acme, customer, feature = Held(store), ids.CUSTOMER.new(), ids.FEATURE.new()
        hours = [level(customer, feature, HOUR + n) for n in range(4)]
        others = [level(ids.CUSTOMER.new(), feature), level(customer, ids.FEATURE.new())]
        acme.usage.put_levels([*reversed(hours), *others])
        assert acme.usage.levels(customer, feature, HOUR + 1, HOUR + 3) == hours[1:3]
        newer = level(customer, feature, HOUR + 1, value=-9)
        acme.usage.put_levels([newer])
        acme.usage.put_levels([])
        assert acme.usage.levels(customer, feature, HOUR, HOUR + 3) == [hours[0], newer, hours[2]]

    def test_values_and_levels_are_forgotten_with_the_rollups(self, store: Store) -> None:
        acme, feature, other = Held(store), ids.FEATURE.new(), ids.FEATURE.new()
        one, two = ids.CUSTOMER.new(), ids.CUSTOMER.new()
        for customer in (one, two):
            for of in (feature, other):
                acme.usage.add_up("last", [rollup(customer, of, hour=HOUR + n) for n in (0, 1)])
                acme.usage.add_members([membership(customer, of, n, hour=HOUR + n) for n in (0, 1)])
                acme.usage.put_levels([level(customer, of, HOUR + n) for n in (0, 1)])

        def left(customer: CustomerId, of: FeatureId) -> tuple[int, int, int]:
            asked = customer, of, HOUR, HOUR + 2
            return (
                len(acme.usage.rollups(*asked)),
                acme.usage.distinct(customer, of, HOUR * 4, HOUR * 4 + 8),
                len(acme.usage.levels(*asked)),
            )

        acme.usage.drop_rollups(feature, customer=one, hours=(HOUR, HOUR + 1))
        assert (left(one, feature), left(two, feature)) == ((1, 1, 1), (2, 2, 2))
        acme.usage.drop_rollups(feature)
        assert (left(one, feature), left(two, feature)) == ((0, 0, 0), (0, 0, 0))
        assert (left(one, other), left(two, other)) == ((2, 2, 2), (2, 2, 2))


def _occurring(
    noted: list[Membership], first: int, last: int, names: list[str] | None
) -> set[bytes]:
    """The values that occurred in these quarters, one by one."""
    return {
        one.member
        for one in noted
        for quarter in range(4)
        if one.quarters >> quarter & 1
        and first <= one.key.hour * 4 + quarter < last
        and (names is None or one.key.subscription in names)
    }
