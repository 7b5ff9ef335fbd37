"""Ingest: how many events a second are stored, looked up for duplicates and added up.

Ledger and the raw baseline take turns, round after round, on tables that hold as many rows.
"""

import random
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median

import msgspec

from ledger.cli.bench.measure import took_ns
from ledger.cli.bench.place import Keys, Place, events, named, peak_bytes, prepare, spread
from ledger.cli.bench.raw import Raw, Rows
from ledger.types.clock import monotonic
from ledger.types.zone import micros

ROUNDS_MIN = 3
PRELOAD_BATCH = 10_000
_SEED = 7
_S_NS = 10**9

Progress = Callable[[int, str], None]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured: rows that are there before, events of a batch, batches of a round."""

    rows: int
    batch: int
    batches: int
    customers: int
    seconds: int


class Rate(msgspec.Struct, frozen=True):
    """Events a second: of each round, and their median. `rows` are in the tables as it begins.

    `times_raw` is the median as a multiple of that of the raw baseline in the same rounds.
    """

    name: str
    rows: int
    rounds: list[int]
    median: int
    low: int
    high: int
    times_raw: float = 0.0


class Preload(msgspec.Struct, frozen=True):
    """How the tables were filled, and what they took: `bytes_an_event` is table, keys, rollups."""

    events: int
    seconds: int
    events_a_second: int
    disk_bytes: int
    bytes_an_event: int
    memory_grew_bytes: int


class IngestRun(msgspec.Struct, frozen=True):
    """What was found with keys in one order."""

    keys: Keys
    preload: Preload
    rates: list[Rate]


def ingest(place: Place, keys: Keys, settings: Settings, progress: Progress) -> IngestRun:
    """Measure on empty tables, fill them, and measure again."""
    bench = _Bench(place, keys, settings, progress)
    prepare(place.tenant, bench.customers)
    with place.raw(ordered=bench.ordered) as (raw, rows):
        bench.warm_up(raw, rows)
        empty = bench.rounds(raw, rows, ROUNDS_MIN, 0)
        preload = bench.preload(raw, rows)
        full = bench.rounds(raw, rows, ROUNDS_MIN, settings.seconds)
    return IngestRun(keys, preload, [*empty, *full])


def rates(name: str, rows: int, ours: Sequence[int], raws: Sequence[int]) -> list[Rate]:
    """The rates of Ledger and of the baseline beside it."""
    found = [
        Rate(who, rows, list(rounds), int(median(rounds)), min(rounds), max(rounds))
        for who, rounds in ((f"Ledger, {name}", ours), (f"raw, {name}", raws))
    ]
    times = 100 * found[0].median // max(found[1].median, 1)
    return [msgspec.structs.replace(found[0], times_raw=times / 100), found[1]]


class _Bench:
    def __init__(self, place: Place, keys: Keys, settings: Settings, progress: Progress) -> None:
        self.place, self.settings, self.ordered = place, settings, keys == "ordered"
        self.customers = named(settings.customers)
        self._progress, self._keys = progress, keys
        self._random = random.Random(_SEED)  # noqa: S311 - the same customers each time
        self._stored = 0

    def warm_up(self, raw: Raw, rows: Rows) -> None:
        """Fill caches of statements; nobody measures it."""
        self._round(raw, rows, 1)

    def rounds(self, raw: Raw, rows: Rows, least: int, seconds: int) -> list[Rate]:
        """Measure in turn for so long, at least so many rounds."""
        ours, raws, before = list[int](), list[int](), self._stored
        end = monotonic() + seconds
        while len(ours) < least or monotonic() < end:
            our, its = self._round(raw, rows, self.settings.batches)
            ours.append(our)
            raws.append(its)
            self._progress(0, f"Measuring {self._keys} keys, round {len(ours)}")
        name = f"{self._keys} keys, {before:,} rows"
        return rates(name, before, ours, raws)

    def preload(self, raw: Raw, rows: Rows) -> Preload:
        """Fill the tables of both, a batch at a time, so that memory stays flat."""
        place, left = self.place, self.settings.rows
        disk, memory, spent = place.disk_bytes(), 0, 0
        begin = place.clock.now()
        loaded = 0
        while left > 0:
            customers = self._chosen(min(PRELOAD_BATCH, left))
            place.clock.move_to(spread(begin, place.now, loaded, self.settings.rows))
            batch = events(customers, ordered=self.ordered)
            spent += took_ns(partial(place.tenant.usage.record, batch))
            raw.insert(*rows.batch(customers, micros(place.clock.now())))
            left, loaded = left - len(customers), loaded + len(customers)
            if loaded * 10 >= self.settings.rows:  # by then caches are as full as they get
                memory = memory or peak_bytes()
            self._progress(len(customers), f"Filling the tables, {self._keys} keys")
        place.clock.move_to(place.now)
        self._stored += loaded
        grown = place.disk_bytes() - disk
        return Preload(
            events=loaded,
            seconds=spent // _S_NS,
            events_a_second=loaded * _S_NS // max(spent, 1),
            disk_bytes=grown,
            bytes_an_event=grown // max(loaded, 1),
            memory_grew_bytes=peak_bytes() - memory if memory else 0,
        )

    def _round(self, raw: Raw, rows: Rows, batches: int) -> tuple[int, int]:
        """So many batches of each, and how many events a second that was."""
        chosen = [self._chosen(self.settings.batch) for _ in range(batches)]
        ours = [events(customers, ordered=self.ordered) for customers in chosen]
        its = [rows.batch(customers, micros(self.place.clock.now())) for customers in chosen]
        record = self.place.tenant.usage.record
        our_ns = sum(took_ns(partial(record, batch)) for batch in ours)
        raw_ns = sum(took_ns(partial(raw.insert, *batch)) for batch in its)
        stored = batches * self.settings.batch
        self._stored += stored
        return stored * _S_NS // our_ns, stored * _S_NS // raw_ns

    def _chosen(self, count: int) -> list[str]:
        return self._random.choices(self.customers, k=count)
