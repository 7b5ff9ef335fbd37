"""Every statement that the store builds when its modules are loaded, for whoever looks at plans."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import sqlalchemy as sa

import ledger.store.sql
from ledger.store.sql.schema import METADATA
from ledger.store.sql.statement import Change, Query

Statement = sa.Select[Any] | sa.Update | sa.Delete


def built() -> Iterator[tuple[str, Statement]]:
    """Every statement by name: `customers._GET`."""
    for module in iter_modules(ledger.store.sql.__path__):
        loaded = import_module(f"ledger.store.sql.{module.name}")
        for name, value in vars(loaded).items():
            kind = value.__class__.__name__  # a query of whatever rows has no type to narrow to
            if kind == Query.__name__:
                yield f"{module.name}.{name}", value.select
            if kind == Change.__name__:
                yield f"{module.name}.{name}", value.statement


def compiled(statement: Statement, dialect: sa.Dialect) -> sa.Compiled:
    """A statement as a dialect says it; an update sets all columns that are not in the key."""
    columns: list[str] | None = None
    if isinstance(statement, sa.Update):
        table = METADATA.tables[str(statement.table)]
        columns = [column.name for column in table.c if not column.primary_key]
    return statement.compile(dialect=dialect, column_keys=columns)
