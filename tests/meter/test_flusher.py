"""What `meter()` took in is stored once, whoever meters, whatever the store does meanwhile."""

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from ledger.meter import flusher as flusher_module
from ledger.meter.acceptance import stamp_fast
from ledger.meter.config import MeterConfig, Overflow
from ledger.meter.flusher import Flusher
from ledger.meter.model import EventResult, Reading
from ledger.types.errors import Conflict, Invalid, LedgerError, Unavailable
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


def test_many_threads_lose_nothing_and_store_nothing_twice() -> None:
    shelf = Shelf()
    flusher = shelf.flusher(batch_size=7, buffer_max=50, flush_interval_s=0.01)
    scopes = [ACME, OTHER, Scope("third")]

    def work(name: int) -> None:
        for i in range(200):
            flusher.buffer(scopes[i % 3]).add(event(key=f"{name}-{i}"))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    flusher.flush()
    stored = [(scope, key) for scope, _, _, keys in shelf.calls for key in keys]
    assert sorted(stored, key=str) == sorted(
        ((scopes[i % 3], f"{name}-{i}") for name in range(6) for i in range(200)), key=str
    )
    for scope in scopes:
        numbers = [batch for of, _, batch, _ in shelf.calls if of == scope]
        assert numbers == list(range(1, len(numbers) + 1))
    stats = flusher.stats()
    assert (stats.accepted, stats.stored, stats.buffered) == (1200, 1200, 0)
    flusher.close()


def test_a_full_batch_is_stored_at_once() -> None:
    shelf = Shelf()
    flusher = shelf.flusher(batch_size=3, flush_interval_s=LONG_S)
    for _ in range(7):
        flusher.buffer(ACME).add(event())
    until(lambda: len(shelf.calls) == 2)
    assert flusher.stats().buffered == 1
    flusher.close()
    assert [len(keys) for *_, keys in shelf.calls] == [3, 3, 1]


def test_an_event_waits_no_longer_than_the_interval() -> None:
    shelf = Shelf()
    flusher = shelf.flusher(flush_interval_s=0.05)
    flusher.buffer(ACME).add(event(key="a"))
    assert flusher.stats().oldest_age_s >= 0
    until(lambda: bool(shelf.calls))
    flusher.buffer(ACME).add(event(key="b"))
    until(lambda: len(shelf.calls) == 2)
    flusher.close()


def test_a_flush_waits_for_what_was_added_before_and_only_that() -> None:
    shelf = Shelf()
    flusher = shelf.flusher(flush_interval_s=LONG_S)
    flusher.flush()
    for scope in (ACME, OTHER):
        flusher.buffer(scope).add(event(key=scope.tenant))
    flusher.flush(ACME)
    assert list(shelf.keys) == [(ACME, "acme")]
    flusher.flush(Scope("nobody"))
    flusher.flush()
    assert len(shelf.keys) == 2
    flusher.close()


def test_a_noisy_tenant_does_not_keep_a_quiet_one_waiting() -> None:
    shelf = Shelf()
    shelf.go.clear()
    flusher = shelf.flusher(batch_size=2, buffer_max=100, flush_interval_s=LONG_S)
    for _ in range(40):
        flusher.buffer(ACME).add(event())
    for _ in range(2):
        flusher.buffer(OTHER).add(event())
    shelf.go.set()
    flusher.flush()
    assert [scope for scope, *_ in shelf.calls].index(OTHER) <= 2
    flusher.close()


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("the database is busy", code="database_busy"),
        sqlite3.OperationalError("database is locked"),
        ConnectionResetError("gone"),
    ],
)
def test_a_store_in_trouble_is_tried_again_until_it_is_not(error: Exception) -> None:
    shelf, failures = Shelf(), [error] * 3
    shelf.fail = lambda _: failures.pop() if failures else None
    flusher = shelf.flusher(flush_interval_s=0.001)
    for i in range(10):
        flusher.buffer(ACME).add(event(key=str(i)))
    flusher.flush()
    assert [key for *_, keys in shelf.calls for key in keys] == [str(i) for i in range(10)]
    assert (flusher.stats().retries, shelf.refused) == (3, [])
    flusher.close()


def test_a_flush_that_takes_too_long_says_why_and_loses_nothing() -> None:
    shelf = Shelf()
    shelf.fail = lambda _: Unavailable("the disk is full", code="disk_full")
    flusher = shelf.flusher()
    flusher.buffer(ACME).add(event())
    with pytest.raises(Unavailable, match=r"1 usage events .* the disk is full") as refused:
        flusher.flush(timeout_s=0.05)
    assert refused.value.code == "timed_out"
    shelf.fail = lambda _: None
    flusher.flush()
    assert len(shelf.keys) == 1
    flusher.close()


