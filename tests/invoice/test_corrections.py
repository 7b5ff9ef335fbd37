"""Stories of what changes afterwards: late usage, void invoices, a cancellation undone."""

from datetime import timedelta
from decimal import Decimal

import pytest

from ledger import USD
from ledger.invoice import operations as invoices
from ledger.plan.feature import Feature, Meter
from ledger.plan.price import Price, Tier
from ledger.types.errors import Conflict
from tests.invoice.making import at
from tests.invoice.world import World, amounts, content

FEE = Price.flat(USD(4900))
CALLS = Price.graduated("api_calls", [Tier(up_to=10_000, unit=0), Tier(unit="0.05")])
NOW = timedelta(0)


def test_a_draft_of_which_nothing_is_left_is_void() -> None:
    world = World()
    gauge = Feature("storage", "metered", Meter("storage", "last"), unit="GB")
    sub = world.subscribe(Price.per_unit("storage", 10), feature=gauge)
    world.use(7, "2026-01-01", "storage")
    world.move_to("2026-02-01")
    draft = world.generate(sub)
    world.use(0, "2026-01-02", "storage")
    void = world.run(invoices.finalize, draft.id)
    assert (void.status, void.number, void.void_reason) == ("void", None, "no lines")
    (_, record) = world.run(lambda work: work.invoices.boundaries(sub.id))
    assert (record.boundary, record.invoice) == (at("2026-02-01"), None)


def test_a_cancellation_that_is_undone_costs_the_rest() -> None:
    world = World("2026-01-31")
    sub = world.subscribe(FEE, anchor=1)
    world.generate(sub)
    world.cancel(sub, at("2026-02-15"))
    world.move_to("2026-02-01")
    assert amounts(world.generate(sub)) == [2450]
    assert world.due(sub) == at("2026-02-15")
    world.uncancel(sub)
    assert world.due(sub) == at("2026-03-01")
    world.move_to("2026-03-01")
    assert amounts(world.generate(sub)) == [4900, 2450]
    world.move_to("2026-04-01")
    assert amounts(world.generate(sub)) == [4900]


def test_late_usage_is_on_the_next_invoice_once() -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS)
    world.generate(sub)
    world.use(12_345, "2026-01-01")
    world.move_to("2026-02-01T01:00")
    assert amounts(world.generate(sub)) == [4900, 117]
    world.use(55, "2026-01-31")
    world.move_to("2026-03-01")
    second = world.generate(sub, grace=NOW)
    assert amounts(second) == [4900, 3]  # 2,400 × 0.05 = 120, of which 117 were billed
    late = second.lines[1]
    assert (late.kind, late.quantity) == ("late_usage", Decimal(55))
    assert late.service_period.start == at("2026-01-01")
    world.move_to("2026-04-01")
    assert amounts(world.generate(sub)) == [4900]


def test_late_usage_waits_for_its_own_draft() -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS)
    world.generate(sub)
    world.use(10_100, "2026-01-01")
    world.move_to("2026-02-01")
    draft = world.generate(sub)
    world.use(100, "2026-01-31")
    assert amounts(world.preview(sub)) == [4900]
    assert amounts(world.run(invoices.finalize, draft.id)) == [4900, 10]
    assert amounts(world.preview(sub)) == [4900]
    world.use(100, "2026-01-31")
    assert amounts(world.preview(sub)) == [4900, 5]


def test_late_usage_of_a_month_that_had_none_is_billed_as_well() -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS)
    world.generate(sub)
    world.move_to("2026-02-01")
    world.generate(sub)
    world.use(11_000, "2026-01-15")
    world.move_to("2026-03-01")
    assert amounts(world.generate(sub)) == [4900, 50]


def test_late_usage_of_a_month_whose_invoice_had_nothing_but_late_usage() -> None:
    world = World()
    sub = world.subscribe(CALLS)
    world.use(11_000, "2026-01-01")
    world.move_to("2026-04-20")
    world.generate_all(sub)
    world.use(1_000, "2026-01-02")
    world.move_to("2026-05-20")
    (may,) = world.generate_all(sub)
    assert (amounts(may), may.boundary) == ([50], at("2026-05-01"))
    world.use(10_200, "2026-04-02")
    world.move_to("2026-06-20")
    (june,) = world.generate_all(sub)
    assert (amounts(june), june.boundary) == ([10], at("2026-06-01"))


