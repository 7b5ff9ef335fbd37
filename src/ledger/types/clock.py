"""The clock: the only place where Ledger asks what time it is."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where facts take their time from: read once per operation."""

    def now(self) -> datetime:
        """The present instant, in UTC."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The present instant, in UTC, to the microsecond."""
        return datetime.now(UTC)


def monotonic() -> float:
    """Seconds that never run backwards, for time-outs and lifetimes; not a date."""
    return time.monotonic()
