"""Keys for rows that have none: from the content, and how often it occurred in the file before.

So two equal rows are two events, and the same file imported again adds none, in whatever order
its rows come.
"""

import sqlite3
from hashlib import blake2b
from types import TracebackType
from typing import Self

from ledger import UsageEvent
from ledger.types import json
from ledger.types.zone import micros

_DIGEST_BYTES = 16


class Occurrences:
    """Counts how often a content occurred. What outgrows memory goes to a temporary file."""

    def __init__(self) -> None:
        # An empty name is a private database that begins in memory and spills to a deleted file.
        self._counts = sqlite3.connect("", isolation_level=None)
        self._counts.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE seen (digest BLOB PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID;"
            "BEGIN;"
        )

    def of(self, digest: bytes) -> int:
        """How often this content has occurred by now, 1 for the first time."""
        counted = self._counts.execute(
            "INSERT INTO seen VALUES (?, 1)"
            " ON CONFLICT (digest) DO UPDATE SET times = times + 1 RETURNING times",
            (digest,),
        ).fetchone()
        return int(counted[0])

    def close(self) -> None:
        """Forget all."""
        self._counts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def digest_of(event: UsageEvent) -> bytes:
    """16 bytes that stand for what an event says, its key apart."""
    said = (
        event.event,
        event.customer,
        str(event.quantity),
        None if event.time is None else micros(event.time),
        event.properties,
        *([event.subscription] if event.subscription else []),
    )
    return blake2b(json.encode(said), digest_size=_DIGEST_BYTES, person=b"ledger import").digest()


def key_of(digest: bytes, occurrence: int) -> str:
    """The key of the n-th row with this content."""
    return f"import-{digest.hex()}-{occurrence}"
