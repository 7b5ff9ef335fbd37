"""A killed server loses nothing that it acknowledged: the short version of `kill_postgres`."""

from pathlib import Path

import pytest

from tests.faults.kill_postgres import run


@pytest.mark.slow
def test_a_killed_server_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    report = run(tmp_path, kills=8, seed=7)
    assert report.is_good, str(report)
    assert min(report.told.acknowledged, report.told.keyless) > 0
