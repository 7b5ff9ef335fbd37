"""What files and memory share: how SQLite is prepared, its transactions, its way with many rows."""

import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import Pool

from ledger.store.forked import keep_for_ever
from ledger.store.sql.database import Finding, Value
from ledger.store.sql.due import anywhere
from ledger.store.sql.errors import Fault
from ledger.store.sql.scopes import behind
from ledger.store.sql.statement import Entry
from ledger.store.sqlite_faults import fault
from ledger.types.errors import Broken, Unavailable

_OLDEST = (3, 37, 0)  # the first with STRICT tables
_STATEMENTS_KEPT = 512
_KEYS_AT_ONCE = 500


class SqliteDatabase:
    """The part of a `Database` that does not depend on where SQLite keeps its pages."""

    def __init__(self) -> None:
        self._inserts: dict[Entry, str] = {}
        self._connections: list[sqlite3.Connection] = []

    @property
    def name(self) -> str:
        """Names the dialect."""
        return "sqlite"

    def fault(self, error: BaseException) -> Fault:
        """What an error of SQLite means."""
        return fault(error)

    def insert(self, table: sa.Table[Any]) -> sqlite.Insert:
        """Begin an insert."""
        return sqlite.insert(table)

    @property
    def patience_s(self) -> int:
        """None: whoever writes is alone, and the file does not go away."""
        return 0

    @property
    def writers(self) -> int:
        """One: it has the whole database for itself."""
        return 1

    def admit(self) -> None:
        """Whoever may open the file may do everything."""

    def enter(self, connection: sa.Connection, scope_id: int) -> None:
        """Nothing to do: the statements alone hold a transaction inside its scope."""

    def apply(self, connection: sa.Connection, script: str) -> None:
        """Run the statements of a migration."""
        for statement in statements(script):
            connection.exec_driver_sql(statement)

    def migrated(self) -> None:
        """Nothing else belongs to it."""

    def mend(self, fault: Fault) -> None:
        """Nothing passes."""

    def insert_rows(
        self, connection: sa.Connection, entry: Entry, rows: Sequence[Sequence[Value]]
    ) -> int:
        """Insert many rows in one go; how many were stored."""
        if not rows:
            return 0
        return connection.exec_driver_sql(
            self._insert_text(connection, entry), [tuple(row) for row in rows]
        ).rowcount

    def insert_new(
        self, connection: sa.Connection, entry: Entry, rows: Sequence[Sequence[Value]]
    ) -> set[Value]:
        """Insert the rows whose key is new; the keys, after the scope, that were there before."""
        # Almost always all keys are new. Looking first would cost a search for every one of them.
        with connection.begin_nested() as savepoint:
            if self.insert_rows(connection, entry, rows) == len(rows):
                return set()
            savepoint.rollback()
        known = set[Value]()
        for start in range(0, len(rows), _KEYS_AT_ONCE):
            keys = [row[1] for row in rows[start : start + _KEYS_AT_ONCE]]
            known.update(connection.scalars(entry.known, {"scope": rows[0][0], "keys": keys}))
        self.insert_rows(connection, entry, [row for row in rows if row[1] not in known])
        return known

    def reserve(
        self, connection: sa.Connection, last: Callable[[], int], count: int
    ) -> Sequence[int]:
        """The positions after the last one: nobody else can take them now."""
        first = last() + 1
        return range(first, first + count)

    def due(
        self, connection: sa.Connection, kind: str, until: int, limit: int
    ) -> Sequence[tuple[str, str, str]]:
        """Tenant, app and id of what is due in any scope."""
        return anywhere(connection, kind, until, limit)

    def scopes(
        self, connection: sa.Connection, after: tuple[str, str], limit: int
    ) -> Sequence[tuple[str, str]]:
        """Tenant and app of all scopes behind `after`."""
        return behind(connection, after, limit)

    def lock_row(
        self, connection: sa.Connection, lock: sa.Select[int], values: Mapping[str, Value]
    ) -> None:
        """Nothing to do: whoever writes holds the whole database."""

    def hold(self, connection: sa.Connection, scope: int, what: str, *, shared: bool) -> None:
        """Nothing to do, as above."""

    def forget_connections(self) -> None:
        """After a fork: keep the parent's connections from ever being closed here.

        SQLite forbids it: closing in the child would drop locks and files under the parent.
        """
        for connection in self._connections:
            keep_for_ever(connection)
        self._connections.clear()

    def engine(
        self, connect: Callable[[], sqlite3.Connection], pool: type[Pool], **options: int
    ) -> sa.Engine:
        """An engine whose connections are remembered while they are open."""

        def opened() -> sqlite3.Connection:
            connection = connect()
            self._connections.append(connection)
            return connection

        engine = sa.create_engine(
            "sqlite://", creator=opened, poolclass=pool, hide_parameters=True, **options
        )
        event.listen(engine, "close", self._closed)
        return engine

    def _closed(self, connection: sqlite3.Connection, _record: object) -> None:
        if connection in self._connections:
            self._connections.remove(connection)

    def _insert_text(self, connection: sa.Connection, entry: Entry) -> str:
        text = self._inserts.get(entry)
        if text is None:
            compiled = entry.built(self).compile(dialect=connection.dialect)
            text = self._inserts[entry] = str(compiled)
        return text


def connect(
    path: str, busy_timeout_s: int, cache_kib: int, prepare: Callable[[sqlite3.Connection], None]
) -> sqlite3.Connection:
    """A connection that begins no transaction by itself and loses none that it committed.

    Raises:
        sqlite3.Error: it cannot be opened.
        Unavailable: (`sqlite_too_old`), and what `prepare` raises.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise Unavailable(
            f"SQLite {sqlite3.sqlite_version} is older than 3.37, which Ledger needs; a newer"
            " Python usually brings a newer SQLite",
            code="sqlite_too_old",
        )
    connection = sqlite3.connect(
        path,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS_KEPT,
    )
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def statements(script: str) -> list[str]:
    """The statements of a migration: each ends with a `;` at the end of a line."""
    found, rest = list[str](), ""
    for line in script.splitlines(keepends=True):
        rest += line
        if sqlite3.complete_statement(rest):
            found.append(rest.strip())
            rest = ""
    if rest.strip():
        raise Broken(f"a migration ends in the middle of {rest[:60]!r}", code="bad_migration")
    return found


@contextmanager
def transaction(engine: sa.Engine, begin: str) -> Generator[sa.Connection]:
    """A transaction that commits when the block ends, and leaves nothing behind when it raises."""
    with engine.connect() as connection:
        connection.exec_driver_sql(begin)
        try:
            yield connection
            connection.commit()
        except BaseException:
            # A full disk has rolled back already; the driver knows, and does not ask again.
            connection.rollback()
            raise


def findings(connection: sa.Connection, journal: str) -> list[Finding]:
    """What SQLite says of itself: its pages, its references, how safely it writes."""
    return [
        _answer(connection, "integrity_check", "ok"),
        _answer(connection, "foreign_key_check"),
        _answer(connection, "journal_mode", journal),
        _answer(connection, "synchronous", 2),
        _answer(connection, "foreign_keys", 1),
        Finding("sqlite", ok=True, detail=sqlite3.sqlite_version),
    ]


def _answer(connection: sa.Connection, pragma: str, *wanted: object) -> Finding:
    answers = tuple(connection.exec_driver_sql(f"PRAGMA {pragma}").scalars())
    detail = ", ".join(str(answer) for answer in answers[:10]) or "nothing found"
    return Finding(pragma, answers == wanted, detail)
