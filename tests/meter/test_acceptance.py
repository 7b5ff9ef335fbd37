"""What `meter()` takes in is exact and complete; what it cannot keep exactly it refuses."""

import decimal
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.meter.acceptance import content, digest, member_of, stamp, stamp_fast, value_of
from ledger.meter.model import Property, PropertyValue, Reading, UsageEvent
from ledger.meter.properties import text_of
from ledger.plan.feature import Meter
from ledger.types import ids
from ledger.types.errors import Invalid

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SUBSCRIPTION = ids.SUBSCRIPTION.new()


class Name(StrEnum):
    call = "api_calls"


def stamped(**said: Any) -> Reading:  # the mistakes under test have any type
    plain: dict[str, Any] = {"event": "api_calls", "customer": "user_42"}
    return stamp(UsageEvent(**plain | said), NOW)


def test_what_is_not_given_is_made() -> None:
    reading = stamped()
    assert ids.USAGE_EVENT.is_(reading.id)
    assert (reading.key, reading.time) == (reading.id, NOW)
    assert reading.quantity == 1
    assert (reading.time_given, reading.properties, reading.subscription) == (False, {}, None)


def test_what_is_given_is_kept() -> None:
    time = datetime(2026, 1, 4, 1, tzinfo=timezone(timedelta(hours=2)))
    reading = stamped(
        quantity="2.50", key="k", time=time, properties={"model": "m"}, subscription=SUBSCRIPTION
    )
    assert (reading.key, str(reading.quantity)) == ("k", "2.5")
    assert (reading.time, reading.time.tzinfo, reading.time_given) == (time, UTC, True)
    assert (reading.properties, reading.subscription) == ({"model": "m"}, SUBSCRIPTION)


def test_an_event_that_says_nothing_special_gives_the_same_on_both_ways() -> None:
    slow = stamp_fast("way", "user_42", 3, None, None, None, None, NOW)  # a name not seen before
    fast = stamp_fast("way", "user_42", 3, None, None, None, None, NOW)
    same = {"id": slow.id, "key": slow.key}
    assert msgspec.structs.replace(fast, **same) == slow
    assert fast.id > slow.id


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"quantity": 1.5}, "float_refused"),
        ({"quantity": True}, "bad_decimal"),
        ({"quantity": "NaN"}, "bad_decimal"),
        ({"quantity": Decimal("NaN")}, "bad_decimal"),
        ({"quantity": Decimal("-Infinity")}, "bad_decimal"),
        ({"quantity": "١٢"}, "bad_decimal"),
        ({"quantity": "1_000"}, "bad_decimal"),
        ({"quantity": ""}, "bad_decimal"),
        ({"quantity": None}, "bad_decimal"),
        ({"quantity": "1e999999999"}, "out_of_range"),
        ({"quantity": Decimal("1e-10")}, "out_of_range"),
        ({"quantity": 10**18}, "out_of_range"),
        ({"quantity": -(10**400)}, "out_of_range"),
        ({"event": ""}, "bad_key"),
        ({"event": "api calls"}, "bad_key"),
        ({"event": "é"}, "bad_key"),
        ({"event": "x" * 129}, "bad_key"),
        ({"event": ["api_calls"]}, "bad_key"),
        ({"customer": ""}, "bad_customer"),
        ({"customer": "x" * 256}, "bad_customer"),
        ({"customer": "a\nb"}, "bad_customer"),
        ({"customer": "\ud800"}, "bad_customer"),
        ({"customer": 42}, "bad_customer"),
        ({"customer": None}, "bad_customer"),
        ({"key": ""}, "bad_event_key"),
        ({"key": "x" * 256}, "bad_event_key"),
        ({"key": "\0"}, "bad_event_key"),
        ({"key": 7}, "bad_event_key"),
        ({"time": datetime(2026, 1, 1)}, "naive_datetime"),  # noqa: DTZ001 - the mistake
        ({"time": "2026-01-01T00:00:00Z"}, "bad_instant"),
        ({"subscription": "user_42"}, "wrong_id"),
        ({"subscription": ids.CUSTOMER.new()}, "wrong_id"),
        ({"properties": {"x": 0.5}}, "float_refused"),
        ({"properties": {"x": Decimal("Infinity")}}, "bad_decimal"),
        ({"properties": {"x": Decimal("1e400")}}, "out_of_range"),
        ({"properties": {"x": 2**63}}, "bad_properties"),
        ({"properties": {"x": [1]}}, "bad_properties"),
        ({"properties": {"x": "a" * 1001}}, "bad_properties"),
        ({"properties": {"x": "a\0"}}, "bad_properties"),
        ({"properties": {"x": "\udfff"}}, "bad_properties"),
        ({"properties": {"": 1}}, "bad_properties"),
        ({"properties": {"x" * 129: 1}}, "bad_properties"),
        ({"properties": {7: 1}}, "bad_properties"),
        ({"properties": {f"p{i}": i for i in range(51)}}, "bad_properties"),
        ({"properties": [("x", 1)]}, "bad_properties"),
    ],
)
def test_what_cannot_be_kept_exactly_is_refused(said: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        stamped(**said)
    assert refused.value.code == code
    assert len(refused.value.message.split()) > 3


def test_something_else_than_an_event_is_refused() -> None:
    with pytest.raises(Invalid, match="UsageEvent") as refused:
        stamp({"event": "api_calls"}, NOW)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - the mistake
    assert refused.value.code == "not_a_usage_event"


def test_the_callers_decimal_context_changes_nothing() -> None:
    with decimal.localcontext(prec=3):
        assert stamped(quantity="123456.789").quantity == Decimal("123456.789")


def test_text_of_any_kind_becomes_plain_text_that_can_be_written() -> None:
    reading = stamped(event=Name.call, customer=Name.call, properties={Name.call: Name.call})
    kept = [reading.event, reading.customer, *reading.properties, *reading.properties.values()]
    assert [type(text) for text in kept] == [str] * 4
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(reading), type=Reading)
    assert again == reading


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        ("", ""),
        ("ça va\n", "ça va\n"),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (True, True),
        (None, None),
        (Decimal("0.50"), "0.5"),
        (Decimal("1e3"), "1000"),
    ],
)
def test_a_property_is_kept_as_it_is_and_a_decimal_as_its_text(
    given_value: PropertyValue, kept: Property
) -> None:
    found = stamped(properties={"x": given_value}).properties["x"]
    assert (found, type(found)) == (kept, type(kept))


