"""Issuing: an invoice out of lines, its chains when it is final, and what undoes them."""

from datetime import timedelta

from msgspec.structs import replace

from ledger.customer.model import Customer
from ledger.invoice.drafting import Billed, Facts, chain_of
from ledger.invoice.facts import chains
from ledger.invoice.model import BilledStep, Buyer, Invoice, LineItem
from ledger.invoice.ports import InvoiceWork
from ledger.types.ids import INVOICE
from ledger.types.money import Money

SERIES = "INV"
NUMBER_DIGITS = 6


def drafted(
    work: InvoiceWork, facts: Facts, lines: tuple[LineItem, ...], grace: timedelta
) -> Invoice:
    """A new draft of these lines, final at once unless it holds usage that may still come in."""
    subscription = facts.subscription
    zero = Money.zero(subscription.currency)
    draft = Invoice(
        id=INVOICE.new(),
        customer=subscription.customer,
        subscription=subscription.id,
        boundary=facts.boundary,
        currency=subscription.currency,
        lines=(),
        subtotal=zero,
        discount=zero,
        tax=zero,
        total=zero,
        amount_due=zero,
        buyer=_buyer(work.customers.get(subscription.customer)),
        created_at=work.now,
        finalize_at=max(work.now, facts.boundary),
    )
    draft = with_lines(draft, lines)
    return replace(draft, finalize_at=facts.boundary + grace) if draft.holds_usage else draft


def with_lines(draft: Invoice, lines: tuple[LineItem, ...]) -> Invoice:
    """The draft with other lines and their sums. A line that stays keeps its id."""
    ids = {chain_of(line): line.id for line in draft.lines}
    kept = tuple(replace(line, id=ids.get(chain_of(line), line.id)) for line in lines)
    subtotal = Money.sum((line.amount for line in kept), draft.currency)
    total = subtotal.subtract(draft.discount).add(draft.tax)
    return replace(draft, lines=kept, subtotal=subtotal, total=total, amount_due=total)


def numbered(work: InvoiceWork, draft: Invoice) -> Invoice:
    """The draft, final: with the customer as it is now, and the next number."""
    buyer = _buyer(work.customers.get(draft.customer))
    number = f"{SERIES}-{work.invoices.next_number(SERIES):0{NUMBER_DIGITS}}"
    return replace(draft, buyer=buyer).finalized(number, work.now)


def bill(work: InvoiceWork, invoice: Invoice) -> None:
    """Put a final invoice's lines into the chains of what was billed, each as the next step."""
    ends = chains(_billed(work, invoice))
    work.invoices.add_billed(
        [
            BilledStep(
                subscription=line.subscription,
                price=line.price,
                period_start=line.service_period.start,
                step=ends.get(chain_of(line), Billed()).steps + 1,
                quantity=line.quantity,
                amount=line.amount.amount,
                invoice=invoice.id,
                usage_as_of=work.now,
            )
            for line in invoice.lines
        ]
    )


def reverse(work: InvoiceWork, invoice: Invoice) -> None:
    """Take what an invoice billed out of its chains again, by opposite steps."""
    billed = _billed(work, invoice)
    own = [step for step in billed if step.invoice == invoice.id]
    ends = chains(billed)
    work.invoices.add_billed(
        [
            replace(
                step,
                step=ends[step.price, step.period_start].steps + 1,
                quantity=step.quantity.copy_negate(),
                amount=-step.amount,
                usage_as_of=work.now,
            )
            for step in own
        ]
    )


def _billed(work: InvoiceWork, invoice: Invoice) -> list[BilledStep]:
    """The steps of all chains that the invoice may touch."""
    since = min(line.service_period.start for line in invoice.lines)
    return work.invoices.billed(invoice.subscription, since)


def _buyer(customer: Customer) -> Buyer:
    return Buyer(customer.name, customer.email, customer.address, customer.tax_ids)
