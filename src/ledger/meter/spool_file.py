"""A journal file: its records, framed so that a torn end and damage are told apart from the rest.

A file is a line that names the format, then records: length and CRC-32 of the payload, each in 4
bytes, little-endian, then the payload: msgpack of (tenant, app, reading).
"""

import ctypes
import errno
import os
from collections.abc import Callable
from functools import cache
from struct import Struct
from typing import NamedTuple
from zlib import crc32

import msgspec

from ledger.meter.model import Reading
from ledger.types.errors import Invalid
from ledger.types.scope import Scope

MAGIC = b"ledger spool 1\n"
RECORD_MAX = 2**20

_HEADER = Struct("<II")
_decode = msgspec.msgpack.Decoder(tuple[str, str, Reading]).decode


class Contents(NamedTuple):
    """The records of a file, up to its end, a torn record, or damage (a sentence about it)."""

    records: list[tuple[Scope, Reading]]
    damage: str | None = None


def frame(payload: bytes) -> bytes:
    """A record as it is written."""
    return _HEADER.pack(len(payload), crc32(payload)) + payload


def read(data: bytes) -> Contents:
    """What a file holds.

    A record that the end of the file cuts off was never acknowledged: it is torn, and dropped.
    One that is whole and wrong is damage, and nothing after it can be trusted.
    """
    if not data.startswith(MAGIC):
        is_torn = MAGIC.startswith(data)
        return Contents([], None if is_torn else "it does not begin like a journal")
    records: list[tuple[Scope, Reading]] = []
    at = len(MAGIC)
    while at + _HEADER.size <= len(data):
        length, check = _HEADER.unpack_from(data, at)
        start, end = at + _HEADER.size, at + _HEADER.size + length
        if length > RECORD_MAX:
            return Contents(records, f"the record at byte {at} says it has {length} bytes")
        if end > len(data):
            break
        payload = data[start:end]
        if crc32(payload) != check:
            return Contents(records, f"the record at byte {at} does not match its checksum")
        try:
            tenant, app, reading = _decode(payload)
            records.append((Scope(tenant, app), reading))
        except (msgspec.MsgspecError, Invalid) as error:
            return Contents(records, f"the record at byte {at} cannot be read: {error}")
        at = end
    return Contents(records)


Write = Callable[[int, bytes], None]


@cache
def system_write() -> Write:
    """A function that appends all of some bytes to an open file, or raises OSError.

    It keeps the interpreter's lock. `os.write` lets go of it, and with a busy thread beside it
    (the one that flushes) takes up to 5 ms to get it back: 5,000 times as long as the write.
    """
    call = ctypes.PyDLL(None, use_errno=True).write
    call.restype = ctypes.c_ssize_t

    def write(fd: int, data: bytes) -> None:
        written: int = call(fd, data, len(data))
        if written != len(data):
            code = ctypes.get_errno() if written < 0 else errno.ENOSPC
            raise OSError(code, os.strerror(code))

    return write
