"""Ids that are made in blocks are unique, in order, and tell the time like any other."""

import time
from concurrent.futures import ThreadPoolExecutor

from ledger.meter.event_ids import EventIds
from ledger.types import ids


def test_each_id_is_greater_than_the_one_before_over_many_blocks() -> None:
    new = EventIds().new
    made: list[str] = []
    for _ in range(8):
        made += [new() for _ in range(1_500)]
        time.sleep(0.005)
    assert made == sorted(set(made))
    assert all(ids.USAGE_EVENT.is_(one) for one in made)


def test_threads_share_blocks_and_no_id() -> None:
    new = EventIds().new

    def many(_: int) -> list[str]:
        return [new() for _ in range(5_000)]

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(many, range(8)))
    assert len({one for some in made for one in some}) == 40_000
    assert all(some == sorted(some) for some in made)


def test_an_id_tells_its_time_to_a_few_milliseconds() -> None:
    new = EventIds().new
    new()
    time.sleep(0.02)
    before, one, after = ids.USAGE_EVENT.new(), new(), ids.USAGE_EVENT.new()
    assert before < one < after


def test_ids_of_two_makers_do_not_meet() -> None:
    one, other = EventIds(), EventIds()
    assert not {one.new() for _ in range(3_000)} & {other.new() for _ in range(3_000)}
