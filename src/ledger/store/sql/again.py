"""When to try again: for a while, after pauses that grow and differ, so that rivals part."""

import random
import time

from ledger.store.sql.errors import Fault
from ledger.types.clock import monotonic

_FIRST_S = 0.005
_LONGEST_S = 1.0
_MONTHS_MAX = 10


class Again:
    """The attempts at one transaction, of which the first has failed."""

    def __init__(self, patience_s: float) -> None:
        self._until = monotonic() + patience_s
        self._pause_s = _FIRST_S
        self._months = 0

    def after(self, fault: Fault) -> bool:
        """Wait as long as is good after `fault`; False when it is not worth waiting any more."""
        if fault.kind == "no_month":  # it is made at once, but never without end
            self._months += 1
            return self._months <= _MONTHS_MAX
        if monotonic() + self._pause_s > self._until:
            return False
        time.sleep(self._pause_s * (0.5 + random.random() / 2))  # noqa: S311 - it need not be secret
        self._pause_s = min(2 * self._pause_s, _LONGEST_S)
        return True
