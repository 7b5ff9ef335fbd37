"""The only thing that repositories get: a connection whose every statement carries the scope."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar, TypeVarTuple

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ledger.store.sql.database import NO_SCOPE, Database, Value
from ledger.store.sql.errors import refusal
from ledger.store.sql.scopes import Scopes
from ledger.store.sql.statement import Change, Entry, Query
from ledger.types.errors import Broken, LedgerError
from ledger.types.scope import Scope

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Param = Value | Sequence[str] | Sequence[int] | Sequence[bytes]
Row = Mapping[str, Value]

REFUSED = (SQLAlchemyError, OverflowError, UnicodeEncodeError)
"""What a database or its driver raises, before or after it looked at the values."""

_CHUNK = 500
_STREAM_ROWS = 1_000


class ScopedConnection:
    """A transaction in one scope.

    A scope that was never written to has no rows and gets none by reading; the first row that is
    written makes it known.
    """

    def __init__(
        self,
        connection: sa.Connection,
        database: Database,
        scopes: Scopes,
        scope: Scope,
        scope_id: int = NO_SCOPE,
        *,
        writes: bool,
    ) -> None:
        self._connection, self._database = connection, database
        self._scopes, self._scope, self._writes = scopes, scope, writes
        self._id = scope_id or scopes.find(connection, scope)
        self._held: set[tuple[str, bool]] = set()

    @property
    def scope_id(self) -> int:
        """The integer that stands for the scope; `NO_SCOPE` while nothing was written to it."""
        return self._id

    def rows(self, query: Query[*Ts], **values: Param) -> Sequence[sa.Row[*Ts]]:
        """All rows of a query."""
        try:
            return self._connection.execute(query.select, {"scope": self._id, **values}).all()
        except REFUSED as error:
            raise self._refusal(error, {}) from error

    def one(self, query: Query[*Ts], **values: Param) -> sa.Row[*Ts] | None:
        """The first row of a query, if there is one."""
        try:
            return self._connection.execute(query.select, {"scope": self._id, **values}).first()
        except REFUSED as error:
            raise self._refusal(error, {}) from error

    def stream(self, query: Query[*Ts], **values: Param) -> Iterator[sa.Row[*Ts]]:
        """The rows of a query that may have too many to hold, as long as the transaction lasts."""
        try:
            with self._connection.execute(
                query.select,
                {"scope": self._id, **values},
                execution_options={"yield_per": _STREAM_ROWS},  # a cursor, where there are servers
            ) as result:  # which is closed also when nobody wants the rest
                for part in result.partitions():
                    yield from part
        except REFUSED as error:
            raise self._refusal(error, {}) from error

    def execute(
        self, change: Change, columns: Mapping[str, Value] | None = None, **values: Value
    ) -> int:
        """Update or delete: `columns` are set, `values` say where. How many rows it was."""
        return self.execute_many(change, [{**(columns or {}), **values}])

    def execute_many(self, change: Change, rows: Sequence[Row]) -> int:
        """The same change once for every row of values."""
        scope = self._writing()
        if not rows:
            return 0
        values = [{**row, "scope": scope} for row in rows]
        try:
            return self._connection.execute(change.statement, values).rowcount
        except REFUSED as error:
            raise self._refusal(error, rows[0]) from error

    def insert(self, entry: Entry, *rows: Row) -> None:
        """New rows, each a value for every column but the scope."""
        scope = self._writing()
        values = [{**row, "scope_id": scope} for row in rows]
        try:
            self._connection.execute(entry.built(self._database), values)
        except REFUSED as error:
            raise self._refusal(error, rows[0]) from error

    def insert_rows(self, entry: Entry, rows: Sequence[tuple[Value, ...]]) -> int:
        """Many rows at once: their values in the order of the columns, after the scope."""
        scope = self._writing()
        try:
            values = [(scope, *row) for row in rows]
            return self._database.insert_rows(self._connection, entry, values)
        except REFUSED as error:
            raise self._refusal(error, {}) from error

    def insert_new(self, entry: Entry, rows: Sequence[tuple[Value, ...]]) -> set[Value]:
        """Those rows whose key is new; the keys that were there before."""
        scope = self._writing()
        try:
            values = [(scope, *row) for row in rows]
            return self._database.insert_new(self._connection, entry, values)
        except REFUSED as error:
            raise self._refusal(error, {}) from error

    def lock(self, query: Query[int], **values: Value) -> None:
        """Hold back every other transaction that locks the same row, until this one ends."""
        try:
            self._database.lock_row(self._connection, query.select, {"scope": self._id, **values})
        except REFUSED as error:
            raise self._refusal(error, {}) from error

    def hold(self, what: str, *, shared: bool = False) -> None:
        """Hold back other transactions in the scope that hold `what`, until this one ends.

        Those that hold it `shared` do not hold back each other.
        """
        scope = self._writing()
        if (what, shared) in self._held:
            return
        try:
            self._database.hold(self._connection, scope, what, shared=shared)
        except REFUSED as error:
            raise self._refusal(error, {}) from error
        self._held.add((what, shared))

    def reserve(self, last: Callable[[], int], count: int) -> Sequence[int]:
        """Ascending positions for `count` new rows, behind all that is stored, `last` included."""
        self._writing()
        try:
            return self._database.reserve(self._connection, last, count)
        except REFUSED as error:
            raise self._refusal(error, {}) from error

    def _writing(self) -> int:
        if not self._writes:
            raise Broken("a transaction that only reads was to write", code="read_only_work")
        if self._id == NO_SCOPE:
            try:
                self._id = self._scopes.create(self._connection, self._scope)
            except REFUSED as error:
                raise self._refusal(error, {}) from error
        return self._id

    def _refusal(self, error: Exception, row: Row) -> LedgerError:
        database = self._database
        return refusal(database.fault(error), database.place, row, error)


class Repository:
    """The things of one kind in a scope: nouns come in and go out, nothing is decided."""

    def __init__(self, scope: ScopedConnection) -> None:
        self._scope = scope


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Parts small enough for the variables of one statement."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
