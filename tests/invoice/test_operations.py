"""Stories of a subscription that is billed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ledger import USD
from ledger.invoice import operations as invoices
from ledger.invoice.model import Invoice
from ledger.invoice.ports import InvoiceWork
from ledger.plan.feature import Feature, Meter
from ledger.plan.operations import create_feature
from ledger.plan.price import Price, Tier
from ledger.types import ids
from ledger.types.errors import Conflict, Invalid, LedgerError, NotFound
from tests.invoice.making import at
from tests.invoice.world import ACME, HOUR, World, amounts, content

FEE = Price.flat(USD(4900))
CALLS = Price.graduated("api_calls", [Tier(up_to=10_000, unit=0), Tier(unit="0.05")])
NOW = timedelta(0)


def test_a_subscription_pays_its_fee_in_advance_and_its_usage_in_arrears() -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS)
    first = world.generate(sub)
    assert (first.total, first.number, first.status) == (USD(4900), "INV-000001", "open")
    assert (first.boundary, first.due_at) == (at("2026-01-01"), world.now)
    world.move_to("2026-01-20")
    world.use(12_345, "2026-01-20")
    world.move_to("2026-02-01T02:00")
    second = world.generate(sub)
    assert (second.total, second.number) == (USD(4900 + 117), "INV-000002")
    assert second.buyer.email == "jane@example.com"


def test_a_month_of_tokens_is_rounded_once_a_line() -> None:
    world = World()
    for key in ("input_tokens", "output_tokens"):
        meter = Meter(event="llm.request", property=key)
        world.run(create_feature, Feature(key, "metered", meter, unit="token"))
    sub = world.subscribe(
        Price.per_unit("input_tokens", "0.00025"), Price.per_unit("output_tokens", "0.001")
    )
    with pytest.raises(Conflict):
        world.generate(sub)
    world.move_to("2026-01-31")
    for share in ((18_059_000, 245_000), (974, 896)):
        world.use(
            1,
            world.now,
            "llm.request",
            {"input_tokens": share[0], "output_tokens": share[1]},
        )
    world.move_to("2026-02-01")
    invoice = world.generate(sub, grace=NOW)
    assert [line.derivation.exact for line in invoice.lines] == ["4514.9935", "245.896"]
    assert (amounts(invoice), invoice.total) == ([4515, 246], USD(4761))


def test_nothing_is_made_twice() -> None:
    world = World()
    sub = world.subscribe(FEE)
    world.generate(sub)
    with pytest.raises(Conflict, match=r"before 2026-02-01T00:00:00Z") as refused:
        world.generate(sub)
    assert (refused.value.code, refused.value.facts["next_at"]) == (
        "nothing_due",
        at("2026-02-01"),
    )


def test_what_was_not_billed_for_months_is_made_boundary_by_boundary() -> None:
    world = World()
    sub = world.subscribe(FEE)
    world.move_to("2026-03-15")
    made = [world.generate(sub) for _ in range(3)]
    assert [each.boundary.month for each in made] == [1, 2, 3]
    assert [each.number for each in made] == ["INV-000001", "INV-000002", "INV-000003"]


def test_boundaries_with_nothing_to_bill_are_noted_and_passed_over() -> None:
    world = World()
    sub = world.subscribe(CALLS)
    world.move_to("2026-04-20")
    world.use(20_000, "2026-03-10")
    invoice = world.generate(sub)
    assert (invoice.boundary, invoice.total) == (at("2026-04-01"), USD(500))
    records = world.run(lambda work: work.invoices.boundaries(sub.id))
    assert [(each.boundary.month, each.invoice) for each in records] == [
        (1, None),
        (2, None),
        (3, None),
        (4, invoice.id),
    ]
    assert world.due(sub) == at("2026-05-01")


def test_nothing_to_bill_is_noted_for_good_when_the_refusal_is_caught_inside() -> None:
    world = World()
    sub = world.subscribe(CALLS)
    world.move_to("2026-03-20")
    assert world.due(sub) == at("2026-01-01")
    assert world.generate_all(sub) == []
    assert world.due(sub) == at("2026-04-01")


def test_the_preview_of_a_running_period_holds_the_usage_so_far() -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS)
    world.generate(sub)
    world.move_to("2026-01-20")
    assert amounts(world.preview(sub)) == [4900]
    world.use(10_100, "2026-01-19")
    preview = world.preview(sub)
    assert (amounts(preview), preview.boundary) == ([4900, 5], at("2026-02-01"))
    assert (preview.number, preview.status) == (None, "draft")


@pytest.mark.parametrize("now", ["2026-01-01", "2026-02-01T00:30", "2026-03-15"])
def test_a_preview_is_what_is_made_then_and_stores_nothing(now: str) -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS, anchor=15)
    world.use(10_100, "2026-01-01")
    world.move_to(now)
    preview = world.preview(sub)
    assert world.run(invoices.page).items == ()
    made = world.generate(sub)
    assert content(preview) == content(made)
    assert (preview.boundary, preview.total) == (made.boundary, made.total)


def test_a_preview_passes_over_what_has_nothing_to_bill() -> None:
    world = World()
    sub = world.subscribe(CALLS)
    world.use(12_000, "2026-01-01")
    assert amounts(world.preview(sub)) == [100]
    assert world.preview(sub).boundary == at("2026-02-01")


def test_usage_waits_for_its_grace_as_a_draft() -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS)
    world.generate(sub)
    world.move_to("2026-02-01")
    world.use(11_000, "2026-01-31")
    draft = world.generate(sub)
    assert (draft.status, draft.number, draft.total) == ("draft", None, USD(4950))
    assert draft.finalize_at == at("2026-02-01T01:00")
    assert world.run(lambda work: work.due.get("finalize", draft.id)) == draft.finalize_at
    world.use(1_000, "2026-01-31T23:00")
    world.move_to("2026-02-01T01:00")
    final = world.run(invoices.finalize, draft.id)
    assert (final.id, final.number, final.total) == (draft.id, "INV-000002", USD(5000))
    assert [line.id for line in final.lines] == [line.id for line in draft.lines]
    assert world.run(lambda work: work.due.get("finalize", draft.id)) is None
    assert world.run(invoices.get, "INV-000002") == final


@pytest.mark.parametrize(
    ("now", "grace", "status"),
    [
        ("2026-02-01", NOW, "open"),
        ("2026-02-01", HOUR, "draft"),
        ("2026-02-01T00:59", HOUR, "draft"),
        ("2026-02-01T01:00", HOUR, "open"),
        ("2026-02-01T01:00", 24 * HOUR, "draft"),
    ],
)
def test_an_invoice_with_usage_is_final_once_its_grace_is_over(
    now: str, grace: timedelta, status: str
) -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS)
    world.generate(sub)
    world.use(1, "2026-01-01")
    world.move_to(now)
    assert world.generate(sub, grace=grace).status == status


def test_a_draft_may_be_finalized_before_its_grace_is_over_and_only_once() -> None:
    world = World()
    sub = world.subscribe(CALLS)
    world.use(11_000, "2026-01-01")
    world.move_to("2026-02-01")
    draft = world.generate(sub)
    assert world.run(invoices.finalize, draft.id).status == "open"
    with pytest.raises(Conflict) as refused:
        world.run(invoices.finalize, draft.id)
    assert refused.value.code == "invoice_not_draft"


def test_a_fee_of_a_draft_is_dropped_when_nothing_of_it_is_served() -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS)
    world.generate(sub)
    world.use(10_100, "2026-01-01")
    world.move_to("2026-02-01")
    draft = world.generate(sub)
    assert amounts(draft) == [4900, 5]
    world.cancel(sub, "now")
    assert amounts(world.run(invoices.finalize, draft.id)) == [5]


def test_later_drafts_wait_for_earlier_ones() -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS)
    world.generate(sub)
    world.use(1, "2026-01-01")
    world.move_to("2026-02-01T00:10")
    january = world.generate(sub, grace=60 * 24 * HOUR)
    world.move_to("2026-03-01")
    february = world.generate(sub)
    assert (january.status, february.status) == ("draft", "draft")
    assert february.finalize_at > january.finalize_at
    with pytest.raises(Conflict, match=january.id) as refused:
        world.run(invoices.finalize, february.id)
    assert refused.value.code == "earlier_draft"
    world.move_to(february.finalize_at)
    april = world.generate(sub)
    numbers = [world.run(invoices.get, each.id).number for each in (january, february, april)]
    assert numbers == ["INV-000002", "INV-000003", "INV-000004"]


def test_an_invoice_of_nothing_is_issued_and_paid() -> None:
    world = World()
    sub = world.subscribe(CALLS)
    world.use(5_000, "2026-01-01")
    world.move_to("2026-02-02")
    invoice = world.generate(sub)
    assert (invoice.total, invoice.status, invoice.number) == (USD(0), "paid", "INV-000001")


def test_a_trial_is_free_and_its_usage_too() -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS, trial_days=14)
    world.use(50_000, "2026-01-01")
    with pytest.raises(Conflict, match=r"before 2026-01-15"):
        world.generate(sub)
    assert world.preview(sub).boundary == at("2026-01-15")
    world.move_to("2026-01-15")
    first = world.generate(sub)
    assert (amounts(first), first.boundary) == ([4900], at("2026-01-15"))
    world.use(10_020, "2026-01-15")
    world.move_to("2026-02-15T01:00")
    assert amounts(world.generate(sub)) == [4900, 1]


def test_a_trial_that_is_canceled_is_never_billed() -> None:
    world = World()
    sub = world.subscribe(FEE, trial_days=14)
    world.cancel(sub)
    assert world.due(sub) is None
    world.move_to("2026-03-01")
    for operation in (invoices.generate, invoices.preview):
        with pytest.raises(Conflict, match="billed to its end") as refused:
            world.run(operation, sub.id)
        assert refused.value.code == "nothing_due"


def test_a_cancellation_bills_what_was_used_until_then_and_no_more() -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS)
    world.generate(sub)
    world.move_to("2026-01-20")
    world.use(10_400, "2026-01-19")
    world.use(10_000, "2026-01-20")  # from its end on nothing is served
    world.cancel(sub, "now")
    assert world.due(sub) == at("2026-01-20")
    world.move_to("2026-01-21")
    last = world.generate(sub)
    assert (amounts(last), last.boundary) == ([20], at("2026-01-20"))
    assert world.due(sub) is None


def test_numbers_have_no_gaps_when_work_fails() -> None:
    world = World()
    sub = world.subscribe(FEE)

    def fail(work: InvoiceWork) -> None:
        invoice = invoices.generate(work, sub.id)
        assert invoice.number == "INV-000001"
        raise Invalid("Something else went wrong.", code="test")

    for _ in range(3):
        with pytest.raises(Invalid):
            world.run(fail)
    assert world.generate(sub).number == "INV-000001"


def test_of_eight_at_once_one_makes_the_invoice() -> None:
    world = World()
    sub = world.subscribe(FEE)

    def attempt(_: int) -> Invoice | str:
        try:
            return world.generate(sub)
        except LedgerError as error:
            return error.code

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(attempt, range(8)))
    made = [each for each in results if isinstance(each, Invoice)]
    assert (len(made), made[0].number) == (1, "INV-000001")
    assert {each for each in results if isinstance(each, str)} == {"nothing_due"}
    assert len(world.run(invoices.page).items) == 1


def test_a_plan_without_prices_says_why_it_bills_nothing() -> None:
    world = World()
    sub = world.subscribe()
    assert world.due(sub) is None
    with pytest.raises(Conflict, match="plan 'pro' has no price in USD"):
        world.generate(sub)


def test_what_happened_is_told() -> None:
    world = World()
    sub = world.subscribe(FEE, CALLS)
    world.generate(sub)
    world.use(1, "2026-01-01")
    world.move_to("2026-02-01")
    draft = world.generate(sub)
    world.run(invoices.finalize, draft.id)
    world.run(invoices.void, draft.id, "wrong")
    log = world.run(lambda work: work.events.page(None, 100))
    told = [(each.type, each.version) for each in log if each.entity_id.startswith("inv_")]
    assert told == [
        ("InvoiceGenerated", 1),
        ("InvoiceFinalized", 2),
        ("InvoiceGenerated", 1),
        ("InvoiceFinalized", 2),
        ("InvoiceVoided", 3),
    ]


def test_invoices_are_found_by_customer_subscription_and_status() -> None:
    world = World()
    sub = world.subscribe(FEE)
    world.generate(sub)
    world.move_to("2026-02-01")
    second = world.generate(sub)
    world.run(invoices.void, second.id, "wrong")
    of_jane = world.run(invoices.page, customer="jane").items
    assert [each.number for each in of_jane] == ["INV-000001", "INV-000002"]
    assert world.run(invoices.page, subscription=sub.id, status="void").items[0].id == second.id
    assert [each.number for each in world.run(invoices.page, limit=1)] == ["INV-000001"]
    with pytest.raises(NotFound):
        world.run(invoices.page, customer="joe")


def test_a_wrong_id_is_told_apart_from_a_missing_thing() -> None:
    world = World()
    sub = world.subscribe(FEE)
    with pytest.raises(Invalid, match="subscription"):
        world.run(invoices.get, sub.id)
    with pytest.raises(NotFound):
        world.run(invoices.get, "INV-000009")
    with pytest.raises(NotFound):
        world.run(invoices.get, ids.INVOICE.new())
    with pytest.raises(NotFound):
        world.run(invoices.preview, ids.SUBSCRIPTION.new())
    with pytest.raises(Invalid):
        world.generate(sub, grace=-HOUR)


def test_usage_named_for_another_tenant_is_not_seen() -> None:
    world = World()
    sub = world.subscribe(FEE)
    invoice = world.generate(sub)
    other = type(ACME)("other")
    with pytest.raises(NotFound):
        world.store.run(other, lambda work: invoices.get(work, invoice.id), at=world.now)
