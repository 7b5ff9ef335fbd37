"""A process that writes in every way there is, and notes what was acknowledged.

    python -m tests.faults.writer NUMBER URL FOLDER

It ends when its standard input does, and says then what it saw.
"""

import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import IO

import msgspec

import ledger
from ledger import UsageEvent
from ledger.engine.face import Blocking
from ledger.engine.tenant import Tenant
from ledger.meter.model import EventResult
from ledger.types.errors import Unavailable
from tests.faults.counting import quantity_of

FEATURE, CUSTOMERS = "api_calls", ("user_0", "user_1", "user_2")
# Small and quick, so that kills fall into every part of a commit.
RECORDED, METERED, FLUSH_INTERVAL_S = 25, 40, 0.02
PAUSE_S = 0.05


class Told(msgspec.Struct):
    """What a process saw.

    Args:
        acknowledged: events with a key that were.
        keyless: events without a key that were.
        unknown: calls of which the caller was told that it is not known what came of them.
        again: events that were new, and the answer was that they had been there before.
        committed: commits whose answer was lost, and that were found to have taken place.
        undone: those that were found not to have.
        refusals: how often the caller was told that the database is away, by code.
    """

    acknowledged: int = 0
    keyless: int = 0
    unknown: int = 0
    again: int = 0
    committed: int = 0
    undone: int = 0
    refusals: dict[str, int] = {}


def keyless(number: int) -> str:
    """The customer of a process's events without a key."""
    return f"keyless_{number}"


class Writer:
    """Three threads of one process on one engine."""

    def __init__(self, acme: Tenant[Blocking], number: int, said: IO[str]) -> None:
        self._acme, self._number, self._said = acme, number, said
        self._stop = Event()
        self._refusals = Counter[str]()
        self.told = Told()

    def run(self) -> None:
        """Write until the standard input ends, then store what is left."""
        with ThreadPoolExecutor() as threads:
            running = [threads.submit(w) for w in (self._record, self._record_keyless, self._meter)]
            print("open", flush=True)
            sys.stdin.read()
            self._stop.set()
        for one in running:
            one.result()
        self._acme.flush()
        self.told.refusals = dict(self._refusals)

    def _record(self) -> None:
        """Record batches with keys, and send again what was refused."""
        batch = 0
        while not self._stop.is_set():
            keys = [f"{self._number}-record-{batch}-{n}" for n in range(RECORDED)]
            refusals = self._refusals.total()
            results = self._recorded([_event(key) for key in keys])
            if self._refusals.total() == refusals:
                self.told.again += sum(result.outcome != "accepted" for result in results)
            self._note(keys)
            batch += 1

    def _recorded(self, events: Sequence[UsageEvent]) -> list[EventResult]:
        while True:
            try:
                return self._acme.usage.record(events)
            except Unavailable as refused:
                self._refusals[refused.code] += 1
                time.sleep(PAUSE_S)

    def _record_keyless(self) -> None:
        """Record single events that nothing tells apart; of what is unknown nothing is repeated."""
        event = UsageEvent(FEATURE, keyless(self._number), 1)
        while not self._stop.is_set():
            try:
                self._acme.usage.record([event])
                self.told.keyless += 1
            except Unavailable as refused:
                self.told.unknown += refused.code == "commit_unknown"
                time.sleep(PAUSE_S)

    def _meter(self) -> None:
        """Meter, and flush now and then."""
        n = 0
        while not self._stop.is_set():
            keys = [f"{self._number}-meter-{n}-{i}" for i in range(METERED)]
            for key in keys:
                event = _event(key)
                self._acme.meter(event.customer, event.event, event.quantity, key=key)
            self._note(keys)
            n += 1
            if n % 5 == 0:
                self._flush()
            time.sleep(FLUSH_INTERVAL_S)

    def _flush(self) -> None:
        try:
            self._acme.flush(timeout_s=1)
        except Unavailable as refused:
            self._refusals[refused.code] += 1

    def _note(self, keys: Sequence[str]) -> None:
        self._said.write("".join(f"{key}\n" for key in keys))
        self.told.acknowledged += len(keys)


class Listener(logging.Handler):
    """Counts what the store says of commits whose answer was lost."""

    def __init__(self, told: Told) -> None:
        super().__init__()
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        """Hear one message."""
        if "not committed" in record.getMessage():
            self._told.undone += 1
        else:
            self._told.committed += 1


def _event(key: str) -> UsageEvent:
    quantity = quantity_of(key)
    return UsageEvent(FEATURE, CUSTOMERS[quantity % len(CUSTOMERS)], quantity, key=key)


def main(number: int, url: str, folder: Path) -> None:
    """Write until the standard input ends; say on standard output what was seen."""
    random.seed(number)
    config = ledger.MeterConfig(
        batch_size=METERED, flush_interval_s=FLUSH_INTERVAL_S, spool=folder / "spool"
    )
    for name in ("ledger", "psycopg"):  # what they warn of is what this is about
        logging.getLogger(name).addHandler(logging.NullHandler())
    with (
        (folder / "said" / str(number)).open("w") as said,
        ledger.open(url, meter=config) as engine,
    ):
        writer = Writer(engine.tenant("acme"), number, said)
        commits = logging.getLogger("ledger.store.postgres_commits")
        commits.setLevel(logging.INFO)
        commits.addHandler(Listener(writer.told))
        writer.run()
    sys.stdout.buffer.write(msgspec.json.encode(writer.told))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
