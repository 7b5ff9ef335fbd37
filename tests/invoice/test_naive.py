"""Whatever is sold, used and ended: the invoices add up to what a naive biller comes to."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.invoice.operations import page
from ledger.plan.price import Billing, Price, Tier
from ledger.types.money import USD
from tests.invoice import naive
from tests.invoice.naive import DAY, Service, Tariff, Use, midnight_of
from tests.invoice.world import HOUR, World

ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
INTERVALS = {"month": 1, "quarter": 3, "year": 12}
FINER = {"month": ("month",), "quarter": ("month", "quarter"), "year": tuple(INTERVALS)}


@dataclass(frozen=True)
class Sold:
    """A price, and the same for the naive biller."""

    price: Price
    tariff: Tariff
    grows: bool = True  # more usage never costs less, so that late usage is never a credit


@dataclass(frozen=True)
class Story:
    """A plan, who has it from when to when, and what is used when, some of it told later."""

    interval: str
    sold: tuple[Sold, ...]
    start: date
    trial_days: int
    anchor: int | None
    zone: str
    end: date | None
    uses: tuple[tuple[Use, timedelta], ...]


def fees(interval: str) -> st.SearchStrategy[Sold]:
    return st.builds(_fee, st.integers(0, 9999), st.sampled_from(FINER[interval]), st.booleans())


def _fee(amount: int, interval: str, in_advance: bool) -> Sold:
    billing: Billing = "in_advance" if in_advance else "in_arrears"
    price = Price.flat(USD(amount), billing, interval=interval)
    return Sold(price, Tariff(INTERVALS[interval], in_advance, naive.flat(amount)))


def seats(interval: str) -> st.SearchStrategy[Sold]:
    return st.builds(_seats, st.integers(1, 999), st.sampled_from(FINER[interval]), st.booleans())


def _seats(unit: int, interval: str, in_advance: bool) -> Sold:
    price = Price.graduated(
        "seats",
        [Tier(up_to=2, unit=unit), Tier(unit=f"{unit}.5")],
        interval=interval,
        billing="in_advance" if in_advance else "in_arrears",
    )
    rate = naive.graduated(2, Fraction(unit), unit + Fraction(1, 2))
    return Sold(price, Tariff(INTERVALS[interval], in_advance, rate, quantity=5))


def usage(interval: str) -> st.SearchStrategy[Sold]:
    models = st.sampled_from(("each", "graduated", "volume", "package", "stairs"))
    return st.builds(_usage, models, st.integers(1, 99), st.sampled_from(FINER[interval]))


def _usage(model: str, tenths: int, interval: str) -> Sold:
    """A price whose unit is `tenths` of a tenth of a cent, so that rounding matters."""
    unit, text = Fraction(tenths, 100), f"{tenths}e-2"
    grows = True
    match model:
        case "each":
            price, rate = Price.per_unit("api_calls", text, interval=interval), naive.each(unit)
        case "graduated":
            tiers = [Tier(up_to=50, unit=0), Tier(unit=text)]
            price = Price.graduated("api_calls", tiers, interval=interval)
            rate = naive.graduated(50, Fraction(0), unit)
        case "volume":
            tiers = [Tier(up_to=50, unit=text), Tier(unit="0.01")]
            price = Price.volume("api_calls", tiers, interval=interval)
            rate, grows = naive.volume(50, unit, Fraction(1, 100)), False
        case "package":
            price = Price.package("api_calls", tenths, 30, interval=interval)
            rate = naive.packages(tenths, 30)
        case _:
            steps = [Tier(up_to=50, flat=tenths), Tier(flat=2 * tenths)]
            price = Price.stairstep("api_calls", steps, interval=interval)
            rate = naive.stairs(50, tenths, 2 * tenths)
    return Sold(price, Tariff(INTERVALS[interval], False, rate, metered=True), grows)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    interval = draw(st.sampled_from(sorted(INTERVALS)))
    sold = (
        *draw(st.lists(fees(interval), max_size=2)),
        *draw(st.lists(seats(interval), max_size=1)),
        *draw(st.lists(usage(interval), min_size=1, max_size=1)),
    )
    start = date(2023, 1, 1) + draw(st.integers(0, 730)) * DAY
    zone = draw(st.sampled_from(ZONES))
    ends_after = draw(st.none() | st.integers(1, 400))
    may_be_late = ends_after is None and all(each.grows for each in sold)
    begins = midnight_of(start, zone).astimezone(UTC)
    told = st.tuples(_uses(begins), _delays(may_be_late=may_be_late))
    return Story(
        interval=interval,
        sold=sold,
        start=start,
        trial_days=draw(st.sampled_from((0, 0, 14))),
        anchor=draw(st.none() | st.integers(1, 31)),
        zone=zone,
        end=None if ends_after is None else start + ends_after * DAY,
        uses=tuple(draw(st.lists(told, max_size=12))),
    )


def _uses(begins: datetime) -> st.SearchStrategy[Use]:
    hours, quantities = st.integers(0, 24 * 360), st.integers(1, 200)
    return st.builds(Use, hours.map(lambda hour: begins + hour * HOUR), quantities)


def _delays(*, may_be_late: bool) -> st.SearchStrategy[timedelta]:
    """How long after its time an event comes in."""
    return st.integers(0, 24 * 40 if may_be_late else 0).map(lambda hours: hours * HOUR)


@settings(max_examples=15)
@given(stories())
def test_invoices_add_up_to_what_a_naive_biller_comes_to(story: Story) -> None:
    today = story.start + 800 * DAY
    assert _billed(story, today) == _expected(story, today)


def _billed(story: Story, today: date) -> int:
    """Live through the story, billing whenever something is told, and once more at the end."""
    world = World(str(story.start), story.zone)
    has_seats = any(each.price.feature == "seats" for each in story.sold)
    sub = world.subscribe(
        *(each.price for each in story.sold),
        interval=story.interval,
        anchor=story.anchor,
        trial_days=story.trial_days,
        quantities={"seats": 5} if has_seats else None,
    )
    if story.end is not None:
        world.cancel(sub, story.end)
    for use, delay in sorted(story.uses, key=lambda told: told[0].at + told[1]):
        world.move_to(use.at + delay)
        world.use(use.quantity, use.at)
        world.generate_all(sub)
    world.move_to(midnight_of(today, story.zone).astimezone(UTC) + 2 * HOUR)
    world.generate_all(sub)
    made = world.run(page)
    assert made.next_cursor is None
    assert all(invoice.number for invoice in made)
    return sum(invoice.total.amount for invoice in made)


def _expected(story: Story, today: date) -> int:
    first = story.start + story.trial_days * DAY
    service = Service(first, story.end, story.anchor or first.day, story.zone)
    uses = [use for use, _ in story.uses]
    return naive.bill(service, [each.tariff for each in story.sold], uses, today)
