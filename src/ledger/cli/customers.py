"""`ledger customers`: who is billed."""

from collections.abc import Sequence

import typer

from ledger import Customer
from ledger.cli import options, subscriptions
from ledger.cli.invocation import Invocation
from ledger.cli.lookup import Names
from ledger.cli.output import Column, Output
from ledger.cli.verb import verb
from ledger.cli.wording import when

group = typer.Typer(help="Who is billed.")

_COLUMNS = (
    Column("ID"),
    Column("EXTERNAL ID"),
    Column("NAME"),
    Column("TIME ZONE"),
    Column("CURRENCY"),
    Column("STATUS"),
)


@verb(group, "list", examples=["ledger customers list", "ledger customers list --limit 5 --json"])
def list_customers(invocation: Invocation, *, limit: options.Limit = 50) -> None:
    """The customers, oldest first."""
    with invocation.tenant() as tenant:
        invocation.out.listing(
            tenant.customers.list(),
            limit,
            _COLUMNS,
            _row,
            empty="There are no customers yet. They are made with"
            " tenant.customers.create(name=…) in Python.",
        )


@verb(
    group,
    "show",
    examples=["ledger customers show kestrel", "ledger customers show kestrel --json"],
)
def show_customer(invocation: Invocation, customer: options.CustomerRef) -> None:
    """One customer, with their subscriptions."""
    with invocation.tenant() as tenant:
        found = tenant.customers.get(customer)
        held = list(tenant.subscriptions.list(customer=found.id))
        if invocation.out.json:
            invocation.out.data({"customer": found, "subscriptions": held})
            return
        names = Names(tenant)
        rows = [subscriptions.row(each, names) for each in held]
    _show(invocation.out, found)
    if rows:
        invocation.out.text()
        invocation.out.table(subscriptions.COLUMNS, rows)


def _show(out: Output, found: Customer) -> None:
    address = found.address
    out.facts(
        [
            ("customer", found.name),
            ("id", found.id),
            ("external id", found.external_id or ""),
            ("email", found.email),
            ("time zone", found.time_zone),
            ("currency", found.currency or ""),
            ("city", ", ".join(filter(None, (address.city, address.country)))),
            ("tax ids", ", ".join(f"{each.type} {each.value}" for each in found.tax_ids)),
            ("status", found.status),
            ("created", when(found.created_at)),
        ]
    )


def _row(customer: Customer) -> Sequence[str]:
    return (
        customer.id,
        customer.external_id or "",
        customer.name,
        customer.time_zone,
        customer.currency or "",
        customer.status,
    )
