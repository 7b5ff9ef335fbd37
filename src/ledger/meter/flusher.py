"""The flusher: one thread that empties the buffers of all tenants, one batch each in turn."""

import atexit
import logging
import os
import secrets
import time
from collections.abc import Sequence
from threading import Condition, RLock, Thread, current_thread
from weakref import WeakSet

from ledger.meter.buffer import Batch, Buffer
from ledger.meter.config import MeterConfig
from ledger.meter.delivery import Refuse, Store, deliver, retry_in_s
from ledger.meter.model import Reading
from ledger.meter.spool import Replayed, Spool
from ledger.meter.stats import MeterStats, added_up
from ledger.types.clock import monotonic
from ledger.types.errors import Conflict, Unavailable
from ledger.types.scope import Scope

IDLE_S = 30
"""After so long without events the thread ends; the next event starts another."""

EXIT_S = 30
"""How long the end of the interpreter waits for what is not stored yet."""

_log = logging.getLogger(__name__)


class Flusher:
    """Stores what buffers hold: when a batch is full, when its time has come, or when asked.

    Args:
        config: sizes and times.
        store: stores a batch in one transaction; see `delivery.Store`.
        refuse: keeps events that cannot be stored; see `delivery.Refuse`.
        spool: the journal, None without.

    The thread starts with the first event. A forked child starts with empty buffers and a name of
    its own; the parent keeps its events. When the interpreter ends, what is left is stored.
    """

    def __init__(
        self, config: MeterConfig, store: Store, refuse: Refuse, spool: Spool | None = None
    ) -> None:
        self._config, self._store, self._refuse, self._spool = config, store, refuse, spool
        self._buffers: dict[Scope, Buffer] = {}
        self._is_closing = False
        self._start_anew()
        _living.add(self)

    def _start_anew(self) -> None:
        self.writer = secrets.token_hex(8)
        self._lock = RLock()
        self._changed = Condition(self._lock)
        self._progress = Condition(self._lock)
        self._active: dict[Buffer, None] = {}
        self._thread: Thread | None = None
        self._is_idle = False
        self._is_stopped = False
        # Held while a batch is stored, should ever two threads empty buffers.
        self._turn = RLock()

    def after_fork(self) -> None:
        """In a forked child: begin with nothing, under another name."""
        self._start_anew()
        if self._spool is not None:
            self._spool.after_fork()
        for buffer in self._buffers.values():
            buffer.after_fork()

    def buffer(self, scope: Scope) -> Buffer:
        """The buffer of a tenant and app, the same one each time."""
        with self._lock:
            buffer = self._buffers.get(scope)
            if buffer is None:
                buffer = Buffer(scope, self._config, self, self._spool)
                if self._is_closing:
                    buffer.close()
                self._buffers[scope] = buffer
            return buffer

    def flush(self, scope: Scope | None = None, timeout_s: float | None = None) -> None:
        """Wait until everything that was added before is stored, of one tenant or of all.

        Raises:
            Unavailable: (`timed_out`) it was not within `timeout_s`; the sentence says why.
            Conflict: (`flush_in_flush`) the flusher's own thread asked, which would wait for
                itself.
        """
        if self.is_current_thread():
            raise Conflict(
                "a flush was asked for while storing usage; that would wait for itself",
                code="flush_in_flush",
            )
        targets = [(buffer, buffer.hurry()) for buffer in self._chosen(scope)]
        deadline = None if timeout_s is None else monotonic() + timeout_s
        while behind := [b for b, target in targets if b.stored_up_to < target]:
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                raise _timed_out(behind)
            self._advance(behind, left)

    def replay(self) -> Replayed:
        """Store what processes that are gone had left in the spool; nothing without a spool.

        Raises:
            Unavailable: the store is in trouble; what is left stays where it is.
        """
        if self._spool is None:
            return Replayed()
        return self._spool.replay(self._deliver_left_over)

    def stats(self, scope: Scope | None = None) -> MeterStats:
        """What became of what was metered, of one tenant or of all."""
        return added_up(self._chosen(scope))

    def close(self, timeout_s: float | None = None) -> None:
        """Take nothing in any more, store what is left, end the thread. Closing twice is fine.

        Raises:
            Unavailable: (`timed_out`) not all was stored within `timeout_s`. What is in the spool
                is stored by the next process, the rest is lost.
        """
        with self._lock:
            self._is_closing = True
        for buffer in self._chosen(None):
            buffer.close()
        try:
            self.flush(timeout_s=timeout_s)
        finally:
            self._stop()
            if self._spool is not None:
                self._spool.close()
            _living.discard(self)

    def wake(self, buffer: Buffer) -> None:
        """A buffer has its first event, or a full batch: it takes its turn."""
        with self._lock:
            self._active[buffer] = None
            if self._start_thread() and (self._is_idle or buffer.has_full_batch):
                self._changed.notify()

    def is_current_thread(self) -> bool:
        """Whether the caller is the flusher's own thread."""
        return self._thread is current_thread()

    def _chosen(self, scope: Scope | None) -> list[Buffer]:
        with self._lock:
            if scope is None:
                return list(self._buffers.values())
            return [self._buffers[scope]] if scope in self._buffers else []

    def _advance(self, behind: Sequence[Buffer], left_s: float | None) -> None:
        """Wait until something was stored, or a while; without a thread do it here."""
        with self._lock:
            self._active.update(dict.fromkeys(behind))
            if self._start_thread():
                self._changed.notify()
                self._progress.wait(1 if left_s is None else min(left_s, 1))
                return
        for buffer in behind:
            self._empty(buffer)
        due = min((buffer.due_at() or 0 for buffer in behind), default=0)
        time.sleep(max(0, min(due - monotonic(), 1 if left_s is None else left_s)))

    def _start_thread(self) -> bool:
        """Whether a thread runs now. At the end of the interpreter none can be started."""
        if self._is_stopped:
            return False
        if self._thread is not None and self._thread.is_alive():
            return True
        self._is_idle = False
        self._thread = Thread(target=self._run, name="ledger-meter", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._thread = None
        return self._thread is not None

    def _stop(self) -> None:
        with self._lock:
            self._is_stopped = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not current_thread() and thread.is_alive():
            thread.join(IDLE_S)

    def _run(self) -> None:
        while (buffer := self._next()) is not None:
            self._empty(buffer)

    def _next(self) -> Buffer | None:
        """The buffer whose turn it is, once something is due; None when the thread is to end."""
        with self._lock:
            while not self._is_stopped:
                now, soonest = monotonic(), None
                for buffer in self._active:
                    due = buffer.due_at()
                    if due is None or due <= now:
                        del self._active[buffer]
                        return buffer
                    soonest = due if soonest is None else min(soonest, due)
                if soonest is not None:
                    # No longer than an interval: what comes in meanwhile is due after one.
                    self._changed.wait(min(soonest - now, self._config.flush_interval_s))
                    continue
                self._is_idle = True
                was_told = self._changed.wait(IDLE_S)
                self._is_idle = False
                if not was_told and not self._active:
                    break
            self._thread = None
            return None

    def _empty(self, buffer: Buffer) -> None:
        """Store one batch of a buffer, then let it queue again if there is more."""
        with self._turn:
            batch = buffer.take()
            if batch is not None:
                self._store_batch(buffer, batch)
        with self._lock:
            if buffer.due_at() is not None:
                self._active[buffer] = None
            self._progress.notify_all()

    def _store_batch(self, buffer: Buffer, batch: Batch) -> None:
        scope = buffer.scope
        try:
            results = deliver(
                scope, self.writer, batch.number, batch.readings, self._store, self._refuse
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the events stay and are retried
            buffer.failed(error, retry_in_s(buffer.failures))
            _log.warning(
                "%d events of tenant %s are not stored yet, attempt %d: %s",
                buffer.waiting, scope.tenant, buffer.failures, error,
            )  # fmt: skip
            return
        buffer.stored(batch, results)
        if self._spool is not None:
            self._spool.release(batch.held)

    def _deliver_left_over(self, scope: Scope, readings: Sequence[Reading]) -> None:
        deliver(scope, self.writer, 0, readings, self._store, self._refuse)


def _timed_out(behind: Sequence[Buffer]) -> Unavailable:
    waiting = sum(buffer.waiting for buffer in behind)
    causes = [buffer.last_error for buffer in behind if buffer.last_error is not None]
    why = f"the last attempt failed: {causes[0]}" if causes else "storing them takes longer"
    return Unavailable(f"{waiting:,} usage events are not stored yet; {why}", code="timed_out")


_living: WeakSet[Flusher] = WeakSet()


def _drain_all() -> None:
    for flusher in tuple(_living):
        try:
            flusher.close(EXIT_S)
        except Unavailable as error:
            _log.error("the interpreter ends: %s", error)


def _start_all_anew() -> None:
    for flusher in tuple(_living):
        flusher.after_fork()


atexit.register(_drain_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_all_anew)
