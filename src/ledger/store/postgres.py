"""PostgreSQL: the production store. Any number of processes write, each in transactions of its own.

A transaction works as a role that owns nothing and sees the rows of its scope only
(`postgres_role`). All that it needs to know is said when it begins, so it may get another
connection each time from a pooler. Writes are READ COMMITTED, held together by constraints and by
locks that are taken in one order; reads see one snapshot.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from psycopg.pq import TransactionStatus
from psycopg.sql import Literal
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from ledger.store import postgres_commits, postgres_role, postgres_upkeep, postgres_url
from ledger.store.forked import keep_for_ever
from ledger.store.postgres_commits import Commits
from ledger.store.postgres_faults import fault
from ledger.store.postgres_role import Role
from ledger.store.postgres_rows import Staging
from ledger.store.postgres_silence import ImpatientConnection, connect
from ledger.store.postgres_url import Address
from ledger.store.sql.again import Again
from ledger.store.sql.database import NO_SCOPE, Finding, Value
from ledger.store.sql.errors import Fault
from ledger.store.sql.statement import Entry
from ledger.store.sql.store import SqlStore
from ledger.types.clock import SystemClock
from ledger.types.errors import Broken
from ledger.types.scope import Scope

_MIGRATION_LOCK_S: Final = 1
_MIGRATION_PATIENCE_S: Final = 120
_STAGES: Final = "ledger_stages"
_PLACES: Final = 10_000  # what the sequence counts on by
_HELD: Final = {"events": 1, "usage": 2}
_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# Not READ WRITE: whether this server takes writes is for its administrator to say.
_WRITE: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
_QUIET: Final = "SET LOCAL client_min_messages = warning"
# A client whose machine is gone says no goodbye, and what it had locked others wait for.
_NOT_FOREVER: Final = "SET LOCAL idle_in_transaction_session_timeout = '60s'"
_AS_APP: Final = f"SET LOCAL ROLE {postgres_role.NAME}"


class Postgres:
    """A database on a server, with a pool of connections to it; a `Database`."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._stagings: dict[Entry, Staging] = {}
        self._role: Role | None = None
        self._commits = Commits()
        self.pool = self._open_pool()

    def _open_pool(self) -> sa.Engine:
        return sa.create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=self._address.pool_size,
            max_overflow=0,
            pool_timeout=self._address.lock_wait_s,
            use_native_hstore=False,
            hide_parameters=True,
        )

    def _connect(self) -> ImpatientConnection:
        return connect(self._address.conninfo, self._address.silence_max_s)

    @property
    def name(self) -> str:
        """Names the dialect."""
        return "postgresql"

    @property
    def place(self) -> str:
        """Which database it is, in words, without its password."""
        return self._address.place

    @property
    def engines(self) -> tuple[sa.Engine, ...]:
        """Where all connections come from."""
        return (self.pool,)

    @property
    def patience_s(self) -> int:
        """For how long a server that restarts is waited for."""
        return self._address.patience_s

    def fault(self, error: BaseException) -> Fault:
        """What an error of PostgreSQL means."""
        found = fault(error)
        if found.kind in {"denied", "not_migrated"}:
            self._role = None  # there may be tables since, and rights to them: look again
        return found

    def insert(self, table: sa.Table[Any]) -> Any:  # noqa: ANN401  the two dialects' inserts are alike, not related
        """Begin an insert."""
        return postgresql.insert(table)

    @property
    def writers(self) -> int:
        """As many as there are connections."""
        return self._address.pool_size

    def admit(self) -> None:
        """Refuse a role that row-level security does not hold.

        Raises:
            Denied: (`superuser_refused`) and says what to do.
        """
        with self.pool.connect() as connection:
            postgres_role.admit(self._known_role(connection), self._address.place)

    @contextmanager
    def transaction(
        self, *, writes: bool, scope: Scope | None = None, scope_id: int = NO_SCOPE
    ) -> Generator[sa.Connection]:
        """A transaction that sees the rows of `scope` only; without one it sees none.

        Raises:
            Unavailable: (`commit_unknown`) the connection was lost while it was to commit, and
                the server does not come back to say whether it did.
        """
        with self.pool.connect() as connection:
            token = self._begin(connection, scope, scope_id, writes=writes)
            try:
                yield connection
                self._commit(connection, token)
            except BaseException:
                _roll_back(connection)
                raise

    def enter(self, connection: sa.Connection, scope_id: int) -> None:
        """From now on the transaction sees the rows of a scope."""
        _say(connection, f"SET LOCAL ledger.scope = '{scope_id}'")

    @contextmanager
    def migration(self) -> Generator[sa.Connection]:
        """A transaction of the schema's owner. Whoever else migrates waits for it.

        It gives up a lock that it does not get within a second, and tries again, so that whoever
        stores usage is never held up for longer.
        """
        with self.pool.connect() as connection:
            driver = _driver(connection)
            if isinstance(driver, ImpatientConnection):
                driver.silence_max_s = None
            _say(connection, _WRITE)
            try:
                _say(connection, "SELECT pg_advisory_xact_lock(hashtext('ledger_migrate'), 0)")
                _say(connection, f"SET LOCAL lock_timeout = '{_MIGRATION_LOCK_S}s'")
                yield connection
                connection.commit()
            except BaseException:
                _roll_back(connection)
                raise
            finally:
                if isinstance(driver, ImpatientConnection):
                    driver.silence_max_s = self._address.silence_max_s

    def apply(self, connection: sa.Connection, script: str) -> None:
        """Run the statements of a migration."""
        again = Again(_MIGRATION_PATIENCE_S)
        while True:
            _say(connection, "SAVEPOINT step")
            try:
                _say(connection, script)
            except DBAPIError as error:
                found = fault(error)
                if found.kind != "busy":
                    raise
                _say(connection, "ROLLBACK TO step")  # before the pause: it lets go of all locks
                if not again.after(found):
                    raise
            else:
                return

    def migrated(self) -> None:
        """See that the role is there that transactions work as, and the months that come."""
        with self.migration() as connection, self._driven(connection) as driver:
            self._role = postgres_role.prepare(driver)
        postgres_upkeep.make_ahead(self, SystemClock().now())
        postgres_upkeep.sweep(self)

    def mend(self, fault: Fault) -> None:
        """Make the month that had no table."""
        if fault.kind == "no_month":
            postgres_upkeep.make_months(self, fault.hours)

    def insert_rows(
        self, connection: sa.Connection, entry: Entry, rows: Sequence[Sequence[Value]]
    ) -> int:
        """Insert many rows in one go; how many were stored."""
        with self._driven(connection) as driver:
            used = connection.info[_STAGES]
            return self._staging(entry).insert(driver, rows, used) if rows else 0

    def insert_new(
        self, connection: sa.Connection, entry: Entry, rows: Sequence[Sequence[Value]]
    ) -> set[Value]:
        """Insert the rows whose key is new; the keys, after the scope, that were there before."""
        with self._driven(connection) as driver:
            return self._staging(entry).insert_new(driver, rows, connection.info[_STAGES])

    def reserve(
        self, connection: sa.Connection, last: Callable[[], int], count: int
    ) -> Sequence[int]:
        """Positions from a sequence: whoever asks later gets later ones."""
        places = list[int]()
        while len(places) < count:
            first: int = connection.exec_driver_sql(
                "SELECT nextval('usage_positions')"
            ).scalar_one()
            places += range(first, first + min(_PLACES, count - len(places)))
        return places

    def lock_row(
        self, connection: sa.Connection, lock: sa.Select[int], values: Mapping[str, Value]
    ) -> None:
        """Hold back every other transaction that locks the same row, until this one ends."""
        connection.execute(lock.with_for_update(), values)

    def hold(self, connection: sa.Connection, scope: int, what: str, *, shared: bool) -> None:
        """Hold back other transactions that hold `what` of a scope, until this one ends."""
        lock = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        # Two of four bytes each: scopes that share a number only wait for each other in vain.
        _say(connection, f"SELECT {lock}({_HELD[what]}, {scope % 2**31})")

    def due(
        self, connection: sa.Connection, kind: str, until: int, limit: int
    ) -> Sequence[tuple[str, str, str]]:
        """Tenant, app and id of what is due in any scope."""
        rows = connection.exec_driver_sql(
            "SELECT tenant, app, id FROM ledger_due(%s, %s, %s)", (kind, until, limit)
        )
        return [(tenant, app, thing) for tenant, app, thing in rows]

    def scopes(
        self, connection: sa.Connection, after: tuple[str, str], limit: int
    ) -> Sequence[tuple[str, str]]:
        """Tenant and app of all scopes behind `after`."""
        rows = connection.exec_driver_sql(
            "SELECT tenant, app FROM ledger_scopes(%s, %s, %s)", (*after, limit)
        )
        return [(tenant, app) for tenant, app in rows]

    def keep_up(self, at: datetime, usage_before: datetime | None) -> list[str]:
        """Make the tables of the months to come, and drop those of months that have expired."""
        postgres_upkeep.make_ahead(self, at)
        postgres_upkeep.sweep(self)
        gone = [] if usage_before is None else postgres_upkeep.drop_months(self, usage_before)
        return [f"dropped {month}, whose events had all expired" for month in gone]

    def findings(self) -> list[Finding]:
        """What the server says of itself and of the fences."""
        with self.transaction(writes=False) as connection, self._driven(connection) as driver:
            return [
                *postgres_role.findings(driver, self._known_role(connection)),
                *postgres_upkeep.findings(driver),
            ]

    def after_fork(self) -> None:
        """Open connections of our own; the parent's stay open and untouched."""
        self._commits = Commits()
        keep_for_ever(self.pool)
        self.pool = self._open_pool()

    def close(self) -> None:
        """Close all connections."""
        self.pool.dispose()

    def _known_role(self, connection: sa.Connection) -> Role:
        if self._role is None:
            with self._driven(connection) as driver:
                self._role = postgres_role.look(driver)
        return self._role

    def _begin(
        self, connection: sa.Connection, scope: Scope | None, scope_id: int, *, writes: bool
    ) -> str | None:
        """Begin, as the role and in the scope; the token of a transaction that writes."""
        role = self._known_role(connection)
        words = [
            _WRITE if writes else _READ,
            _QUIET,
            _NOT_FOREVER,
            f"SET LOCAL lock_timeout = '{self._address.lock_wait_s}s'",
            f"SET LOCAL statement_timeout = '{self._address.answer_s}s'",
        ]
        if role.is_member:
            words.append(_AS_APP)
        if scope is not None:
            words += [
                f"SET LOCAL ledger.tenant = {_quoted(scope.tenant)}",
                f"SET LOCAL ledger.app = {_quoted(scope.app)}",
            ]
        if scope_id != NO_SCOPE:
            words.append(f"SET LOCAL ledger.scope = '{scope_id}'")
        token = None
        if writes:
            token, leave = self._commits.begin()
            words.append(leave)
        _say(connection, "; ".join(words))
        connection.info[_STAGES] = set[str]()
        return token

    def _commit(self, connection: sa.Connection, token: str | None) -> None:
        if _driver(connection).info.transaction_status == TransactionStatus.INERROR:
            # PostgreSQL would take the COMMIT, roll back, and say nothing.
            raise Broken(
                "the database refused a statement, and the transaction went on as if it had not;"
                " nothing of it is stored",
                code="transaction_failed",
            )
        try:
            connection.commit()
        except DBAPIError as error:
            is_lost = error.connection_invalidated or fault(error).kind == "lost"
            if token is None or not is_lost or not self._has_committed(token):
                raise
        if token is not None:
            self._commits.heard_of(token)

    def _has_committed(self, token: str) -> bool:
        as_role = _AS_APP if self._role is not None and self._role.is_member else ""
        return postgres_commits.has_committed(
            token, self._connect, as_role, self.place, self.patience_s
        )

    def _staging(self, entry: Entry) -> Staging:
        staging = self._stagings.get(entry)
        if staging is None:
            staging = self._stagings[entry] = Staging(entry, self)
        return staging

    @contextmanager
    def _driven(self, connection: sa.Connection) -> Generator[psycopg.Connection[Any]]:
        """The driver's own connection, whose errors are told as all others are."""
        try:
            yield _driver(connection)
        except psycopg.Error as error:
            raise DBAPIError("many rows", None, error, hide_parameters=True) from error


