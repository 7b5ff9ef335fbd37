"""Stories of what is measured in other ways than by adding up, and priced in another unit."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from ledger.invoice.explain import explain
from ledger.invoice.rendering import render
from ledger.meter.model import PropertyValue
from ledger.plan.conversion import Conversion
from ledger.plan.feature import Feature, Meter
from ledger.plan.price import Price, Tier
from ledger.types.json import decode, encode
from tests.invoice.world import World, amounts

NOW = timedelta(0)
THOUSANDS = Feature(
    "hits",
    "metered",
    unit="hit",
    name="Hits",
    conversion=Conversion("divide", 1000, "up", unit="thousand hits"),
)
HOURS = Feature(
    "work", "metered", unit="second", conversion=Conversion("divide", 3600, unit="hour")
)
DISK = Feature("disk", "metered", Meter("disk", "weighted_sum"), unit="GB", name="Disk")
DISK_HOURS = Feature("disk", "metered", Meter("disk", "weighted_sum", per="hour"), unit="GB hour")


def use(world: World, quantity: int, time: str, event: str, **properties: PropertyValue) -> None:
    """Jane uses something at that time."""
    world.move_to(time)
    world.use(quantity, time, event, properties)


def test_the_total_is_converted_and_rounded_once_and_the_line_tells_both() -> None:
    world = World()
    sub = world.subscribe(Price.per_unit("hits", 40, included=1), feature=THOUSANDS)
    for day in (2, 3, 4):
        use(world, 900, f"2026-01-0{day}", "hits")
    world.move_to("2026-02-01")
    invoice = world.generate(sub)
    (line,) = invoice.lines
    assert [line.quantity, line.converted, line.amount.amount] == [2700, 3, 80]
    assert line.description.startswith("Hits: 2,700 hits, billed as 3 thousand hits — ")
    assert "billed as 3 thousand hits" in render(invoice)
    explained = world.run(explain, invoice.id)
    assert explained.lines[0].steps[:3] == (
        "2,700 hits ÷ 1,000 = 2.7, rounded up to 3 thousand hits",
        "3 thousand hits less 1 included = 2 thousand hits",
        "2 thousand hits × $0.40 = $0.80",
    )
    assert "came in" not in explained.text()
    assert decode(encode(invoice), type(invoice)) == invoice


def test_late_usage_is_what_it_adds_to_the_converted_total() -> None:
    world = World()
    sub = world.subscribe(Price.per_unit("hits", 40), feature=THOUSANDS)
    use(world, 2_700, "2026-01-02", "hits")
    world.move_to("2026-02-01")
    assert amounts(world.generate(sub, grace=NOW)) == [120]
    world.use(300, "2026-01-03", "hits")
    world.move_to("2026-03-01")
    assert world.generate_all(sub) == []  # still 3 thousand
    world.use(1, "2026-01-04", "hits")
    world.move_to("2026-04-01")
    (april,) = world.generate_all(sub)
    (late,) = april.lines
    assert [late.quantity, late.converted, late.amount.amount] == [301, 1, 40]
    assert "301 hits, billed as 1 thousand hits" in late.description


def test_a_quantity_without_a_finite_form_stays_exact_to_the_cent() -> None:
    world = World()
    sub = world.subscribe(
        Price.graduated("work", [Tier(up_to=1, unit=300), Tier(unit=210)]), feature=HOURS
    )
    use(world, 4_900, "2026-01-02", "work")  # 1 13/36 hours
    world.move_to("2026-02-01")
    (line,) = world.generate(sub).lines
    assert line.converted == Fraction(49, 36)
    assert (line.derivation.exact, line.amount.amount) == ("2255/6", 376)
    assert [share.quantity for share in line.derivation.tiers] == [1, Fraction(13, 36)]
    assert "1.361111… hours" in line.description
    steps = world.run(explain, world.run(lambda work: work.invoices.page(None, 1)).items[0].id)
    assert steps.lines[0].steps[:3] == (
        "4,900 seconds ÷ 3,600 = 1.361111… hours",
        "first 1 hour × $3.00 = $3.00",
        "next 0.361111… hours × $2.10 = $0.75833333…",
    )


def test_a_level_is_billed_by_its_average_and_in_a_stub_by_that_over_the_whole_period() -> None:
    world = World("2026-01-17")
    sub = world.subscribe(Price.per_unit("disk", 310), feature=DISK, anchor=1)
    world.use(10, "2026-01-17", "disk")
    world.move_to("2026-02-01")
    (stub,) = world.generate(sub, grace=NOW).lines
    assert stub.quantity == Decimal("4.838709677")  # 10 GB for 15 of 31 days
    assert stub.amount.amount == 1500
    assert stub.derivation.averaged_over is not None
    use(world, 20, "2026-02-15", "disk")
    world.move_to("2026-03-01")
    (whole,) = world.generate(sub).lines
    assert [whole.quantity, whole.amount.amount] == [15, 4650]
    assert whole.derivation.averaged_over is None
    first = world.run(lambda work: work.invoices.page(None, 1)).items[0]
    explained = world.run(explain, first.id)
    assert "the quantity is an average over all of 2026-01-01 to 2026-01-31" in explained.text()
    assert explained.lines[0].counted == stub.quantity
    assert len(explained.lines[0].hours) == 15 * 24


def test_a_preview_bills_a_level_as_far_as_time_has_come() -> None:
    world = World()
    sub = world.subscribe(Price.per_unit("disk", 1), feature=DISK_HOURS)
    world.use(2, "2026-01-01", "disk")
    world.move_to("2026-01-01T12:30")
    assert world.preview(sub).lines[0].quantity == 25
    world.move_to("2026-01-02")
    assert amounts(world.preview(sub)) == [48]
    world.move_to("2026-02-01")
    world.generate(sub, grace=NOW)
    world.move_to("2026-02-02")
    assert amounts(world.preview(sub)) == [48]  # the level goes on


@pytest.mark.parametrize(
    ("meter", "quantity"),
    [
        (Meter("login", "unique", property="user"), 3),
        (Meter("login", "unique", property="user", where={"model": "a"}), 2),
        (Meter("login", expression="2 * n if model == 'a' else 0"), 10),
    ],
)
def test_what_is_told_apart_or_computed_is_billed_and_explained(
    meter: Meter, quantity: int
) -> None:
    world = World()
    feature = Feature("login", "metered", meter, unit="user")
    sub = world.subscribe(Price.per_unit("login", 100), feature=feature)
    for hour, user, model in ((1, "ada", "a"), (2, "bob", "b"), (2, "ada", "a"), (30, "cy", "a")):
        time = f"2026-01-0{1 + hour // 24}T{hour % 24:02}:10"
        use(world, 1, time, "login", user=user, model=model, n=hour % 7)
    world.move_to("2026-02-01")
    invoice = world.generate(sub)
    assert invoice.lines[0].quantity == quantity
    explained = world.run(explain, invoice.id)
    assert explained.lines[0].counted == quantity
    assert explained.lines[0].hours
