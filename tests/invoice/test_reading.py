"""Invoices as people read them: rendered, and explained down to the hours."""

import re
from decimal import Decimal

import pytest

from ledger import USD
from ledger.customer import operations as customers
from ledger.customer.model import Address, TaxId
from ledger.invoice import operations as invoices
from ledger.invoice.explain import explain
from ledger.invoice.explanation import HourUsage
from ledger.invoice.rendering import render
from ledger.plan.feature import Feature, Meter
from ledger.plan.price import Price, Tier
from ledger.types.errors import NotFound
from ledger.types.json import decode, encode
from tests.invoice.making import at
from tests.invoice.world import World

FEE = Price.flat(USD(4900))
CALLS = Price.graduated("api_calls", [Tier(up_to=10_000, unit=0), Tier(unit="0.05")])


@pytest.fixture
def world() -> World:
    """Jane has used 12,345 calls in two hours of January, and February was generated."""
    world = World()
    world.run(
        customers.update,
        "jane",
        address=Address("1 Main St", city="Springfield", postal_code="12345", country="US"),
        tax_ids=(TaxId("us_ein", "12-3456789"),),
    )
    sub = world.subscribe(FEE, CALLS)
    world.generate(sub)
    world.move_to("2026-01-20T15:30")
    world.use(12_000, "2026-01-01T00:10")
    world.use(345, "2026-01-20T15:30")
    world.move_to("2026-02-01T02:00")
    world.generate(sub)
    return world


def test_an_invoice_reads_like_one(world: World) -> None:
    text = render(world.run(invoices.get, "INV-000002"), seller="Acme Inc.\n2 Side St")
    assert re.sub(r"inv_\w+", "inv_…", text) == (
        """\
INVOICE INV-000002                                                        OPEN

Acme Inc.
2 Side St

Bill to     Jane
            1 Main St
            12345 Springfield
            US
            jane@example.com
            us_ein 12-3456789
Invoice     inv_…
Boundary    Feb 1, 2026
Issued      Feb 1, 2026
Due         Feb 1, 2026

Description                                             Quantity        Amount
------------------------------------------------------------------------------
Pro — Feb 1 to Feb 28, 2026                                    1        $49.00
API calls: 12,345 calls — Jan 1 to Jan 31, 2026           12,345         $1.17
------------------------------------------------------------------------------
                                                        Subtotal        $50.17
                                                           Total        $50.17
                                                      Amount due        $50.17
"""
    )


def test_a_draft_and_a_void_invoice_say_so(world: World) -> None:
    world.move_to("2026-03-01")
    (sub,) = {invoice.subscription for invoice in world.run(invoices.page)}
    preview = render(world.run(invoices.preview, sub))
    assert preview.startswith("DRAFT INVOICE")
    assert "Final from  Mar 1, 2026" in preview
    void = render(world.run(invoices.void, "INV-000002", "wrong address"))
    assert "VOID\nvoid: wrong address\n" in void


def test_an_invoice_is_explained_from_its_total_to_its_hours(world: World) -> None:
    text = world.run(explain, "INV-000002").text()
    assert re.sub(r"(sub|prc|pln)_\w+", r"\1_…", text) + "\n" == (
        """\
Invoice INV-000002, open                                                $50.17
  of subscription sub_…
  at the boundary 2026-02-01T00:00:00Z
  2 lines come to $50.17
  $50.17 is due

Line 1 of 2                                                             $49.00
  Pro — Feb 1 to Feb 28, 2026
  price prc_…
  of plan pln_…, version 1
    flat price of $49.00
    exactly 4900, rounded 4900 minor units of USD

Line 2 of 2                                                              $1.17
  API calls: 12,345 calls — Jan 1 to Jan 31, 2026
  price prc_…
  of plan pln_…, version 1
    first 10,000 calls × $0.00 = $0.00
    next 2,345 calls × $0.0005 = $1.1725
    together $1.1725
    rounded half away from zero to $1.17
    usage as of 2026-02-01T02:00:00Z
    exactly 117.25, rounded 117 minor units of USD
  used in 2 hours, by UTC
    2026-01-01 00:00                12,000
    2026-01-20 15:00                   345
"""
    )


@pytest.mark.parametrize("by", ["number", "text", "id"])
def test_one_line_is_explained_by_number_or_id(world: World, by: str) -> None:
    line = world.run(invoices.get, "INV-000002").lines[1]
    names: dict[str, str | int] = {"number": 2, "text": "2", "id": line.id}
    explanation = world.run(explain, "INV-000002", line=names[by])
    (explained,) = explanation.lines
    assert (explained.number, explained.line) == (2, line)
    assert explained.hours == (
        HourUsage(at("2026-01-01"), Decimal(12_000)),
        HourUsage(at("2026-01-20T15:00"), Decimal(345)),
    )
    assert explained.counted == explained.line.derivation.quantity


@pytest.mark.parametrize("line", [0, 3, "-1", "ili_nothing"])
def test_a_line_that_is_not_there_is_not_found(world: World, line: int | str) -> None:
    with pytest.raises(NotFound, match="line item"):
        world.run(explain, "INV-000002", line=line)


def test_what_came_in_later_is_told_apart(world: World) -> None:
    world.use(55, "2026-01-31T09:00")
    explanation = world.run(explain, "INV-000002", line=2)
    assert explanation.lines[0].counted == 12_400
    assert "55 calls came in after this line was drafted" in explanation.text()


def test_many_hours_are_listed_for_a_single_line_only() -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS)
    world.generate(sub)
    world.move_to("2026-01-31")
    for day in range(1, 31):
        world.use(day, f"2026-01-{day:02}T09:00")
    world.move_to("2026-02-02")
    invoice = world.generate(sub)
    whole = world.run(explain, invoice.id).text()
    assert "used in 30 hours from 2026-01-01 09:00 to 2026-01-30 09:00 UTC" in whole
    assert "2026-01-15 09:00" not in whole
    assert "2026-01-15 09:00" in world.run(explain, invoice.id, line=2).text()


def test_hours_of_a_gauge_are_its_levels() -> None:
    world = World()
    gauge = Feature("storage", "metered", Meter("storage", "last"), unit="GB")
    sub = world.subscribe(Price.per_unit("storage", 10), feature=gauge)
    world.move_to("2026-01-31")
    world.use(7, "2026-01-03T09:00", "storage")
    world.use("2.5", "2026-01-03T10:00", "storage")
    world.move_to("2026-02-02")
    explanation = world.run(explain, world.generate(sub).id)
    (line,) = explanation.lines
    assert [hour.quantity for hour in line.hours] == [7, Decimal("2.5")]
    assert line.counted == Decimal("2.5")


def test_an_explanation_is_data(world: World) -> None:
    explanation = world.run(explain, "INV-000002")
    assert decode(encode(explanation), type(explanation)) == explanation