def open_postgres(url: str) -> SqlStore:
    """The store at a `postgresql://` URL, which may carry `?pool_size=20`.

    Raises:
        Invalid: (`unknown_database`) the URL cannot be read.
        Unavailable: (`database_unreachable`) the server cannot be reached.
    """
    store = SqlStore(Postgres(postgres_url.read(url)))
    try:
        store.schema_version()
    except BaseException:
        store.close()
        raise
    return store


def _driver(connection: sa.Connection) -> psycopg.Connection[Any]:
    driver: Any = connection.connection.driver_connection
    checked: psycopg.Connection[Any] = driver
    return checked


def _roll_back(connection: sa.Connection) -> None:
    """End a transaction that failed. If that fails as well, what failed first is what is told."""
    try:
        connection.rollback()
    except SQLAlchemyError:
        connection.invalidate()


def _say(connection: sa.Connection, words: str) -> str | None:
    """Statements without values, all in one message; the first value of the last one's answer."""
    result = connection.exec_driver_sql(words, execution_options={"no_parameters": True})
    cursor: Any = result.cursor
    if cursor is None:
        return None
    while cursor.nextset():
        pass
    row = cursor.fetchone() if cursor.description else None
    return None if row is None else row[0]


def _quoted(text: str) -> str:
    return Literal(text).as_string(None)
