"""`ledger worker`: what has to be done now and then, until it is told to stop."""

import logging
import signal
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.cli.failure import FAILED, OK
from ledger.cli.invocation import Invocation, refuse_missing
from ledger.cli.verb import verb
from ledger.types import json

if TYPE_CHECKING:
    from ledger.engine.worker import Worker

group = typer.Typer()

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
LOGGER = "ledger.worker"


@verb(
    group,
    "worker",
    examples=["ledger worker --once", "ledger worker --once --no-bill --keep-usage 400 --json"],
)
def run_worker(
    invocation: Invocation,
    *,
    once: Annotated[
        bool, typer.Option("--once", help="One round, for cron; then say how it went.")
    ] = False,
    interval: Annotated[
        float, typer.Option(min=0.1, max=86_400, metavar="SECONDS", help="Between two rounds.")
    ] = 5,
    bill: Annotated[
        bool, typer.Option("--bill/--no-bill", help="Make the invoices that are due.")
    ] = True,
    keep_usage: Annotated[
        int | None,
        typer.Option(
            min=35,
            metavar="DAYS",
            help="Remove raw usage events that are older and not needed; what they came to stays.",
        ),
    ] = None,
    spool: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            metavar="FOLDER",
            help="Where programs keep their journals; beside a SQLite file without it.",
        ),
    ] = None,
) -> int:
    """Store what killed programs had metered, bill who is due, look after the database.

    Of all tenants, and as many of them at once as you like: none does twice what another does. It
    goes on when the database goes away and comes back. SIGTERM and Ctrl-C end it after what it is
    at. Lines of what was done go to stderr, as JSON with --json.
    """
    import ledger
    from ledger import MeterConfig, opening

    settings = invocation.settings
    if settings.path is not None:
        refuse_missing(settings.path)
    has_spool = spool is not None or opening.spool_folder(settings.database) is not None
    meter = MeterConfig(spool=spool if has_spool else False)
    with _logged(as_json=invocation.given.json, quiet=invocation.given.quiet) as logger:
        options: dict[str, Any] = {"clock": invocation.clock, "meter": meter, "logger": logger}
        with ledger.open(settings.database, **options) as engine:
            worker = engine.worker(interval_s=interval, bill=bill, keep_usage_days=keep_usage)
            if once:
                done = worker.once()
                invocation.out.data(done) if invocation.out.json else None
                return FAILED if done.failures else OK
            with _stopped_by_signals(worker):
                worker.run()
    return OK


@contextmanager
def _stopped_by_signals(worker: "Worker") -> Generator[None]:
    """The first signal lets the worker finish what it is at, the second one does not wait."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def stop(_number: int, _frame: FrameType | None) -> None:
        worker.stop(wait=False)
        for number in _SIGNALS:
            signal.signal(number, signal.default_int_handler)

    for number in _SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _logged(*, as_json: bool, quiet: bool) -> Generator[logging.Logger]:
    """A logger whose lines go to stderr, as long as the block lasts."""
    logger = logging.getLogger(LOGGER)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if as_json else _Lines())
    ours = logging.getLogger("ledger")
    level = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.WARNING if quiet else logging.INFO)
    try:
        yield logger
    finally:
        ours.removeHandler(handler)
        ours.setLevel(level)


class _Lines(logging.Formatter):
    """`2026-01-31T00:00:00Z info round replayed=5`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and a traceback below it if there is one."""
        line = f"{_at(record)} {record.levelname.lower()} {record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _JsonLines(logging.Formatter):
    """A JSON object a line: at, level, event, and the facts by name."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        facts: Mapping[str, object] = getattr(record, "facts", {})
        said: dict[str, object] = {"at": _at(record), "level": record.levelname.lower()}
        said["event"] = getattr(record, "event", None) or record.getMessage()
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.encode({**said, **facts}).decode()


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
