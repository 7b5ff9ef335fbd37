"""Brings a schema up to date: each step once, in a transaction, whoever else tries at that time."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from ledger.store.sql.database import Database
from ledger.store.sql.migrations import Step
from ledger.store.sql.schema import schema_migrations
from ledger.types.clock import SystemClock
from ledger.types.errors import Broken, Conflict
from ledger.types.zone import micros

_APPLIED = sa.select(schema_migrations.c.version, schema_migrations.c.checksum)
_NOTE = schema_migrations.insert()


def migrate(database: Database, steps: Sequence[Step]) -> list[str]:
    """Apply the steps that are missing; their names.

    A step is applied whole or not at all: a process that is killed leaves nothing half done, and
    processes that migrate at the same time wait for each other.

    Raises:
        Conflict: (`schema_too_new`) a newer version of Ledger has migrated the database.
        Broken: (`migration_edited`) a step that was applied had other statements then.
        sqlalchemy.exc.SQLAlchemyError: the database refused.
    """
    with database.transaction(writes=False) as connection:
        done = applied(database, connection)
    check(done, steps)
    return [step.name for step in steps if step.version not in done and _apply(database, step)]


def applied(database: Database, connection: sa.Connection) -> Mapping[int, str]:
    """The versions that were applied, and the checksums they had."""
    try:
        with connection.begin_nested():  # a table that is missing must not end the transaction
            return {row[0]: row[1] for row in connection.execute(_APPLIED)}
    except DBAPIError as error:
        if database.fault(error).kind != "not_migrated":
            raise
        return {}


def check(done: Mapping[int, str], steps: Sequence[Step]) -> None:
    """Whether this program knows the schema that is there.

    Raises:
        Conflict, Broken: as `migrate`.
    """
    newest = steps[-1].version
    if max(done, default=0) > newest:
        raise Conflict(
            f"the database has schema {max(done)}, this version of Ledger knows up to {newest};"
            " a newer version has used it, so a newer one is needed",
            code="schema_too_new",
        )
    for step in steps:
        if done.get(step.version, step.checksum) != step.checksum:
            raise Broken(
                f"migration {step.name} was applied with other statements than it has now",
                code="migration_edited",
            )


def _apply(database: Database, step: Step) -> bool:
    with database.migration() as connection:
        if step.version in applied(database, connection):
            return False  # another process was faster
        database.apply(connection, step.script)
        row = {"version": step.version, "name": step.name, "checksum": step.checksum}
        connection.execute(_NOTE, {**row, "applied_at": micros(SystemClock().now())})
        return True
