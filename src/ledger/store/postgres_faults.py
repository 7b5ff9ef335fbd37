"""What the errors of PostgreSQL mean, read from its SQLSTATEs. Pure."""

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ledger.store.sql.errors import Fault, FaultKind

# SQLSTATEs, or how they begin; the first that fits decides.
_KINDS: tuple[tuple[str, FaultKind], ...] = (
    ("23505", "taken"),
    ("23503", "dangling"),
    ("LF001", "frozen"),
    ("22003", "too_large"),
    ("22021", "bad_text"),
    ("22P05", "bad_text"),
    ("40001", "conflicted"),
    ("40P01", "conflicted"),
    ("55P03", "busy"),
    ("57014", "busy"),
    ("25P03", "lost"),
    ("25P04", "busy"),
    ("53300", "busy"),
    ("53100", "full"),
    ("53", "failing"),
    ("57P", "lost"),
    ("08", "lost"),
    ("25006", "read_only"),
    ("42P01", "not_migrated"),
    ("42703", "not_migrated"),
    ("42883", "not_migrated"),
    ("42501", "denied"),
    ("28", "unreachable"),
    ("3D000", "unreachable"),
    ("58", "failing"),
    ("XX001", "damaged"),
    ("XX002", "damaged"),
)


class Unreachable(psycopg.OperationalError):
    """No connection could be made."""


class MonthMissing(psycopg.IntegrityError):
    """Events of these hours have no table to go to."""

    def __init__(self, hours: tuple[int, ...]) -> None:
        super().__init__(f"no table holds the hours {hours}")
        self.hours = hours


def fault(error: BaseException) -> Fault:
    """What an error of PostgreSQL, of its driver, or of the pool in front of it means."""
    if isinstance(error, OverflowError):
        return Fault("too_large")
    if isinstance(error, PoolTimeout):
        return Fault("busy")
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, Unreachable):
        return Fault("unreachable")
    if not isinstance(cause, psycopg.Error):
        return Fault("unknown")
    if isinstance(cause, MonthMissing):
        return Fault("no_month", hours=cause.hours)
    state = cause.sqlstate or ""
    for start, kind in _KINDS:
        if state.startswith(start):
            return Fault(kind, cause.diag.constraint_name or "" if kind == "taken" else "")
    return Fault(_without_state(cause) if not state else "unknown")


def _without_state(error: psycopg.Error) -> FaultKind:
    """What the driver itself refused: the server had no say in it."""
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return "lost"
    if isinstance(error, psycopg.DataError):
        return "bad_text" if "NUL" in str(error) else "too_large"
    return "unknown"
