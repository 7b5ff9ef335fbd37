"""Whatever way a process ends, what `meter` returned for is stored once."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import ledger
from ledger import Feature, Unavailable
from ledger.meter.config import MeterConfig

PROGRAM = """
import os, sys
import ledger
from ledger import MeterConfig
engine = ledger.open(sys.argv[1], meter=MeterConfig(flush_interval_s=3600, batch_size=10_000))
acme = engine.tenant("acme")
for number in range(1_234):
    acme.meter("user_42", "calls", key=f"{sys.argv[2]}-{number}")
"""


def _counted(url: str) -> int:
    with ledger.open(url) as engine:
        return int(engine.tenant("acme").usage.total("user_42", "calls"))


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with ledger.open(url) as engine:
        acme = engine.tenant("acme")
        acme.features.create(Feature("calls", "metered"))
        acme.customers.create(name="Jane", external_id="user_42")
    return url


@pytest.mark.parametrize(
    "ending",
    [
        "",  # the interpreter ends: nothing was closed
        "engine.close()",
        "raise SystemExit(3)",
        "raise RuntimeError('a bug')",
        "os._exit(1)",  # no exit handler runs: the spool has it
        "os.kill(os.getpid(), 9)",
    ],
)
def test_nothing_is_lost_however_a_program_ends(url: str, ending: str) -> None:
    subprocess.run(
        [sys.executable, "-c", PROGRAM + ending, url, "k"], check=False, capture_output=True
    )
    assert _counted(url) == 1_234
    assert _counted(url) == 1_234


def test_closing_waits_for_what_was_metered(url: str) -> None:
    with ledger.open(url, meter=MeterConfig(flush_interval_s=3600)) as engine:
        engine.tenant("acme").meter("user_42", "calls", 9)
    assert _counted(url) == 9


def test_a_forked_child_meters_on_its_own(url: str) -> None:
    program = PROGRAM + (
        "acme.entitled('user_42', 'calls')\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    acme.meter('user_42', 'calls', 100, key='child')\n"
        "    assert acme.entitled('user_42', 'calls').reason == 'no_subscription'\n"
        "    engine.close()\n"
        "    os._exit(0)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
        "acme.meter('user_42', 'calls', 1, key='parent')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, url, "k"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert _counted(url) == 1_234 + 100 + 1


def test_no_spool_is_left_behind_by_a_clean_end(url: str, tmp_path: Path) -> None:
    with ledger.open(url) as engine:
        engine.tenant("acme").meter("user_42", "calls")
    assert list((tmp_path / "ledger.db.spool").iterdir()) == []


def test_a_database_that_stays_locked_is_told_and_nothing_is_lost(url: str) -> None:
    path = url.removeprefix("sqlite:///")
    with ledger.open(url) as engine:
        acme = engine.tenant("acme")
        with closing(sqlite3.connect(path, isolation_level=None)) as somebody_else:
            somebody_else.execute("BEGIN IMMEDIATE")
            acme.meter("user_42", "calls", 5)
            with pytest.raises(Unavailable, match="not stored yet") as refused:
                acme.flush(timeout_s=0.2)
            assert refused.value.code == "timed_out"
        acme.flush()
        assert acme.usage.total("user_42", "calls") == 5
