"""The bench counts right; how fast something is, no test says."""

import json
import sqlite3
from array import array
from contextlib import closing
from pathlib import Path

import pytest

from ledger.cli.bench.command import duration
from ledger.cli.bench.ingest import IngestRun, Settings, ingest, rates
from ledger.cli.bench.measure import percentile, round_of, timing
from ledger.cli.bench.place import Keys, place
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


def test_a_rate_is_the_median_of_its_rounds_beside_that_of_the_baseline() -> None:
    ours, raw = rates("x", 7, [10, 30, 20], [40, 41, 900])
    assert (ours.median, ours.low, ours.high, ours.rows) == (20, 10, 30, 7)
    assert (raw.median, ours.times_raw, raw.times_raw) == (41, 0.48, 0.0)


@pytest.mark.parametrize("keys", ["ordered", "random"])
def test_the_baseline_stores_the_same_rows_in_the_same_tables(keys: Keys, folder: Path) -> None:
    settings = Settings(rows=300, batch=20, batches=2, customers=5, seconds=0)
    with place(None, folder) as there:
        run: IngestRun = ingest(there, keys, settings, lambda _by, _note: None)
        (raw,) = there.folder.glob("raw-*.db")
        with (
            closing(sqlite3.connect(raw)) as copy,
            closing(sqlite3.connect(_file(there.url))) as db,
        ):
            for table in ("usage_events", "usage_keys"):
                count = f"SELECT count(*) FROM {table}"  # noqa: S608 - a name from here
                assert copy.execute(count).fetchone() == db.execute(count).fetchone()
                indexes = "SELECT sql FROM sqlite_master WHERE tbl_name = ? ORDER BY sql"
                made = copy.execute(indexes, (table,)).fetchall()
                assert made == db.execute(indexes, (table,)).fetchall()
        assert there.disk_bytes() > 0
    assert run.preload.events == 300
    assert [rate.rows for rate in run.rates] == [20, 20, 440, 440]
    assert all(len(rate.rounds) == 3 for rate in run.rates)


def _file(url: str) -> str:
    return url.removeprefix("sqlite:///")


@pytest.mark.parametrize("rows", ["0", "x", "-5", "1e6", "9_999_999_999"])
def test_a_number_of_rows_that_is_none_is_refused(run: Run, rows: str) -> None:
    assert run("bench", "ingest", f"--rows={rows}").code == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "verb",
    [("ingest", "--rows", "2_000", "--batches", "1"), ("preview", "--events", "1,000")],
)
def test_a_bench_of_the_store_leaves_its_figures(
    run: Run, folder: Path, verb: tuple[str, ...]
) -> None:
    ran = run("bench", *verb, "--seconds", "1", "--json", "--json-file", "x.json")
    assert ran.code == 0, ran
    assert ran.data == json.loads(folder.joinpath("x.json").read_text(encoding="utf-8"))
    assert ran.data["bench"] == verb[0]
    assert ran.data["runs"]
    assert ran.data["database"].startswith("SQLite 3")


@pytest.mark.slow
def test_a_bench_leaves_its_figures(run: Run, folder: Path) -> None:
    ran = run("bench", "hot", "--calls", "20", "--seconds", "1", "--json", "--json-file", "x.json")
    assert ran.code == 0
    data = json.loads(ran.out)
    assert data == json.loads(folder.joinpath("x.json").read_text(encoding="utf-8"))
    names = [each["name"] for each in data["timings"]]
    assert {"meter(), no spool", "meter(), spool", "entitled(), cached"} <= set(names)
    assert data["machine"]["cores"] >= 1
