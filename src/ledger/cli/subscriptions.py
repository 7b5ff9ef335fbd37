"""`ledger subscriptions`: which customer has which plan."""

from collections.abc import Sequence

import typer

from ledger import Subscription
from ledger.cli import options
from ledger.cli.invocation import Invocation
from ledger.cli.lookup import Names
from ledger.cli.output import Column
from ledger.cli.verb import verb
from ledger.cli.wording import when

group = typer.Typer(help="Which customer has which plan.")

COLUMNS = (
    Column("ID"),
    Column("CUSTOMER"),
    Column("PLAN"),
    Column("STATUS"),
    Column("START"),
    Column("PERIOD ENDS"),
)


@verb(
    group,
    "list",
    examples=["ledger subscriptions list", "ledger subscriptions list --customer kestrel --json"],
)
def list_subscriptions(
    invocation: Invocation, *, customer: options.OfCustomer = None, limit: options.Limit = 50
) -> None:
    """The subscriptions, oldest first."""
    with invocation.tenant() as tenant:
        of = tenant.customers.get(customer).id if customer else None
        names = Names(tenant)
        invocation.out.listing(
            tenant.subscriptions.list(customer=of),
            limit,
            COLUMNS,
            lambda each: row(each, names),
            empty="There are no such subscriptions. They are made with"
            " tenant.subscriptions.create(customer=…, plan=…) in Python.",
        )


def row(subscription: Subscription, names: Names) -> Sequence[str]:
    """A subscription in a table of `COLUMNS`."""
    status, at = subscription.status, subscription.as_of
    period = subscription.period_at(at) if status in {"trialing", "active"} else None
    return (
        subscription.id,
        names.customer(subscription.customer),
        names.plan(subscription.plan, subscription.plan_version),
        status,
        when(subscription.start),
        when(period.end if period else subscription.end),
    )
