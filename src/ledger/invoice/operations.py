"""Bill a subscription: preview, generate, finalize, void; and keep the dates of what is due.

An invoice is made once for a boundary, whoever asks and however often (SEMANTICS §9). What writes
first waits for its turn with the customer, then reads.
"""

from datetime import datetime, timedelta
from itertools import takewhile

from msgspec.structs import replace

from ledger.invoice.boundaries import boundaries_after, next_boundary
from ledger.invoice.drafting import draft_lines
from ledger.invoice.events import InvoiceFinalized, InvoiceGenerated, InvoiceVoided
from ledger.invoice.facts import Account, account_of, facts_at
from ledger.invoice.issuing import bill, drafted, numbered, reverse, with_lines
from ledger.invoice.model import BoundaryRecord, Invoice, InvoiceStatus
from ledger.invoice.ports import InvoiceWork
from ledger.plan.naming import check_name, check_ref
from ledger.subscription.model import Subscription
from ledger.types.errors import Conflict, Invalid
from ledger.types.ids import INVOICE, SUBSCRIPTION, InvoiceId, SubscriptionId
from ledger.types.page import Page
from ledger.types.zone import instant_text, utc

GRACE = timedelta(hours=1)
"""How long an invoice that holds usage waits for late events before it is final."""

NO_LINES = "no lines"
"""Why a draft is void that had nothing left to bill when it was to become final."""

_INSTANT = timedelta(microseconds=1)


def preview(work: InvoiceWork, subscription_id: SubscriptionId) -> Invoice:
    """The invoice of the oldest boundary that is not made, else of the next one as of now.

    It has no number, and nothing is stored. A boundary that has passed with nothing to bill is
    passed over, as `generate` does. What is ahead shows the usage so far.

    Raises:
        NotFound: no such subscription.
        Conflict: (`nothing_due`) the subscription is billed to its end, or its plan has no prices.
    """
    subscription = work.subscriptions.get(SUBSCRIPTION.check(subscription_id))
    account = account_of(work, subscription)
    for boundary in boundaries_after(subscription, account.plan, account.last):
        facts = facts_at(work, account, boundary)
        lines = draft_lines(facts)
        if lines or boundary > work.now:
            return drafted(work, facts, lines, GRACE)
    raise _nothing_due(account)


def generate(
    work: InvoiceWork,
    subscription_id: SubscriptionId,
    *,
    boundary: datetime | None = None,
    grace: timedelta = GRACE,
) -> Invoice:
    """Make the invoice of the oldest boundary that is due and not made yet.

    A boundary with nothing to bill is noted as made, and the next one is looked at. The invoice is
    final at once unless it holds usage and its boundary was less than `grace` ago, or an earlier
    one still waits: then it is a draft until `finalize_at`. Drafts of the subscription that have
    waited long enough become final first, so that numbers follow boundaries.

    Args:
        work: the transaction.
        subscription_id: whose boundary.
        boundary: the instant of a boundary whose invoice is void, to make it again.
        grace: how long to wait for late usage after the boundary.

    Raises:
        NotFound: no such subscription.
        Conflict: (`nothing_due`) nothing is due; the sentence names the next date. With
            `boundary`: its invoice is not void (`boundary_made`), or there never was one
            (`boundary_not_made`).
        Invalid: (`bad_grace`) a grace below zero.
    """
    if grace < timedelta(0):
        raise Invalid(f"A grace is zero or more, not {grace}.", code="bad_grace", param="grace")
    account = _finalize_waited(work, _locked_account(work, subscription_id))
    if boundary is not None:
        return _make_again(work, account, utc(boundary), grace)
    return _make_due(work, account, grace)


def finalize(work: InvoiceWork, invoice_id: InvoiceId) -> Invoice:
    """Make a draft final: its lines computed from the facts of now, frozen and numbered.

    It may be done before the grace ends. A draft with nothing left to bill becomes void instead.

    Raises:
        NotFound: no such invoice.
        Conflict: it is no draft (`invoice_not_draft`), or the subscription has a draft of an
            earlier boundary (`earlier_draft`).
    """
    draft = _locked(work, INVOICE.check(invoice_id))
    draft.check_draft()
    account = account_of(work, work.subscriptions.get(draft.subscription))
    for earlier in account.drafts_before(draft.boundary):
        raise Conflict(
            f"Invoice {draft.id} follows {earlier.id} at {instant_text(earlier.boundary)}, which is"
            " a draft too; finalize or void that one first.",
            code="earlier_draft",
            invoice=earlier.id,
        )
    return _finalize(work, account, draft)


