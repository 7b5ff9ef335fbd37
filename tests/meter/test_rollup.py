"""Rollups add up what the definition adds up: in any batches, hour by hour, quarter by quarter."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ledger.meter.aggregation import aggregate, quantity_of
from ledger.meter.model import MERGINGS, Merging, Rollup, RollupKey
from ledger.meter.rollup import (
    Count,
    by_quarter,
    dimensions_of,
    fold,
    merge_rollups,
    read_dimensions,
    roll_up,
)
from ledger.plan.feature import Feature, Meter
from ledger.types import ids

START = datetime(2025, 3, 1, tzinfo=UTC)
HOURS = 3
END = START + timedelta(hours=HOURS)
CUSTOMERS = [ids.CUSTOMER.new(), ids.CUSTOMER.new()]
SUBSCRIPTION = ids.SUBSCRIPTION.new()
FEATURES = {
    kind: Feature(kind, "metered", Meter("e", kind, dimensions=("model",))) for kind in MERGINGS
}

times = st.integers(0, HOURS * 3600 * 1000 - 1).map(lambda ms: START + timedelta(milliseconds=ms))
values = st.integers(-(10**12), 10**12).map(lambda n: Decimal(n).scaleb(-9))


def counts(aggregation: Merging) -> st.SearchStrategy[list[Count]]:
    one = st.builds(
        Count,
        st.just(FEATURES[aggregation]),
        st.sampled_from(CUSTOMERS),
        times,
        st.just(Decimal(1)) if aggregation == "count" else values,
        st.sampled_from([None, SUBSCRIPTION]),
        st.sampled_from([{}, {"model": "a"}, {"model": "b"}]),
    )
    return st.lists(one, max_size=30)


def in_batches(batches: Sequence[Sequence[Count]], kind: Merging) -> dict[RollupKey, Rollup]:
    """What a store holds after these batches."""
    stored: dict[RollupKey, Rollup] = {}
    for batch in batches:
        for rollup in roll_up(by_quarter(batch)).get(kind, []):
            before = stored.get(rollup.key)
            stored[rollup.key] = merge_rollups(kind, before, rollup) if before else rollup
    return stored


@given(st.data(), st.sampled_from(MERGINGS))
def test_rollups_are_the_events_added_up_in_any_batches(data: st.DataObject, kind: Merging) -> None:
    events = data.draw(counts(kind))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=4)))
    edges = [0, *cuts, len(events)]
    batches = [events[a:b] for a, b in pairwise(edges)]
    by_key: defaultdict[tuple[str, str, str], list[tuple[datetime, Decimal]]] = defaultdict(list)
    for event in events:
        dimensions = dimensions_of(Meter("e", dimensions=("model",)), event.properties)
        by_key[event.customer, event.subscription or "", dimensions].append(
            (event.time, event.value)
        )
    stored = in_batches(batches, kind)
    assert stored == in_batches([events], kind)
    for key, pairs in by_key.items():
        rows = [
            rollup
            for _, rollup in sorted(stored.items())
            if (rollup.key.customer, rollup.key.subscription, rollup.key.dimensions) == key
        ]
        total = fold(kind, (quarter for row in rows for quarter in row.quarters))
        assert quantity_of(total) == aggregate(kind, pairs, START, END).quantity
        assert total is not None
        assert total.count == len(pairs)


@given(st.lists(times, min_size=1, max_size=20))
def test_an_event_counts_in_the_quarter_of_its_own_time(when: list[datetime]) -> None:
    events = [Count(FEATURES["sum"], CUSTOMERS[0], at, Decimal(1), None, {}) for at in when]
    for rollup in roll_up(by_quarter(events))["sum"]:
        for i, quarter in enumerate(rollup.quarters):
            start = datetime.fromtimestamp(rollup.key.hour * 3600 + i * 900, UTC)
            inside = [at for at in when if start <= at < start + timedelta(minutes=15)]
            assert (quarter.count if quarter else 0) == len(inside)
            assert quarter is None or quarter.at == max(inside)


def test_rollups_come_in_the_order_of_their_keys() -> None:
    events = [
        Count(FEATURES["sum"], customer, START + timedelta(hours=h), Decimal(1), name, {})
        for h in (2, 0, 1)
        for customer in CUSTOMERS
        for name in (SUBSCRIPTION, None)
    ]
    keys = [rollup.key for rollup in roll_up(by_quarter(events))["sum"]]
    assert keys == sorted(keys)
    assert len(keys) == 12


def test_dimensions_are_canonical_text() -> None:
    meter = Meter("e", dimensions=("region", "model"))
    text = dimensions_of(meter, {"model": "a", "other": 1})
    assert text == '{"model":"a","region":""}'
    assert read_dimensions(text) == {"model": "a", "region": ""}
    assert (dimensions_of(Meter("e"), {"model": "a"}), read_dimensions("")) == ("", {})


def test_an_event_before_1970_has_an_hour_of_its_own() -> None:
    at = datetime(1969, 12, 31, 23, 50, tzinfo=UTC)
    event = Count(FEATURES["sum"], CUSTOMERS[0], at, Decimal(1), None, {})
    (rollup,) = roll_up(by_quarter([event]))["sum"]
    assert rollup.key.hour == -1
    assert [quarter is not None for quarter in rollup.quarters] == [False, False, False, True]
