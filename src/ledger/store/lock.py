"""A lock that threads get in the order in which they asked, so that none waits for ever."""

from collections import deque
from threading import Lock


class FairLock:
    """First come, first served. A thread that has it must not ask again before it gave it back."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._is_taken = False
        self._queue: deque[Lock] = deque()

    @property
    def waiting(self) -> int:
        """How many threads are in the queue."""
        return len(self._queue)

    def acquire(self, timeout_s: int) -> bool:
        """Wait for the lock; False when it did not come within `timeout_s`."""
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return True
            turn = Lock()
            turn.acquire()
            self._queue.append(turn)
        try:
            came = turn.acquire(timeout=timeout_s)
        except BaseException:  # an interrupt must not leave the lock with a thread that is gone
            if not self._leave(turn):
                self.release()
            raise
        return came or not self._leave(turn)

    def release(self) -> None:
        """Hand the lock to the thread that has waited longest."""
        with self._guard:
            if self._queue:
                self._queue.popleft().release()  # still taken, so that nobody overtakes
            else:
                self._is_taken = False

    def _leave(self, turn: Lock) -> bool:
        """Leave the queue; False when the lock was handed over just now."""
        with self._guard:
            if turn not in self._queue:
                return False
            self._queue.remove(turn)
            return True
