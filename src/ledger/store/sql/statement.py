"""Statements that carry the scope: built when a module loads, and refused there if they do not.

`scoped` adds `scope_id = :scope` for every table that a statement reads or changes, on all sides of
a join. A subquery has to say for itself, with `within`, that it stays inside.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar, TypeVarTuple, overload

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import operators, visitors

from ledger.store.sql.schema import INTEGER
from ledger.types.errors import Broken

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

Excluded = Mapping[str, sa.ColumnElement[Any]]
"""The columns of a row that was to be inserted, when one with its key was there before."""

_SCOPE = "scope"


class Dialect(Protocol):
    """A way of writing SQL."""

    @property
    def name(self) -> str:
        """Names the dialect, and with it its migrations: `sqlite`."""
        ...

    def insert(self, table: sa.Table[Any]) -> sqlite.Insert:
        """Begin an `insert` that can say what happens to a row whose key is there before."""
        ...


class Query(Generic[*Ts]):
    """A `select` that stays inside its scope; its rows have the types `Ts`."""

    def __init__(self, select: sa.Select[*Ts]) -> None:
        self.select = select


class Change:
    """An `update` or `delete` that stays inside its scope."""

    def __init__(self, statement: sa.Update | sa.Delete) -> None:
        self.statement = statement


class Entry:
    """New rows of a table, and what becomes of a row whose key is there before.

    Args:
        table: where the rows go.
        merge: from the row that was to be inserted, the columns to set in the stored one; None
            lets the database refuse the row.
        keep: whether the stored row stays as it is and the new one is dropped.
    """

    def __init__(
        self,
        table: sa.Table[Any],
        merge: Callable[[Excluded], Mapping[str, sa.ColumnElement[Any]]] | None = None,
        *,
        keep: bool = False,
    ) -> None:
        self.table, self._merge, self._keep = table, merge, keep
        self._built: dict[str, sa.Insert] = {}
        self._known: sa.Select[Any] | None = None

    def built(self, dialect: Dialect) -> sa.Insert:
        """The statement in a dialect."""
        statement = self._built.get(dialect.name)
        if statement is None:
            statement = self._built[dialect.name] = self._build(dialect.insert(self.table))
        return statement

    @property
    def known(self) -> sa.Select[Any]:
        """Which of `:keys` are there in a table whose key is the scope and one column more."""
        if self._known is None:
            key = next(column for column in self.table.primary_key if column.name != "scope_id")
            keys = sa.bindparam("keys", expanding=True, type_=key.type)
            self._known = within(sa.select(key).where(key.in_(keys)))
        return self._known

    def _build(self, statement: sqlite.Insert) -> sa.Insert:
        if self._merge is not None:
            new = dict(statement.excluded.items())
            key = [column.name for column in self.table.primary_key]
            return statement.on_conflict_do_update(index_elements=key, set_=dict(self._merge(new)))
        return statement.on_conflict_do_nothing() if self._keep else statement


def by(column: sa.Column[T]) -> sa.ColumnElement[bool]:
    """`column = :by_<its name>`. In an update a plain name would mean the column to set."""
    return column == sa.bindparam(f"by_{column.name}", type_=column.type)


def latest(column: sa.Column[int | None], new: Excluded) -> dict[str, sa.ColumnElement[Any]]:
    """The greater of a stored number and a new one, under the column's name."""
    is_newer = sa.or_(column.is_(None), new[column.name] > column)
    return {column.name: sa.case((is_newer, new[column.name]), else_=column)}


def within(select: sa.Select[*Ts]) -> sa.Select[*Ts]:
    """A subquery that stays inside the scope of the statement around it."""
    return select.where(*_conditions(select.get_final_froms()))


@overload
def scoped(statement: sa.Select[*Ts]) -> Query[*Ts]: ...
@overload
def scoped(statement: sa.Update | sa.Delete) -> Change: ...
def scoped(
    statement: sa.Select[*Ts] | sa.Update | sa.Delete,
) -> Query[*Ts] | Change:
    """The statement, inside whatever scope runs it.

    Raises:
        Broken: (`unscoped_statement`) it touches rows that a condition cannot hold back.
    """
    if isinstance(statement, sa.Update | sa.Delete):
        change = statement.where(*_conditions([statement.table]))
        _check_selects(change)
        return Change(change)
    query = within(statement)
    _check_selects(query)
    return Query(query)


def _conditions(sources: Iterable[sa.FromClause]) -> Iterator[sa.ColumnElement[bool]]:
    for source in sources:
        for table in _tables(source):
            yield table.c.scope_id == sa.bindparam(_SCOPE, type_=INTEGER)


def _tables(source: sa.FromClause) -> Iterator[sa.FromClause]:
    """The tables behind a source of rows, those of a join one by one."""
    match source:
        case sa.Join(isouter=False, full=False):
            yield from _tables(source.left)
            yield from _tables(source.right)
        case sa.Table() | sa.Alias(element=sa.Table()) if "scope_id" in source.c:
            yield source
        case sa.Subquery():
            pass  # `_check_selects` looks inside
        case _:
            # A condition in WHERE would turn an outer join into an inner one.
            raise Broken(f"{source} cannot be held inside a scope", code="unscoped_statement")


def _check_selects(statement: sa.ClauseElement) -> None:
    for part in visitors.iterate(statement):
        match part:
            case sa.CompoundSelect() | sa.CTE() | sa.TextClause():
                raise Broken(f"{part} cannot be held inside a scope", code="unscoped_statement")
            case sa.Select(whereclause=where):
                held = {id(table) for table in _held(where)}
                tables = (table for source in part.get_final_froms() for table in _tables(source))
                for table in tables:
                    if id(table) not in held:
                        raise Broken(f"{table} is outside the scope", code="unscoped_statement")
            case _:
                pass


def _held(where: sa.ColumnElement[bool] | None) -> Iterator[sa.FromClause | None]:
    """The tables of which a condition lets one scope through."""
    parts: Iterable[object] = [where]
    if isinstance(where, sa.BooleanClauseList) and where.operator is operators.and_:
        parts = where.clauses
    for part in parts:
        match part:
            case sa.BinaryExpression(
                operator=operators.eq,
                left=sa.Column(name="scope_id", table=table),
                right=sa.BindParameter(key="scope"),
            ):
                yield table
            case _:
                pass
