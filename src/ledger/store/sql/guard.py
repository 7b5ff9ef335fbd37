"""For tests: a second pair of eyes on every statement that reaches the database."""

import re
from collections import Counter

import sqlalchemy as sa
from sqlalchemy import event

from ledger.store.sql.due import UNSCOPED
from ledger.store.sql.schema import METADATA
from ledger.store.sql.store import SqlStore
from ledger.types.errors import Broken

_TABLES = {table.name for table in METADATA.tables.values() if "scope_id" in table.c}
_INTO = re.compile(r"^INSERT INTO (\w+) \(([^)]*)\)")
_FROM = re.compile(r"(?:FROM|JOIN|UPDATE|,)\s+(\w+)\b(?!\.)(?:\s+AS\s+(\w+))?")
_HELD = re.compile(r"(\w+)\.scope_id = [?%:$]")  # = a parameter, however the driver writes one


def watch(store: SqlStore) -> None:
    """Refuse, from now on, any statement of a store that touches rows without saying whose.

    It reads the text that the driver gets, so it knows nothing of how the statement was built.
    Raises Broken (`unscoped_statement`) from the transaction that runs it.
    """
    for engine in store.database.engines:
        event.listen(engine, "before_cursor_execute", _look)


def is_scoped(statement: str) -> bool:
    """Whether a statement says of every scoped table whose rows it means."""
    text = statement.replace('"', "")
    into = _INTO.match(text)
    if into and into[1] in _TABLES and "scope_id" not in into[2].split(", "):
        return False
    touched = Counter(alias or name for name, alias in _FROM.findall(text) if name in _TABLES)
    return touched <= Counter(_HELD.findall(text))


def _look(
    _connection: sa.Connection,
    _cursor: object,
    statement: str,
    _parameters: object,
    context: sa.ExecutionContext | None,
    _many: bool,  # noqa: FBT001  the hook's signature
) -> None:
    named = context is not None and context.execution_options.get(UNSCOPED, False)
    if not named and not is_scoped(statement):
        raise Broken(f"outside every scope: {statement}", code="unscoped_statement")