def test_usage_that_a_later_price_makes_cheaper_waits_until_it_is_dearer_again() -> None:
    tiers = [Tier(up_to=100, unit=10), Tier(unit=1)]
    world = World()
    sub = world.subscribe(FEE, Price.volume("api_calls", tiers))
    world.generate(sub)
    world.use(100, "2026-01-01")
    world.move_to("2026-02-01")
    assert amounts(world.generate(sub, grace=NOW)) == [4900, 1000]
    world.use(50, "2026-01-02")  # 150 × 1 = 150
    assert amounts(world.preview(sub)) == [4900]
    world.use(1_000, "2026-01-03")  # 1,150 × 1 = 1,150
    assert amounts(world.preview(sub)) == [4900, 150]


def test_a_void_invoice_is_made_again_when_asked_for() -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS)
    world.generate(sub)
    world.use(12_345, "2026-01-01")
    world.move_to("2026-02-02")
    made = world.generate(sub)
    void = world.run(invoices.void, "INV-000002", "wrong address")
    assert (void.status, void.number, void.amount_due) == ("void", "INV-000002", USD(0))
    assert void.void_reason == "wrong address"
    with pytest.raises(Conflict):
        world.generate(sub)
    again = world.generate(sub, boundary=made.boundary)
    assert content(again) == content(made)
    assert (again.number, again.boundary) == ("INV-000003", made.boundary)
    world.move_to("2026-03-01")
    assert amounts(world.generate(sub)) == [4900]


def test_the_usage_of_a_void_invoice_is_not_billed_by_itself() -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS)
    world.generate(sub)
    world.use(12_345, "2026-01-01")
    world.move_to("2026-02-02")
    world.run(invoices.void, world.generate(sub).id, "a gift")
    world.move_to("2026-03-01")
    assert amounts(world.generate(sub)) == [4900]


def test_late_usage_of_a_void_invoice_is_billed_with_the_next() -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS)
    world.generate(sub)
    world.use(10_100, "2026-01-01")
    world.move_to("2026-02-02")
    world.generate(sub)
    world.use(100, "2026-01-01")
    world.move_to("2026-03-02")
    second = world.generate(sub)
    assert amounts(second) == [4900, 5]
    world.run(invoices.void, second.id, "a gift")
    world.move_to("2026-04-01")
    assert amounts(world.generate(sub, grace=NOW)) == [4900, 5]
    with pytest.raises(Conflict):
        world.generate(sub)
    assert amounts(world.generate(sub, boundary=second.boundary)) == [4900]


@pytest.mark.parametrize(
    ("boundary", "code"),
    [("2026-01-01", "boundary_made"), ("2026-02-01", "boundary_not_made")],
)
def test_only_a_void_boundary_is_made_again(boundary: str, code: str) -> None:
    world = World()
    sub = world.subscribe(FEE)
    world.generate(sub)
    with pytest.raises(Conflict) as refused:
        world.generate(sub, boundary=at(boundary))
    assert refused.value.code == code


def test_a_draft_can_be_void_and_needs_no_number() -> None:
    world = World()
    sub = world.subscribe(CALLS)
    world.use(11_000, "2026-01-01")
    world.move_to("2026-02-01")
    draft = world.generate(sub)
    void = world.run(invoices.void, draft.id, "not yet")
    assert (void.status, void.number) == ("void", None)
    again = world.generate(sub, boundary=draft.boundary, grace=NOW)
    assert (amounts(again), again.number) == ([50], "INV-000001")


@pytest.mark.parametrize("status", ["void", "paid"])
def test_what_is_paid_or_void_cannot_be_void(status: str) -> None:
    world = World()
    sub = world.subscribe(Price.flat(USD(0)) if status == "paid" else FEE)
    invoice = world.generate(sub)
    if status == "void":
        world.run(invoices.void, invoice.id, "once")
    with pytest.raises(Conflict) as refused:
        world.run(invoices.void, invoice.id, "again")
    assert refused.value.code == "invoice_not_voidable"
