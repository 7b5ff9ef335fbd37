"""Which integer stands for a tenant and app. The only rows that no scope holds."""

from collections.abc import Sequence

import sqlalchemy as sa

from ledger.store.sql.database import NO_SCOPE, Database
from ledger.store.sql.schema import scopes
from ledger.store.sql.statement import Entry
from ledger.types.scope import Scope

_KNOWN_MAX = 100_000

_FIND = sa.select(scopes.c.id).where(
    scopes.c.tenant == sa.bindparam("tenant"), scopes.c.app == sa.bindparam("app")
)
_CREATE = Entry(scopes, keep=True)


_s = scopes.c
_BEHIND = (
    sa.select(_s.tenant, _s.app)
    .where(sa.tuple_(_s.tenant, _s.app) > sa.tuple_(sa.bindparam("tenant"), sa.bindparam("app")))
    .order_by(_s.tenant, _s.app)
    .limit(sa.bindparam("limit"))
)


def behind(
    connection: sa.Connection, after: tuple[str, str], limit: int
) -> Sequence[tuple[str, str]]:
    """Tenant and app of the scopes that were ever written to, in order, those behind `after`."""
    values = {"tenant": after[0], "app": after[1], "limit": limit}
    return [(tenant, app) for tenant, app in connection.execute(_BEHIND, values)]


class Scopes:
    """Finds the integer of a scope, and remembers it: it never changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Scope, int] = {}

    def known(self, scope: Scope) -> int:
        """The scope's integer if it was found before, else `NO_SCOPE`."""
        return self._known.get(scope, NO_SCOPE)

    def find(self, connection: sa.Connection, scope: Scope) -> int:
        """Look the scope's integer up and enter the scope; `NO_SCOPE` if there is none."""
        found = connection.scalar(_FIND, {"tenant": scope.tenant, "app": scope.app})
        if found is None:
            return NO_SCOPE
        self._database.enter(connection, found)
        return self._remembered(scope, found)

    def forget(self) -> None:
        """Look all up anew: a server that came back may have lost what it had last."""
        self._known.clear()

    def create(self, connection: sa.Connection, scope: Scope) -> int:
        """The scope's integer, made now if need be; it may still be rolled back."""
        names = {"tenant": scope.tenant, "app": scope.app}
        connection.execute(_CREATE.built(self._database), names)
        created = connection.scalars(_FIND, names).one()
        self._database.enter(connection, created)
        return created

    def _remembered(self, scope: Scope, id: int) -> int:
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[scope] = id
        return id
