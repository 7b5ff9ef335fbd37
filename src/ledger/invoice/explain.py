"""Explain an invoice: from the total down to the lines, the tiers and the hours of usage.

No amount is computed here: a line carries its derivation from the day it was drafted. Only the
hours are read, as they are now.
"""

from ledger.invoice.drafting import Need
from ledger.invoice.explanation import Explanation, LineExplanation, explanation_of, line_explained
from ledger.invoice.model import LineItem
from ledger.invoice.operations import get
from ledger.invoice.ports import InvoiceWork
from ledger.invoice.usage import hours_of, quantity_of
from ledger.types.errors import NotFound


def explain(work: InvoiceWork, ref: str, line: str | int | None = None) -> Explanation:
    """How an invoice came about, as data; `.text()` is readable in a terminal.

    Args:
        work: the transaction.
        ref: the invoice's id or number.
        line: the id of a line, or its number from 1, to explain that one with all of its hours.

    Raises:
        NotFound: no such invoice, or no such line in it.
    """
    invoice = get(work, ref)
    chosen = [
        (number, each)
        for number, each in enumerate(invoice.lines, start=1)
        if line is None or line in (number, str(number), each.id)
    ]
    if line is not None and not chosen:
        raise NotFound("line item", str(line))
    return explanation_of(invoice, tuple(_explained(work, number, each) for number, each in chosen))


def _explained(work: InvoiceWork, number: int, line: LineItem) -> LineExplanation:
    if line.derivation.usage_as_of is None or line.feature is None:
        return line_explained(number, line)
    subscription = work.subscriptions.get(line.subscription)
    feature = work.features.get(line.feature)
    need = Need(feature, line.service_period, line.derivation.averaged_over)
    return line_explained(
        number, line, hours_of(work, subscription, need), quantity_of(work, subscription, need)
    )
