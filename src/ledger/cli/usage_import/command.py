"""`ledger usage import`: the options, the progress, and the account at the end."""

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from ledger import Invalid, LedgerError
from ledger.cli.failure import FAILED, OK
from ledger.cli.invocation import Invocation
from ledger.cli.output import Bar, Output
from ledger.cli.usage import group, pair
from ledger.cli.usage_import import options
from ledger.cli.usage_import.importing import Account, Import, Refusal
from ledger.cli.usage_import.mapping import RowMapping, Source
from ledger.cli.usage_import.rows import Format, format_of, read
from ledger.cli.verb import verb
from ledger.cli.wording import count
from ledger.types.zone import zone

BATCH_SIZE = 2_000
SHOWN_MAX = 10
LISTED_MAX = 1_000
_TOO_LATE = "too_late:"
_HEAD_BYTES = 4_096


@verb(
    group,
    "import",
    examples=[
        "ledger usage import events.jsonl",
        "ledger usage import cloud-events.json --at 2026-01-02",
        (
            "ledger usage import trace.csv --event llm.request --customer kestrel \\\n"
            "    --time-column TIMESTAMP --property input_tokens=ContextTokens \\\n"
            "    --property output_tokens=GeneratedTokens --at 2023-12-01"
        ),
        "zcat old.csv.gz \\\n    | ledger usage import - --rejects rejected.jsonl --allow-rejects",
    ],
)
def import_usage(
    invocation: Invocation,
    file: options.File,
    *,
    format: options.FormatName = "auto",
    event: options.Event = None,
    customer: options.Customer = None,
    event_column: options.EventColumn = None,
    customer_column: options.CustomerColumn = None,
    time_column: options.TimeColumn = None,
    quantity_column: options.QuantityColumn = None,
    key_column: options.KeyColumn = None,
    properties: options.Properties = None,
    time_zone: options.TimeZone = "UTC",
    batch_size: options.BatchSize = BATCH_SIZE,
    rejects: options.Rejects = None,
    allow_rejects: options.AllowRejects = False,
) -> int:
    """Import usage from CSV, JSON lines, JSON or CloudEvents; again, and nothing counts twice.

    A row is an event. The columns event, customer, time, quantity, key and, as an export writes
    them, properties and subscription are read as such; other names are mapped with the options. A
    CloudEvent needs no mapping: its type is the event, its subject the customer, its data the
    properties. In JSON, a.b names a field inside an object.

    A row without a key gets one from its content and its occurrence among equal rows, so two equal
    rows are two events, and importing the file again adds none, as long as the mapping is the same.

    Times are ISO 8601; digits beyond microseconds are cut. Events older than three billing periods
    are rejected: to bill a time long past, say with --at when now is.
    """
    mapping = RowMapping(
        event=_source("event", event, event_column),
        customer=_source("customer", customer, customer_column),
        time=Source("time", field=time_column),
        quantity=Source("quantity", field=quantity_column),
        key=Source("key", field=key_column),
        properties=dict(pair(each, "property") for each in properties) if properties else None,
        time_zone=str(zone(time_zone)),
    )
    with _opened(file) as stream, _rejected(rejects) as write:
        name = "" if file == "-" else file
        chosen = format_of(name, _peek(stream)) if format == "auto" else format
        seen = _Refusals(write)
        account = _run(invocation, stream, chosen, mapping, batch_size, seen, name)
    _report(invocation.out, account, seen)
    return FAILED if account.refused and not allow_rejects else OK


def _run(
    invocation: Invocation,
    stream: BinaryIO,
    format: Format,
    mapping: RowMapping,
    batch_size: int,
    seen: "_Refusals",
    name: str,
) -> Account:
    size = Path(name).stat().st_size if name and Path(name).is_file() else None
    with invocation.tenant() as tenant, invocation.out.progress("Importing", size) as bar:
        work = Import(
            mapping=mapping,
            record=tenant.usage.record,
            refuse=seen.add,
            stored=_mover(bar, stream if size else None),
            batch_size=batch_size,
            is_table=format == "csv",
        )
        try:
            return work.run(read(stream, format))
        except (LedgerError, KeyboardInterrupt, OSError):
            if work.account.line:
                invocation.out.say(
                    f"The rows to line {work.account.line:,} are stored;"
                    " import the file again to go on, nothing will count twice."
                )
            raise


def _mover(bar: Bar, stream: BinaryIO | None) -> Callable[[Account], None]:
    """Moves the bar on by bytes where the size is known, and says how many rows there were."""
    position = 0

    def move(account: Account) -> None:
        nonlocal position
        now = stream.tell() if stream else position
        bar.advance(now - position, f"Importing, {count(account.rows, 'row')}")
        position = now

    return move


class _Refusals:
    """The rows that were not stored: all to the file, the first to be shown."""

    def __init__(self, write: Callable[[str], object] | None) -> None:
        self._write = write
        self.first: list[Refusal] = []

    def add(self, refusal: Refusal) -> None:
        if len(self.first) < LISTED_MAX:
            self.first.append(refusal)
        if self._write is not None:
            # In ASCII, because what was rejected may not be text at all.
            self._write(json.dumps(asdict(refusal), default=str) + "\n")


def _report(out: Output, account: Account, seen: _Refusals) -> None:
    counts = {
        "rows": account.rows,
        "accepted": account.accepted,
        "duplicate": account.duplicate,
        "conflict": account.conflict,
        "rejected": account.rejected,
        "unmatched": account.unmatched,
    }
    if out.json:
        rejects = [
            {"line": each.line, "outcome": each.outcome, "reason": each.reason}
            for each in seen.first
        ]
        out.data({**counts, "rejects": rejects})
        return
    out.facts((name, f"{number:>10,}") for name, number in counts.items())
    for refusal in seen.first[:SHOWN_MAX]:
        out.say(f"line {refusal.line}: {refusal.outcome}: {refusal.reason}")
    if account.refused > SHOWN_MAX:
        out.say(f"and {account.refused - SHOWN_MAX:,} more; --rejects FILE writes them all.")
    if any(each.reason.startswith(_TOO_LATE) for each in seen.first):
        out.say("To bill a time long past, say with --at DATE when now is.")
    if account.unmatched:
        out.say("Unmatched events are stored, and count once their customer or feature is known.")


@contextmanager
def _opened(file: str) -> Generator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    path = Path(file)
    if path.is_dir():
        raise Invalid(f"{file!r} is a directory, not a file", code="bad_file", param="file")
    try:
        stream = path.open("rb")
    except OSError as error:
        raise Invalid(
            f"the file {file!r} cannot be read: {(error.strerror or str(error)).lower()}",
            code="bad_file",
            param="file",
        ) from None
    with stream:
        yield stream


@contextmanager
def _rejected(path: Path | None) -> Generator[Callable[[str], object] | None]:
    with path.open("w", encoding="utf-8") if path else nullcontext() as stream:
        yield stream.write if stream else None


def _peek(stream: BinaryIO) -> bytes:
    """How a stream begins, without taking it."""
    peek = getattr(stream, "peek", None)
    return bytes(peek(_HEAD_BYTES)) if peek else b""


def _source(usual: str, constant: str | None, column: str | None) -> Source:
    if constant is not None and column is not None:
        raise Invalid(
            f"give --{usual} or --{usual}-column, not both", code="both_given", param=usual
        )
    return Source(usual, constant, column)
