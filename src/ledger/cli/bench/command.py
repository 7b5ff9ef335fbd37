"""`ledger bench`: what was measured, as a table and as a file."""

from pathlib import Path
from typing import Annotated

import typer

from ledger import __version__
from ledger.cli.bench.measure import Timing, machine
from ledger.cli.invocation import Invocation
from ledger.cli.output import Column
from ledger.cli.verb import verb
from ledger.types import json

group = typer.Typer(help="How fast Ledger is on this machine.")

CALLS = 20_000
CALLS_MAX = 50_000
_COLUMNS = (
    Column("WHAT"),
    Column("P50", right=True),
    Column("P99", right=True),
    Column("MEAN", right=True),
    Column("× EMPTY", right=True),
)


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
    seconds: Annotated[
        int,
        typer.Option(min=1, max=3_600, metavar="N", help="Rounds are repeated for so long."),
    ] = 10,
    json_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the figures here too, as JSON.")
    ] = None,
) -> None:
    """What meter(), entitled() and import ledger cost; nothing here is a test.

    Every call is timed by itself while the flusher works. The figures are medians over rounds, and
    the reading of the clock is in all of them: an empty call shows how much that is.
    """
    from ledger.cli.bench.hot import hot, import_time

    with invocation.out.progress("Measuring", None) as bar:
        found = hot(calls, seconds, lambda number: bar.advance(1, f"Measuring, round {number}"))
        found.append(import_time())
    here = machine()
    result = {"ledger": __version__, "machine": here, "timings": found}
    if json_file is not None:
        json_file.write_bytes(json.encode(result) + b"\n")
    if invocation.out.json:
        invocation.out.data(result)
        return
    invocation.out.table(_COLUMNS, [_row(each) for each in found])
    invocation.out.text()
    invocation.out.text(here.line())


def _row(timing: Timing) -> tuple[str, ...]:
    times = f"{timing.times_empty:.1f}" if timing.times_empty else ""
    return (
        timing.name,
        duration(timing.p50_ns),
        duration(timing.p99_ns),
        duration(timing.mean_ns),
        times,
    )


def duration(ns: int) -> str:
    """Nanoseconds as people read them, in three digits: `1.23 µs`."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("µs", 10**3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}" if ns < 1000 * size else f"{ns // size} {unit}"
    return f"{ns} ns"
