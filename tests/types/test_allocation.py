"""Allocation: parts that add up, in proportion, as fair as whole units allow."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.types.allocation import allocate
from ledger.types.errors import Invalid

Weight = int | Decimal | Fraction

weights: st.SearchStrategy[list[Weight]] = st.lists(
    st.one_of(
        st.integers(0, 10**9),
        st.decimals(min_value=0, max_value=10**9, places=6),
        st.fractions(min_value=0, max_value=1000, max_denominator=1000),
    ),
    min_size=1,
    max_size=30,
).filter(any)


@pytest.mark.parametrize(
    ("total", "by", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (100, [0, 1, 2], [0, 33, 67]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (1, [Fraction(1, 3), Fraction(1, 3)], [1, 0]),
        (1000, [Decimal("0.1"), Decimal("0.2"), Decimal("0.7")], [100, 200, 700]),
        (10, [Decimal("1E+2"), 100], [5, 5]),
        (0, [0, 0], [0, 0]),
        (0, [], []),
    ],
)
def test_left_over_units_go_to_the_largest_remainders(
    total: int, by: list[Weight], parts: list[int]
) -> None:
    assert allocate(total, by) == parts


@given(st.integers(-(10**17), 10**17), weights)
def test_a_split_loses_nothing(total: int, by: list[Weight]) -> None:
    assert sum(allocate(total, by)) == total


@given(st.integers(0, 10**17), weights)
def test_every_part_is_within_one_unit_of_its_share(total: int, by: list[Weight]) -> None:
    whole = sum(Fraction(weight) for weight in by)
    for part, weight in zip(allocate(total, by), by, strict=True):
        assert abs(part - total * Fraction(weight) / whole) < 1


@given(st.integers(0, 10**17), weights)
def test_a_credit_mirrors_its_charge(total: int, by: list[Weight]) -> None:
    assert allocate(-total, by) == [-part for part in allocate(total, by)]


@given(st.integers(0, 10**6), weights, st.integers(1, 1000))
def test_only_the_proportion_of_weights_counts(total: int, by: list[Weight], factor: int) -> None:
    assert allocate(total, by) == allocate(total, [Fraction(weight) * factor for weight in by])


@given(st.integers(0, 10**6), weights)
def test_a_zero_weight_gets_nothing(total: int, by: list[Weight]) -> None:
    assert allocate(total, [*by, 0])[-1] == 0


@pytest.mark.parametrize(
    ("total", "by", "code"),
    [
        (1, [], "no_weights"),
        (1, [0, 0], "no_weights"),
        (-1, [Decimal(0)], "no_weights"),
        (1, [1, -1], "bad_weight"),
        (1, [1, 0.5], "bad_weight"),
        (1, [1, True], "bad_weight"),
        (1, [1, "1"], "bad_weight"),
        (1, [Decimal("NaN")], "bad_weight"),
        (1, [Decimal("Infinity")], "bad_weight"),
        (1, [Decimal("1E+999999999")], "bad_weight"),
        (1, [Decimal("1E-999999999")], "bad_weight"),
        (1.5, [1], "bad_amount"),
        (True, [1], "bad_amount"),
    ],
)
def test_what_cannot_be_split_is_refused(total: int, by: list[Weight], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        allocate(total, by)
    assert refused.value.code == code
