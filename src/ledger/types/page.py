"""Pages: a list in parts, each with an opaque cursor to the next."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Generic, TypeVar
from zlib import crc32

import msgspec

from ledger.types.errors import Invalid, shown
from ledger.types.json import decode, encode

T = TypeVar("T")

_CHECK_BYTES = 4
_CURSOR_MAX = 2048


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some items of a list, in order, and where the next ones begin (`None`: nowhere)."""

    items: tuple[T, ...]
    next_cursor: str | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def encode_cursor(position: object) -> str:
    """An opaque text for `position`, the sort key after which a page begins."""
    payload = encode(position)
    return _text(_check(payload) + payload)


def decode_cursor(cursor: str, type: type[T]) -> T:
    """The position that `encode_cursor` hid.

    The check finds damage, not malice: a forged position only moves within the caller's own list.

    Raises:
        Invalid: (`bad_cursor`) Ledger did not make this cursor, or not for this list.
    """
    try:
        return decode(_payload(cursor), type)
    except (ValueError, TypeError, Invalid):
        raise Invalid(
            f"{shown(cursor)} is not a cursor of this list; take one from its last page",
            code="bad_cursor",
            param="cursor",
        ) from None


def _payload(cursor: str) -> bytes:
    text = cursor[:_CURSOR_MAX]
    raw = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    check, payload = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
    if check != _check(payload) or _text(raw) != cursor:  # one position has one text
        raise ValueError(cursor)
    return payload


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _check(payload: bytes) -> bytes:
    return crc32(payload).to_bytes(_CHECK_BYTES, "big")
