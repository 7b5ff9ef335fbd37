"""Ids of usage events, made in blocks: one UUIDv7 for the events of some milliseconds.

One for each event would take a quarter of the time that a call of `meter()` may take. The last ten
bits of a UUIDv7 are random, and the next one that is made is greater whatever they are; so one
gives 1,024 ids that follow each other and tell the time to a few milliseconds.
"""

import os
from collections.abc import Iterator
from datetime import timedelta
from threading import RLock

from ledger.types import ids
from ledger.types.clock import monotonic
from ledger.types.ids import UsageEventId

BLOCK_S = timedelta(milliseconds=4).total_seconds()

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ENDS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)  # ten bits


class EventIds:
    """Makes ids of usage events, each greater than the one before, in any thread."""

    def __init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        """Leave the block that is begun: a forked child would make the ids of its parent."""
        self._lock = RLock()
        self._until: float = 0
        self._block: Iterator[UsageEventId] = iter(())

    def new(self) -> UsageEventId:
        """A new id."""
        if monotonic() < self._until:
            # One step of the interpreter, so no two threads get the same.
            id = next(self._block, None)  # noqa: A001 - what it is
            if id is not None:
                return id
        return self._begin()

    def _begin(self) -> UsageEventId:
        with self._lock:
            id = ids.USAGE_EVENT.new()  # noqa: A001 - what it is
            head = id[: -len(_ENDS[0])]
            self._until = 0  # nobody takes the new block for as old as the last one
            self._block = map(UsageEventId, map(head.__add__, _ENDS))
            first = next(self._block)
            self._until = monotonic() + BLOCK_S
            return first


_all = EventIds()
new_id = _all.new

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_all.start_anew)
