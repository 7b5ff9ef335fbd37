"""When work is due, in SQL: a date for each kind of work and thing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from ledger.store.sql.connection import Repository
from ledger.store.sql.schema import (
    METADATA,
    ScopedColumns,
    index,
    integer,
    primary_key,
    scopes,
    text,
)
from ledger.store.sql.statement import Entry, by, scoped
from ledger.types.zone import from_micros, micros


class DueColumns(ScopedColumns):
    """When work of a kind is due on a thing."""

    kind = text()
    id = text()
    at = integer()


due: Final = sa.Table(
    "due",
    METADATA,
    DueColumns,
    primary_key("kind", "id"),
    index("due_by_date", "kind", "at"),
    sqlite_strict=True,
)
# Workers ask for what is due anywhere: the one index that does not start with the scope.
sa.Index("due_anywhere", due.c.kind, due.c.at)

UNSCOPED: Final = "ledger_unscoped"
"""The execution option of the one statement that looks into every scope."""

_c = due.c
_PUT = Entry(due, lambda new: {"at": new["at"]})
_REMOVE = scoped(due.delete().where(by(_c.kind), by(_c.id)))
_GET = scoped(sa.select(_c.at).where(by(_c.kind), by(_c.id)))
_UNTIL, _LIMIT = sa.bindparam("until", type_=_c.at.type), sa.bindparam("limit", type_=_c.at.type)
_LIST = scoped(
    sa.select(_c.id).where(by(_c.kind), _c.at <= _UNTIL).order_by(_c.at, _c.id).limit(_LIMIT)
)
_ANYWHERE = (
    sa.select(scopes.c.tenant, scopes.c.app, _c.id)
    .join(scopes, scopes.c.id == _c.scope_id)
    .where(by(_c.kind), _c.at <= _UNTIL)
    .order_by(_c.at, _c.scope_id, _c.id)
    .limit(_LIMIT)
    .execution_options(**{UNSCOPED: True})
)


class SqlDue(Repository):
    """What is due in a scope; a `DueRepository`."""

    def put(self, kind: str, id: str, at: datetime | None) -> None:
        """Note when work on a thing is due next; None when no more."""
        if at is None:
            self._scope.execute(_REMOVE, by_kind=kind, by_id=id)
        else:
            self._scope.insert(_PUT, {"kind": kind, "id": id, "at": micros(at)})

    def get(self, kind: str, id: str) -> datetime | None:
        """When work on a thing is due."""
        row = self._scope.one(_GET, by_kind=kind, by_id=id)
        return None if row is None else from_micros(row[0])

    def list(self, kind: str, at: datetime, limit: int) -> list[str]:
        """The things due at `at` or before, longest due first."""
        rows = self._scope.rows(_LIST, by_kind=kind, until=micros(at), limit=limit)
        return [thing for (thing,) in rows]


def anywhere(
    connection: sa.Connection, kind: str, until: int, limit: int
) -> Sequence[tuple[str, str, str]]:
    """What is due in any scope, longest due first: the one statement outside a scope."""
    return connection.execute(_ANYWHERE, {"by_kind": kind, "until": until, "limit": limit}).all()
