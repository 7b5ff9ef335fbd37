"""`ledger usage export`: usage as JSON lines or CSV, in a form that `ledger usage import` takes."""

import csv
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

import typer

from ledger import NotFound, RejectedEvent, StoredEvent
from ledger.cli import config
from ledger.cli.invocation import Invocation
from ledger.cli.output import Bar
from ledger.cli.usage import group
from ledger.cli.usage_lists import OfCode, OfOutcome
from ledger.cli.verb import verb
from ledger.cli.wording import count
from ledger.types import json
from ledger.types.quantity import quantity
from ledger.types.zone import instant_text

if TYPE_CHECKING:
    from ledger.engine.face import Blocking
    from ledger.engine.tenant import Tenant

PAGE = 1_000
NAMES_KEPT = 10_000
Row = dict[str, Any]
"""What a row says: text, and properties by name."""

_SAID = ("key", "event", "customer", "time", "quantity", "subscription", "properties")
_COLUMNS = {
    "stored": (*_SAID, "id", "received_at"),
    "unmatched": (*_SAID, "id", "received_at", "unmatched"),
    "rejected": (*_SAID, "id", "rejected_at", "outcome", "reason"),
}


@verb(
    group,
    "export",
    examples=[
        "ledger usage export --to usage.jsonl",
        "ledger usage export --customer kestrel --start 2025-11-01 --end 2025-12-01 --to nov.csv",
        "ledger usage export rejected --code too_late --format csv",
        "ledger usage export unmatched --to waiting.jsonl",
    ],
)
def export(
    invocation: Invocation,
    which: Annotated[
        Literal["stored", "unmatched", "rejected"],
        typer.Argument(help="All that is stored and not void, what waits, or what was refused."),
    ] = "stored",
    *,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Where to; stdout without it.")
    ] = None,
    format: Annotated[
        Literal["auto", "jsonl", "csv"], typer.Option(help="auto goes by the extension.")
    ] = "auto",
    customer: Annotated[
        str | None, typer.Option(metavar="CUSTOMER", help="Not rejected: of this customer.")
    ] = None,
    event: Annotated[
        str | None, typer.Option(metavar="NAME", help="Not rejected: of this event name.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Stored: that happened from then on.")
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Stored: that happened before then.")
    ] = None,
    outcome: OfOutcome = None,
    code: OfCode = None,
) -> None:
    """Write usage events as JSON lines or CSV, in order of arrival; memory does not grow.

    Customers are named by their external ids where they have one. ledger usage import takes the
    file back: into this database without counting anything twice, or into another one.
    """
    is_csv = format == "csv" or (format == "auto" and to is not None and to.suffix == ".csv")
    since = config.instant(start, "start") if start else None
    until = config.instant(end, "end") if end else None
    with invocation.tenant() as tenant:
        name = _namer(tenant)
        if which == "rejected":
            refused = tenant.usage.rejected(outcome=outcome, code=code, limit=PAGE)
            rows = (_rejected(each) for each in refused)
        else:
            found = (
                tenant.usage.unmatched(customer=customer, event=event, limit=PAGE)
                if which == "unmatched"
                else tenant.usage.list(
                    customer=customer, event=event, start=since, end=until, limit=PAGE
                )
            )
            rows = (_stored(each, name) for each in found)
        with _opened(to) as stream, invocation.out.progress("Exporting", None) as bar:
            write = _csv_writer(stream, _COLUMNS[which]) if is_csv else _json_writer(stream)
            written = _write(rows, write, bar if to else None)
    if to is not None:
        _tell(invocation, written, to)


def _write(rows: Iterator[Row], write: Callable[[Row], object], bar: Bar | None) -> int:
    written = 0
    for row in rows:
        write(row)
        written += 1
        if bar is not None and written % PAGE == 0:
            bar.advance(PAGE, f"Exporting, {count(written, 'event')}")
    return written


def _tell(invocation: Invocation, written: int, to: Path) -> None:
    if invocation.out.json:
        invocation.out.data({"events": written, "file": str(to)})
    else:
        invocation.out.say(f"{count(written, 'event')} written to {to}")


@contextmanager
def _opened(to: Path | None) -> Generator[TextIO]:
    """Stdout, or a file that is there once it is whole."""
    if to is None:
        yield sys.stdout
        return
    part = to.with_name(f"{to.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)


def _json_writer(stream: TextIO) -> Callable[[Row], object]:
    return lambda row: stream.write(json.encode(row).decode() + "\n")


def _csv_writer(stream: TextIO, columns: tuple[str, ...]) -> Callable[[Row], object]:
    writer = csv.DictWriter(stream, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()

    def write(row: Row) -> None:
        properties = row["properties"]
        text = json.encode(properties).decode() if properties else ""
        writer.writerow({**row, "properties": text})

    return write


def _namer(tenant: "Tenant[Blocking]") -> Callable[[str], str]:
    """What a customer is called outside; remembered, for the events of one come together."""

    @lru_cache(NAMES_KEPT)
    def name(id: str) -> str:
        try:
            return tenant.customers.get(id).external_id or id
        except NotFound:
            return id

    return name


def _stored(event: StoredEvent, name: Callable[[str], str]) -> Row:
    is_known = event.unmatched != "unknown_customer"
    row = {
        "key": event.key,
        "event": event.event,
        "customer": name(event.customer) if is_known else event.customer,
        "time": instant_text(event.time),
        "quantity": str(event.quantity),
        "subscription": event.subscription,
        "properties": event.properties,
        "id": event.id,
        "received_at": instant_text(event.received_at),
    }
    return row if event.unmatched is None else {**row, "unmatched": event.unmatched}


def _rejected(rejected: RejectedEvent) -> Row:
    event = rejected.event
    return {
        "key": event.key,
        "event": event.event,
        "customer": event.customer,
        "time": None if event.time is None else instant_text(event.time),
        "quantity": str(quantity(event.quantity)),
        "subscription": event.subscription,
        "properties": event.properties,
        "id": rejected.id,
        "rejected_at": instant_text(rejected.at),
        "outcome": rejected.outcome,
        "reason": rejected.reason,
    }
