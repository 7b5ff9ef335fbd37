"""What `meter()` took in is stored once, whoever meters, whatever the store does meanwhile."""

import sqlite3
import threading
from collections.abc import Sequence

import pytest

from ledger.meter import buffer as buffer_module
from ledger.meter import flusher as flusher_module
from ledger.meter.config import MeterConfig
from ledger.meter.flusher import Flusher
from ledger.meter.model import Reading
from ledger.types.errors import Invalid, LedgerError, Unavailable
from ledger.types.scope import Scope
from tests.meter.shelf import ACME, LONG_S, OTHER, Shelf, event, until


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


def test_a_flush_does_not_wait_out_a_long_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_an_hour(_: int) -> float:
        return LONG_S

    monkeypatch.setattr(flusher_module, "retry_in_s", in_an_hour)
    monkeypatch.setattr(buffer_module, "AWAITED_RETRY_S", 0.01)
    shelf, failures = Shelf(), [Unavailable("no", code="no")] * 4
    shelf.fail = lambda _: failures.pop() if failures else None
    flusher = shelf.flusher(batch_size=1, flush_interval_s=LONG_S)
    flusher.buffer(ACME).add(event())
    until(lambda: len(failures) < 4)
    flusher.flush()
    assert len(shelf.keys) == 1
    flusher.close()
