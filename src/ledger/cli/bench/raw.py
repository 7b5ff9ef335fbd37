"""The raw baseline: the rows that Ledger would store, put into the same tables by the driver alone.

The tables are copies with the same keys and indexes, and a batch is committed as durably. Nobody
looks for duplicates there, and nothing is added up: it is what the database itself can do.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import uuid_utils

TABLES = ("usage_events", "usage_keys")

Value = int | str | bytes | None
Row = tuple[Value, ...]
HOUR_US = 3_600_000_000

_WHERE = "scope_id = {p} AND customer = {p} AND hour >= {p} AND hour < {p}"


class Raw(Protocol):
    """Copies of the tables that usage events go to."""

    def insert(self, events: Sequence[Row], keys: Sequence[Row]) -> None:
        """Store a batch in a transaction of its own."""
        ...

    def total(self, customer: str, first_hour: int, last_hour: int) -> int:
        """The quantity of a customer's events in [first, last) hours, added up by the database."""
        ...

    def close(self) -> None:
        """Let go of the copies."""
        ...


class Rows:
    """Makes rows like those of a sample: as wide, and with keys in the order that is asked for."""

    def __init__(self, sample: Path, *, ordered: bool) -> None:
        with closing(sqlite3.connect(sample)) as connection:
            self.events, event = _first(connection, "usage_events")
            self.keys, key = _first(connection, "usage_keys")
        self._event, self._key = list(event), list(key)
        self.scope = event[self.events.index("scope_id")]
        self._ordered = ordered
        self._position = 0

    def batch(self, customers: Sequence[str], at_us: int) -> tuple[list[Row], list[Row]]:
        """An event for each customer, and the key of each; keys in order, as Ledger sorts them."""
        events, keys = list[Row](), list[Row]()
        for customer in customers:
            self._position += 1
            uuid = uuid_utils.uuid7().bytes
            digest = uuid if self._ordered else os.urandom(len(uuid))
            self._put_event("position", self._position)
            self._put_event("id", uuid)
            self._put_event("key", None if self._ordered else str(uuid4()))
            self._put_event("customer", customer)
            self._put_event("time", at_us)
            self._put_event("hour", at_us // HOUR_US)
            self._put_event("received_at", at_us)
            self._key[self.keys.index("digest")] = digest
            self._key[self.keys.index("content")] = os.urandom(len(uuid))
            events.append(tuple(self._event))
            keys.append(tuple(self._key))
        return events, sorted(keys, key=lambda row: row[self.keys.index("digest")] or b"")

    def _put_event(self, column: str, value: Value) -> None:
        self._event[self.events.index(column)] = value


class SqliteRaw:
    """Copies in a file of their own, written as Ledger writes its file: WAL and a full sync."""

    def __init__(self, sample: Path, file: Path, rows: Rows) -> None:
        self._scope = rows.scope
        self._connection = sqlite3.connect(file, isolation_level=None, cached_statements=512)
        for pragma in (
            "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON",
            "temp_store = MEMORY", "cache_size = -65536", "wal_autocheckpoint = 25000",
        ):  # fmt: skip  # a list of settings reads best as one
            self._connection.execute(f"PRAGMA {pragma}")
        for statement in _definitions(sample):
            self._connection.execute(statement)
        self._inserts = tuple(
            f"INSERT INTO {table} ({_listed(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - names of our own tables
            for table, columns in zip(TABLES, (rows.events, rows.keys), strict=True)
        )

    def insert(self, events: Sequence[Row], keys: Sequence[Row]) -> None:
        """Store a batch in a transaction of its own."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(self._inserts[0], events)
        self._connection.executemany(self._inserts[1], keys)
        self._connection.execute("COMMIT")

    def total(self, customer: str, first_hour: int, last_hour: int) -> int:
        """The quantity of a customer's events in [first, last) hours, added up by the database."""
        found = self._connection.execute(
            f"SELECT sum(whole) FROM {TABLES[0]} WHERE {_WHERE.format(p='?')}",  # noqa: S608 - ours
            (self._scope, customer, first_hour, last_hour),
        ).fetchone()
        return int(found[0] or 0)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _definitions(sample: Path) -> Iterator[str]:
    """How the tables and their indexes were made."""
    with closing(sqlite3.connect(sample)) as connection:
        yield from (
            statement
            for (statement,) in connection.execute(
                "SELECT sql FROM sqlite_master WHERE tbl_name IN (?, ?) AND sql IS NOT NULL"
                " ORDER BY type DESC",
                TABLES,
            ).fetchall()
        )


def _first(connection: sqlite3.Connection, table: str) -> tuple[list[str], Row]:
    cursor = connection.execute(f"SELECT * FROM {table} LIMIT 1")  # noqa: S608 - a table of ours
    row: Row = cursor.fetchone()
    return [column[0] for column in cursor.description], row


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


class PostgresRaw:
    """Copies beside the tables, filled with COPY; they are dropped in the end."""

    def __init__(self, url: str, rows: Rows) -> None:
        import psycopg

        self._scope = rows.scope
        self._connection = psycopg.connect(url)
        self._copies: list[tuple[str, bytes]] = []
        mark = uuid4().hex[:8]
        for table, columns in zip(TABLES, (rows.events, rows.keys), strict=True):
            name = f"bench_{mark}_{table}"
            self._connection.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)".encode())
            copy = f"COPY {name} ({_listed(columns)}) FROM STDIN".encode()
            self._copies.append((name, copy))
        self._connection.commit()

    def insert(self, events: Sequence[Row], keys: Sequence[Row]) -> None:
        """Store a batch in a transaction of its own."""
        with self._connection.cursor() as cursor:
            for (_, statement), rows in zip(self._copies, (events, keys), strict=True):
                with cursor.copy(statement) as copy:
                    for row in rows:
                        copy.write_row(row)
        self._connection.commit()

    def total(self, customer: str, first_hour: int, last_hour: int) -> int:
        """The quantity of a customer's events in [first, last) hours, added up by the database."""
        name = self._copies[0][0]
        found = self._connection.execute(
            f"SELECT sum(whole) FROM {name} WHERE {_WHERE.format(p='%s')}".encode(),  # noqa: S608 - ours
            (self._scope, customer, first_hour, last_hour),
        ).fetchone()
        self._connection.commit()
        return int(found[0] or 0) if found else 0

    def close(self) -> None:
        """Drop the copies."""
        self._connection.rollback()
        for name, _ in self._copies:
            self._connection.execute(f"DROP TABLE {name}".encode())
        self._connection.commit()
        self._connection.close()
