"""`ledger bill`: everybody who is due."""

from typing import TYPE_CHECKING

import typer

from ledger.cli.failure import FAILED, OK
from ledger.cli.invocation import Invocation
from ledger.cli.output import Output
from ledger.cli.verb import verb
from ledger.cli.wording import count

if TYPE_CHECKING:
    from ledger.engine.billing import BillingRun


group = typer.Typer()


@verb(group, "bill", examples=["ledger bill", "ledger bill --at 2026-01-02 --json"])
def bill(invocation: Invocation) -> int:
    """Make every invoice that is due, and finalize the drafts that have waited long enough.

    Running it again adds nothing. The exit code is 1 when something could not be billed.
    """
    with invocation.tenant() as tenant, invocation.out.progress("Billing", None) as bar:
        done = tenant.billing.run(on_progress=lambda _: bar.advance())
    if invocation.out.json:
        invocation.out.data(done)
    else:
        _show(invocation.out, done)
    return FAILED if done.failures else OK


def _show(out: Output, done: "BillingRun") -> None:
    out.facts(
        [
            ("run", done.id),
            ("made", count(done.generated, "invoice")),
            ("finalized", count(done.finalized, "invoice")),
            ("in all", ", ".join(total.format() for total in done.totals)),
        ]
    )
    for failure in done.failures:
        out.say(f"{failure.id}: {failure.message} ({failure.code})")
    if not done.generated and not done.finalized:
        out.say("Nothing was due.")
