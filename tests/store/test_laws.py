"""Laws of the store: whatever is claimed or added up, in any portions, plain Python agrees."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.meter.model import MERGINGS, Claim, Merging, Quarter, Rollup
from ledger.store.memory import open_memory
from ledger.testing.contract.rollups import HOUR, merged, rollup
from ledger.testing.contract.store import NOW, Held
from ledger.types import ids
from ledger.types.ids import CustomerId, FeatureId

BILLIONTHS = 10**27 - 1

values = st.integers(-BILLIONTHS // 1_000, BILLIONTHS // 1_000).map(
    lambda billionths: Decimal(billionths).scaleb(-9)
)
instants = st.integers(-3, 3).map(lambda micros: NOW + timedelta(microseconds=micros))
quarters = st.none() | st.builds(Quarter, st.integers(1, 10**6), values, instants)
hours = st.tuples(
    st.integers(-1, 1), st.sampled_from(["", "sub_1"]), st.sampled_from(["", '{"a":"1"}'])
)
Portion = Sequence[tuple[tuple[int, str, str], Sequence[Quarter | None]]]
portions = st.lists(
    st.lists(st.tuples(hours, st.lists(quarters, min_size=4, max_size=4)), max_size=8), max_size=6
)


@pytest.fixture(scope="module")
def held() -> Iterator[Held]:
    store = open_memory()
    store.migrate()
    yield Held(store)
    store.close()


@pytest.mark.parametrize("aggregation", MERGINGS)
@settings(max_examples=40)
@given(portions=portions)
def test_rollups_come_to_what_plain_python_makes_of_them(
    held: Held, aggregation: Merging, portions: Sequence[Portion]
) -> None:
    customer, feature = ids.CUSTOMER.new(), ids.FEATURE.new()
    added: list[Rollup] = []
    for portion in portions:
        rollups = [_rollup(customer, feature, *one) for one in portion]
        held.usage.add_up(aggregation, rollups)
        added += rollups
    found = held.usage.rollups(customer, feature, HOUR - 1, HOUR + 2)
    assert [one for one in _by_key(found) if any(one.quarters)] == [
        one for one in merged(aggregation, added) if any(one.quarters)
    ]


@settings(max_examples=60)
@given(batches=st.lists(st.dictionaries(st.integers(0, 60), st.binary(max_size=4)), max_size=6))
def test_a_claim_keeps_what_came_first(held: Held, batches: Sequence[dict[int, bytes]]) -> None:
    own = ids.USAGE_EVENT.uuid_bytes(ids.USAGE_EVENT.new())[:12]
    known: dict[bytes, Claim] = {}
    for batch in batches:
        keys = {own + key.to_bytes(4, "big"): Claim(content, NOW) for key, content in batch.items()}
        assert held.usage.claim(keys) == {key: known[key] for key in keys if key in known}
        known = {**keys, **known}


def _rollup(
    customer: CustomerId,
    feature: FeatureId,
    hour: tuple[int, str, str],
    quarters: Sequence[Quarter | None],
) -> Rollup:
    offset, subscription, dimensions = hour
    return rollup(
        customer,
        feature,
        *quarters,
        hour=HOUR + offset,
        subscription=subscription,
        dimensions=dimensions,
    )


def _by_key(rollups: Sequence[Rollup]) -> list[Rollup]:
    return sorted(rollups, key=lambda one: one.key)
