"""Which integer stands for a tenant and app. The only rows that no scope holds."""

import sqlalchemy as sa

from ledger.store.sql.schema import scopes
from ledger.store.sql.statement import Dialect, Entry
from ledger.types.scope import Scope

NO_SCOPE = 0
"""The integer of a scope that nobody wrote to: no row has it."""

_KNOWN_MAX = 100_000

_FIND = sa.select(scopes.c.id).where(
    scopes.c.tenant == sa.bindparam("tenant"), scopes.c.app == sa.bindparam("app")
)
_CREATE = Entry(scopes, keep=True)


_s = scopes.c
_ALL = sa.select(_s.tenant, _s.app).order_by(_s.tenant, _s.app).limit(sa.bindparam("limit"))
_AFTER = _ALL.where(
    sa.tuple_(_s.tenant, _s.app) > sa.tuple_(sa.bindparam("tenant"), sa.bindparam("app"))
)


def known(connection: sa.Connection, after: Scope | None, limit: int) -> list[Scope]:
    """The scopes that were ever written to, in order of their names, those behind `after`."""
    if after is None:
        rows = connection.execute(_ALL, {"limit": limit})
    else:
        rows = connection.execute(
            _AFTER, {"limit": limit, "tenant": after.tenant, "app": after.app}
        )
    return [Scope(tenant, app) for tenant, app in rows]


class Scopes:
    """Finds the integer of a scope, and remembers it: it never changes."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._known: dict[Scope, int] = {}

    def find(self, connection: sa.Connection, scope: Scope) -> int:
        """The scope's integer, or `NO_SCOPE`."""
        known = self._known.get(scope)
        if known is not None:
            return known
        found = connection.scalar(_FIND, {"tenant": scope.tenant, "app": scope.app})
        return self._remembered(scope, found) if found is not None else NO_SCOPE

    def create(self, connection: sa.Connection, scope: Scope) -> int:
        """The scope's integer, made now if need be; it may still be rolled back."""
        connection.execute(_CREATE.built(self._dialect), {"tenant": scope.tenant, "app": scope.app})
        return connection.scalars(_FIND, {"tenant": scope.tenant, "app": scope.app}).one()

    def _remembered(self, scope: Scope, id: int) -> int:
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[scope] = id
        return id
