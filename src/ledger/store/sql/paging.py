"""Lists in pages: one row more than asked for tells whether there is another page."""

from collections.abc import Callable, Sequence
from typing import TypeVar, TypeVarTuple, Unpack

import sqlalchemy as sa

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
        raise Invalid(f"a page holds at least 1 item, not {limit}", code="bad_limit", param="limit")
    if after is not None:
        select = select.where(key > decode_cursor(after, key.type.python_type))
    return select.order_by(key).limit(limit + 1)


def page(rows: Sequence[sa.Row[K, *Ts]], limit: int, load: Callable[[Unpack[Ts]], T]) -> Page[T]:
    """The page that these rows are: each a key, and what `load` makes an item of."""
    items = tuple(load(*row[1:]) for row in rows[:limit])
    more = len(rows) > limit
    return Page(items, encode_cursor(rows[limit - 1][0]) if more else None)
