"""Kill a PostgreSQL server while it is written to: what was acknowledged is stored, and once.

    python -m tests.faults.kill_postgres --count 100

Several processes write to a server of this script's own, which keeps what it acknowledges on disk.
Each records batches of events with keys, records events without (which nothing but the right answer
to a lost commit keeps from being stored twice), and meters with a spool. The server is killed with
-9 at random moments, whole or one of its processes, and started again.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

import ledger
from ledger import Feature
from tests.faults.counting import left_over, miscounted, progress, said_in, stored_in
from tests.faults.writer import CUSTOMERS, FEATURE, Told, keyless
from tests.servers import Cluster, Server, server

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = 3
LIFE_MAX_S = 0.6
ONE_PROCESS = 0.2
"""How often one process of the server is killed, which then restarts by itself."""


class Report(msgspec.Struct, frozen=True):
    """What came of it. `wrong` has a sentence for everything that should not be."""

    kills: int
    told: Told
    stored: int
    unheard: int
    lost: int
    twice: int
    wrong: tuple[str, ...]
    seconds: int

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, doubled, changed, left over or miscounted."""
        return not self.wrong

    def __str__(self) -> str:
        told = self.told
        refusals = ", ".join(f"{code} {count}" for code, count in sorted(told.refusals.items()))
        verdict = "good" if self.is_good else "NOT GOOD: " + "; ".join(self.wrong[:10])
        return f"""\
killed the server {self.kills} times in {self.seconds} s
{told.acknowledged} events with a key were acknowledged, {told.keyless} without one
{self.stored} events are stored, {self.unheard} of them were not acknowledged
lost {self.lost}, stored twice {self.twice}
answers to a commit that were lost: {told.committed + told.undone + told.unknown}; it had \
committed {told.committed}, had not and was done again {told.undone}, stayed unknown {told.unknown}
refused as unavailable: {refusals or "none"}
{verdict}"""


def run(folder: Path, kills: int, seed: int) -> Report:
    """Write and kill in an empty folder, then count."""
    chance, started = random.Random(seed), time.monotonic()
    (folder / "said").mkdir()
    with server(durable=True) as made:
        cluster = Cluster(made.admin)
        url = cluster.create("ledger_killed")
        _prepare(url)
        with ExitStack() as stack:
            writers = [stack.enter_context(_started(n, url, folder)) for n in range(PROCESSES)]
            for writer in writers:
                _line(writer)  # it is open and begins
            for done in range(1, kills + 1):
                time.sleep(chance.uniform(0, LIFE_MAX_S))
                _kill(made, chance)
                progress(done, kills, "kills")
            told = [_ended(writer) for writer in writers]
        return _counted(folder, cluster, url, kills, told, int(time.monotonic() - started))


def _kill(made: Server, chance: random.Random) -> None:
    if chance.random() < ONE_PROCESS and made.kill_one(chance):
        made.wait()
    else:
        made.kill()
        made.start()


def _prepare(url: str) -> None:
    with ledger.open(url) as engine:
        acme = engine.tenant("acme")
        acme.features.create(Feature(key=FEATURE, kind="metered"))
        for ref in (*CUSTOMERS, *map(keyless, range(PROCESSES))):
            acme.customers.create(name=ref, external_id=ref)


def _started(number: int, url: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.faults.writer", str(number), url, str(folder)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def _line(writer: subprocess.Popen[str]) -> str:
    assert writer.stdout is not None
    return writer.stdout.readline()


def _ended(writer: subprocess.Popen[str]) -> Told:
    """Tell a process to end; what it saw."""
    said, _ = writer.communicate("", timeout=300)
    if writer.returncode:
        raise RuntimeError(f"a writer ended with {writer.returncode}")
    return msgspec.json.decode(said, type=Told)


def _counted(
    folder: Path, cluster: Cluster, url: str, kills: int, told: Sequence[Told], seconds: int
) -> Report:
    total = Told()
    for one in told:
        for name in ("acknowledged", "keyless", "unknown", "again", "committed", "undone"):
            setattr(total, name, getattr(total, name) + getattr(one, name))
        total.refusals = dict(Counter(total.refusals) + Counter(one.refusals))
    stored, said = stored_in(cluster.superuser_url("ledger_killed")), said_in(folder / "said")
    lost, twice = stored.missing(said), stored.twice
    wrong = [f"lost {key}" for key in lost] + [f"twice {key}" for key in twice]
    wrong += [f"changed {key}" for key in stored.changed()]
    wrong += [f"left over {name}" for name in left_over(folder / "spool")]
    if total.again:
        wrong.append(f"{total.again} events were said to be there before, and were new")
    with ledger.open(url) as engine:
        wrong += miscounted(engine, stored, (*CUSTOMERS, *map(keyless, range(PROCESSES))), FEATURE)
        ids = [engine.tenant("acme").customers.get(keyless(n)).id for n in range(PROCESSES)]
    for customer, one in zip(ids, told, strict=True):
        found = stored.keyless.get(customer, 0)
        if not one.keyless <= found <= one.keyless + one.unknown:
            wrong.append(f"{one.keyless} events without a key acknowledged, {found} stored")
    unheard = len(stored.keys.keys() - set(said))
    return Report(
        kills, total, stored.events, unheard, len(lost), len(twice), tuple(wrong), seconds
    )


def main() -> int:
    """Run from the command line; 0 if all was good."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kill_postgres")
    parser.add_argument("--count", type=int, default=100, help="how often to kill")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("folder", nargs="?", type=Path, help="an empty folder to keep")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        report = run(said.folder or Path(temporary), said.count, said.seed)
    print(report)
    print(f"seed {said.seed}")
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
