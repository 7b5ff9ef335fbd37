"""A killed process loses no event that it acknowledged: the short version of `kill_meter`."""

from pathlib import Path

import pytest

from tests.faults.kill_meter import run


@pytest.mark.slow
def test_a_killed_process_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    report = run(tmp_path, kills=5, seed=7)
    assert report.is_good, str(report)
    assert report.said > 0
