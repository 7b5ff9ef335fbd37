"""Aggregation by definition: half-open periods, carried levels, one rounding of the total."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.meter.aggregation import Aggregated, aggregate, merge, quantity_of
from ledger.meter.model import MERGINGS, Merging, Quarter
from ledger.plan.conversion import Conversion
from ledger.plan.feature import Aggregation
from ledger.types.errors import Invalid
from ledger.types.exact import CONTEXT

START, END = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LAST_MOMENT = END - timedelta(microseconds=1)

mergings = st.sampled_from(MERGINGS)
values = st.integers(-(10**27) + 1, 10**27 - 1).map(lambda n: CONTEXT.scaleb(Decimal(n), -9))
quarters = st.builds(
    Quarter, st.integers(0, 3), values, st.integers(0, 5).map(lambda n: START + n * DAY)
)


@pytest.mark.parametrize(
    ("aggregation", "readings", "expected"),
    [
        ("count", [(START, "5"), (LAST_MOMENT, "1"), (END, "9")], "2"),
        ("sum", [(START - DAY, "7"), (START, "5"), (LAST_MOMENT, "1.25"), (END, "9")], "6.25"),
        ("sum", [(START, "10"), (START, "-4")], "6"),
        ("sum", [(START, "0.1")] * 10, "1"),
        ("sum", [(START, "999999999999999999"), (START, "0.000000001")],
         "999999999999999999.000000001"),
        ("max", [(START - DAY, "7"), (START, "5"), (END, "9")], "5"),
        ("max", [(START, "-5"), (START + DAY, "-7")], "-5"),
        ("max", [], "0"),
        ("count", [], "0"),
        ("sum", [], "0"),
        ("last", [], "0"),
        ("last", [(START + DAY, "3"), (START, "10")], "3"),
        ("last", [(START, "3"), (START, "10")], "10"),
        ("last", [(START - DAY, "17"), (END, "9")], "17"),
    ],
)  # fmt: skip
def test_usage_comes_to_what_is_defined(
    aggregation: Aggregation, readings: Sequence[tuple[datetime, str]], expected: str
) -> None:
    pairs = [(time, Decimal(value)) for time, value in readings]
    assert aggregate(aggregation, pairs, START, END).quantity == Decimal(expected)


def test_a_level_is_carried_in_and_on() -> None:
    carry = Decimal(4)
    assert aggregate("last", [], START, END, carry) == Aggregated(carry, carry)
    newer = [(START - DAY, Decimal(6))]
    assert aggregate("last", newer, START, END, carry).level == 6
    assert aggregate("last", [], START, END).level is None


@given(mergings, quarters, quarters, quarters)
def test_parts_are_merged_in_any_batches(
    aggregation: Merging, a: Quarter, b: Quarter, c: Quarter
) -> None:
    one_way = merge(aggregation, merge(aggregation, a, b), c)
    other_way = merge(aggregation, a, merge(aggregation, b, c))
    assert quantity_of(one_way) == quantity_of(other_way)
    assert one_way.count == other_way.count
    assert not one_way.count or one_way.at == other_way.at


@given(mergings, quarters, quarters)
def test_the_order_of_arrival_matters_only_for_the_last_of_one_instant(
    aggregation: Merging, a: Quarter, b: Quarter
) -> None:
    if aggregation != "last" or a.at != b.at:
        one, other = merge(aggregation, a, b), merge(aggregation, b, a)
        assert quantity_of(one) == quantity_of(other)


@pytest.mark.parametrize(
    ("quantity", "operation", "factor", "rounding", "digits", "billable"),
    [
        ("123.456", "multiply", "1", "up", 2, "123.46"),
        ("123.456", "multiply", "1", "down", 2, "123.45"),
        ("123.456", "multiply", "1", "down", -2, "100"),
        ("1500", "divide", "1000", "half_up", 0, "2"),
        ("1400", "divide", "1000", "none", 0, "1.4"),
        ("2700", "divide", "1000", "up", 0, "3"),
        ("3000", "divide", "1000", "up", 0, "3"),
        ("-1500", "divide", "1000", "half_up", 0, "-2"),
        ("-1", "divide", "1000", "up", 0, "-1"),
        ("-999", "divide", "1000", "down", 0, "0"),
        ("0", "divide", "3", "up", 0, "0"),
    ],
)
def test_the_total_is_converted_and_rounded_once(
    quantity: str,
    operation: Literal["divide", "multiply"],
    factor: str,
    rounding: Literal["none", "up", "down", "half_up"],
    digits: int,
    billable: str,
) -> None:
    conversion = Conversion(operation, Decimal(factor), rounding, digits)
    assert conversion.convert(Decimal(quantity)) == Decimal(billable)


def test_a_conversion_without_rounding_is_exact() -> None:
    assert Conversion("divide", Decimal(3)).convert(Decimal(1)) == Fraction(1, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"operation": "add"},
        {"factor": Decimal(0)},
        {"factor": Decimal(-1)},
        {"factor": "0"},
        {"rounding": "bankers"},
        {"digits": 19},
    ],
)
def test_a_conversion_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    said: dict[str, Any] = {"operation": "divide", "factor": Decimal(2)}
    with pytest.raises(Invalid) as refused:
        Conversion(**said | wrong)
    assert refused.value.code == "bad_conversion"
