"""The lock of the writers is fair: first come, first served, and nobody is forgotten."""

from threading import Thread
from time import sleep

from ledger.store.lock import FairLock


def test_threads_get_the_lock_in_the_order_in_which_they_asked() -> None:
    lock, order = FairLock(), list[int]()
    assert lock.acquire(1)
    threads: list[Thread] = []
    for number in range(6):
        threads.append(Thread(target=_take, args=(lock, order, number)))
        threads[-1].start()
        while lock.waiting <= number:
            sleep(0.001)
    lock.release()
    for thread in threads:
        thread.join()
    assert order == list(range(6))


def test_who_gives_up_does_not_keep_the_others_waiting() -> None:
    lock = FairLock()
    assert lock.acquire(1)
    came: list[bool] = []
    impatient = Thread(target=lambda: came.append(lock.acquire(0)))
    impatient.start()
    impatient.join()
    assert came == [False]
    assert lock.waiting == 0
    lock.release()
    assert lock.acquire(1)
    lock.release()


def test_a_newcomer_does_not_overtake_who_waits() -> None:
    lock, order = FairLock(), list[int]()
    assert lock.acquire(1)
    waiting = Thread(target=_take, args=(lock, order, 1))
    waiting.start()
    while not lock.waiting:
        sleep(0.001)
    lock.release()
    _take(lock, order, 2)
    waiting.join()
    assert order == [1, 2]


def _take(lock: FairLock, order: list[int], number: int) -> None:
    assert lock.acquire(10)
    order.append(number)
    lock.release()
