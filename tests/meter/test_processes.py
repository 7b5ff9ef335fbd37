"""Metering across processes: forks, exits, full disks, and journals that several want to claim."""

import subprocess
import sys
from pathlib import Path

PRELUDE = """
import os, sys, threading, time
from datetime import UTC, datetime
from pathlib import Path
from ledger.meter.acceptance import stamp_fast
from ledger.meter.config import MeterConfig
from ledger.meter.flusher import Flusher
from ledger.meter.model import EventResult
from ledger.meter.spool import Spool
from ledger.types.errors import LedgerError
from ledger.types.scope import Scope

folder, log, ACME = Path(sys.argv[1]), Path(sys.argv[2]), Scope("acme")

def say(text):
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(fd, f"{text}\\n".encode())
    os.close(fd)

def event(key):
    return stamp_fast("api_calls", "user_42", 1, key, None, None, None, datetime.now(UTC))

def store(scope, writer, batch, readings):
    for reading in readings:
        say(f"{os.getpid()} {writer} {batch} {reading.key}")
    return [EventResult("accepted", one.id, one.key) for one in readings]
"""


def start(script: str, folder: Path, log: Path) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-W", "ignore", "-c", PRELUDE + script, str(folder), str(log)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


def ran(script: str, folder: Path) -> list[str]:
    """The lines that a process said that ran to its end."""
    log = folder.parent / "log"
    process = start(script, folder, log)
    process.communicate(timeout=60)
    assert process.returncode == 0
    return log.read_text().splitlines() if log.exists() else []


def test_the_end_of_the_interpreter_stores_what_is_left(tmp_path: Path) -> None:
    lines = ran(
        """
flusher = Flusher(MeterConfig(flush_interval_s=3600), store, store)
for i in range(10):
    flusher.buffer(ACME).add(event(i and str(i) or "0"))
""",
        tmp_path / "spool",
    )
    assert [line.split()[-1] for line in lines] == [str(i) for i in range(10)]


def test_an_exception_and_an_exit_store_what_is_left_too(tmp_path: Path) -> None:
    lines = ran(
        """
flusher = Flusher(MeterConfig(flush_interval_s=3600), store, store)
flusher.buffer(ACME).add(event("a"))
sys.exit(0)
""",
        tmp_path / "spool",
    )
    assert len(lines) == 1


def test_a_forked_child_meters_for_itself_and_the_parent_keeps_its_events(tmp_path: Path) -> None:
    lines = ran(
        """
flusher = Flusher(MeterConfig(flush_interval_s=3600), store, store, Spool(folder))
buffer = flusher.buffer(ACME)
buffer.add(event("parent"))
buffer.add(event(None))
buffer.on_add = print
child = os.fork()
if child == 0:
    assert (buffer.waiting, buffer.on_add) == (0, None)
    buffer.add(event("child"))
    buffer.add(event(None))
    flusher.flush()
    flusher.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
buffer.add(event("parent later"))
flusher.close()
assert list(folder.iterdir()) == []
""",
        tmp_path / "spool",
    )
    by_process: dict[str, list[str]] = {}
    writers: set[tuple[str, str]] = set()
    for line in lines:
        process, writer, _, key = line.split(maxsplit=3)
        by_process.setdefault(process, []).append(key)
        writers.add((process, writer))
    child, parent = by_process.values()
    assert (child[0], parent[0], parent[2]) == ("child", "parent", "parent later")
    assert child[1] != parent[1]
    assert len(writers) == 2


def test_a_fork_in_the_middle_of_a_flush_neither_hangs_nor_stores_twice(tmp_path: Path) -> None:
    lines = ran(
        """
slow = threading.Event()
def store_slowly(*some):
    slow.wait(1)
    return store(*some)
flusher = Flusher(MeterConfig(batch_size=1), store_slowly, store, Spool(folder))
buffer = flusher.buffer(ACME)
for key in ("a", "b"):
    buffer.add(event(key))
time.sleep(0.05)
children = []
for n in range(3):
    child = os.fork()
    if child == 0:
        slow.set()
        buffer.add(event(f"child {n}"))
        flusher.close()
        os._exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
slow.set()
flusher.close()
""",
        tmp_path / "spool",
    )
    keys = sorted(line.split(maxsplit=3)[-1] for line in lines)
    assert keys == ["a", "b", "child 0", "child 1", "child 2"]


def test_a_killed_parent_leaves_its_journal_to_others_even_if_a_child_lives(tmp_path: Path) -> None:
    folder, log = tmp_path / "spool", tmp_path / "log"
    parent = start(
        """
flusher = Flusher(MeterConfig(flush_interval_s=3600), store, store, Spool(folder))
flusher.buffer(ACME).add(event("a"))
if os.fork() == 0:
    os.close(1)
    sys.stdin.read()
    os._exit(0)
print("ready", flush=True)
sys.stdin.read()
""",
        folder,
        log,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    parent.kill()
    parent.wait()
    lines = ran("Flusher(MeterConfig(), store, store, Spool(folder)).replay()", folder)
    assert [line.split()[-1] for line in lines] == ["a"]
    assert parent.stdin is not None
    parent.stdin.close()
    parent.stdout.close()


def test_of_several_processes_exactly_one_claims_a_journal(tmp_path: Path) -> None:
    folder, log = tmp_path / "spool", tmp_path / "log"
    ran(
        """
for i in range(20):
    Flusher(MeterConfig(flush_interval_s=3600), store, store, Spool(folder)).buffer(ACME).add(
        event(str(i)))
os._exit(0)
""",
        folder,
    )
    assert len(list(folder.iterdir())) == 20
    claimers = [
        start(
            """
print("ready", flush=True)
sys.stdin.readline()
Flusher(MeterConfig(), store, store, Spool(folder)).replay()
""",
            folder,
            log,
        )
        for _ in range(3)
    ]
    for claimer in claimers:
        assert claimer.stdout is not None
        claimer.stdout.readline()
    for claimer in claimers:
        assert claimer.stdin is not None
        claimer.stdin.write("go\n")
        claimer.stdin.flush()
    for claimer in claimers:
        claimer.communicate(timeout=60)
        assert claimer.returncode == 0
    keys = sorted(int(line.split()[-1]) for line in log.read_text().splitlines())
    assert keys == list(range(20))
    assert list(folder.iterdir()) == []


def test_a_full_disk_refuses_the_event_and_spoils_no_other(tmp_path: Path) -> None:
    lines = ran(
        """
import resource
flusher = Flusher(MeterConfig(flush_interval_s=3600), store, store, Spool(folder))
buffer = flusher.buffer(ACME)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
taken, refused = [], []
for i in range(60):
    if i == 40:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    try:
        buffer.add(event(str(i)))
        taken.append(str(i))
    except LedgerError as error:
        assert error.code == "spool_full", error.code
        refused.append(str(i))
assert 5 < len(refused) < 40 and refused[-1] == "39", refused
from ledger.meter.spool_file import read
(file,) = folder.iterdir()
contents = read(file.read_bytes())
assert contents.damage is None
assert [reading.key for _, reading in contents.records] == taken
for key in taken:
    say(f"taken {key}")
flusher.close()
""",
        tmp_path / "spool",
    )
    taken = [line.split()[1] for line in lines if line.startswith("taken")]
    assert [line.split()[-1] for line in lines if not line.startswith("taken")] == taken
