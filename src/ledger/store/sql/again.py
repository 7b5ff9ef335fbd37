"""When to try again: for a while, after pauses that grow and differ, so that rivals part."""

import random
import time
from datetime import timedelta

from ledger.store.sql.errors import Fault
from ledger.types.clock import monotonic

_FIRST_MS = 5
_LONGEST_MS = 1_000
_MONTHS_MAX = 10


class Again:
    """The attempts at one transaction. The patience begins with the first that fails."""

    def __init__(self, patience_s: int) -> None:
        self._patience_s = patience_s
        self._until: float | None = None
        self._pause_ms = _FIRST_MS
        self._months = 0

    def after(self, fault: Fault) -> bool:
        """Wait as long as is good after `fault`; False when it is not worth waiting any more."""
        if fault.kind == "no_month":  # they are made at once; but never without end
            self._months += 1
            return self._months <= _MONTHS_MAX
        now = monotonic()
        if self._until is None:
            self._until = now + self._patience_s
        if now >= self._until:
            return False
        pause = random.randint(self._pause_ms // 2, self._pause_ms)  # noqa: S311 - it is no secret
        time.sleep(timedelta(milliseconds=pause).total_seconds())
        self._pause_ms = min(2 * self._pause_ms, _LONGEST_MS)
        return True
