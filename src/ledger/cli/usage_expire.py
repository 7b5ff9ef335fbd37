"""`ledger usage expire`: raw usage events that nobody needs any more."""

from typing import Annotated

import typer

from ledger.cli import config
from ledger.cli.invocation import Invocation
from ledger.cli.usage import group
from ledger.cli.verb import verb
from ledger.cli.wording import count, when


@verb(
    group,
    "expire",
    examples=["ledger usage expire", "ledger usage expire --before 2020-01-01 --json"],
)
def expire(
    invocation: Invocation,
    *,
    before: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="Remove what is older; only say what may go without."),
    ] = None,
) -> None:
    """Remove raw usage events that can neither come in again nor be billed; their totals stay.

    Refused events that are as old go too; events that wait for their customer or feature stay.
    Interrupted, it goes on when it is said again. The worker does it by itself with --keep-usage.
    """
    until = config.instant(before, "before") if before else None
    with invocation.tenant() as tenant:
        if until is None:
            allowed = tenant.usage.expirable()
            if invocation.out.json:
                invocation.out.data({"expirable_before": allowed})
            else:
                invocation.out.text(f"Usage events of before {when(allowed)} can be removed.")
            return
        with invocation.out.progress("Removing", None) as bar:
            gone = 0

            def move(done: int, whole: int) -> None:
                nonlocal gone
                bar.advance(done - gone, f"Removing, hour {done:,} of {whole:,}")
                gone = done

            found = tenant.usage.expire(until, on_progress=move)
    if invocation.out.json:
        invocation.out.data(found)
    else:
        invocation.out.text(
            f"{count(found.events, 'usage event')} and {found.refused:,} refused of before"
            f" {when(found.before)} removed"
        )
