"""Lists in pages: one row more than asked for tells whether there is another page."""

from collections.abc import Callable, Container, Sequence
from typing import Generic, TypeVar, TypeVarTuple, Unpack

import sqlalchemy as sa

from ledger.store.sql.connection import ScopedConnection
from ledger.store.sql.database import Value
from ledger.store.sql.schema import INTEGER
from ledger.store.sql.statement import Query, by, scoped
from ledger.types.errors import Invalid
from ledger.types.page import Page, decode_cursor, encode_cursor

K = TypeVar("K", int, str)
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def after_cursor(
    select: sa.Select[*Ts], key: sa.Column[K], after: str | None, limit: int
) -> sa.Select[*Ts]:
    """The select in order of `key`, from the cursor on: one page, and one row more.

    Raises:
        Invalid: `after` is no cursor of this list (`bad_cursor`), or the page would be empty
            (`bad_limit`).
    """
    if limit < 1:
        raise _empty(limit)
    if after is not None:
        select = select.where(key > decode_cursor(after, key.type.python_type))
    return select.order_by(key).limit(limit + 1)


class Listing(Generic[*Ts]):
    """A list in order of a key, whose statements are built once for each choice of filters.

    Args:
        select: the columns; the first one is the key.
        key: what the list is in order of, unique in a scope.
    """

    def __init__(self, select: sa.Select[*Ts], key: sa.Column[int] | sa.Column[str]) -> None:
        self._select, self._key = select, key
        self._built: dict[tuple[str, ...], Query[*Ts]] = {}

    def rows(
        self, scope: ScopedConnection, after: str | None, limit: int, **equal: Value
    ) -> Sequence[sa.Row[*Ts]]:
        """A page and one row more: of what has these values (None: any), from the cursor on.

        Raises:
            Invalid: as `after_cursor`.
        """
        if limit < 1:
            raise _empty(limit)
        values = {f"by_{name}": value for name, value in equal.items() if value is not None}
        if after is not None:
            values["after"] = decode_cursor(after, self._key.type.python_type)
        values["limit"] = limit + 1
        query = self._built.get(tuple(values))
        if query is None:
            query = self._built[tuple(values)] = self._build(values)
        return scope.rows(query, **values)

    def _build(self, values: Container[str]) -> Query[*Ts]:
        columns = [column for column in self._key.table.c if f"by_{column.name}" in values]
        select = self._select.where(*(by(column) for column in columns))
        if "after" in values:
            select = select.where(self._key > sa.bindparam("after", type_=self._key.type))
        limit = sa.bindparam("limit", type_=INTEGER)
        return scoped(select.order_by(self._key).limit(limit))


def _empty(limit: int) -> Invalid:
    return Invalid(f"a page holds at least 1 item, not {limit}", code="bad_limit", param="limit")


def page(rows: Sequence[sa.Row[K, *Ts]], limit: int, load: Callable[[Unpack[Ts]], T]) -> Page[T]:
    """The page that these rows are: each a key, and what `load` makes an item of."""
    items = tuple(load(*row[1:]) for row in rows[:limit])
    more = len(rows) > limit
    return Page(items, encode_cursor(rows[limit - 1][0]) if more else None)
