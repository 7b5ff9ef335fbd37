"""`ledger demo`: play the year, tell the story, leave a database to play with."""

import os
import sqlite3
import sys
from pathlib import Path
from shlex import quote
from shutil import which
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ledger import Conflict, Entitlement, Invalid, Invoice, MeterConfig
from ledger.cli.config import DEFAULTS
from ledger.cli.demo import story
from ledger.cli.demo.company import CURRENCY, NAME
from ledger.cli.demo.people import RUNS_OUT, SHOWN
from ledger.cli.demo.play import END, START, Played, Year
from ledger.cli.demo.reconcile import Balance, balance
from ledger.cli.failure import FAILED, OK
from ledger.cli.invocation import Invocation
from ledger.cli.output import Output
from ledger.cli.verb import verb
from ledger.cli.wording import count
from ledger.testing.clock import MovableClock
from ledger.types.clock import monotonic
from ledger.types.money import Money

if TYPE_CHECKING:
    from ledger.engine.face import Blocking
    from ledger.engine.tenant import Tenant

group = typer.Typer()

EVENTS = 200_000
SEED = 7
OUT = Path("ledger-demo.db")
NO_SPOOL = MeterConfig(spool=False)
MARK = int.from_bytes(b"LDEM", "big")
_APPLICATION_ID_AT = 68  # bytes 68 to 71 of a SQLite file: what application it belongs to


@verb(
    group,
    "demo",
    examples=["ledger demo", "ledger demo --events 2000 --out small.db", "ledger demo --json"],
)
def demo(
    invocation: Invocation,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the database is left.")] = OUT,
    events: Annotated[
        int, typer.Option(min=100, max=10_000_000, metavar="N", help="How much usage there is.")
    ] = EVENTS,
    seed: Annotated[
        int, typer.Option(metavar="N", help="The same seed makes the same year.")
    ] = SEED,
) -> int:
    """A year of billing of an AI API company, in under a minute.

    Customers in many time zones sign up, use the product and are billed month by month, on a clock
    that is moved. Then one invoice is shown, one line explained, one limit runs out, and all is
    counted again: accepted = stored = rated = invoiced, or the exit code is 1.
    """
    if invocation.given.database:
        raise Invalid(
            "the demo makes a database of its own; --out says where", code="demo_db", param="db"
        )
    prepare(out)
    told = _play(invocation, out, events, seed)
    commands = _next(out, told)
    if invocation.out.json:
        invocation.out.data({**_facts(out, told), "next": commands})
    else:
        invocation.out.text("Try next", style="bold")
        for command in commands:
            invocation.out.text(f"  {command}")
    return OK if told.books.holds and not told.played.failures else FAILED


def prepare(path: Path) -> None:
    """Make room for the demo's database, over nothing but an older one of its own.

    Raises Conflict (`not_a_demo`) where something else is.
    """
    if path.exists():
        if not is_demo(path):
            raise Conflict(
                f"{str(path)!r} is not a database of the demo, so it is left alone;"
                " --out takes another name",
                code="not_a_demo",
                param="out",
            )
        for each in (path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm"))):
            each.unlink(missing_ok=True)
    if not path.absolute().parent.is_dir():
        raise Conflict(f"there is no folder for {str(path)!r}", code="no_folder", param="out")
    connection = sqlite3.connect(path)
    try:
        connection.execute(f"PRAGMA application_id = {MARK}")
    finally:
        connection.close()


def is_demo(path: Path) -> bool:
    """Whether a file is a database that the demo made."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_APPLICATION_ID_AT + 4)
    return int.from_bytes(head[_APPLICATION_ID_AT:], "big") == MARK


class _Told(NamedTuple):
    """What the demo showed."""

    played: Played
    books: Balance
    invoice: Invoice
    line: int
    refused: Entitlement


def _play(invocation: Invocation, path: Path, events: int, seed: int) -> _Told:
    import ledger

    started = monotonic()
    clock = MovableClock(START)
    with ledger.open(f"sqlite:///{path}", clock=clock, meter=NO_SPOOL) as engine:
        tenant = engine.tenant(DEFAULTS["tenant"], DEFAULTS["app"])
        with invocation.out.progress("A year of billing", events) as bar:
            played = Year(tenant, clock, seed, bar.advance).play(events)
        invocation.out.say(
            f"{NAME}: {count(len(played.subscriptions), 'customer')},"
            f" {count(played.accepted, 'event')}, {count(played.finalized, 'invoice')},"
            f" in {count(int(monotonic() - started), 'second')}."
        )
        return _tell(invocation.out, tenant, path, played)


def _tell(out: Output, tenant: "Tenant[Blocking]", path: Path, played: Played) -> _Told:
    invoice = story.shown_invoice(tenant)
    line = story.shown_line(invoice)
    used, refused = story.run_out(tenant)
    story.count_run_out(played, used)
    books = balance(tenant, path, played)
    if not out.json:
        story.tell_invoice(out, invoice)
        story.tell_line(out, tenant, invoice, line)
        story.tell_limit(out, used, refused)
        story.tell_books(out, books)
        for message in played.failures:
            out.say(f"not billed: {message}")
    return _Told(played, books, invoice, line, refused)


def _facts(path: Path, told: _Told) -> dict[str, object]:
    return {
        "database": f"sqlite:///{path}",
        "customers": len(told.played.subscriptions),
        "events": told.books.accepted,
        "invoices": told.books.numbered,
        "billed": Money(told.books.billed, CURRENCY),
        "failures": told.played.failures,
        "holds": told.books.holds,
        "balance": told.books,
        "invoice": told.invoice.number,
        "refused": told.refused,
    }


def _next(path: Path, told: _Told) -> list[str]:
    """Commands to try, as they can be pasted here."""
    ledger = f"{program()} --db {quote(str(path))}"
    today = END.date()
    return [
        f"{ledger} plans show pro",
        f"{ledger} customers show {SHOWN}",
        f"{ledger} invoice list --customer {SHOWN}",
        f"{ledger} invoice show {told.invoice.number}",
        f"{ledger} invoice explain {told.invoice.number} --line {told.line}",
        (
            f"{ledger} usage show {SHOWN} input_tokens --window month"
            f" --start {START.date()} --end {today}"
        ),
        f"{ledger} preview {SHOWN} --at {today}",
        f"{ledger} check {RUNS_OUT} requests --at {today}",
        f"{ledger} doctor",
    ]


def program() -> str:
    """How this program is called from here: by its name if that finds it, else by its path."""
    called = Path(sys.argv[0])
    if called.stem != "ledger":
        return "ledger"
    found = which("ledger")
    if found is not None and Path(found).resolve() == called.resolve():
        return "ledger"
    return quote(os.path.relpath(called))
