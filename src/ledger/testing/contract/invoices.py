"""Invoices: numbers without gaps, boundaries that are made once, and what never changes."""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

from msgspec.structs import replace

from ledger.invoice.model import BilledStep, BoundaryRecord, Invoice
from ledger.subscription.model import Subscription
from ledger.testing.contract import things
from ledger.testing.contract.store import NOW, Held, Store, Work, pages, refused
from ledger.types import ids
from ledger.types.errors import Broken, Conflict, NotFound
from ledger.types.ids import PriceId
from ledger.types.money import USD

MONTH = timedelta(days=31)


class _OnPurpose(Exception):  # noqa: N818  it is no error of anybody's
    """What a test raises."""


class InvoiceContract:
    """What an `InvoiceRepository` promises."""

    def test_an_invoice_is_found_by_id_and_by_number(self, store: Store) -> None:
        acme = Held(store)
        draft = _draft(acme)
        assert acme.invoices.get(draft.id) == draft
        open_one = draft.finalized("INV-1", NOW)
        acme.invoices.save(open_one)
        assert acme.invoices.get("INV-1") == open_one
        for ref in ("INV-2", ids.INVOICE.new()):
            with refused(NotFound, "invoice_not_found"):
                acme.invoices.get(ref)

    def test_a_number_belongs_to_one_invoice(self, store: Store) -> None:
        acme = Held(store)
        one, other = _draft(acme), _draft(acme)
        acme.invoices.save(one.finalized("INV-1", NOW))
        with refused(Conflict, "invoice_number_taken"):
            acme.invoices.save(other.finalized("INV-1", NOW))

    def test_a_version_is_replaced_by_the_next_one_only(self, store: Store) -> None:
        acme = Held(store)
        draft = _draft(acme)
        with refused(Conflict, "invoice_changed"):
            acme.invoices.save(draft)
        acme.invoices.save(draft.finalized("INV-1", NOW))
        with refused(Conflict, "invoice_changed"):
            acme.invoices.save(draft.finalized("INV-2", NOW))
        with refused(Conflict, "invoice_changed"):
            acme.invoices.save(draft.voided(NOW, "late"))

    def test_a_draft_is_rewritten_whole(self, store: Store) -> None:
        acme = Held(store)
        draft = _draft(acme)
        empty = replace(
            draft, lines=(), subtotal=USD(0), total=USD(0), amount_due=USD(0), version=2
        )
        acme.invoices.save(empty)
        assert acme.invoices.get(draft.id) == empty

    def test_a_finalized_invoice_changes_only_in_where_it_stands(self, store: Store) -> None:
        acme = Held(store)
        open_one = _draft(acme).finalized("INV-1", NOW)
        acme.invoices.save(open_one)
        touched = replace(open_one, buyer=replace(open_one.buyer, name="Joan"), version=3)
        with refused(Broken, "invoice_frozen"):
            acme.invoices.save(touched)
        with refused(Broken, "invoice_frozen"):
            acme.invoices.save(replace(open_one, number="X", version=3))
        void = open_one.voided(NOW, "a mistake")
        acme.invoices.save(void)
        assert acme.invoices.get("INV-1") == void

    def test_an_invoice_may_be_stored_finalized(self, store: Store) -> None:
        acme = Held(store)
        subscription = acme.write(things.subscribed)
        open_one = things.invoice(subscription).finalized("INV-1", NOW)
        acme.invoices.add(open_one)
        assert acme.invoices.get("INV-1") == open_one

    def test_invoices_are_listed_oldest_first_in_pages(self, store: Store) -> None:
        acme = Held(store)
        added = [_draft(acme) for _ in range(5)]
        found = pages(lambda after: acme.invoices.page(after, 2))
        assert found == [added[:2], added[2:4], added[4:]]
        one = added[3]
        for only in (
            acme.invoices.page(None, 9, customer=one.customer),
            acme.invoices.page(None, 9, subscription=one.subscription),
        ):
            assert only.items == (one,)
        void = one.voided(NOW, "a mistake")
        acme.invoices.save(void)
        voids = acme.invoices.page(None, 9, status="void")
        assert voids.items == (void,)

    def test_numbers_have_no_gaps_even_where_work_failed(self, store: Store) -> None:
        acme = Held(store)

        def take_and_fail(work: Work) -> None:
            work.invoices.next_number("INV")
            raise _OnPurpose

        def take_two(work: Work) -> tuple[int, int]:
            return work.invoices.next_number("INV"), work.invoices.next_number("INV")

        taken: list[int] = []
        for _ in range(3):
            taken.append(acme.invoices.next_number("INV"))
            with suppress(_OnPurpose):
                acme.write(take_and_fail)
        assert taken == [1, 2, 3]
        assert acme.invoices.next_number("CRN") == 1
        assert [acme.write(take_two) for _ in range(2)] == [(4, 5), (6, 7)]

    def test_a_boundary_is_made_once(self, store: Store) -> None:
        acme = Held(store)
        draft = _draft(acme)
        made = BoundaryRecord(draft.subscription, NOW, "recurring", draft.id)
        acme.invoices.add_boundary(made)
        with refused(Conflict, "boundary_made"):
            acme.invoices.add_boundary(replace(made, invoice=None))
        assert acme.invoices.boundaries(draft.subscription) == [made]

    def test_boundaries_are_listed_oldest_first(self, store: Store) -> None:
        acme = Held(store)
        subscription = acme.write(things.subscribed)
        made = [BoundaryRecord(subscription.id, NOW + n * MONTH) for n in range(4)]
        for one in (made[2], made[0], made[3], made[1]):
            acme.invoices.add_boundary(one)
        assert acme.invoices.boundaries(subscription.id) == made
        assert acme.invoices.boundaries(ids.SUBSCRIPTION.new()) == []

    def test_a_boundary_moves_to_another_invoice(self, store: Store) -> None:
        acme = Held(store)
        draft = _draft(acme)
        made = BoundaryRecord(draft.subscription, NOW)
        with refused(NotFound, "boundary_not_found"):
            acme.invoices.move_boundary(made)
        acme.invoices.add_boundary(made)
        moved = replace(made, invoice=draft.id)
        acme.invoices.move_boundary(moved)
        assert acme.invoices.boundaries(draft.subscription) == [moved]

    def test_a_step_of_a_chain_is_billed_once(self, store: Store) -> None:
        acme = Held(store)
        draft = _draft(acme)
        steps = [_step(draft, number, ids.PRICE.new()) for number in (1, 1)]
        acme.invoices.add_billed(steps)
        with refused(Conflict, "already_billed"):
            acme.invoices.add_billed(steps[:1])
        again = [replace(steps[0], step=2), replace(steps[1], step=1)]
        with refused(Conflict, "already_billed"):
            acme.invoices.add_billed(again)
        found = acme.invoices.billed(draft.subscription, NOW)
        assert sorted(found, key=lambda step: step.price) == steps

    def test_chains_are_read_from_a_date_on_in_order_of_step(self, store: Store) -> None:
        acme = Held(store)
        draft, price = _draft(acme), ids.PRICE.new()
        chain = [_step(draft, number, price) for number in range(1, 12)]
        later = replace(chain[0], period_start=NOW + MONTH)
        acme.invoices.add_billed([*reversed(chain), later])
        of = draft.subscription
        assert acme.invoices.billed(of, NOW) == [*chain, later]
        assert acme.invoices.billed(of, NOW + MONTH) == [later]
        assert acme.invoices.billed(of, NOW + 2 * MONTH) == []
        acme.invoices.add_billed([])


def _draft(acme: Held) -> Invoice:
    subscription: Subscription = acme.write(things.subscribed)
    draft = things.invoice(subscription)
    acme.invoices.add(draft)
    return draft


def _step(draft: Invoice, number: int, price: PriceId) -> BilledStep:
    return BilledStep(
        subscription=draft.subscription,
        price=price,
        period_start=NOW,
        step=number,
        quantity=Decimal("123456789012345678.123456789"),
        amount=-(10**17) + number,
        invoice=draft.id,
        usage_as_of=NOW + timedelta(microseconds=1),
    )
