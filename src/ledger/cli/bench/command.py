"""`ledger bench`: what was measured, as a table and as a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ledger import __version__
from ledger.cli.bench.measure import Timing, machine
from ledger.cli.invocation import Invocation
from ledger.cli.output import Column
from ledger.cli.verb import verb
from ledger.types import json

if TYPE_CHECKING:
    from ledger.cli.bench.ingest import IngestRun, Preload, Rate
    from ledger.cli.bench.place import Keys

group = typer.Typer(help="How fast Ledger is on this machine.")

CALLS = 20_000
CALLS_MAX = 50_000
ROWS = 2_000_000
ROWS_MAX = 1_000_000_000
EVENTS = (10_000, 1_000_000)
_COLUMNS = (
    Column("WHAT"),
    Column("P50", right=True),
    Column("P99", right=True),
    Column("MEAN", right=True),
    Column("× EMPTY", right=True),
)
_RATES = (
    Column("WHAT"),
    Column("EVENTS/S", right=True),
    Column("LOWEST", right=True),
    Column("HIGHEST", right=True),
    Column("ROUNDS", right=True),
    Column("× RAW", right=True),
)

Seconds = Annotated[
    int, typer.Option(min=1, max=3_600, metavar="N", help="Rounds are repeated for so long.")
]
JsonFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the figures here too, as JSON.")
]
Postgres = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="A database of PostgreSQL to measure in, best one made for it; a file of SQLite"
        " that is gone afterwards without it.",
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        file_okay=False,
        metavar="FOLDER",
        help="Where files go: a disk that is like the one in use.",
    ),
]


@verb(
    group,
    "hot",
    examples=[
        "ledger bench hot",
        "ledger bench hot --seconds 1 --calls 1000 --json-file hot.json",
    ],
)
def bench_hot(
    invocation: Invocation,
    *,
    calls: Annotated[
        int, typer.Option(min=10, max=CALLS_MAX, metavar="N", help="Calls in a round.")
    ] = CALLS,
    seconds: Seconds = 10,
    json_file: JsonFile = None,
) -> None:
    """What meter(), entitled() and import ledger cost; nothing here is a test.

    Every call is timed by itself while the flusher works. The figures are medians over rounds, and
    the reading of the clock is in all of them: an empty call shows how much that is.
    """
    from ledger.cli.bench.hot import hot, import_time

    with invocation.out.progress("Measuring", None) as bar:
        found = hot(calls, seconds, lambda number: bar.advance(1, f"Measuring, round {number}"))
        found.append(import_time())
    if _told(invocation, json_file, {"timings": found}):
        invocation.out.table(_COLUMNS, [_row(each) for each in found])
        _say_where(invocation)


@verb(
    group,
    "ingest",
    examples=[
        "ledger bench ingest",
        "ledger bench ingest --rows 10_000_000 --keys ordered --json-file ingest.json",
    ],
)
def bench_ingest(
    invocation: Invocation,
    *,
    rows: Annotated[
        str, typer.Option(metavar="N", help="Events that are stored before it is measured.")
    ] = f"{ROWS:_}",
    keys: Annotated[
        Literal["ordered", "random", "both"],
        typer.Option(help="Keys that Ledger makes come in order, UUIDs of a caller do not."),
    ] = "both",
    batch: Annotated[
        int, typer.Option(min=1, max=10_000, metavar="N", help="Events of a transaction.")
    ] = 1_000,
    batches: Annotated[
        int, typer.Option(min=1, max=10_000, metavar="N", help="Transactions of a round.")
    ] = 10,
    customers: Annotated[
        int, typer.Option(min=1, max=100_000, metavar="N", help="How many use something.")
    ] = 100,
    seconds: Seconds = 20,
    postgres: Postgres = None,
    folder: Folder = None,
    json_file: JsonFile = None,
) -> None:
    """How many usage events a second are stored durably, each counted once and added up.

    The raw baseline takes turns with Ledger: the driver puts rows like Ledger's into the same
    tables and indexes, in as large transactions. It looks for no duplicate and adds nothing up.
    """
    from ledger.cli.bench.ingest import Settings, ingest
    from ledger.cli.bench.place import place

    settings = Settings(
        rows=_number(rows, "rows"),
        batch=batch,
        batches=batches,
        customers=customers,
        seconds=seconds,
    )
    orders: list[Keys] = ["ordered", "random"] if keys == "both" else [keys]
    found: list[IngestRun] = []
    server = ""
    with invocation.out.progress("Measuring", settings.rows * len(orders)) as bar:
        for order in orders:
            with place(postgres, folder) as there:
                found.append(ingest(there, order, settings, bar.advance))
                server = there.server()
    result = {"bench": "ingest", "database": server, "settings": settings, "runs": found}
    if _told(invocation, json_file, result):
        rates = [_rate(rate) for run in found for rate in run.rates]
        invocation.out.table(_RATES, rates)
        invocation.out.text()
        for run in found:
            invocation.out.text(f"{run.keys} keys: {_preloaded(run.preload)}")
        _say_where(invocation, server)


@verb(
    group,
    "preview",
    examples=[
        "ledger bench preview",
        "ledger bench preview --events 100_000 --seconds 2 --json-file preview.json",
    ],
)
def bench_preview(
    invocation: Invocation,
    *,
    events: Annotated[
        list[str] | None,
        typer.Option(metavar="N", help="Events in the period; may be given again."),
    ] = None,
    seconds: Seconds = 10,
    postgres: Postgres = None,
    folder: Folder = None,
    json_file: JsonFile = None,
) -> None:
    """How long a preview of an invoice takes, with few and with many events in its period.

    The raw baseline is a sum over these events in SQL, without an invoice around it.
    """
    from ledger.cli.bench.place import place
    from ledger.cli.bench.preview import preview

    counts = [_number(each, "events") for each in events or ()] or list(EVENTS)
    with invocation.out.progress("Measuring", sum(counts)) as bar, place(postgres, folder) as there:
        found = [preview(there, count, seconds, bar.advance) for count in counts]
        server = there.server()
    result = {"bench": "preview", "database": server, "seconds": seconds, "runs": found}
    if _told(invocation, json_file, result):
        timings = [timing for run in found for timing in (run.preview, run.raw)]
        invocation.out.table(_COLUMNS[:-1], [_row(each)[:-1] for each in timings])
        _say_where(invocation, server)


def _told(invocation: Invocation, file: Path | None, found: Mapping[str, object]) -> bool:
    """Write what was found to the file and as JSON; whether a table is wanted instead."""
    result = {"ledger": __version__, "machine": machine(), **found}
    if file is not None:
        file.write_bytes(json.encode(result) + b"\n")
    if invocation.out.json:
        invocation.out.data(result)
    return not invocation.out.json


def _say_where(invocation: Invocation, server: str = "") -> None:
    invocation.out.text()
    invocation.out.text(machine().line() + (f", on {server}" if server else ""))


def _number(text: str, param: str) -> int:
    """A count as people write it: 2000, 2_000 or 2,000."""
    digits = text.replace("_", "").replace(",", "")
    if not digits.isdecimal() or not 1 <= int(digits) <= ROWS_MAX:
        raise typer.BadParameter(
            f"{text!r} is no number from 1 to {ROWS_MAX:,}", param_hint=f"--{param}"
        )
    return int(digits)


def _row(timing: Timing) -> tuple[str, ...]:
    times = f"{timing.times_empty:.1f}" if timing.times_empty else ""
    return (
        timing.name,
        duration(timing.p50_ns),
        duration(timing.p99_ns),
        duration(timing.mean_ns),
        times,
    )


def _rate(rate: "Rate") -> Sequence[str]:
    return (
        rate.name,
        *(f"{number:,}" for number in (rate.median, rate.low, rate.high, len(rate.rounds))),
        f"{rate.times_raw:.2f}" if rate.times_raw else "",
    )


def _preloaded(preload: "Preload") -> str:
    return (
        f"{preload.events:,} events filled in {preload.seconds:,} s"
        f" ({preload.events_a_second:,} a second, 10,000 at a time);"
        f" {preload.disk_bytes // 2**20:,} MiB on disk, {preload.bytes_an_event:,} bytes an event;"
        f" memory grew by {preload.memory_grew_bytes // 2**20:,} MiB"
    )


def duration(ns: int) -> str:
    """Nanoseconds as people read them, in three digits: `1.23 µs`."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("µs", 10**3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}" if ns < 1000 * size else f"{ns // size} {unit}"
    return f"{ns} ns"
