"""What is stored, asked of the database itself, and how far a script has come."""

import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import psycopg

from ledger.engine.engine import Engine

BILLION = 10**9
Row = tuple[str | None, str, int, int]

_STORED = "SELECT key, customer, whole, billionths FROM usage_events"


class Stored(msgspec.Struct, frozen=True):
    """Every usage event that is stored: how often each key, and what customers come to."""

    events: int
    keys: Mapping[str, int]
    keyless: Mapping[str, int]
    sums: Mapping[str, Decimal]
    quantities: Mapping[str, Decimal]

    @property
    def twice(self) -> tuple[str, ...]:
        """Keys that are stored more than once."""
        return tuple(sorted(key for key, count in self.keys.items() if count > 1))

    def missing(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Those that are not stored."""
        return tuple(key for key in keys if key not in self.keys)

    def changed(self) -> tuple[str, ...]:
        """Keys whose quantity is not the one that they were sent with."""
        return tuple(key for key, found in self.quantities.items() if found != quantity_of(key))


def quantity_of(key: str) -> int:
    """The quantity of the event with this key, so that a changed one shows."""
    return sum(key.encode()) % 97 + 1


def stored_in(url: str) -> Stored:
    """Count in the database at a URL, as somebody whom nothing is hidden from."""
    keys, keyless = Counter[str](), Counter[str]()
    wholes, quantities = Counter[str](), dict[str, Decimal]()
    rows = _rows(url)
    for key, customer, whole, billionths in rows:
        if key is None:
            keyless[customer] += 1
        else:
            keys[key] += 1
            quantities[key] = _quantity(whole, billionths)
        wholes[customer] += whole * BILLION + billionths
    sums = {customer: _quantity(0, total) for customer, total in wholes.items()}
    return Stored(len(rows), keys, keyless, sums, quantities)


def miscounted(
    engine: Engine, stored: Stored, refs: Iterable[str], feature: str
) -> tuple[str, ...]:
    """Customers whose usage, read from rollups, is not what their events come to."""
    acme, now = engine.tenant("acme"), datetime.now(UTC)
    found = list[str]()
    for ref in refs:
        usage = acme.usage.total(ref, feature, now - timedelta(days=1), now + timedelta(hours=1))
        raw = stored.sums.get(acme.customers.get(ref).id, Decimal(0))
        if usage != raw:
            found.append(f"{ref}: {usage} in rollups, {raw} in events")
    return tuple(found)


def said_in(folder: Path) -> list[str]:
    """The keys that processes noted as acknowledged; the last line of one may be cut."""
    return [
        key for file in sorted(folder.iterdir()) for key in file.read_text().split("\n")[:-1] if key
    ]


def left_over(spool: Path) -> tuple[str, ...]:
    """The files of a spool that nobody stored; one that is `.new` never held anything."""
    files = spool.iterdir() if spool.exists() else ()
    return tuple(sorted(file.name for file in files if file.suffix != ".new"))


def progress(done: int, of: int, what: str) -> None:
    """One line that is written over, or now and then a new one where nobody looks."""
    text = f"{done:>5} of {of} {what}"
    if sys.stderr.isatty():
        bar = "━" * (30 * done // of)
        print(f"\r{bar:<30} {text}", end="" if done < of else "\n", file=sys.stderr, flush=True)
    elif done == of or done % max(of // 10, 1) == 0:
        print(text, file=sys.stderr, flush=True)


def _rows(url: str) -> Sequence[Row]:
    if url.startswith("postgresql"):
        with psycopg.connect(url) as server:
            return server.execute(_STORED).fetchall()
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        return file.execute(_STORED).fetchall()


def _quantity(whole: int, billionths: int) -> Decimal:
    return Decimal(whole * BILLION + billionths) / BILLION
