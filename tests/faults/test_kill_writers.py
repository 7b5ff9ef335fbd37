"""Killed writers lose nothing that they acknowledged: the short version of `kill_writers`."""

from pathlib import Path

import pytest

from tests.faults.kill_writers import own_server, run


@pytest.mark.slow
def test_killed_writers_of_a_file_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    report = run(tmp_path, f"sqlite:///{tmp_path / 'billing.db'}", kills=20, seed=7)
    assert report.is_good, str(report)
    assert report.said > 0


@pytest.mark.slow
def test_killed_writers_to_a_server_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    with own_server() as (url, raw_url):
        report = run(tmp_path, url, kills=20, seed=7, raw_url=raw_url)
    assert report.is_good, str(report)
    assert report.said > 0
