"""Bill a subscription: preview, generate, finalize, void; and keep the dates of what is due.

An invoice is made once for a boundary, whoever asks and however often (SEMANTICS §9). What writes
first waits for its turn with the customer, then reads.
"""

from datetime import datetime, timedelta

from ledger.customer import operations as customers
from ledger.invoice.boundaries import boundaries_after
from ledger.invoice.drafting import draft_lines
from ledger.invoice.facts import Account, account_of, facts_at
from ledger.invoice.issuing import drafted, reverse
from ledger.invoice.making import (
    finalize_draft,
    finalize_waited,
    make_again,
    make_due,
    note_next,
    nothing_due,
    store_void,
)
from ledger.invoice.model import Invoice, InvoiceStatus
from ledger.invoice.ports import InvoiceWork
from ledger.plan.naming import check_name, check_ref
from ledger.subscription.model import Subscription
from ledger.types.errors import Conflict, Invalid
from ledger.types.ids import INVOICE, SUBSCRIPTION, InvoiceId, SubscriptionId
from ledger.types.page import Page
from ledger.types.zone import instant_text, utc

GRACE = timedelta(hours=1)
"""How long an invoice that holds usage waits for late events before it is final."""


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
    raise nothing_due(account)


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
        raise Invalid(f"a grace is zero or more, not {grace}", code="bad_grace", param="grace")
    account = finalize_waited(work, _locked_account(work, subscription_id))
    if boundary is not None:
        return make_again(work, account, utc(boundary), grace)
    return make_due(work, account, grace)


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
            f"invoice {draft.id} follows {earlier.id} at {instant_text(earlier.boundary)}, which is"
            " a draft too; finalize or void that one first",
            code="earlier_draft",
            invoice=earlier.id,
        )
    return finalize_draft(work, account, draft)


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
    return store_void(work, voided)


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
        customer=None if customer is None else customers.get(work, customer).id,
        subscription=None if subscription is None else SUBSCRIPTION.check(subscription),
        status=status,
    )


def follow(work: InvoiceWork, subscription: Subscription) -> None:
    """Note when a subscription is to be billed next, after it was made, canceled or changed."""
    note_next(work, account_of(work, subscription))


def _locked_account(work: InvoiceWork, subscription_id: SubscriptionId) -> Account:
    """The account of a subscription, when it is this transaction's turn with its customer."""
    checked = SUBSCRIPTION.check(subscription_id)
    work.customers.lock(work.subscriptions.get(checked).customer)
    return account_of(work, work.subscriptions.get(checked))


def _locked(work: InvoiceWork, ref: str) -> Invoice:
    work.customers.lock(get(work, ref).customer)
    return get(work, ref)
