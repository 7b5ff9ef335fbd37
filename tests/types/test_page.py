"""Pages and their cursors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.types.errors import Invalid
from ledger.types.page import Page, decode_cursor, encode_cursor


def test_a_page_is_its_items() -> None:
    page = Page(("a", "b"), "next")
    assert list(page) == ["a", "b"]
    assert len(page) == 2
    assert page.next_cursor == "next"
    assert Page[str](()).next_cursor is None


@given(st.tuples(st.integers(-(2**62), 2**62), st.text(max_size=50)))
def test_a_cursor_gives_its_position_back(position: tuple[int, str]) -> None:
    cursor = encode_cursor(position)
    assert decode_cursor(cursor, tuple[int, str]) == position
    assert cursor.isascii()
    assert not set(cursor) & set("+/=&?# ")


CURSOR = encode_cursor(("inv_1", 7))


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "abcd", CURSOR[:-1], CURSOR + "A", CURSOR + "=", "A" + CURSOR, CURSOR.swapcase(),
        CURSOR[:8] + ("A" if CURSOR[8] != "A" else "B") + CURSOR[9:], CURSOR + "!", "\u00e9" * 8,
        CURSOR * 1000, " " + CURSOR, None, 7, b"bytes",
    ],
)  # fmt: skip
def test_a_damaged_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode_cursor(cursor, tuple[str, int])
    assert refused.value.code == "bad_cursor"
    assert refused.value.param == "cursor"


def test_the_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(Invalid):
        decode_cursor(CURSOR, tuple[int, int])
