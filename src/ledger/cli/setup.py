"""`ledger init` and `ledger migrate`: a folder's settings, and its database."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from ledger import Conflict
from ledger.cli.config import FILE, Settings, beside, resolve
from ledger.cli.invocation import Invocation, refuse_missing
from ledger.cli.verb import verb
from ledger.cli.wording import count

group = typer.Typer()


@verb(group, "init", examples=["ledger init", "ledger init --db billing.db --tenant acme_corp"])
def init(
    invocation: Invocation,
    *,
    force: Annotated[
        bool, typer.Option("--force", help=f"Replace a {FILE} that is there; never a database.")
    ] = False,
) -> None:
    """Write ledger.toml for this folder, and make the database that it names."""
    file = invocation.given.config or Path(FILE)
    if file.exists() and not force:
        raise Conflict(
            f"there is a {str(file)!r} already; --force replaces it", code="config_exists"
        )
    settings = resolve(invocation.given, os.environ, None)
    made = _make_database(beside(file, settings.database), settings)
    file.write_text(_toml(settings), encoding="utf-8")
    if invocation.out.json:
        invocation.out.data(
            {
                "config": str(file),
                "database": settings.shown,
                "tenant": settings.tenant,
                "app": settings.app,
                "new": made,
            }
        )
        return
    invocation.out.facts(
        [
            ("config", str(file)),
            ("database", f"{settings.shown} ({'new' if made else 'as it was'})"),
            ("tenant", f"{settings.tenant}, app {settings.app}"),
        ]
    )
    if settings.shown != settings.database:
        invocation.out.say(_NOT_WRITTEN)
    for line in _NEXT:
        invocation.out.say(line)


_NOT_WRITTEN = (
    "The password is not written down. Give it as PGPASSWORD or in ~/.pgpass, or the whole URL as"
    " LEDGER_DATABASE_URL."
)
_NEXT = (
    "",
    "Next:",
    "  ledger doctor       see that all is well",
    "  ledger plans list   what is sold; nothing yet: plans are made in Python with",
    "                      ledger.open(…).tenant(…).plans.create(Plan(…))",
    "  ledger demo         a database of its own, with a year of billing to look at",
)


def _make_database(url: str, settings: Settings) -> bool:
    """Make the database, or bring one that is there up to date; whether it is new."""
    import ledger

    path = settings.path
    made = path is None or not path.exists()
    with ledger.open(url) as engine:
        engine.tenant(settings.tenant, settings.app)  # refuses a name that is none
    return made


def _toml(settings: Settings) -> str:
    values = {
        "database": settings.shown,
        "tenant": settings.tenant,
        "app": settings.app,
    }
    # A JSON string is a TOML string too.
    lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())
    return "\n".join(lines) + "\n"


@verb(group, "migrate", examples=["ledger migrate --plan", "ledger migrate --json"])
def migrate(
    invocation: Invocation,
    *,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what would be done, and do nothing.")
    ] = False,
) -> None:
    """Bring the database up to date. Each step is done once, and a killed one is done again."""
    from ledger import opening

    settings = invocation.settings
    if settings.path is not None:
        refuse_missing(settings.path)
    steps = (opening.pending if plan else opening.migrate)(settings.database)
    if invocation.out.json:
        invocation.out.data({"applied": not plan, "steps": steps})
        return
    for step in steps:
        invocation.out.text(step)
    if not steps:
        invocation.out.say("The database is up to date.")
    elif plan:
        invocation.out.say(f"{count(len(steps), 'step')} to do; ledger migrate does them.")
