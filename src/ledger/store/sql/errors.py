"""What a database says, in the words of Ledger: the one place where its errors are translated.

A driver's error becomes a `Fault` (each database reads its own), and a fault becomes one of the six
errors. What a violated constraint means is said here by its name.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from ledger.store.sql.schema import METADATA
from ledger.types.errors import Broken, Conflict, Invalid, LedgerError, Unavailable

FaultKind = Literal[
    "taken",
    "dangling",
    "frozen",
    "too_large",
    "busy",
    "conflicted",
    "lost",
    "no_month",
    "denied",
    "bad_text",
    "full",
    "read_only",
    "unreachable",
    "away",
    "shut_out",
    "only_reads",
    "crowded",
    "no_slot",
    "slow",
    "short",
    "not_a_database",
    "damaged",
    "failing",
    "not_migrated",
    "unknown",
]


class Fault(NamedTuple):
    """What went wrong; `constraint` names the one that refused, where the database says so.

    Of months that have no table, `hours` has one hour each.
    """

    kind: FaultKind
    constraint: str = ""
    hours: tuple[int, ...] = ()


PASSING: Final[frozenset[FaultKind]] = frozenset(
    {"conflicted", "lost", "away", "no_slot", "no_month"}
)
"""After these nothing is stored, and the same transaction may succeed when it is begun again."""


class Interrupted(Unavailable):
    """A transaction was undone for a reason that passes. The store begins it again."""

    def __init__(self, message: str, *, code: str, fault: Fault) -> None:
        super().__init__(message, code=code)
        self.fault = fault


# The constraint → the code, and what is to be said of the row that it refused.
TAKEN: Mapping[str, tuple[str, str]] = {
    "pk_features": ("feature_exists", "feature {id} exists already"),
    "feature_key": ("feature_exists", "a feature with the key {key!r} exists already"),
    "pk_plan_keys": ("plan_exists", "a plan with the key {key!r} exists already"),
    "plan_of_key": ("plan_exists", "a plan with the key {key!r} exists already"),
    "pk_plans": ("plan_exists", "plan {id} has a version {version} already"),
    "plan_key_version": ("plan_exists", "plan {key!r} has a version {version} already"),
    "one_active_version": ("plan_published", "another version of plan {key!r} is active"),
    "pk_customers": ("customer_exists", "customer {id} exists already"),
    "customer_external_id": (
        "customer_exists",
        "a customer with the external id {external_id!r} exists already",
    ),
    "pk_subscriptions": ("subscription_exists", "subscription {id} exists already"),
    "pk_invoices": ("invoice_exists", "invoice {id} exists already"),
    "invoice_number": ("invoice_number_taken", "another invoice has the number {number!r}"),
    "pk_invoice_boundaries": (
        "boundary_made",
        "this boundary of subscription {subscription} is made already",
    ),
    "pk_billed_steps": (
        "already_billed",
        "step {step} of what price {price} bills to subscription {subscription} is taken",
    ),
}

_UNAVAILABLE: Mapping[FaultKind, tuple[str, str]] = {
    "busy": (
        "database_busy",
        "{place} stayed locked by somebody else for longer than Ledger waits; try again",
    ),
    "full": (
        "disk_full",
        "the disk of {place} is full, so nothing was stored; make room and try again",
    ),
    "read_only": (
        "database_read_only",
        "{place} or its folder cannot be written to; check their permissions",
    ),
    "conflicted": (
        "database_busy",
        "{place} had to undo this for the sake of others, again and again; try again later",
    ),
    "lost": (
        "database_lost",
        "the connection to {place} was lost and does not come back; nothing was stored",
    ),
    "no_month": (
        "month_missing",
        "{place} has no table for the month of an event, and none could be made",
    ),
    "denied": (
        "database_denied",
        "{place} does not let this role do that ({said}); `ledger doctor` says what it may",
    ),
    "away": (
        "database_unreachable",
        "{place} cannot be reached ({said}); check that the server runs, and the host and port",
    ),
    "shut_out": (
        "database_unreachable",
        "{place} does not let Ledger in ({said}); check the user, the password and the database",
    ),
    "only_reads": (
        "database_read_only",
        "{place} takes no writes: it is a standby, or default_transaction_read_only is on",
    ),
    "crowded": (
        "database_busy",
        "all connections that this process may have to {place} stayed in use too long; try again",
    ),
    "slow": (
        "database_busy",
        "{place} did not finish a statement in the time that it has; try again later",
    ),
    "no_slot": (
        "database_busy",
        "{place} has no connection left ({said}); allow it more, or set a smaller pool_size",
    ),
    "short": (
        "database_busy",
        "{place} is short of memory, connections or the like ({said}); try again later",
    ),
    "unreachable": (
        "database_unreachable",
        "{place} cannot be opened ({said}); check that it or its folder exists and may be used",
    ),
    "not_a_database": (
        "not_a_database",
        "{place} is not a database of this kind, or it is encrypted; check the path",
    ),
    "failing": (
        "disk_failing",
        "the disk of {place} reported an error while reading or writing",
    ),
    "not_migrated": (
        "schema_missing",
        "{place} has no schema, or an older one; run the migrations (`ledger migrate`)",
    ),
}

_BROKEN: Mapping[FaultKind, tuple[str, str]] = {
    "dangling": ("dangling_reference", "a row refers to something that is not stored"),
    "frozen": ("invoice_frozen", "a finalized invoice was to be changed or deleted"),
    "damaged": (
        "database_damaged",
        "{place} is damaged; `ledger doctor` says where, a backup is the remedy",
    ),
}


_BAD_TEXT: Final = (
    "a text has a character that cannot be stored: a NUL, or half of a surrogate pair"
)


def refusal(
    fault: Fault, place: str, row: Mapping[str, object], cause: BaseException
) -> LedgerError:
    """The error that says what `fault` means.

    Args:
        fault: what went wrong.
        place: which database it is, in words.
        row: the values that were to be stored.
        cause: what the driver raised.
    """
    if fault.kind == "taken":
        code, sentence = TAKEN.get(fault.constraint, ("exists", "this is stored already"))
        return Conflict(sentence.format_map(_Known(row)), code=code)
    if fault.kind == "too_large":
        return Invalid("a number has more than the 64 bits that can be stored", code="out_of_range")
    if fault.kind == "bad_text":
        return Invalid(_BAD_TEXT, code="bad_text")
    said = str(cause.orig if isinstance(cause, DBAPIError) else cause)  # without the statement
    said = " ".join(said.split())
    if fault.kind in _UNAVAILABLE:
        code, sentence = _UNAVAILABLE[fault.kind]
        sentence = sentence.format(place=place, said=said)
        if fault.kind in PASSING:
            return Interrupted(sentence, code=code, fault=fault)
        return Unavailable(sentence, code=code)
    code, sentence = _BROKEN.get(fault.kind, ("database_error", f"{place} refused: {said}"))
    return Broken(sentence.replace("{place}", place), code=code)


def constraint_of(table: str, columns: frozenset[str]) -> str:
    """The name of what keeps these columns unique, for databases that name the columns only."""
    return _unique_names().get((table, columns), "")


class _Known(dict[str, object]):
    """Values by name; one that is not known is shown as a question mark."""

    def __missing__(self, key: str) -> object:
        return "?"


@cache  # asked first when all tables are known
def _unique_names() -> dict[tuple[str, frozenset[str]], str]:
    names: dict[tuple[str, frozenset[str]], str] = {}
    for table in METADATA.tables.values():
        keys: list[sa.Constraint | sa.Index] = [*table.constraints, *table.indexes]
        for key in keys:
            if isinstance(key, sa.PrimaryKeyConstraint | sa.UniqueConstraint) or (
                isinstance(key, sa.Index) and key.unique
            ):
                columns = frozenset(column.name for column in key.columns)
                names[table.name, columns] = str(key.name or f"pk_{table.name}")
    return names
