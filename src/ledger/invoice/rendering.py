"""An invoice as a person wants to read it, in plain text. Pure, en_US."""

from collections.abc import Iterable, Iterator
from textwrap import wrap

from ledger.customer.model import Address
from ledger.invoice.model import Buyer, Invoice, LineItem
from ledger.invoice.wording import day_text, number_text

WIDTH = 78
_AMOUNT = 14
_QUANTITY = 12
_TEXT = WIDTH - _AMOUNT - _QUANTITY
_LABEL = 12


def render(invoice: Invoice, seller: str = "") -> str:
    """The invoice as text of 78 columns: who, when, what for, and how much.

    Args:
        invoice: the invoice; a draft is called one.
        seller: who sends it, in as many lines as wanted.
    """
    parts = (
        _head(invoice),
        seller.splitlines(),
        _facts(invoice),
        (*_table(invoice.lines), *_sums(invoice)),
    )
    blocks = ("\n".join(line.rstrip() for line in part) for part in parts)
    return "\n\n".join(block for block in blocks if block) + "\n"


def _head(invoice: Invoice) -> Iterator[str]:
    title = f"INVOICE {invoice.number}" if invoice.number else "DRAFT INVOICE"
    status = invoice.status.upper()
    yield f"{title}{status:>{WIDTH - len(title)}}"
    if invoice.void_reason:
        yield f"void: {invoice.void_reason}"


def _facts(invoice: Invoice) -> Iterator[str]:
    """Buyer and dates, as labels and values."""
    yield from _labelled("Bill to", _buyer(invoice.buyer))
    zone = zone_of(invoice)
    yield from _labelled("Invoice", [invoice.id])
    yield from _labelled("Boundary", [day_text(invoice.boundary, zone)])
    if invoice.finalized_at is None:
        yield from _labelled("Final from", [day_text(invoice.finalize_at, zone)])
    else:
        yield from _labelled("Issued", [day_text(invoice.finalized_at, zone)])
    if invoice.due_at is not None:
        yield from _labelled("Due", [day_text(invoice.due_at, zone)])


def zone_of(invoice: Invoice) -> str:
    """The time zone in which the invoice's days count."""
    return next((line.service_period.zone for line in invoice.lines), "UTC")


def _labelled(label: str, values: Iterable[str]) -> Iterator[str]:
    for value in values:
        yield f"{label:<{_LABEL}}{value}"
        label = ""


def _buyer(buyer: Buyer) -> Iterator[str]:
    yield buyer.name
    yield from _address(buyer.address)
    if buyer.email:
        yield buyer.email
    for tax_id in buyer.tax_ids:
        yield f"{tax_id.type} {tax_id.value}"


def _address(address: Address) -> Iterator[str]:
    city = " ".join(part for part in (address.postal_code, address.city, address.state) if part)
    yield from (part for part in (address.line1, address.line2, city, address.country) if part)


def _table(lines: tuple[LineItem, ...]) -> Iterator[str]:
    yield f"{'Description':<{_TEXT}}{'Quantity':>{_QUANTITY}}{'Amount':>{_AMOUNT}}"
    yield "-" * WIDTH
    for line in lines:
        first, *rest = wrap(line.description, _TEXT - 2) or [""]
        quantity, amount = number_text(line.quantity), line.amount.format()
        yield f"{first:<{_TEXT}}{quantity:>{_QUANTITY}}{amount:>{_AMOUNT}}"
        yield from (f"  {more}" for more in rest)
    yield "-" * WIDTH


def _sums(invoice: Invoice) -> Iterator[str]:
    sums = [("Subtotal", invoice.subtotal)]
    sums += [("Discount", invoice.discount.negate())] if not invoice.discount.is_zero else []
    sums += [("Tax", invoice.tax)] if not invoice.tax.is_zero else []
    sums += [("Total", invoice.total), ("Amount due", invoice.amount_due)]
    for label, amount in sums:
        yield f"{label:>{_TEXT + _QUANTITY}}{amount.format():>{_AMOUNT}}"
