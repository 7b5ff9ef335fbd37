"""A place to store events that fails when it is told to, for tests of how they get there."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from ledger.meter.acceptance import stamp_fast
from ledger.meter.config import MeterConfig
from ledger.meter.flusher import Flusher
from ledger.meter.model import EventResult, Reading
from ledger.types.scope import Scope

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ACME, OTHER = Scope("acme"), Scope("other")
LONG_S = 3_600
PATIENCE_S = 20


def event(quantity: int = 1, key: str | None = None) -> Reading:
    return stamp_fast("api_calls", "user_42", quantity, key, None, None, None, NOW)


class Shelf:
    """Where tests store: it keeps what a store keeps, and fails when it is told to."""

    def __init__(self) -> None:
        self.calls: list[tuple[Scope, str, int, list[str]]] = []
        self.keys: dict[tuple[Scope, str], Reading] = {}
        self.marks: dict[tuple[Scope, str], int] = {}
        self.refused: list[tuple[str, str]] = []
        self.fail: Callable[[Sequence[Reading]], Exception | None] = lambda _: None
        self.go = threading.Event()
        self.go.set()
        self.turn = threading.Lock()

    def store(
        self, scope: Scope, writer: str, batch: int, readings: Sequence[Reading]
    ) -> list[EventResult]:
        assert self.go.wait(PATIENCE_S)
        with self.turn:
            error = self.fail(readings)
            if error is not None:
                raise error
            self.calls.append((scope, writer, batch, [reading.key for reading in readings]))
            if batch:
                self.marks[scope, writer] = batch
            return [self._keep(scope, reading) for reading in readings]

    def _keep(self, scope: Scope, reading: Reading) -> EventResult:
        is_new = self.keys.setdefault((scope, reading.key), reading) is reading
        return EventResult("accepted" if is_new else "duplicate", reading.id, reading.key)

    def refuse(self, _: Scope, readings: Sequence[Reading], reason: str) -> None:
        self.refused += [(reading.key, reason) for reading in readings]

    def flusher(self, **config: object) -> Flusher:
        return Flusher(MeterConfig(**config), self.store, self.refuse)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - the test's own options


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)
