"""What explains an invoice: data, and its text for a terminal without colours. Pure, en_US."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import msgspec

from ledger.invoice.model import Invoice, InvoiceStatus, LineItem
from ledger.invoice.wording import number_text
from ledger.rating.wording import describe, quantity_text
from ledger.types.exact import CONTEXT
from ledger.types.ids import InvoiceId, SubscriptionId
from ledger.types.money import Money
from ledger.types.zone import instant_text, local

WIDTH = 78
HOURS_SHOWN = 24
"""How many hours of a line are listed where several lines are explained."""


class HourUsage(msgspec.Struct, frozen=True):
    """What was used in an hour: the sum, the greatest or the last value, as the feature counts."""

    start: datetime
    quantity: Decimal


class LineExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """A line, the sentences of its derivation, and where its usage came from.

    `number` counts the lines of the invoice from 1. `hours` are those with usage, as they are now;
    `counted` is what they come to in the period of the line, None if the line is not for usage. It
    is not the quantity of the derivation when usage came in after the line was drafted.
    """

    number: int
    line: LineItem
    steps: tuple[str, ...]
    hours: tuple[HourUsage, ...] = ()
    counted: Decimal | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice's head and sums, and its lines explained: all of them, or the one asked for."""

    invoice: InvoiceId
    number: str | None
    status: InvoiceStatus
    subscription: SubscriptionId
    boundary: datetime
    subtotal: Money
    discount: Money
    tax: Money
    total: Money
    amount_due: Money
    line_count: int
    lines: tuple[LineExplanation, ...]

    def text(self) -> str:
        """The whole of it, 78 columns wide. A single line has all of its hours."""
        alone = len(self.lines) == 1
        blocks = [_head(self), *(_line(each, self, in_full=alone) for each in self.lines)]
        return "\n\n".join("\n".join(block) for block in blocks)


def explanation_of(invoice: Invoice, lines: tuple[LineExplanation, ...]) -> Explanation:
    """The explanation of an invoice by some of its lines."""
    return Explanation(
        invoice=invoice.id,
        number=invoice.number,
        status=invoice.status,
        subscription=invoice.subscription,
        boundary=invoice.boundary,
        subtotal=invoice.subtotal,
        discount=invoice.discount,
        tax=invoice.tax,
        total=invoice.total,
        amount_due=invoice.amount_due,
        line_count=len(invoice.lines),
        lines=lines,
    )


def line_explained(
    number: int,
    line: LineItem,
    hours: tuple[HourUsage, ...] = (),
    counted: Decimal | None = None,
) -> LineExplanation:
    """The explanation of a line: its derivation in words, and the usage that was read for it."""
    steps = tuple(describe(line.derivation, line.unit, line.amount.currency))
    return LineExplanation(number=number, line=line, steps=steps, hours=hours, counted=counted)


def _head(explanation: Explanation) -> Iterator[str]:
    name = f"Invoice {explanation.number or explanation.invoice}, {explanation.status}"
    yield _row(name, explanation.total.format())
    yield f"  of subscription {explanation.subscription}"
    yield f"  at the boundary {instant_text(explanation.boundary)}"
    many = explanation.line_count
    lines = "1 line comes" if many == 1 else f"{many} lines come"
    yield f"  {lines} to {explanation.subtotal.format()}"
    if not explanation.discount.is_zero:
        yield f"  less {explanation.discount.format()} of discount"
    if not explanation.tax.is_zero:
        yield f"  and {explanation.tax.format()} of tax"
    yield f"  {explanation.amount_due.format()} is due"


def _line(explained: LineExplanation, whole: Explanation, *, in_full: bool) -> Iterator[str]:
    line = explained.line
    derivation = line.derivation
    yield _row(f"Line {explained.number} of {whole.line_count}", line.amount.format())
    yield f"  {line.description}"
    yield f"  price {derivation.price}"
    yield f"  of plan {derivation.plan}, version {derivation.plan_version}"
    for step in explained.steps:
        yield f"    {step}"
    yield (
        f"    exactly {derivation.exact}, rounded {derivation.rounded} minor units of"
        f" {line.amount.currency}"
    )
    if explained.counted is not None:
        yield from _usage(explained, explained.counted, in_full=in_full)


def _usage(explained: LineExplanation, counted: Decimal, *, in_full: bool) -> Iterator[str]:
    """Where a quantity came from, and what has changed since."""
    line, hours = explained.line, explained.hours
    since = CONTEXT.subtract(counted, line.derivation.quantity)
    if since:
        change = "came in" if since > 0 else "went away"
        yield f"  {quantity_text(abs(since), line.unit)} {change} after this line was drafted"
    many = "1 hour" if len(hours) == 1 else f"{len(hours)} hours"
    zone = line.service_period.zone
    if not in_full and len(hours) > HOURS_SHOWN:
        first, last = (_hour(each, zone) for each in (hours[0], hours[-1]))
        yield f"  used in {many} from {first} to {last} {zone};"
        yield "  explain this line alone to see each"
        return
    yield f"  used in {many}{f', by {zone}' if hours else ''}"
    yield from (f"    {_hour(each, zone)}  {number_text(each.quantity):>20}" for each in hours)


def _hour(usage: HourUsage, zone: str) -> str:
    return f"{local(usage.start, zone):%Y-%m-%d %H:%M}"


def _row(text: str, amount: str) -> str:
    return f"{text}{amount:>{max(WIDTH - len(text), len(amount) + 1)}}"
