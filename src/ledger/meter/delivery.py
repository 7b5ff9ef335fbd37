"""Delivery: a batch is stored as a whole; what cannot be stored is found and refused by itself."""

import random
from collections.abc import Callable, Sequence
from datetime import timedelta

from ledger.meter.model import EventResult, Reading
from ledger.types.errors import LedgerError, Unavailable
from ledger.types.scope import Scope

Store = Callable[[Scope, str, int, Sequence[Reading]], Sequence[EventResult]]
"""Stores readings in one transaction: (scope, writer, batch, readings).

It notes there that the writer's batches up to this one are stored; 0 is for readings that end none.
"""

Refuse = Callable[[Scope, Sequence[Reading], str], object]
"""Keeps readings that cannot be stored in the list of rejected events, with the reason."""

FIRST_RETRY_MS = 50
LAST_RETRY_MS = 30_000

# What databases call it when they, not the events, are in trouble.
_TRANSIENT = {"OperationalError", "InterfaceError", "InternalError"}


def deliver(
    scope: Scope,
    writer: str,
    batch: int,
    readings: Sequence[Reading],
    store: Store,
    refuse: Refuse,
) -> list[EventResult]:
    """Store a batch; an event that makes the store fail is refused, the others are stored.

    Raises whatever says that the store is in trouble; the batch can be delivered again then.
    """
    try:
        return list(store(scope, writer, batch, readings))
    except Exception as error:
        if is_transient(error):
            raise
        if len(readings) == 1:
            reason = f"not_stored: {_sentence(error)}"
            refuse(scope, readings, reason)
            reading = readings[0]
            return [EventResult("rejected", reading.id, reading.key, reason)]
        half = len(readings) // 2
        # Only the last part says that the batch is stored; 0 says nothing.
        first = deliver(scope, writer, 0, readings[:half], store, refuse)
        return first + deliver(scope, writer, batch, readings[half:], store, refuse)


def is_transient(error: Exception) -> bool:
    """Whether it may go better later: the store does not answer, or the machine is short."""
    if isinstance(error, LedgerError):
        return isinstance(error, Unavailable)
    if isinstance(error, OSError | MemoryError):
        return True
    return any(kind.__name__ in _TRANSIENT for kind in type(error).__mro__)


def retry_in_s(failures: int) -> float:
    """How long to wait after so many failures: doubling, with jitter, at most 30 seconds."""
    longest = min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** min(failures, 16))
    wait_ms = random.randint(longest // 2, longest)  # noqa: S311 - jitter is no secret
    return timedelta(milliseconds=wait_ms).total_seconds()


def _sentence(error: Exception) -> str:
    if isinstance(error, LedgerError):
        return error.message
    return f"the store refused the event with {type(error).__name__}: {error}"
