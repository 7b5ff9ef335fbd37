"""A buffer takes in what it has room for, tells who listens, and says when it takes nothing in."""

import threading

import pytest

from ledger.meter.config import Overflow
from ledger.meter.model import Reading
from ledger.types.errors import Conflict, Invalid, LedgerError, Unavailable
from tests.meter.shelf import ACME, LONG_S, OTHER, PATIENCE_S, Shelf, event


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
        {"batch_size": "10"},
        {"batch_size": True},
        {"buffer_max": None},
        {"flush_interval_s": "1"},
        {"flush_interval_s": float("nan")},
        {"spool": True},
        {"spool": ""},
        {"fsync": 1},
    ],
)
def test_a_config_that_makes_no_sense_names_what_is_wrong(config: dict[str, object]) -> None:
    with pytest.raises(Invalid, match=next(iter(config))) as refused:
        Shelf().flusher(**config)
    assert refused.value.code == "bad_meter_config"
