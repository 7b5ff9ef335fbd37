"""Measuring: every call timed by itself, in several rounds, and the medians of those."""

import gc
import os
import platform
import sqlite3
import sys
from array import array
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter_ns

import msgspec

Call = Callable[[], object]


class Timing(msgspec.Struct, frozen=True):
    """What calls of one thing took, in nanoseconds: the medians over the rounds.

    `times_empty` is the p50 as a multiple of that of an empty call in the same run.
    """

    name: str
    calls: int
    rounds: int
    p50_ns: int
    p99_ns: int
    mean_ns: int
    times_empty: float = 0.0


class Machine(msgspec.Struct, frozen=True):
    """Where something was measured."""

    cores: int
    processor: str
    system: str
    python: str
    sqlite: str

    def line(self) -> str:
        """In one line."""
        return (
            f"{self.cores} cores of {self.processor}, {self.system},"
            f" Python {self.python}, SQLite {self.sqlite}"
        )


def round_of(call: Call, calls: int) -> "array[int]":
    """The nanoseconds of each of so many calls, sorted. Rubbish is collected before, not within."""
    took = array("q", bytes(8 * calls))
    clock = perf_counter_ns
    gc.collect()
    for index in range(calls):
        start = clock()
        call()
        took[index] = clock() - start
    return array("q", sorted(took))


def took_ns(call: Call) -> int:
    """How long one call takes."""
    start = perf_counter_ns()
    call()
    return perf_counter_ns() - start


def timing(name: str, rounds: Sequence["array[int]"]) -> Timing:
    """The medians over rounds."""
    return Timing(
        name=name,
        calls=sum(len(each) for each in rounds),
        rounds=len(rounds),
        p50_ns=int(median(percentile(each, 50) for each in rounds)),
        p99_ns=int(median(percentile(each, 99) for each in rounds)),
        mean_ns=int(median(sum(each) // len(each) for each in rounds)),
    )


def percentile(took: Sequence[int], percent: int) -> int:
    """The value that `percent` of the sorted ones do not exceed (nearest rank)."""
    return took[max(-(-len(took) * percent // 100) - 1, 0)]


def machine() -> Machine:
    """This one."""
    return Machine(
        cores=len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1,
        processor=_processor(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - a file of Linux
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "an unknown processor"
