"""The buffer of one tenant: `meter()` appends here and returns; nothing leaves before it is stored.

Events are numbered into batches as they come in, so that whoever reads usage can tell by one number
which of them a transaction saw.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition, RLock
from typing import NamedTuple, Protocol

import msgspec

from ledger.meter.config import MeterConfig
from ledger.meter.model import EventResult, Reading
from ledger.meter.spool import Segment, Spool
from ledger.types.clock import monotonic
from ledger.types.errors import Conflict, Unavailable
from ledger.types.scope import Scope

AWAITED_RETRY_S = 1
"""The longest pause between attempts to store what a `flush` waits for."""

_encode = msgspec.msgpack.Encoder().encode
_log = logging.getLogger(__name__)


class Pending(NamedTuple):
    """Readings of a batch that may not be stored yet."""

    batch: int
    readings: Sequence[Reading]


class Batch:
    """Readings that are stored in one transaction, and the journal segments that hold them."""

    __slots__ = ("held", "number", "readings", "since")

    def __init__(self, number: int) -> None:
        self.number = number
        self.readings: list[Reading] = []
        self.held: list[Segment] = []
        self.since: float = 0


class Tally(msgspec.Struct):
    """What became of the events of a buffer so far."""

    stored: int = 0
    duplicates: int = 0
    conflicts: int = 0
    rejected: int = 0
    dropped: int = 0
    retries: int = 0


class Owner(Protocol):
    """Who empties buffers."""

    def wake(self, buffer: "Buffer") -> None:
        """A buffer has its first event, or a full batch."""
        ...

    def is_current_thread(self) -> bool:
        """Whether the caller is the one who empties."""
        ...


class Buffer:
    """The events of one tenant on their way to the store.

    `on_add` is called with every reading that comes in, in order, under the buffer's lock; it must
    be quick and must not call back.
    """

    def __init__(
        self, scope: Scope, config: MeterConfig, owner: Owner, spool: Spool | None
    ) -> None:
        self.scope = scope
        self._config, self._owner, self._spool = config, owner, spool
        self._prefix = b"" if spool is None else spool.prefix(scope)
        self._size = config.batch_size
        self.after_fork()

    def after_fork(self) -> None:
        """Start anew, empty: in a forked child the parent keeps its events, and its locks."""
        self.on_add: Callable[[Reading], None] | None = None  # what the parent told is its own
        # Reentrant: a signal handler or a finalizer may meter in the middle of `add`.
        self._lock = RLock()
        self._space = Condition(self._lock)
        self._sealed: deque[Batch] = deque()
        self._open = Batch(1)
        self._waiting = 0
        self._room = self._config.buffer_max  # -1 once closed, so that `add` compares once
        self._stored = 0
        self._retry_at: float = 0
        self._is_awaited = False
        self.failures = 0
        self.last_error: Exception | None = None
        self.tally = Tally()

    def add(self, reading: Reading) -> bool:
        """Take a reading in, journal first; False if it was dropped because the buffer is full.

        Raises:
            Unavailable: the buffer is full and configured to raise (`buffer_full`), or the journal
                cannot be written (`spool_full`); the event is not taken then.
            Conflict: (`engine_closed`).
        """
        record = None if self._spool is None else self._prefix + _encode(reading)
        with self._lock:
            if self._waiting >= self._room and not self._has_room():
                return False
            batch = self._open
            if record is not None and self._spool is not None:
                self._spool.append(record, batch.held)
            readings = batch.readings
            readings.append(reading)
            self._waiting += 1
            if self.on_add is not None:
                self._tell(reading)
            if len(readings) == 1 or len(readings) >= self._size:
                self._grown(batch)
        return True

    def snapshot(self, register: Callable[[], None]) -> list[Pending]:
        """Call `register` and copy what is not yet known to be stored, with no `add` in between.

        What a transaction that begins later says to be marked is part of what it reads; the other
        batches, and what `on_add` tells from now on, come on top.
        """
        with self._lock:
            register()
            batches = (*self._sealed, self._open)
            return [Pending(b.number, tuple(b.readings)) for b in batches if b.readings]

    def take(self) -> Batch | None:
        """The oldest batch that is not stored, the same until `stored` is told; None if empty."""
        with self._lock:
            if not self._sealed:
                self._seal()
            return self._sealed[0] if self._sealed else None

    def stored(self, batch: Batch, results: Sequence[EventResult]) -> None:
        """Forget a batch that was taken: it is stored."""
        with self._lock:
            self._sealed.remove(batch)
            self._waiting -= len(batch.readings)
            self._stored = batch.number
            self._retry_at, self.failures, self.last_error = 0, 0, None
            self._is_awaited = False
            for result in results:
                self._count(result)
            self._space.notify_all()

    def failed(self, error: Exception, retry_in_s: float) -> None:
        """Keep the batch that was taken, and try it again later; soon, if somebody waits for it."""
        if self._is_awaited:
            retry_in_s = min(retry_in_s, AWAITED_RETRY_S)
        self.failures += 1
        self.tally.retries += 1
        self.last_error = error
        self._retry_at = monotonic() + retry_in_s

    def hurry(self) -> int:
        """Make all that is here due now; the number of the batch that ends it."""
        with self._lock:
            self._seal()
            self._retry_at, self._is_awaited = 0, True
            return self._open.number - 1

    def close(self) -> None:
        """Take nothing in any more. What is here is still stored."""
        with self._lock:
            self._room = -1
            self._space.notify_all()

    @property
    def stored_up_to(self) -> int:
        """The number of the last batch that is stored."""
        return self._stored

    @property
    def waiting(self) -> int:
        """How many events are not stored yet."""
        return self._waiting

    @property
    def has_full_batch(self) -> bool:
        """Whether a batch waits that takes nothing more in."""
        return bool(self._sealed)

    @property
    def oldest_age_s(self) -> float:
        """For how many seconds the oldest event has waited; 0 without any."""
        with self._lock:
            oldest = self._sealed[0] if self._sealed else self._open
            return monotonic() - oldest.since if oldest.readings else 0

    def due_at(self) -> float | None:
        """From when, on the monotonic clock, there is something to store; None if nothing is."""
        # Without the lock: an event that comes in meanwhile wakes the owner anyway.
        if self._sealed:
            return self._retry_at
        batch = self._open
        if not batch.readings:
            return None
        return max(batch.since + self._config.flush_interval_s, self._retry_at)

    def _grown(self, batch: Batch) -> None:
        if len(batch.readings) == 1:
            batch.since = monotonic()
        if len(batch.readings) >= self._size:
            self._seal()
        self._owner.wake(self)

    def _seal(self) -> None:
        if self._open.readings:
            self._sealed.append(self._open)
            self._open = Batch(self._open.number + 1)

    def _tell(self, reading: Reading) -> None:
        try:
            if self.on_add is not None:
                self.on_add(reading)
        except Exception:  # noqa: BLE001 - the event is taken in, whatever a listener makes of it
            _log.exception("a listener to usage events of %s failed", self.scope)

    def _has_room(self) -> bool:
        """What a full or closed buffer does with one more event."""
        while self._waiting >= self._room:
            if self._room < 0:
                raise Conflict(
                    "the engine is closed, so it takes no usage in; the event is not counted",
                    code="engine_closed",
                )
            if self._config.overflow == "drop":
                self.tally.dropped += 1
                return False
            # Whoever empties the buffer cannot wait for it to be emptied.
            if self._config.overflow == "raise" or self._owner.is_current_thread():
                raise Unavailable(
                    f"{self._waiting:,} events of tenant {self.scope.tenant} wait to be stored,"
                    " which is all that the buffer holds; the event is not counted",
                    code="buffer_full",
                )
            self._owner.wake(self)
            self._space.wait()
        return True

    def _count(self, result: EventResult) -> None:
        match result.outcome:
            case "accepted":
                self.tally.stored += 1
            case "duplicate":
                self.tally.duplicates += 1
            case "conflict":
                self.tally.conflicts += 1
            case "rejected":
                self.tally.rejected += 1
