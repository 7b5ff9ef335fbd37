"""What `ledger usage import` can be told, each option by its name."""

from pathlib import Path
from typing import Annotated, Literal

import typer

BATCH_SIZE_MAX = 10_000

_COLUMNS = "Which column says what"


def _column(what: str) -> object:
    return typer.Option(metavar="COLUMN", help=what, rich_help_panel=_COLUMNS)


File = Annotated[str, typer.Argument(metavar="FILE", help="The file, or - for stdin.")]
FormatName = Annotated[
    Literal["auto", "csv", "jsonl", "json"],
    typer.Option(help="auto goes by the extension, else by how the file begins."),
]
Event = Annotated[str | None, typer.Option(metavar="NAME", help="The event of all rows.")]
Customer = Annotated[str | None, typer.Option(metavar="CUSTOMER", help="The customer of all rows.")]
EventColumn = Annotated[str | None, _column("The event.")]
CustomerColumn = Annotated[str | None, _column("The customer.")]
TimeColumn = Annotated[str | None, _column("The time.")]
QuantityColumn = Annotated[str | None, _column("The quantity.")]
KeyColumn = Annotated[str | None, _column("The key.")]
Properties = Annotated[
    list[str] | None,
    typer.Option(
        "--property",
        metavar="NAME=COLUMN",
        help="A property of the event; may be given again.",
        rich_help_panel=_COLUMNS,
    ),
]
TimeZone = Annotated[
    str, typer.Option(metavar="ZONE", help="The zone of times that name no offset.")
]
BatchSize = Annotated[
    int, typer.Option(min=1, max=BATCH_SIZE_MAX, metavar="N", help="Rows in a transaction.")
]
Rejects = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write rejected rows here, as JSON lines.")
]
AllowRejects = Annotated[
    bool, typer.Option("--allow-rejects", help="Exit with 0 although rows were rejected.")
]
