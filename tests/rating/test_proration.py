"""Parts of a period: nothing is lost, nothing is charged twice, and it rounds once."""

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rating.proration import prorate, proration, split_charge
from ledger.types.errors import Invalid
from ledger.types.exact import half_away
from ledger.types.money import USD
from ledger.types.period import Measure, Period
from ledger.types.zone import midnight, parse_instant
from tests.rating.strategies import SIGNED_AMOUNTS, cut_periods

AMOUNT = st.integers(-(10**9), 10**9)
MEASURES = st.sampled_from(["day", "second"])


def period(start: str, end: str, zone: str = "UTC") -> Period:
    return Period(_moment(start, zone), _moment(end, zone), zone)


def _moment(text: str, zone: str) -> datetime:
    return parse_instant(text) if "T" in text else midnight(datetime.fromisoformat(text), zone)


@pytest.mark.parametrize(
    ("used", "part", "charge", "credit"),
    [
        (period("2025-01-01", "2025-01-01"), 0, 0, 3100),
        (period("2025-01-15", "2025-01-15"), 0, 0, 3100),
        (period("2025-01-01", "2025-01-02"), 1, 100, 3000),
        (period("2025-01-31", "2025-02-01"), 1, 100, 3000),
        (period("2025-01-01", "2025-02-01"), 31, 3100, 0),
        (period("2024-12-25", "2025-01-03"), 2, 200, 2900),  # what sticks out does not count
        (period("2025-03-01", "2025-04-01"), 0, 0, 3100),
        (period("2025-01-01T22:00Z", "2025-01-03T01:00Z"), 2, 200, 2900),  # dates, not hours
    ],
)
def test_days_are_counted_by_their_dates(used: Period, part: int, charge: int, credit: int) -> None:
    split = split_charge(USD(3100), period("2025-01-01", "2025-02-01"), used)
    assert (split.part, split.whole) == (part, 31)
    assert (split.charge, split.credit) == (USD(charge), USD(credit))


def test_the_zone_of_the_anchored_period_says_which_day_it_is() -> None:
    berlin = period("2025-05-01", "2025-06-01", "Europe/Berlin")
    late = period("2025-05-01T21:59Z", "2025-05-10T22:00Z")
    assert proration(late, berlin).part == 10


def test_a_day_of_25_hours_weighs_more_in_seconds_only() -> None:
    november = period("2025-11-01", "2025-12-01", "America/New_York")
    half = period("2025-11-01", "2025-11-16", "America/New_York")
    assert proration(half, november).factor == Fraction(1, 2)
    assert proration(half, november, "second").part == 361 * 3_600


def test_a_ratio_is_never_rounded() -> None:
    april = period("2025-04-01", "2025-05-01")
    assert prorate(999, period("2025-04-01", "2025-04-26"), april) == Fraction(1665, 2)
    assert split_charge(USD(999), april, period("2025-04-01", "2025-04-26")).charge == USD(833)


def test_a_credit_is_never_a_second_rounding() -> None:
    two_days, one = period("2025-01-01", "2025-01-03"), period("2025-01-01", "2025-01-02")
    split = split_charge(USD(1), two_days, one)  # half a cent each, and there is only one
    assert (split.charge, split.credit) == (USD(1), USD(0))


def test_a_period_without_a_day_cannot_be_divided() -> None:
    with pytest.raises(Invalid) as refusal:
        prorate(1, period("2025-01-01", "2025-01-02"), period("2025-01-01", "2025-01-01"))
    assert refusal.value.code == "empty_period"


@given(SIGNED_AMOUNTS, cut_periods(), MEASURES)
def test_the_parts_of_a_period_add_up(
    amount: Decimal, cut: tuple[Period, list[Period]], by: Measure
) -> None:
    whole, parts = cut
    assert sum((prorate(amount, part, whole, by) for part in parts), Fraction(0)) == amount
    assert (
        sum(proration(part, whole, by).part for part in parts) == proration(whole, whole, by).part
    )


@given(AMOUNT, cut_periods(), MEASURES)
def test_n_rounded_parts_differ_from_the_whole_by_half_a_cent_each_at_most(
    amount: int, cut: tuple[Period, list[Period]], by: Measure
) -> None:
    whole, parts = cut
    rounded = sum(half_away(prorate(amount, part, whole, by)) for part in parts)
    assert 2 * abs(rounded - amount) <= len(parts)


@given(AMOUNT, cut_periods(), MEASURES)
def test_charge_and_credit_are_the_price(
    amount: int, cut: tuple[Period, list[Period]], by: Measure
) -> None:
    whole, parts = cut
    for part in parts:
        split = split_charge(USD(amount), whole, part, by)
        assert split.charge.add(split.credit) == USD(amount)
        assert 0 <= split.part <= split.whole


@given(AMOUNT, cut_periods())
def test_a_credit_mirrors_its_charge(amount: int, cut: tuple[Period, list[Period]]) -> None:
    whole, parts = cut
    there, back = (split_charge(USD(sign * amount), whole, parts[0]) for sign in (1, -1))
    assert (back.charge, back.credit) == (there.charge.negate(), there.credit.negate())


@given(st.integers(0, 10**9), cut_periods(), st.integers(0, 24 * 400), st.integers(0, 24 * 400))
def test_who_stays_longer_never_pays_less(
    amount: int, cut: tuple[Period, list[Period]], a: int, b: int
) -> None:
    whole, _ = cut
    stays = [Period(whole.start, whole.start + timedelta(hours=each)) for each in sorted((a, b))]
    shorter, longer = (split_charge(USD(amount), whole, used) for used in stays)
    assert shorter.charge <= longer.charge
    assert USD(0) <= longer.charge <= USD(amount)