@pytest.mark.parametrize(
    "error", [Invalid("too large a quantity"), OverflowError("too large"), KeyError("x")]
)
def test_an_event_that_cannot_be_stored_is_refused_and_the_others_are_stored(
    error: Exception,
) -> None:
    shelf = Shelf()
    shelf.fail = lambda some: error if {"3", "8"} & {reading.key for reading in some} else None
    flusher = shelf.flusher(flush_interval_s=LONG_S)
    for i in range(10):
        flusher.buffer(ACME).add(event(key=str(i)))
    flusher.flush()
    stored = [key for *_, keys in shelf.calls for key in keys]
    assert stored == [str(i) for i in range(10) if i not in {3, 8}]
    assert [key for key, _ in shelf.refused] == ["3", "8"]
    assert all(reason.startswith("not_stored: ") for _, reason in shelf.refused)
    stats = flusher.stats()
    assert (stats.accepted, stats.stored, stats.rejected, stats.retries) == (10, 8, 2, 0)
    # Before the last part nobody may believe that the whole batch is stored.
    assert [batch for _, _, batch, _ in shelf.calls] == [0] * (len(shelf.calls) - 1) + [1]
    flusher.close()


def test_an_event_that_cannot_even_be_refused_is_kept() -> None:
    shelf = Shelf()
    shelf.fail = lambda _: Invalid("never")
    refuse = shelf.refuse
    trouble = [Unavailable("no", code="no")] * 2

    def refuse_later(scope: Scope, readings: Sequence[Reading], reason: str) -> None:
        if trouble:
            raise trouble.pop()
        refuse(scope, readings, reason)

    flusher = Flusher(MeterConfig(), shelf.store, refuse_later)
    flusher.buffer(ACME).add(event(key="a"))
    flusher.flush()
    assert [key for key, _ in shelf.refused] == ["a"]
    assert flusher.stats().retries == 2
    flusher.close()


def test_a_full_buffer_can_refuse_or_drop_and_says_so() -> None:
    for overflow, dropped in (("raise", 0), ("drop", 1)):
        shelf = Shelf()
        shelf.go.clear()
        flusher = shelf.flusher(batch_size=2, buffer_max=4, overflow=overflow)
        buffer = flusher.buffer(ACME)
        assert all(buffer.add(event()) for _ in range(4))
        if overflow == "raise":
            with pytest.raises(Unavailable, match="acme") as refused:
                buffer.add(event())
            assert refused.value.code == "buffer_full"
        else:
            assert not buffer.add(event())
        shelf.go.set()
        flusher.close()
        stats = flusher.stats()
        assert (stats.accepted, stats.stored, stats.dropped) == (4, 4, dropped)


def test_a_full_buffer_waits_for_room() -> None:
    shelf = Shelf()
    shelf.go.clear()
    flusher = shelf.flusher(batch_size=2, buffer_max=2)
    buffer = flusher.buffer(ACME)
    waits = threading.Thread(target=lambda: [buffer.add(event(key=str(i))) for i in range(9)])
    waits.start()
    waits.join(0.05)
    assert (waits.is_alive(), buffer.waiting) == (True, 2)
    # Another tenant has room of its own.
    assert flusher.buffer(OTHER).add(event())
    shelf.go.set()
    waits.join(PATIENCE_S)
    flusher.close()
    assert len(shelf.keys) == 10


@pytest.mark.parametrize("overflow", ["block", "raise", "drop"])
def test_a_closed_engine_takes_nothing_in_and_has_stored_everything(overflow: Overflow) -> None:
    shelf = Shelf()
    flusher = shelf.flusher(flush_interval_s=LONG_S, overflow=overflow)
    buffer = flusher.buffer(ACME)
    buffer.add(event())
    flusher.close()
    flusher.close()
    assert len(shelf.keys) == 1
    for late in (buffer, flusher.buffer(OTHER)):
        with pytest.raises(Conflict) as refused:
            late.add(event())
        assert refused.value.code == "engine_closed"
    assert flusher.stats().accepted == 1


def test_who_waits_for_room_when_the_engine_is_closed_is_told() -> None:
    shelf = Shelf()
    shelf.go.clear()
    flusher = shelf.flusher(batch_size=1, buffer_max=1)
    buffer, told = flusher.buffer(ACME), list[str]()
    buffer.add(event())

    def wait() -> None:
        try:
            buffer.add(event())
        except LedgerError as error:
            told.append(error.code)

    waits = threading.Thread(target=wait)
    waits.start()
    closes = threading.Thread(target=flusher.close)
    closes.start()
    waits.join(PATIENCE_S)
    shelf.go.set()
    closes.join(PATIENCE_S)
    assert told == ["engine_closed"]


