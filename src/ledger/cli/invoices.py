"""`ledger invoice` and `ledger preview`: what customers owe, and how it came about."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ledger import Invoice
from ledger.cli import config, options
from ledger.cli.invocation import Invocation
from ledger.cli.lookup import Names, subscription_of
from ledger.cli.output import Column
from ledger.cli.verb import verb
from ledger.cli.wording import when
from ledger.types import ids

if TYPE_CHECKING:
    from ledger.engine.face import Blocking
    from ledger.engine.tenant import Tenant

group = typer.Typer(help="What customers owe, and how it came about.")
top = typer.Typer()

Status = Literal["draft", "open", "paid", "void"]
_COLUMNS = (
    Column("INVOICE"),
    Column("CUSTOMER"),
    Column("BOUNDARY"),
    Column("STATUS"),
    Column("TOTAL", right=True),
    Column("DUE", right=True),
)


@verb(
    top,
    "preview",
    examples=["ledger preview kestrel", "ledger preview kestrel --at 2026-01-02 --json"],
)
def preview(invocation: Invocation, subscription: options.SubscriptionRef) -> None:
    """The next invoice of a subscription as of now; nothing is stored."""
    with invocation.tenant() as tenant:
        _show(invocation, tenant.invoices.preview(subscription_of(tenant, subscription).id))


@verb(
    group,
    "generate",
    examples=["ledger invoice generate kestrel", "ledger invoice generate kestrel --json"],
)
def generate(
    invocation: Invocation,
    subscription: options.SubscriptionRef,
    *,
    boundary: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="Make the void invoice of this boundary again."),
    ] = None,
) -> None:
    """Make the oldest invoice of a subscription that is due and not made yet."""
    again = config.instant(boundary, "boundary") if boundary else None
    with invocation.tenant() as tenant:
        found = subscription_of(tenant, subscription)
        _show(invocation, tenant.invoices.generate(found.id, boundary=again))


@verb(
    group,
    "list",
    examples=[
        "ledger invoice list --limit 10",
        "ledger invoice list --customer kestrel --status open",
        "ledger invoice list --customer kestrel --json",
    ],
)
def list_invoices(
    invocation: Invocation,
    *,
    customer: options.OfCustomer = None,
    subscription: Annotated[
        str | None, typer.Option(metavar="SUBSCRIPTION", help="Only this subscription's.")
    ] = None,
    status: Annotated[Status | None, typer.Option(help="Only those in this state.")] = None,
    limit: options.Limit = 50,
) -> None:
    """The invoices, oldest first."""
    of = ids.SUBSCRIPTION.check(subscription) if subscription else None
    with invocation.tenant() as tenant:
        names = Names(tenant)
        invocation.out.listing(
            tenant.invoices.list(customer=customer, subscription=of, status=status),
            limit,
            _COLUMNS,
            lambda invoice: _row(invoice, names),
            empty="There are no such invoices. ledger bill makes all that are due.",
        )


@verb(
    group,
    "show",
    examples=["ledger invoice show INV-000042", "ledger invoice show INV-000042 --json"],
)
def show(invocation: Invocation, invoice: options.InvoiceRef) -> None:
    """One invoice as a person wants to read it."""
    with invocation.tenant() as tenant:
        _show(invocation, tenant.invoices.get(invoice))


@verb(
    group,
    "explain",
    examples=[
        "ledger invoice explain INV-000042",
        "ledger invoice explain INV-000042 --line 2",
        "ledger invoice explain INV-000042 --json",
    ],
)
def explain(
    invocation: Invocation,
    invoice: options.InvoiceRef,
    *,
    line: Annotated[
        str | None, typer.Option(metavar="LINE", help="Only this line: its number, or its id.")
    ] = None,
) -> None:
    """How every cent of an invoice came about: quantities, tiers, hours, rounding."""
    with invocation.tenant() as tenant:
        _explain(invocation, tenant, invoice, line)


@verb(group, "finalize", examples=["ledger invoice finalize INVOICE_ID"])
def finalize(invocation: Invocation, invoice: options.InvoiceRef) -> None:
    """Make a draft final before its grace ends: numbered, and never changed again."""
    with invocation.tenant() as tenant:
        _show(invocation, tenant.invoices.finalize(ids.INVOICE.check(invoice)))


@verb(
    group, "void", examples=['ledger invoice void INV-000042 --reason "billed to the wrong entity"']
)
def void(
    invocation: Invocation,
    invoice: options.InvoiceRef,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; the invoice will say it.")],
) -> None:
    """Take an invoice back. It keeps its number, and what it billed counts as not billed."""
    with invocation.tenant() as tenant:
        _show(invocation, tenant.invoices.void(invoice, reason))


def _row(invoice: Invoice, names: Names) -> Sequence[str]:
    return (
        invoice.number or invoice.id,
        names.customer(invoice.customer),
        when(invoice.boundary),
        invoice.status,
        invoice.total.format(),
        invoice.amount_due.format(),
    )


def _show(invocation: Invocation, invoice: Invoice) -> None:
    if invocation.out.json:
        invocation.out.data(invoice)
        return
    from ledger.engine.rendering import render

    invocation.out.text(render(invoice).rstrip())


def _explain(
    invocation: Invocation, tenant: "Tenant[Blocking]", ref: str, line: str | None
) -> None:
    explanation = tenant.invoices.explain(ref, line)
    if invocation.out.json:
        invocation.out.data(explanation)
    else:
        invocation.out.text(explanation.text().rstrip())