def void(work: InvoiceWork, ref: str, reason: str) -> Invoice:
    """Take back a draft, or an open invoice by id or number. It keeps its number and boundary.

    What it billed counts as not billed; `generate` with its `boundary` makes it again.

    Raises:
        NotFound: no such invoice.
        Conflict: (`invoice_not_voidable`) it is paid, or void already.
        Invalid: (`bad_text`) no reason.
    """
    before = _locked(work, ref)
    voided = before.voided(work.now, check_name(reason, "reason"))
    if before.number is not None:
        reverse(work, before)
    return _void(work, voided)


def get(work: InvoiceWork, ref: str) -> Invoice:
    """The invoice with this id or number.

    Raises:
        NotFound: there is none.
    """
    return work.invoices.get(check_ref(ref, INVOICE))


def page(
    work: InvoiceWork,
    *,
    after: str | None = None,
    limit: int = 100,
    customer: str | None = None,
    subscription: SubscriptionId | None = None,
    status: InvoiceStatus | None = None,
) -> Page[Invoice]:
    """Invoices, oldest first; those of a customer (id or external id), a subscription, a status.

    Raises:
        NotFound: no such customer.
    """
    return work.invoices.page(
        after,
        limit,
        customer=None if customer is None else work.customers.get(customer).id,
        subscription=None if subscription is None else SUBSCRIPTION.check(subscription),
        status=status,
    )


def follow(work: InvoiceWork, subscription: Subscription) -> None:
    """Note when a subscription is to be billed next, after it was made, canceled or changed."""
    _note_next(work, account_of(work, subscription))


def _locked_account(work: InvoiceWork, subscription_id: SubscriptionId) -> Account:
    """The account of a subscription, when it is this transaction's turn with its customer."""
    checked = SUBSCRIPTION.check(subscription_id)
    work.customers.lock(work.subscriptions.get(checked).customer)
    return account_of(work, work.subscriptions.get(checked))


def _locked(work: InvoiceWork, ref: str) -> Invoice:
    work.customers.lock(get(work, ref).customer)
    return get(work, ref)


def _make_due(work: InvoiceWork, account: Account, grace: timedelta) -> Invoice:
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
            _note_next(work, account)
            return invoice
    _note_next(work, account)
    raise _nothing_due(account)


def _make_again(
    work: InvoiceWork, account: Account, boundary: datetime, grace: timedelta
) -> Invoice:
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


def _finalize_waited(work: InvoiceWork, account: Account) -> Account:
    """Finalize the drafts whose time has come, oldest boundary first; the account without them."""
    while account.drafts and account.drafts[0].finalize_at <= work.now:
        _finalize(work, account, account.drafts[0])
        account = account_of(work, account.subscription)
    return account


def _finalize(work: InvoiceWork, account: Account, draft: Invoice) -> Invoice:
    lines = draft_lines(facts_at(work, account, draft.boundary))
    if not lines:
        # Made, with nothing to bill; what comes in for it later is late usage.
        work.invoices.move_boundary(BoundaryRecord(draft.subscription, draft.boundary))
        return _void(work, draft.voided(work.now, NO_LINES))
    invoice = numbered(work, with_lines(draft, lines))
    work.invoices.save(invoice)
    work.due.put("finalize", invoice.id, None)
    bill(work, invoice)
    work.events.add(InvoiceFinalized(invoice))
    return invoice


def _void(work: InvoiceWork, voided: Invoice) -> Invoice:
    work.invoices.save(voided)
    work.due.put("finalize", voided.id, None)
    work.events.add(InvoiceVoided(voided))
    return voided


def _note_next(work: InvoiceWork, account: Account) -> None:
    subscription = account.subscription
    coming = next_boundary(subscription, account.plan, account.last)
    work.due.put("billing", subscription.id, coming)


def _nothing_due(account: Account) -> Conflict:
    subscription = account.subscription
    coming = next_boundary(subscription, account.plan, account.last)
    if coming is not None:
        when = f"before {instant_text(coming)}"
    elif subscription.end is not None:
        when = "any more: it is billed to its end"
    else:
        when = f"ever: plan {account.plan.key!r} has no price in {subscription.currency}"
    return Conflict(
        f"Subscription {subscription.id} has nothing due {when}.",
        code="nothing_due",
        next_at=coming,
    )
