"""When work is due, in SQL: a date for each kind of work and thing; and who is at it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

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
from ledger.store.sql.statement import Entry, Excluded, by, scoped
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


class LeaseColumns(ScopedColumns):
    """Who does a kind of work in a scope, and until when nobody else does."""

    name = text()
    holder = text()
    taken_at = integer()
    until = integer()


leases: Final = sa.Table(
    "leases",
    METADATA,
    LeaseColumns,
    primary_key("name"),
    sqlite_strict=True,
)

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
_l = leases.c
_HELD_BY = scoped(sa.select(_l.holder).where(by(_l.name)))
_GIVE_BACK = scoped(leases.delete().where(by(_l.name), by(_l.holder)))


def _taken(new: Excluded) -> dict[str, sa.ColumnElement[Any]]:
    """A lease goes to who asks when it has run out, or is theirs."""
    is_free = sa.or_(_l.until <= new["taken_at"], _l.holder == new["holder"])
    return {
        column.name: sa.case((is_free, new[column.name]), else_=column)
        for column in (_l.holder, _l.taken_at, _l.until)
    }


_TAKE = Entry(leases, _taken)
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

    def claim(self, name: str, holder: str, at: datetime, until: datetime) -> bool:
        """Take or renew a lease; False while somebody else has it."""
        times = {"taken_at": micros(at), "until": micros(until)}
        self._scope.insert(_TAKE, {"name": name, "holder": holder, **times})
        row = self._scope.one(_HELD_BY, by_name=name)
        return row is not None and row[0] == holder

    def give_back(self, name: str, holder: str) -> None:
        """Let go of a lease; of another holder's nothing happens."""
        self._scope.execute(_GIVE_BACK, by_name=name, by_holder=holder)


def anywhere(
    connection: sa.Connection, kind: str, until: int, limit: int
) -> Sequence[tuple[str, str, str]]:
    """What is due in any scope, longest due first: the one statement outside a scope."""
    return connection.execute(_ANYWHERE, {"by_kind": kind, "until": until, "limit": limit}).all()
