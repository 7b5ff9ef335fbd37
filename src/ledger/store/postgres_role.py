"""The role that transactions work as: it owns nothing, so row-level security holds it.

`migrate` makes it and lets it read and write the tables. Where it may not, the fences stand all the
same, because they hold the owner of the tables too; `doctor` says so.
"""

from typing import Any, Final

import msgspec
import psycopg
from psycopg.sql import SQL, Identifier

from ledger.store import postgres_commits
from ledger.store.sql.database import Finding
from ledger.store.sql.schema import METADATA
from ledger.types.errors import Denied

NAME: Final = "ledger_app"

# What it is called to do that only the owner of the tables may.
_CALLED: Final = ("ledger_due", "ledger_scopes", "ledger_make_month", "ledger_drop_months")

# Whether it may be worked as is also a question of what it may do: a login cannot know a table that
# its owner has made since. A role that sees past the fences is no good, whoever made it so.
_LOOK: Final = """
SELECT me.rolname, me.rolsuper, me.rolbypassrls,
  pg_has_role(me.oid, app.oid, %(how)s) AND NOT app.rolsuper AND NOT app.rolbypassrls
    AND to_regclass('scopes') IS NOT NULL AND NOT EXISTS (
      SELECT FROM unnest(%(tables)s::text[]) AS name, to_regclass(name) AS found
      WHERE found IS NOT NULL AND NOT has_table_privilege(app.oid, found, 'INSERT')
    )
    AND NOT EXISTS (
      SELECT FROM pg_proc WHERE proname = ANY(%(functions)s::text[])
        AND pronamespace = current_schema()::regnamespace
        AND NOT has_function_privilege(app.oid, pg_proc.oid, 'EXECUTE')
    )
FROM pg_roles me LEFT JOIN pg_roles app ON app.rolname = %(name)s
WHERE me.rolname = current_user
"""
# Roles belong to the whole server: whoever may work as this one may do so in each of its databases
# that lets everybody in.
_OTHERS: Final = """
SELECT string_agg(rolname, ', ' ORDER BY rolname) FROM pg_roles
WHERE rolcanlogin AND NOT rolsuper AND rolname <> session_user
  AND has_database_privilege('public', current_database(), 'CONNECT')
  AND pg_has_role(oid, (SELECT oid FROM pg_roles WHERE rolname = %s), 'MEMBER')
"""
_MAY_SAY_SET: Final = 160_000  # from this version on a member need not be allowed to SET ROLE


_MAY_FAIL: Final = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.DuplicateObject,
    psycopg.errors.UniqueViolation,  # another database of the server makes it at this moment
    psycopg.errors.UndefinedObject,  # nobody has made it, and this login may not
)


class Role(msgspec.Struct, frozen=True):
    """Who is connected, and whether transactions can work as `ledger_app`."""

    name: str
    is_superuser: bool
    sees_past_fences: bool
    is_member: bool


def look(connection: psycopg.Connection[Any]) -> Role:
    """Who is connected."""
    how = "SET" if connection.info.server_version >= _MAY_SAY_SET else "MEMBER"
    values = {"how": how, "name": NAME, "tables": sorted(_written()), "functions": list(_CALLED)}
    row = connection.execute(_LOOK, values).fetchone()
    name, is_superuser, bypasses, is_member = row or ("?", True, True, False)
    return Role(name, is_superuser, is_superuser or bypasses, bool(is_member))


def admit(role: Role, place: str) -> None:
    """Refuse to work as a role that sees all rows whatever the fences say.

    Raises:
        Denied: (`superuser_refused`).
    """
    if role.sees_past_fences:
        what = "a superuser" if role.is_superuser else "allowed to bypass row-level security"
        raise Denied(
            f"the role {role.name} of {place} is {what}, so only the program would keep tenants"
            f" apart; make one that is not, once: CREATE ROLE {NAME}; CREATE ROLE ledger LOGIN"
            f" PASSWORD '…' IN ROLE {NAME}; CREATE DATABASE ledger OWNER ledger; and put it in the"
            " URL",
            code="superuser_refused",
        )


def prepare(connection: psycopg.Connection[Any]) -> Role:
    """Make the role and let it read and write, as far as this is allowed; who is connected then."""
    role = look(connection)
    if role.is_member and not role.sees_past_fences:
        return role
    (schema,) = connection.execute("SELECT current_schema()").fetchone() or ("public",)
    for statement in _wanted(schema):
        try:
            with connection.transaction():  # a savepoint: the rest goes on without it
                connection.execute(statement)
        except _MAY_FAIL:
            continue
    return look(connection)


def findings(connection: psycopg.Connection[Any], role: Role) -> list[Finding]:
    """Whether transactions work as the role, and whether every table has its fence."""
    detail = f"transactions work as {NAME}"
    if not role.is_member:
        detail = (
            f"{role.name} may not work as {NAME}, so only the owner's fences hold; let an"
            f" administrator run: CREATE ROLE {NAME}; GRANT {NAME} TO {role.name}; then `ledger"
            " migrate`"
        )
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace ="
        " current_schema()::regnamespace AND relname = ANY(%s) AND NOT (relrowsecurity AND"
        " relforcerowsecurity) ORDER BY relname",
        [sorted(_fenced())],
    ).fetchall()
    open_tables = ", ".join(name for (name,) in rows)
    (others,) = connection.execute(_OTHERS, [NAME]).fetchone() or (None,)
    return [
        Finding(
            "login",
            not role.sees_past_fences,
            f"{role.name} sees past all fences; connect as a role that does not"
            if role.sees_past_fences
            else role.name,
        ),
        Finding("role", role.is_member, detail),
        Finding(
            "other_logins",
            not others,
            f"{others} may work as {NAME} here too, because everybody may connect"
            if others
            else f"nobody else may work as {NAME} here unless told so",
        ),
        Finding("row_level_security", not rows, open_tables or "forced on every table"),
    ]


def _fenced() -> set[str]:
    return {table.name for table in METADATA.tables.values() if "scope_id" in table.c} | {"scopes"}


def _written() -> set[str]:
    return _fenced() | {postgres_commits.TABLE}


def _wanted(schema: str) -> list[SQL | Any]:
    tables = SQL(", ").join(Identifier(name) for name in sorted(_written()))
    app = Identifier(NAME)
    return [
        SQL("CREATE ROLE {} NOLOGIN").format(app),
        SQL("GRANT {} TO CURRENT_USER").format(app),
        SQL("GRANT USAGE ON SCHEMA {} TO {}").format(Identifier(schema), app),
        SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}").format(tables, app),
        SQL("GRANT SELECT ON schema_migrations TO {}").format(app),
        SQL("GRANT USAGE ON SEQUENCE usage_positions TO {}").format(app),
        SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(
            SQL(", ").join(Identifier(name) for name in _CALLED), app
        ),
    ]
