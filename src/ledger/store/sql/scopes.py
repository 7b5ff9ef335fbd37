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
