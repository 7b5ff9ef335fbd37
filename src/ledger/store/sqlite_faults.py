"""What the errors of SQLite mean, read from its error names. Pure."""

import re
import sqlite3

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ledger.store.sql.errors import Fault, FaultKind, constraint_of

_DATATYPE = 3091  # SQLITE_CONSTRAINT_DATATYPE, which Python 3.11 has no name for

_KINDS: tuple[tuple[str, FaultKind], ...] = (
    ("SQLITE_CONSTRAINT_UNIQUE", "taken"),
    ("SQLITE_CONSTRAINT_PRIMARYKEY", "taken"),
    ("SQLITE_CONSTRAINT_FOREIGNKEY", "dangling"),
    ("SQLITE_CONSTRAINT_TRIGGER", "frozen"),
    ("SQLITE_BUSY", "busy"),
    ("SQLITE_LOCKED", "busy"),
    ("SQLITE_FULL", "full"),
    ("SQLITE_READONLY", "read_only"),
    ("SQLITE_CANTOPEN", "unreachable"),
    ("SQLITE_NOTADB", "not_a_database"),
    ("SQLITE_CORRUPT", "damaged"),
    ("SQLITE_IOERR", "failing"),
)
_COLUMN = re.compile(r"(\w+)\.(\w+)")


def fault(error: BaseException) -> Fault:
    """What an error of SQLite, or of the pool in front of it, means."""
    if isinstance(error, OverflowError):
        return Fault("too_large")
    if isinstance(error, UnicodeEncodeError):
        return Fault("bad_text")
    if isinstance(error, PoolTimeout):
        return Fault("busy")
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, OverflowError):
        return Fault("too_large")
    if not isinstance(cause, sqlite3.Error):
        return Fault("unknown")
    message = str(cause)
    # Python does not fill these in for errors of its own, such as a closed connection.
    name: str = getattr(cause, "sqlite_errorname", "")
    if getattr(cause, "sqlite_errorcode", 0) == _DATATYPE and "REAL value in INTEGER" in message:
        return Fault("too_large")  # what 64 bits do not hold became a float, and was refused
    for start, kind in _KINDS:
        if name.startswith(start):
            return Fault(kind, _constraint(message) if kind == "taken" else "")
    if "no such table" in message or "no such column" in message or "has no column" in message:
        return Fault("not_migrated")
    return Fault("unknown")


def _constraint(message: str) -> str:
    """From "UNIQUE constraint failed: plans.scope_id, plans.key" to the name of the constraint."""
    columns = _COLUMN.findall(message)
    table = columns[0][0] if columns else ""
    return constraint_of(table, frozenset(column for _, column in columns))
