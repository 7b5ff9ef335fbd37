"""All verbs of the command line under one name."""

import typer
from rich.markup import escape

from ledger.cli import (
    billing,
    check,
    customers,
    doctor,
    features,
    invoices,
    plans,
    setup,
    subscriptions,
    usage,
    usage_events,
    usage_expire,
    usage_export,
    usage_lists,
    worker,
)
from ledger.cli.bench import command as bench
from ledger.cli.demo import command as demo
from ledger.cli.failure import MEANINGS
from ledger.cli.usage_import import command as usage_import
from ledger.cli.verb import start

_EPILOG = "\n".join(
    [
        "Settings: arguments, then LEDGER_DATABASE_URL (else DATABASE_URL),",
        "LEDGER_TENANT, LEDGER_APP and LEDGER_AT, then ledger.toml, then the",
        "defaults: sqlite:///ledger.db, tenant default, app default.",
        "LEDGER_DEBUG=1 shows tracebacks.",
        "",
        "Exit codes:",
        *(f"  {code:<4} {meaning}" for code, meaning in MEANINGS.items()),
    ]
)

app = typer.Typer(
    name="ledger",
    help="Ledger: plans, metered usage, entitlements, invoices; exact to the cent.",
    epilog=escape(_EPILOG),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
start(app)

for top in (demo, setup, doctor, check, billing, worker):
    app.add_typer(top.group)
app.add_typer(invoices.top)
for name, group in (
    ("plans", plans.group),
    ("features", features.group),
    ("customers", customers.group),
    ("subscriptions", subscriptions.group),
    ("usage", usage.group),
    ("invoice", invoices.group),
    ("bench", bench.group),
):
    app.add_typer(group, name=name, no_args_is_help=True)

# The others are verbs of `usage` once they are imported.
__all__ = ["app", "usage_events", "usage_expire", "usage_export", "usage_import", "usage_lists"]
