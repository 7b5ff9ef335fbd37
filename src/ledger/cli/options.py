"""Arguments and options that several verbs take, each said once."""

from typing import Annotated

import typer

Limit = Annotated[
    int, typer.Option("--limit", min=1, max=100_000, metavar="N", help="Show at most this many.")
]
CustomerRef = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help="A customer by id or external id.")
]
OfCustomer = Annotated[
    str | None,
    typer.Option(
        "--customer", metavar="CUSTOMER", help="Only this customer's, by id or external id."
    ),
]
FeatureRef = Annotated[str, typer.Argument(metavar="FEATURE", help="A feature by its key.")]
SubscriptionRef = Annotated[
    str, typer.Argument(metavar="SUBSCRIPTION", help="A subscription by id.")
]
InvoiceRef = Annotated[str, typer.Argument(metavar="INVOICE", help="An invoice by id or number.")]
Quantity = Annotated[
    str, typer.Option("--quantity", metavar="N", help="An exact number, such as 3 or 0.5.")
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; the event log keeps it.")]
ReasonOrNone = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why; the event log keeps it.")
]
Actor = Annotated[
    str | None,
    typer.Option(metavar="WHO", help="Who asks for it, for the event log."),
]