def test_what_the_caller_changes_later_changes_nothing() -> None:
    properties: dict[str, PropertyValue] = {"model": "m"}
    reading = stamped(properties=properties)
    properties["model"] = "other"
    assert reading.properties == {"model": "m"}


def test_a_key_made_here_is_kept_as_its_uuid_and_sorts_by_time() -> None:
    made = [ids.USAGE_EVENT.new() for _ in range(50)]
    assert [digest(key) for key in made] == [ids.USAGE_EVENT.uuid_bytes(key) for key in made]
    assert sorted(map(digest, made)) == [digest(key) for key in made]


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_given_key_is_hashed_and_never_looks_like_one_made_here(a: str, b: str) -> None:
    a, b = a.encode("utf-8", "replace").decode(), b.encode("utf-8", "replace").decode()
    assert (digest(a) == digest(b)) == (a == b)
    assert len(digest(a)) == 16
    assert digest(a)[6] >> 4 == 8


def test_an_id_that_is_no_time_ordered_one_is_hashed() -> None:
    zero = ids.USAGE_EVENT.from_bytes(bytes(16))
    assert digest(zero)[6] >> 4 == 8


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ({}, True),
        ({"key": "another"}, True),
        ({"quantity": "3.0"}, True),
        ({"quantity": Decimal("3e0")}, True),
        ({"quantity": 4}, False),
        ({"event": "other"}, False),
        ({"time": NOW}, False),
        ({"properties": {"b": "0.5", "a": 1}}, True),
        ({"properties": {"a": 1, "b": "0.5"}}, True),
        ({"properties": {"a": True, "b": "0.5"}}, False),
        ({"properties": {"a": "1", "b": "0.5"}}, False),
        ({"subscription": SUBSCRIPTION}, False),
    ],
)
def test_the_content_of_an_event_is_what_it_says_however_it_is_written(
    other: dict[str, Any], is_same: bool
) -> None:
    said: dict[str, Any] = {"quantity": 3, "properties": {"a": 1, "b": Decimal("0.50")}}
    first, second = stamped(**said), stamped(**said | other)
    assert (content(first, "cst") == content(second, "cst")) == is_same


