"""Many rows at once on PostgreSQL: COPY into a table of the connection's own, from there on.

COPY knows neither row-level security nor what to do with a key that is there, and an INSERT of many
rows is several times slower. Rows come sorted by their key, so that writers never wait in a circle.
"""

from collections.abc import Sequence
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import psycopg as dialects

from ledger.store.postgres_faults import MonthMissing
from ledger.store.sql.database import Value
from ledger.store.sql.statement import Dialect, Entry
from ledger.store.sql.usage_events import HOUR_US
from ledger.types.zone import from_micros

_FEW: Final = 20
"""Below so many rows a statement for each is quicker, all sent in one go."""

_TYPES: Final = {sa.BigInteger: "int8", sa.Text: "text", sa.LargeBinary: "bytea"}
_DIALECT: Final = dialects.dialect(paramstyle="format")  # type: ignore[no-untyped-call]  # by its author


class Staging:
    """How the rows of one entry come in."""

    def __init__(self, entry: Entry, dialect: Dialect) -> None:
        table = entry.table
        columns = [column.name for column in table.c]
        names = ", ".join(f'"{name}"' for name in columns)
        self._stage = stage = f"stage_{table.name}_{len(columns)}"
        one = _insert(entry, dialect)
        on_conflict = " ON CONFLICT ".join(("", *one.split(" ON CONFLICT ")[1:]))
        move = f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {stage}{on_conflict}"  # noqa: S608 - our own names
        key = [column.name for column in table.primary_key]
        self._merges = "DO UPDATE" in on_conflict
        self._key = [columns.index(name) for name in key]
        self._types = [_type(column.type) for column in table.c]
        self._hour = columns.index("hour") if "hour" in columns else None
        self._one, self._move = one.encode(), move.encode()
        self._move_new = f'{move} RETURNING "{key[1]}"'.encode()
        # Behind a pooler it may be another connection each time, so this is said each time.
        self._make = (
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {stage} (LIKE {table.name})"
            " ON COMMIT DELETE ROWS"
        ).encode()
        self._copy = f"COPY {stage} ({names}) FROM STDIN (FORMAT binary)".encode()
        self._clear = f"TRUNCATE {stage}".encode()

    def insert(
        self, connection: psycopg.Connection[Any], rows: Sequence[Sequence[Value]], used: set[str]
    ) -> int:
        """Insert rows; how many were stored. `used` are the stages of this transaction so far."""
        with connection.cursor() as cursor:
            try:
                if len(rows) <= _FEW:
                    cursor.executemany(self._one, rows)
                    return cursor.rowcount
                stored = 0
                for some in self._apart(rows) if self._merges else (rows,):
                    self._stage_rows(cursor, some, used)
                    cursor.execute(self._move)
                    stored += cursor.rowcount
            except psycopg.errors.CheckViolation as error:
                # No table here has a check, but for the months that tables of events are for.
                raise MonthMissing(self._months(rows)) from error
        return stored

    def insert_new(
        self, connection: psycopg.Connection[Any], rows: Sequence[Sequence[Value]], used: set[str]
    ) -> set[Value]:
        """Insert the rows whose key is new; the keys of all others."""
        with connection.cursor() as cursor:
            if len(rows) <= _FEW:
                known = set[Value]()
                for row in rows:
                    cursor.execute(self._one, row)
                    if not cursor.rowcount:
                        known.add(row[1])
                return known
            self._stage_rows(cursor, rows, used)
            cursor.execute(self._move_new)
            stored = {key for (key,) in cursor.fetchall()}
        return {row[1] for row in rows} - stored

    def _apart(self, rows: Sequence[Sequence[Value]]) -> Sequence[Sequence[Sequence[Value]]]:
        """The rows in parts that have no key twice: one statement merges into a row once only."""
        parts, seen = [list[Sequence[Value]]()], dict[tuple[Value, ...], int]()
        for row in rows:
            key = tuple(row[place] for place in self._key)
            times = seen[key] = seen.get(key, -1) + 1
            if times == len(parts):
                parts.append([])
            parts[times].append(row)
        return parts

    def _months(self, rows: Sequence[Sequence[Value]]) -> tuple[int, ...]:
        """An hour of each month in which an event is."""
        found = dict[tuple[int, int], int]()
        for row in rows:
            hour = row[self._hour] if self._hour is not None else None
            if isinstance(hour, int):
                at = from_micros(hour * HOUR_US)
                found[at.year, at.month] = hour
        return tuple(found.values())

    def _stage_rows(
        self, cursor: psycopg.Cursor[Any], rows: Sequence[Sequence[Value]], used: set[str]
    ) -> None:
        # It is empty when a transaction begins; to empty it costs as much as to fill it.
        cursor.execute(self._clear if self._stage in used else self._make)
        used.add(self._stage)
        with cursor.copy(self._copy) as copy:
            copy.set_types(self._types)
            for row in rows:
                copy.write_row(row)


def _insert(entry: Entry, dialect: Dialect) -> str:
    """The statement for one row, with `%s` for the values in the order of the columns."""
    names = [column.name for column in entry.table.c]
    return str(entry.built(dialect).compile(dialect=_DIALECT, column_keys=names))


def _type(kind: sa.types.TypeEngine[Any]) -> str:
    return next(name for base, name in _TYPES.items() if isinstance(kind, base))
