"""What goes into PostgreSQL comes out as it was, in the order of Python; the rest is refused."""

import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.meter.model import Claim, Quarter, Rollup, StoredEvent
from ledger.store.sql.store import SqlStore
from ledger.testing.contract import things
from ledger.testing.contract.rollups import HOUR, merged, rollup
from ledger.testing.contract.store import NOW, Held, refused
from ledger.types import ids
from ledger.types.errors import Invalid
from ledger.types.ids import CustomerId, FeatureId
from ledger.types.zone import micros

LARGEST = Decimal("999999999999999999.999999999")
MANY = 30
"""Enough rows for them to come in by COPY."""

words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
one_database = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@one_database
@given(dimensions=st.sets(words, max_size=40))
def test_text_of_any_kind_is_kept_and_in_the_order_of_python(
    postgres_store: SqlStore, dimensions: set[str]
) -> None:
    acme, customer, feature = Held(postgres_store), ids.CUSTOMER.new(), ids.FEATURE.new()
    rollups = [rollup(customer, feature, dimensions=one) for one in dimensions]
    acme.usage.add_up("sum", rollups)
    found = acme.usage.rollups(customer, feature, HOUR, HOUR + 1)
    assert [one.key.dimensions for one in found] == sorted(dimensions)


@one_database
@given(texts=st.lists(words, min_size=1, max_size=3), many=st.sampled_from([1, MANY]))
def test_text_of_an_event_is_kept_either_way_in(
    postgres_store: SqlStore, texts: list[str], many: int
) -> None:
    acme = Held(postgres_store)
    events = [
        replace(things.usage_event(ids.CUSTOMER.new(), key=text), properties={text: text})
        for text in texts * many
    ]
    acme.usage.add(events)
    assert _found(acme, events) == events


@pytest.mark.parametrize("many", [1, MANY])
@pytest.mark.parametrize(
    "quantity", [LARGEST, -LARGEST, Decimal("0.000000001"), Decimal("-0.000000001"), Decimal(0)]
)
def test_a_quantity_is_exact_to_its_last_digit(
    postgres_store: SqlStore, quantity: Decimal, many: int
) -> None:
    acme, customer, feature = Held(postgres_store), ids.CUSTOMER.new(), ids.FEATURE.new()
    events = [replace(things.usage_event(customer), quantity=quantity) for _ in range(many)]
    acme.usage.add(events)
    assert [event.quantity for event in _found(acme, events)] == [quantity] * many
    hours = [
        rollup(customer, feature, Quarter(1, quantity, NOW), hour=HOUR + n) for n in range(many)
    ]
    acme.usage.add_up("sum", hours)
    ((_, total),) = acme.usage.totals("sum", customer, feature, HOUR, HOUR + many)
    assert total.value == quantity * many


@pytest.mark.parametrize("aggregation", ["sum", "max", "last", "count"])
def test_what_is_merged_many_at_once_is_what_python_makes_of_it(
    postgres_store: SqlStore, aggregation: Any
) -> None:
    acme, customer, feature = Held(postgres_store), ids.CUSTOMER.new(), ids.FEATURE.new()
    given = [
        rollup(
            customer,
            feature,
            Quarter(1, Decimal(n * 37 % 23), NOW),
            hour=HOUR + n % 7,
        )
        for n in range(3 * MANY)
    ]
    added = list[Rollup]()
    for portion in (given[:MANY], given[MANY:]):
        acme.usage.add_up(aggregation, portion)
        added += portion
        found = acme.usage.rollups(customer, feature, HOUR, HOUR + 7)
        assert found == merged(aggregation, added)


TOO_LARGE: Sequence[Callable[[Held], object]] = [
    lambda acme: acme.usage.mark("writer", 2**63),
    lambda acme: acme.usage.rollups(CustomerId("c"), FeatureId("f"), -(2**63) - 1, 2**63),
]


@pytest.mark.parametrize("attempt", TOO_LARGE, ids=["written", "asked for"])
def test_a_number_beyond_64_bits_is_refused(
    postgres_store: SqlStore, memory: SqlStore, attempt: Callable[[Held], object]
) -> None:
    for store in (postgres_store, memory):
        with refused(Invalid, "out_of_range"):
            attempt(Held(store))


@pytest.mark.parametrize("many", [1, MANY])
def test_usage_that_comes_to_more_than_64_bits_is_refused_and_nothing_of_it_is_kept(
    postgres_store: SqlStore, many: int
) -> None:
    acme, customer, feature = Held(postgres_store), ids.CUSTOMER.new(), ids.FEATURE.new()
    full = Quarter(2**62, LARGEST, NOW)
    hours = [rollup(customer, feature, full, hour=HOUR + n) for n in range(many)]
    acme.usage.add_up("sum", hours)
    with refused(Invalid, "usage_out_of_range"):
        acme.usage.add_up("sum", hours)
    found = acme.usage.rollups(customer, feature, HOUR, HOUR + many)
    assert {one.quarters[0] for one in found} == {full}


@pytest.mark.parametrize("many", [1, MANY])
@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"], ids=["nul", "half a pair"])
def test_text_that_cannot_be_stored_is_refused_whichever_way_it_would_come_in(
    postgres_store: SqlStore, text: str, many: int
) -> None:
    acme = Held(postgres_store)
    bad = [things.usage_event(text) for _ in range(many)]
    with refused(Invalid, "bad_text"):
        acme.usage.add(bad)
    with refused(Invalid, "bad_text"):
        acme.due.put("billing", text, NOW)
    with refused(Invalid, "bad_text"):
        acme.customers.find(text)
    with refused(Invalid, "bad_text"):
        acme.customers.resolve([text] * many)
    acme.usage.add([things.usage_event("jane")])


def test_bytes_are_kept_whatever_they_are(postgres_store: SqlStore) -> None:
    acme = Held(postgres_store)
    keys = {bytes([n]) * 16: Claim(bytes([255 - n]), NOW) for n in range(256)}
    assert acme.usage.claim(keys) == {}
    assert acme.usage.claim(keys) == keys
    again = {b"\0" * 16: Claim(b"other", None)}
    assert acme.usage.claim(again) == {b"\0" * 16: Claim(b"\xff", NOW)}


def test_instants_are_kept_from_the_first_to_the_last_year(postgres_store: SqlStore) -> None:
    acme = Held(postgres_store)
    first, last = NOW.replace(year=1), NOW.replace(year=9999)
    for at in (first, last):
        acme.due.put("billing", f"{at:%Y}", at)
        assert acme.due.get("billing", f"{at:%Y}") == at
    assert -(2**63) < micros(first) < micros(last) < 2**63 - 1
    assert sys.maxsize >= 2**63 - 1


def _found(acme: Held, events: Sequence[StoredEvent]) -> list[StoredEvent]:
    """These events as they are stored, in the order in which they were added."""
    wanted = {event.id for event in events}
    since = min(event.time for event in events)
    stored = acme.usage.stored(since, since.replace(microsecond=999_999))
    return [event for event in stored if event.id in wanted]