def test_the_customer_is_content_as_it_was_resolved() -> None:
    assert content(stamped(customer="a"), "cst") == content(stamped(customer="b"), "cst")
    assert content(stamped(), "cst_1") != content(stamped(), "cst_2")


def test_a_time_that_was_made_is_no_content() -> None:
    event = UsageEvent("api_calls", "user_42")
    later = stamp(event, NOW + timedelta(seconds=1))
    assert content(stamp(event, NOW), "cst") == content(later, "cst")


@pytest.mark.parametrize(
    ("meter", "properties", "value"),
    [
        (Meter("e"), {}, 7),
        (Meter("e", "count"), {}, 1),
        (Meter("e", "max"), {"x": 3}, 7),
        (Meter("e", property="x"), {"x": 3}, 3),
        (Meter("e", property="x"), {"x": "-0.25"}, Decimal("-0.25")),
        (Meter("e", property="x"), {"x": None}, None),
        (Meter("e", property="x"), {}, None),
        (Meter("e", where={"x": "3"}), {"x": 3}, 7),
        (Meter("e", where={"x": "3"}), {"x": "3.0"}, None),
        (Meter("e", where={"x": "true"}), {"x": True}, 7),
        (Meter("e", where={"x": "True"}), {"x": True}, None),
        (Meter("e", where={"x": ""}), {"x": None}, 7),
        (Meter("e", where={"x": ""}), {}, 7),
        (Meter("e", where={"x": "a", "y": "b"}), {"x": "a", "y": "b"}, 7),
        (Meter("e", where={"x": "a", "y": "b"}), {"x": "a"}, None),
        (Meter("e", property="n", where={"x": "a"}), {"x": "b", "n": "no number"}, None),
        (Meter("e", expression="x / 4 + quantity"), {"x": 3}, Decimal("7.75")),
        (Meter("e", expression="x / 4 + quantity"), {}, None),
        (Meter("e", expression="1 / x", where={"y": "a"}), {"x": 0}, None),
        (Meter("e", "unique"), {}, 1),
        (Meter("e", "unique", property="x"), {"x": "ada"}, 1),
        (Meter("e", "unique", property="x"), {"x": None}, None),
        (Meter("e", "unique", property="x", where={"y": "a"}), {"x": "ada"}, None),
        (Meter("e", "unique", expression="x * 5"), {"x": 3}, 1),
        (Meter("e", "unique", expression="x * 5"), {}, None),
        (Meter("e", "weighted_sum", property="x"), {"x": "0.5"}, Decimal("0.5")),
    ],
)
def test_a_meter_reads_its_value(
    meter: Meter, properties: Mapping[str, Property], value: Decimal | None
) -> None:
    assert value_of(meter, stamped(event="e", quantity=7, properties=properties)) == value


@pytest.mark.parametrize(
    ("meter", "properties", "member"),
    [
        (Meter("e", "unique"), {}, "7"),
        (Meter("e", "unique", property="x"), {"x": "ada"}, "ada"),
        (Meter("e", "unique", property="x"), {"x": ""}, ""),
        (Meter("e", "unique", property="x"), {"x": 3}, "3"),
        (Meter("e", "unique", property="x"), {"x": "3.0"}, "3.0"),
        (Meter("e", "unique", property="x"), {"x": True}, "true"),
        (Meter("e", "unique", property="x"), {}, None),
        (Meter("e", "unique", property="x", where={"y": "a"}), {"x": "ada"}, None),
        (Meter("e", "unique", expression="x / 2"), {"x": 3}, "1.5"),
        (Meter("e", "unique", expression="x / 2"), {}, None),
    ],
)
def test_a_value_is_told_from_others_by_its_text(
    meter: Meter, properties: Mapping[str, Property], member: str | None
) -> None:
    assert member_of(meter, stamped(event="e", quantity=7, properties=properties)) == member


@pytest.mark.parametrize("value", [True, "many", "", "1e30", "0x1f", "NaN"])
def test_a_metered_property_that_is_no_number_is_named(value: Property) -> None:
    with pytest.raises(Invalid, match="tokens"):
        value_of(Meter("e", property="tokens"), stamped(event="e", properties={"tokens": value}))


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (12, "12"), (True, "true"), (False, "false"), (None, "")]
)
def test_properties_are_compared_as_text(value: Property, text: str) -> None:
    assert text_of(value) == text
