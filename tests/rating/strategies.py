"""Prices, quantities and periods to state laws about, and prices worked out the slow way."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ledger.plan.price import (
    FlatPrice,
    GraduatedPrice,
    PackagePrice,
    Price,
    PriceModel,
    StairstepPrice,
    Tier,
    UnitPrice,
    VolumePrice,
)
from ledger.types.period import Anchor, Calendar, Interval, Period, Schedule

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"]
INTERVALS = [Interval("day"), Interval("week"), Interval("month"), Interval("quarter")]
TENTH = Fraction(1, 10)


def decimals(greatest: int, digits: int, least: int = 0) -> SearchStrategy[Decimal]:
    """Decimals with up to `digits` fractional digits."""
    scale = 10**digits
    return st.integers(least * scale, greatest * scale).map(lambda n: Decimal(n).scaleb(-digits))


AMOUNTS = decimals(10_000, 6)
SIGNED_AMOUNTS = decimals(10_000, 6, least=-10_000)
QUANTITIES = st.one_of(decimals(20, 1), decimals(1_000_000, 9))
TENTHS = decimals(20, 1)


@st.composite
def tiers(
    draw: st.DrawFn,
    *,
    units: SearchStrategy[Decimal] = SIGNED_AMOUNTS,
    flats: SearchStrategy[Decimal] = SIGNED_AMOUNTS,
) -> tuple[Tier, ...]:
    """One to six tiers that end at tenths, the last one open."""
    limits = draw(st.lists(st.integers(1, 200), unique=True, max_size=5).map(sorted))
    up_to = [*(Decimal(limit).scaleb(-1) for limit in limits), None]
    return tuple(Tier(each, draw(units), draw(flats)) for each in up_to)


def models(amounts: SearchStrategy[Decimal] = SIGNED_AMOUNTS) -> SearchStrategy[PriceModel]:
    """Every model but flat."""
    walked = tiers(units=amounts, flats=amounts)
    return st.one_of(
        amounts.map(UnitPrice),
        st.builds(PackagePrice, amounts, decimals(20, 2).filter(bool)),
        walked.map(GraduatedPrice),
        walked.map(VolumePrice),
        tiers(units=st.just(Decimal(0)), flats=amounts).map(StairstepPrice),
    )


def prices(amounts: SearchStrategy[Decimal] = SIGNED_AMOUNTS) -> SearchStrategy[Price]:
    """Prices of every model, with and without included units, flat at zero, mirrored."""
    varied = st.builds(
        Price,
        models(amounts),
        included=st.one_of(st.just(Decimal(0)), TENTHS),
        flat_at_zero=st.booleans(),
        negative=st.sampled_from(["zero", "mirror"]),
    )
    return st.one_of(varied, amounts.map(lambda amount: Price(FlatPrice(amount))))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """A start, and boundaries from an anchor that may lie elsewhere."""
    zone = draw(st.sampled_from(ZONES))
    start = draw(instants())
    anchor = draw(
        st.one_of(
            instants().map(lambda at: Anchor.at(at, zone)),
            instants().map(lambda at: Anchor.on(at.date())),
        )
    )
    return Schedule(start, Calendar(anchor, draw(st.sampled_from(INTERVALS)), zone))


def instants() -> SearchStrategy[datetime]:
    """Whole hours of two years, with clock changes, month ends and a leap day in them."""
    first = datetime(2011, 6, 1, tzinfo=UTC)
    return st.integers(0, 2 * 365 * 24).map(lambda hours: first + timedelta(hours=hours))


@st.composite
def cut_periods(draw: st.DrawFn) -> tuple[Period, list[Period]]:
    """A period of at least a day, and parts that it is cut into."""
    zone = draw(st.sampled_from(ZONES))
    start = draw(instants())
    hours = draw(st.integers(48, 24 * 366))
    inner = draw(st.lists(st.integers(0, hours), max_size=8).map(sorted))
    cuts = [start + timedelta(hours=each) for each in (0, *inner, hours)]
    parts = [Period(left, right, zone) for left, right in pairwise(cuts)]
    return Period(start, cuts[-1], zone), parts


def graduated_slowly(steps: Sequence[Tier], quantity: Decimal) -> Fraction:
    """A tenth of a unit after the other, each at its tier's price; a tier's flat once, on entry."""
    total, entered = Fraction(0), set[int]()
    for tenth in range(1, int(quantity * 10) + 1):
        number = _tier_of(steps, tenth * TENTH)
        total += Fraction(steps[number].unit) * TENTH
        if number not in entered:
            entered.add(number)
            total += Fraction(steps[number].flat)
    return total


def volume_slowly(steps: Sequence[Tier], quantity: Decimal) -> Fraction:
    """The tier that the last tenth falls into prices every tenth."""
    if not quantity:
        return Fraction(0)
    tier = steps[_tier_of(steps, Fraction(quantity))]
    return sum(
        (Fraction(tier.unit) * TENTH for _ in range(int(quantity * 10))), Fraction(tier.flat)
    )


def package_slowly(amount: Decimal, size: Decimal, quantity: Decimal) -> Fraction:
    """One package after the other is opened until everything has a place."""
    total, room = Fraction(0), Fraction(0)
    while room < quantity:
        room += Fraction(size)
        total += Fraction(amount)
    return total


def _tier_of(steps: Sequence[Tier], at: Fraction) -> int:
    """The tier that a point falls into: its limit belongs to it."""
    return sum(1 for tier in steps if tier.up_to is not None and Fraction(tier.up_to) < at)