def test_closing_in_time_or_saying_what_is_left() -> None:
    shelf = Shelf()
    shelf.fail = lambda _: Unavailable("no answer", code="database_down")
    flusher = shelf.flusher()
    for _ in range(3):
        flusher.buffer(ACME).add(event())
    with pytest.raises(Unavailable, match=r"3 usage events .* no answer"):
        flusher.close(timeout_s=0.05)


def test_the_flusher_never_waits_for_itself() -> None:
    shelf = Shelf()
    told: list[str] = []
    flusher = shelf.flusher(batch_size=1, buffer_max=1)
    buffer = flusher.buffer(ACME)

    def meddle(_: Sequence[Reading]) -> None:
        for call in (flusher.flush, lambda: buffer.add(event())):
            try:
                call()
            except LedgerError as error:
                told.append(error.code)

    shelf.fail = meddle
    buffer.add(event())
    flusher.flush()
    assert told == ["flush_in_flush", "buffer_full"]
    shelf.fail = lambda _: None
    flusher.close()


def test_a_listener_hears_every_event_and_cannot_break_anything() -> None:
    shelf, heard = Shelf(), list[str]()
    flusher = shelf.flusher()
    buffer = flusher.buffer(ACME)

    def listen(reading: Reading) -> None:
        heard.append(reading.key)
        raise RuntimeError(reading.key)

    buffer.on_add = listen
    assert all(buffer.add(event(key=str(i))) for i in range(3))
    flusher.close()
    assert heard == ["0", "1", "2"]
    assert len(shelf.keys) == 3


def test_whoever_reads_counts_every_event_once() -> None:
    """Stored, as a transaction saw it, + waiting then + heard since = all, at any moment."""
    shelf = Shelf()
    flusher = shelf.flusher(batch_size=5, flush_interval_s=0.001)
    buffer, total = flusher.buffer(ACME), 3_000
    done = threading.Event()

    def work() -> None:
        for i in range(total):
            buffer.add(event(key=str(i)))
        done.set()

    worker = threading.Thread(target=work)
    worker.start()
    while not done.is_set():
        heard: list[str] = []

        def listen(heard: list[str] = heard) -> None:
            buffer.on_add = lambda reading: heard.append(reading.key)

        accepted: list[int] = []

        def stop(accepted: list[int] = accepted) -> None:
            buffer.on_add = None
            accepted.append(buffer.tally.stored + buffer.waiting)

        pending = buffer.snapshot(listen)
        with shelf.turn:
            seen, mark = len(shelf.keys), shelf.marks.get((ACME, flusher.writer), 0)
        waiting = sum(len(p.readings) for p in pending if p.batch > mark)
        buffer.snapshot(stop)
        assert [seen + waiting + len(heard)] == accepted
    worker.join()
    flusher.close()
    assert len(shelf.keys) == total


def test_a_thread_without_work_ends_and_another_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flusher_module, "IDLE_S", 0.01)
    shelf = Shelf()
    flusher = shelf.flusher(flush_interval_s=0.001)

    def runs() -> bool:
        return any(thread.name == "ledger-meter" for thread in threading.enumerate())

    for i in range(3):
        flusher.buffer(ACME).add(event(key=str(i)))
        until(lambda: not runs())
    assert len(shelf.keys) == 3
    flusher.close()


def test_an_event_from_inside_of_an_event_is_taken_too() -> None:
    """As a signal handler or a finalizer may do it."""
    shelf = Shelf()
    flusher = shelf.flusher(batch_size=1, buffer_max=10)
    buffer = flusher.buffer(ACME)
    nested = [event(key="inner")]

    def meter_again(_: Reading) -> None:
        if nested:
            buffer.add(nested.pop())

    buffer.on_add = meter_again
    buffer.add(event(key="outer"))
    flusher.close()
    assert sorted(key for _, key in shelf.keys) == ["inner", "outer"]


@pytest.mark.parametrize(
    "config",
    [
        {"batch_size": 0},
        {"batch_size": 10_001},
        {"flush_interval_s": 0},
        {"buffer_max": 10},
        {"overflow": "wait"},
    ],
)
def test_a_config_that_makes_no_sense_names_what_is_wrong(config: dict[str, object]) -> None:
    with pytest.raises(Invalid, match=next(iter(config))) as refused:
        Shelf().flusher(**config)
    assert refused.value.code == "bad_meter_config"
