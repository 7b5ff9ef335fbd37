"""What every table has in common: typed columns, and keys that start with the scope."""

from typing import Final

import sqlalchemy as sa

METADATA: Final = sa.MetaData()

# One integer, one text, one bytes: types that every database means the same by (ADR 0006). SQLite's
# STRICT tables know an integer by one name only.
INTEGER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT: Final = sa.Text()
BYTES: Final = sa.LargeBinary()


def integer() -> sa.Column[int]:
    """A whole number of 64 bits: a count, an instant in microseconds, minor units of money."""
    return sa.Column(INTEGER, nullable=False)


def integer_or_null() -> sa.Column[int | None]:
    """A whole number that may be missing."""
    return sa.Column(INTEGER, nullable=True)


def text() -> sa.Column[str]:
    """Text, such as an id or a document."""
    return sa.Column(TEXT, nullable=False)


def text_or_null() -> sa.Column[str | None]:
    """Text that may be missing."""
    return sa.Column(TEXT, nullable=True)


def blob() -> sa.Column[bytes]:
    """Bytes, such as a digest or the UUID of an id."""
    return sa.Column(BYTES, nullable=False)


class ScopedColumns(sa.TypedColumns):
    """The columns of a table whose rows belong to a tenant and app: all tables but two."""

    scope_id = integer()


class ScopeColumns(sa.TypedColumns):
    """The small integers that stand for (tenant, app) in every other table (ADR 0004)."""

    id = integer()
    tenant = text()
    app = text()


class MigrationColumns(sa.TypedColumns):
    """The steps that made this schema, each applied once."""

    version = integer()
    name = text()
    checksum = text()
    applied_at = integer()


scopes: Final = sa.Table(
    "scopes",
    METADATA,
    ScopeColumns,
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("tenant", "app", name="scope_names"),
    sqlite_strict=True,
)

schema_migrations: Final = sa.Table(
    "schema_migrations",
    METADATA,
    MigrationColumns,
    sa.PrimaryKeyConstraint("version"),
    sqlite_strict=True,
)


def primary_key(*columns: str) -> sa.PrimaryKeyConstraint:
    """The primary key of a scoped table: the scope, then these."""
    return sa.PrimaryKeyConstraint("scope_id", *columns)


def unique(name: str, *columns: str) -> sa.UniqueConstraint:
    """What is unique in a scope. `errors.py` says by the name what a violation means."""
    return sa.UniqueConstraint("scope_id", *columns, name=name)


def index(name: str, *columns: str) -> sa.Index:
    """An index inside a scope."""
    return sa.Index(name, "scope_id", *columns)


def references(
    table: str, local: tuple[str, ...], remote: tuple[str, ...]
) -> sa.ForeignKeyConstraint:
    """A reference that cannot leave the scope. It is checked when the transaction commits."""
    return sa.ForeignKeyConstraint(
        ("scope_id", *local),
        [f"{table}.{column}" for column in ("scope_id", *remote)],
        deferrable=True,
        initially="DEFERRED",
    )
