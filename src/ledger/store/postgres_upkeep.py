"""What a PostgreSQL database needs now and then: months ahead, a sweep. And how it is doing."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import psycopg
from sqlalchemy.exc import DBAPIError

from ledger.store import postgres_commits
from ledger.store.sql.database import Finding
from ledger.store.sql.usage_events import HOUR_US
from ledger.types.zone import micros

if TYPE_CHECKING:
    from ledger.store.postgres import Postgres

AHEAD: Final = 3
"""How many months from this one on have a table."""

_OLDEST: Final = 13
_MADE: Final = (psycopg.errors.DuplicateTable, psycopg.errors.UniqueViolation)
_SETTINGS: Final = (("server_encoding", "UTF8"), ("fsync", "on"), ("synchronous_commit", "on"))


def make_ahead(database: "Postgres", at: datetime) -> None:
    """Make the tables for this month's events and those to come, where they are missing."""
    make_months(database, hours_ahead(at))


def hours_ahead(now: datetime) -> list[int]:
    """The hour that begins this month, and those that begin the ones to come."""
    months = [divmod(12 * now.year + now.month - 1 + month, 12) for month in range(AHEAD)]
    starts = [datetime(year, month + 1, 1, tzinfo=UTC) for year, month in months]
    return [micros(start) // HOUR_US for start in starts]


def make_months(database: "Postgres", hours: Iterable[int]) -> None:
    """Make the tables for the months of these hours, each in a transaction of its own."""
    for hour in hours:
        try:
            with database.transaction(writes=True) as connection:
                connection.exec_driver_sql("SELECT ledger_make_month(%s)", (hour,))
        except DBAPIError as error:
            # Somebody made it just now; a name that was not found before is remembered as missing.
            if not isinstance(error.orig, _MADE):
                raise


def drop_months(database: "Postgres", before: datetime) -> list[str]:
    """Drop the tables of months that are over by then and empty; their names."""
    with database.transaction(writes=True) as connection:
        hour = micros(before) // HOUR_US
        rows = connection.exec_driver_sql("SELECT ledger_drop_months(%s)", (hour,))
        return [name for (name,) in rows]


def sweep(database: "Postgres") -> None:
    """Drop what transactions left behind whose processes ended before they dropped it."""
    with database.transaction(writes=True) as connection:
        connection.exec_driver_sql(postgres_commits.SWEEP)


def findings(connection: psycopg.Connection[Any]) -> list[Finding]:
    """Whether what the server acknowledges is on its disk, and whether it can hold all text."""
    version = connection.info.server_version // 10_000
    found = [Finding("postgresql", version >= _OLDEST, f"version {version}")]
    for setting, wanted in _SETTINGS:
        row = connection.execute("SELECT current_setting(%s)", [setting]).fetchone()
        value = "?" if row is None else row[0]
        is_right = value == wanted or (setting == "synchronous_commit" and value != "off")
        found.append(Finding(setting, is_right, value))
    row = connection.execute(
        "SELECT count(*), max(c.relname) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = to_regclass('usage_events')"
    ).fetchone()
    count, last = row or (0, None)
    found.append(Finding("months", bool(count), f"{count} tables of events, up to {last}"))
    return found
