"""Clocks: the machine's, and one that stands still until it is moved."""

from datetime import UTC, datetime, timedelta
from threading import Thread
from zoneinfo import ZoneInfo

import pytest

from ledger.testing.clock import MovableClock
from ledger.types.clock import Clock, SystemClock, monotonic
from ledger.types.errors import Invalid

NOON = datetime(2025, 1, 31, 12, tzinfo=UTC)


def test_the_machines_clock_tells_utc() -> None:
    clock: Clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.now() <= clock.now()


def test_the_stop_watch_never_runs_backwards() -> None:
    assert monotonic() <= monotonic()


def test_a_movable_clock_stands_still() -> None:
    clock: Clock = MovableClock(NOON)
    assert clock.now() == clock.now() == NOON


def test_a_movable_clock_is_moved() -> None:
    clock = MovableClock(NOON)
    clock.advance(timedelta(hours=1))
    assert clock.now() == NOON + timedelta(hours=1)
    clock.move_to(datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")))
    assert clock.now() == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert clock.now().tzinfo is UTC
    clock.move_to(NOON)
    clock.advance(-timedelta(days=1))
    assert repr(clock) == "MovableClock(2025-01-30T12:00:00Z)"


def test_a_movable_clock_wants_an_instant() -> None:
    naive = datetime(2025, 1, 1)  # noqa: DTZ001  the mistake that is refused
    with pytest.raises(Invalid):
        MovableClock(naive)
    with pytest.raises(Invalid):
        MovableClock(NOON).move_to(naive)


def test_a_clock_cannot_be_moved_past_the_end_of_time() -> None:
    clock = MovableClock(NOON)
    with pytest.raises(Invalid):
        clock.advance(timedelta.max)
    assert clock.now() == NOON


def test_threads_that_move_a_clock_lose_no_step() -> None:
    clock = MovableClock(NOON)

    def move() -> None:
        for _ in range(1000):
            clock.advance(timedelta(seconds=1))

    threads = [Thread(target=move) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now() == NOON + timedelta(seconds=4000)
