"""What the errors of PostgreSQL mean, read from its SQLSTATEs. Pure."""

import re
from typing import Final

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
    ("57014", "slow"),
    ("25P03", "lost"),
    ("25P04", "busy"),
    ("53100", "full"),
    ("53", "short"),
    ("57P", "lost"),
    ("08", "lost"),
    ("25006", "only_reads"),
    ("42P01", "not_migrated"),
    ("42703", "not_migrated"),
    ("42883", "not_migrated"),
    ("42501", "denied"),
    ("28", "shut_out"),
    ("3D000", "shut_out"),
    ("58", "failing"),
    ("XX001", "damaged"),
    ("XX002", "damaged"),
)


# What the server says to whom it will not let in however often they ask. Nothing but its words tell
# why a connection failed; in another language they are not understood, and it is only tried longer.
_SHUT_OUT: Final = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|is not permitted to log in"
    r"|permission denied for database|(?:role|database) \".*\" does not exist|does not support SSL"
)

_NO_SLOT: Final = re.compile(r"too many (?:clients|connections)|remaining connection slots")


class Unreachable(psycopg.OperationalError):
    """No connection could be made."""

    @property
    def is_final(self) -> bool:
        """Whether it would fail again."""
        return _SHUT_OUT.search(str(self)) is not None

    @property
    def kind(self) -> FaultKind:
        """What it means."""
        if self.is_final:
            return "shut_out"
        return "no_slot" if _NO_SLOT.search(str(self)) else "away"


class MonthMissing(psycopg.IntegrityError):
    """Events of these hours have no table to go to."""

    def __init__(self, hours: tuple[int, ...]) -> None:
        super().__init__(f"no table holds the hours {hours}")
        self.hours = hours


def fault(error: BaseException) -> Fault:
    """What an error of PostgreSQL, of its driver, or of the pool in front of it means."""
    if isinstance(error, OverflowError):
        return Fault("too_large")
    if isinstance(error, UnicodeEncodeError):
        return Fault("bad_text")
    if isinstance(error, PoolTimeout):
        return Fault("crowded")
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, Unreachable):
        return Fault(cause.kind)
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
