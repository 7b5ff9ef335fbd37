"""Making invoices: one for a boundary, stored, told, and with the date of what is due next.

Whoever calls holds the customer's lock. What is written here is written once: a boundary, a number
and a step of a chain are unique in the store.
"""

from datetime import datetime, timedelta
from itertools import takewhile

from msgspec.structs import replace

from ledger.invoice.boundaries import boundaries_after, next_boundary
from ledger.invoice.drafting import draft_lines
from ledger.invoice.events import InvoiceFinalized, InvoiceGenerated, InvoiceVoided
from ledger.invoice.facts import Account, account_of, facts_at
from ledger.invoice.issuing import bill, drafted, numbered, with_lines
from ledger.invoice.model import BoundaryRecord, Invoice
from ledger.invoice.ports import InvoiceWork
from ledger.types.errors import Conflict
from ledger.types.zone import instant_text

NO_LINES = "no lines"
"""Why a draft is void that had nothing left to bill when it was to become final."""

_INSTANT = timedelta(microseconds=1)


def make_due(work: InvoiceWork, account: Account, grace: timedelta) -> Invoice:
    """The invoice of the oldest boundary that is due; those without lines are noted on the way.

    Raises:
        Conflict: (`nothing_due`) no boundary that is due has lines.
    """
    subscription = account.subscription
    coming = boundaries_after(subscription, account.plan, account.last)
    for boundary in takewhile(lambda instant: instant <= work.now, coming):
        facts = facts_at(work, account, boundary)
        lines = draft_lines(facts)
        invoice = _add(work, account, drafted(work, facts, lines, grace)) if lines else None
        made = None if invoice is None else invoice.id
        record = BoundaryRecord(subscription.id, boundary, invoice=made)
        work.invoices.add_boundary(record)
        account = replace(account, records=(*account.records, record))
        if invoice is not None:
            note_next(work, account)
            return invoice
    note_next(work, account)
    raise nothing_due(account)


def make_again(
    work: InvoiceWork, account: Account, boundary: datetime, grace: timedelta
) -> Invoice:
    """The invoice of a boundary whose invoice is void, anew.

    Raises:
        Conflict: it was never made (`boundary_not_made`), its invoice is not void
            (`boundary_made`), or nothing is left to bill (`nothing_due`).
    """
    name = f"The boundary {instant_text(boundary)} of subscription {account.subscription.id}"
    record = account.record_of(boundary)
    if record is None:
        raise Conflict(f"{name} is not made yet, so it is not void.", code="boundary_not_made")
    if record.invoice is None or work.invoices.get(record.invoice).status != "void":
        made = record.invoice or "there was nothing to bill"
        raise Conflict(f"{name} is made: {made}.", code="boundary_made", invoice=record.invoice)
    facts = facts_at(work, account, boundary)
    lines = draft_lines(facts)
    if not lines:
        raise Conflict(f"{name} has nothing to bill any more.", code="nothing_due")
    invoice = _add(work, account, drafted(work, facts, lines, grace))
    work.invoices.move_boundary(replace(record, invoice=invoice.id))
    return invoice


def _add(work: InvoiceWork, account: Account, draft: Invoice) -> Invoice:
    """Store a new invoice: final when its time has come, else as a draft behind earlier ones."""
    for earlier in account.drafts_before(draft.boundary):
        latest = max(draft.finalize_at, earlier.finalize_at + _INSTANT)
        draft = replace(draft, finalize_at=latest)
    work.events.add(InvoiceGenerated(draft))
    if draft.finalize_at > work.now:
        work.invoices.add(draft)
        work.due.put("finalize", draft.id, draft.finalize_at)
        return draft
    invoice = numbered(work, draft)
    work.invoices.add(invoice)
    bill(work, invoice)
    work.events.add(InvoiceFinalized(invoice))
    return invoice


def finalize_waited(work: InvoiceWork, account: Account) -> Account:
    """Finalize the drafts whose time has come, oldest boundary first; the account without them."""
    while account.drafts and account.drafts[0].finalize_at <= work.now:
        finalize_draft(work, account, account.drafts[0])
        account = account_of(work, account.subscription)
    return account


def finalize_draft(work: InvoiceWork, account: Account, draft: Invoice) -> Invoice:
    """A draft, final, with lines from the facts of now; void if nothing is left to bill."""
    lines = draft_lines(facts_at(work, account, draft.boundary))
    if not lines:
        # Made, with nothing to bill; what comes in for it later is late usage.
        work.invoices.move_boundary(BoundaryRecord(draft.subscription, draft.boundary))
        return store_void(work, draft.voided(work.now, NO_LINES))
    invoice = numbered(work, with_lines(draft, lines))
    work.invoices.save(invoice)
    work.due.put("finalize", invoice.id, None)
    bill(work, invoice)
    work.events.add(InvoiceFinalized(invoice))
    return invoice


def store_void(work: InvoiceWork, voided: Invoice) -> Invoice:
    """Store that an invoice is void, and that nothing waits for it any more."""
    work.invoices.save(voided)
    work.due.put("finalize", voided.id, None)
    work.events.add(InvoiceVoided(voided))
    return voided


def note_next(work: InvoiceWork, account: Account) -> None:
    """Note when the subscription is to be billed next."""
    subscription = account.subscription
    coming = next_boundary(subscription, account.plan, account.last)
    work.due.put("billing", subscription.id, coming)


def nothing_due(account: Account) -> Conflict:
    """The refusal that says when something is."""
    subscription = account.subscription
    coming = next_boundary(subscription, account.plan, account.last)
    if coming is not None:
        when = f"before {instant_text(coming)}"
    elif subscription.end is not None:
        when = "any more: it is billed to its end"
    else:
        when = f"ever: plan {account.plan.key!r} has no price in {subscription.currency}"
    return Conflict(
        f"subscription {subscription.id} has nothing due {when}",
        code="nothing_due",
        next_at=coming,
    )
