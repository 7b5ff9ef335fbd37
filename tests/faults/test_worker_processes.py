"""Workers as processes: a killed program's journal is stored by one, two do nothing twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ledger
from ledger import MeterConfig
from ledger.testing.builders import subscribed

pytestmark = pytest.mark.slow  # processes and servers are started and killed

METER_AND_WAIT = """
import sys, ledger
from ledger import MeterConfig
engine = ledger.open(sys.argv[1], meter=MeterConfig(flush_interval_s=3600))
acme = engine.tenant("acme")
for number in range(int(sys.argv[2])):
    acme.meter("jane", "api_calls", key=f"{sys.argv[3]}-{number}")
print("metered", flush=True)
sys.stdin.read()
"""
EVENTS = 500


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with ledger.open(url, meter=MeterConfig(spool=False)) as engine:
        subscribed(engine.tenant("acme"))
    return url


@pytest.fixture
def start(url: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `ledger worker`; whoever still runs in the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def worker(*options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "ledger", "worker", "--db", url, "--json", *options]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        running.append(process)
        if "--once" not in options:
            assert process.stderr is not None
            assert json.loads(process.stderr.readline())["event"] == "worker started"
        return process

    yield worker
    for process in running:
        process.kill()
        process.communicate()


def lines(process: subprocess.Popen[str]) -> list[dict[str, object]]:
    """End a worker, and what it said."""
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    return [json.loads(line) for line in said.splitlines()]


def killed_after_metering(url: str, *names: str) -> None:
    """Programs that meter and are killed, all at once: one that begins stores what others left."""
    running: list[subprocess.Popen[str]] = []
    for name in names:
        command = [sys.executable, "-c", METER_AND_WAIT, url, str(EVENTS), name]
        pipe = subprocess.PIPE
        running.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
    for program in running:
        assert program.stdout is not None
        assert program.stdout.readline() == "metered\n"
    for program in running:
        os.kill(program.pid, signal.SIGKILL)
        program.communicate()


def stored(url: str) -> int:
    with ledger.open(url, meter=MeterConfig(spool=False)) as engine:
        return int(engine.tenant("acme").usage.total("jane", "api_calls"))


def wait_for(url: str, count: int) -> None:
    for _ in range(300):
        if stored(url) == count:
            return
        time.sleep(0.1)
    raise AssertionError(f"{stored(url)} events are stored, not {count}")


def test_running_workers_store_what_killed_programs_had_metered_and_nothing_twice(
    url: str, start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    workers = [start("--interval", "0.1") for _ in range(2)]
    killed_after_metering(url, "one", "two", "three")
    wait_for(url, 3 * EVENTS)
    said = [line for worker in workers for line in lines(worker)]
    rounds = [line for line in said if line["event"] == "round"]
    assert sum(int(str(line.get("replayed", 0))) for line in rounds) == 3 * EVENTS
    assert sum(int(str(line.get("generated", 0))) for line in rounds) == 1
    assert {"round", "worker stopped"} <= {line["event"] for line in said}
    assert list((tmp_path / "ledger.db.spool").iterdir()) == []
    assert stored(url) == 3 * EVENTS


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_worker_cleanly(
    start: Callable[..., subprocess.Popen[str]], number: signal.Signals
) -> None:
    worker = start("--interval", "60")
    worker.send_signal(number)
    _, said = worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert json.loads(said.splitlines()[-1])["event"] == "worker stopped"


def test_one_round_for_cron(url: str, start: Callable[..., subprocess.Popen[str]]) -> None:
    killed_after_metering(url, "program")
    worker = start("--once")
    assert worker.wait(timeout=30) == 0
    assert stored(url) == EVENTS
