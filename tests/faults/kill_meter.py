"""Kill a process that meters, again and again: no acknowledged event is lost or stored twice.

    python -m tests.faults.kill_meter --count 100

A child meters with a spool and prints the key of each event once `meter()` has returned. It is
killed at a random moment, sometimes while it still opens; the next child opens the same database,
which stores what was left over. At the end every printed key must be stored exactly once, and usage
must be what the events come to.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec

import ledger
from ledger.engine.engine import Engine
from ledger.engine.ports import Work
from ledger.meter.model import StoredEvent
from tests.faults.counting import left_over, quantity_of

ROOT = Path(__file__).resolve().parents[2]
CUSTOMER, FEATURE = "user_42", "api_calls"
# Small and quick, so that kills fall into every part of a flush.
BATCH_SIZE, FLUSH_INTERVAL_S = 40, 0.02
LIFE_MAX_S = 0.25
# Some are killed while they open the database and store what was left over.
EARLY, OPENING_MAX_S = 0.25, 1.0


class Report(msgspec.Struct, frozen=True):
    """What came of it. `unheard` events are stored, their child was killed before it said so."""

    kills: int
    said: int
    stored: int
    unheard: int
    lost: tuple[str, ...]
    twice: tuple[str, ...]
    wrong: tuple[str, ...]
    left_over: tuple[str, ...]
    usage: Decimal
    events_come_to: Decimal
    seconds: int

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, doubled, changed, left over or miscounted."""
        bad = (*self.lost, *self.twice, *self.wrong, *self.left_over)
        return not bad and self.usage == self.events_come_to

    def __str__(self) -> str:
        bad = self.lost or self.twice or self.wrong or self.left_over
        verdict = "good" if self.is_good else f"NOT GOOD: {bad[:10]}"
        return f"""\
killed {self.kills} times in {self.seconds} s
{self.said} events were acknowledged, {self.stored} are stored, {self.unheard} of them were not \
acknowledged yet
lost {len(self.lost)}, stored twice {len(self.twice)}, changed {len(self.wrong)}, files left over \
{len(self.left_over)}
usage {self.usage}, events come to {self.events_come_to}
{verdict}"""


def run(folder: Path, kills: int, seed: int) -> Report:
    """Meter and kill in an empty folder, then count."""
    chance, started = random.Random(seed), time.monotonic()
    with _opened(folder) as engine:
        acme = engine.tenant("acme")
        acme.features.create(ledger.Feature(key=FEATURE, kind="metered"))
        acme.customers.create(name="Jane", external_id=CUSTOMER)
    said: list[str] = []
    for number in range(kills):
        said += _killed(folder, number, chance)
    return _counted(folder, kills, said, int(time.monotonic() - started))


def meter(folder: Path, number: int) -> None:
    """What a child does: meter until it is killed, and say each key after `meter()` returned."""
    with _opened(folder) as engine:
        acme = engine.tenant("acme")
        n = 0
        while True:
            key = f"{number}-{n}"
            acme.meter(CUSTOMER, FEATURE, quantity_of(key), key=key)
            os.write(1, f"{key}\n".encode())  # at once, and whole
            n += 1
            if n % 50 == 0:
                time.sleep(0.002)


def _opened(folder: Path) -> Engine:
    config = ledger.MeterConfig(
        batch_size=BATCH_SIZE, flush_interval_s=FLUSH_INTERVAL_S, spool=folder / "spool"
    )
    return ledger.open(f"sqlite:///{folder / 'billing.db'}", meter=config)


def _killed(folder: Path, number: int, chance: random.Random) -> list[str]:
    """The keys that a child said before it was killed: while it opened, or while it metered."""
    command = [sys.executable, "-m", "tests.faults.kill_meter", "--child", str(number), str(folder)]
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, cwd=ROOT) as child,
    ):
        assert child.stdout is not None
        first = b""
        if chance.random() < EARLY:
            time.sleep(chance.uniform(0, OPENING_MAX_S))
        else:
            first = child.stdout.readline()
            time.sleep(chance.uniform(0, LIFE_MAX_S))
        child.kill()
        said = first + child.stdout.read()
        if child.wait() != -signal.SIGKILL:
            complaints.seek(0)
            raise RuntimeError(f"child {number} ended by itself: {complaints.read().decode()}")
    # The last line may have been cut in the middle.
    return said.decode().split("\n")[:-1]


def _counted(folder: Path, kills: int, said: list[str], seconds: int) -> Report:
    with _opened(folder) as engine:  # which stores what the last child had left
        acme = engine.tenant("acme")
        now = datetime.now(UTC)
        start, end = now - timedelta(days=1), now + timedelta(hours=1)

        def events(work: Work) -> list[StoredEvent]:
            return list(work.usage.stored(start, end))

        stored = acme._core.run(events, writes=False)
        usage = acme.usage.total(CUSTOMER, FEATURE, start, end)
    keys = [event.key for event in stored]
    known = set(keys)
    return Report(
        kills=kills,
        said=len(said),
        stored=len(stored),
        unheard=len(known - set(said)),
        lost=tuple(key for key in said if key not in known),
        twice=tuple(sorted({key for key in keys if keys.count(key) > 1}))
        if len(known) < len(keys)
        else (),
        wrong=tuple(e.key for e in stored if e.quantity != quantity_of(e.key)),
        left_over=left_over(folder / "spool"),
        usage=usage,
        events_come_to=sum((event.quantity for event in stored), Decimal(0)),
        seconds=seconds,
    )


def main() -> int:
    """Run from the command line; 0 if all was good."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kill_meter")
    parser.add_argument("--count", type=int, default=100, help="how often to kill")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("folder", nargs="?", type=Path, help="an empty folder to keep")
    said = parser.parse_args()
    if said.child is not None:
        meter(said.folder, said.child)
    with tempfile.TemporaryDirectory() as temporary:
        report = run(said.folder or Path(temporary), said.count, said.seed)
    print(report)
    print(f"seed {said.seed}")
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
