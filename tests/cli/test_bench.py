"""The bench counts right; how fast something is, no test says."""

import json
from array import array
from pathlib import Path

import pytest

from ledger.cli.bench.command import duration
from ledger.cli.bench.measure import percentile, round_of, timing
from tests.cli.conftest import Run


@pytest.mark.parametrize(("percent", "value"), [(50, 5), (99, 10), (100, 10), (1, 1), (10, 1)])
def test_a_percentile_is_the_nearest_rank(percent: int, value: int) -> None:
    assert percentile(range(1, 11), percent) == value


def test_a_timing_has_the_medians_of_its_rounds() -> None:
    rounds = [array("q", [1, 2, 3]), array("q", [10, 20, 30]), array("q", [4, 5, 600])]
    found = timing("x", rounds)
    assert (found.calls, found.rounds, found.p50_ns, found.p99_ns) == (9, 3, 5, 30)
    assert found.mean_ns == 20


def test_a_round_calls_as_often_as_it_says() -> None:
    called: list[int] = []
    took = round_of(lambda: called.append(1), 50)
    assert len(called) == len(took) == 50
    assert sorted(took) == list(took)


@pytest.mark.parametrize(
    ("ns", "text"),
    [(7, "7 ns"), (1_234, "1.23 µs"), (45_678, "45.7 µs"), (2_000_000, "2 ms"), (10**9, "1 s")],
)
def test_a_duration_is_readable(ns: int, text: str) -> None:
    assert duration(ns) == text


@pytest.mark.slow
def test_a_bench_leaves_its_figures(run: Run, folder: Path) -> None:
    ran = run("bench", "hot", "--calls", "20", "--seconds", "1", "--json", "--json-file", "x.json")
    assert ran.code == 0
    data = json.loads(ran.out)
    assert data == json.loads(folder.joinpath("x.json").read_text(encoding="utf-8"))
    names = [each["name"] for each in data["timings"]]
    assert {"meter(), no spool", "meter(), spool", "entitled(), cached"} <= set(names)
    assert data["machine"]["cores"] >= 1
